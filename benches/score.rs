//! Scoring alone: how long it takes to compare all recipients with what a leak says, for a short leak and for one that fills the
//! whole code. `cargo bench --bench score`.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use dyepack::evidence::counts::Counts;
use dyepack::evidence::score::Evidence;
use dyepack::keys::secret::MarkingSecret;
use dyepack::mark::code::{Code, codeword_key};
use dyepack::mark::marker::Bit;

const LENGTH: u32 = 65_536;

fn score(criterion: &mut Criterion) {
    let secret = MarkingSecret::from_bytes([7; 32]);
    let code = Code::new(&secret, "bench", 1, LENGTH);
    let leaker = code.codeword(&codeword_key(&secret, "bench", 1, "recipient-7"));
    let mut group = criterion.benchmark_group("score");
    group.sample_size(10);
    for carriers in [200_u32, 400_000] {
        let mut counts = Counts::new(LENGTH as usize);
        for carrier in 0..carriers {
            // A step that is odd walks through all positions.
            let position = carrier.wrapping_mul(40_503) % LENGTH;
            counts.add(Bit::plain(position, leaker.bit(position)));
        }
        let evidence = Evidence::new(&counts, &code);
        for recipients in [100, 10_000, 100_000] {
            let name = BenchmarkId::new(format!("{carriers} carriers"), format!("{recipients} recipients"));
            group.bench_function(name, |bencher| {
                bencher.iter(|| {
                    let key = |r: usize| codeword_key(&secret, "bench", 1, &format!("recipient-{r}"));
                    let scores = evidence.score_all(&code, recipients, key);
                    let ranking = evidence.rank(black_box(&scores), -30.0);
                    assert_eq!(ranking[0].recipient, 7);
                    ranking
                });
            });
        }
    }
    group.finish();
}

criterion_group!(benches, score);
criterion_main!(benches);

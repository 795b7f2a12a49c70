//! The ledger: appends a second, one by one and in batches, and the whole check of 10,000 entries. `cargo bench --bench ledger`.

use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use dyepack::keys::secret::SigningKey;
use dyepack::ledger::{self, Entry, Event, Ledger, Recipient};
use tempfile::TempDir;

const WAIT: Duration = Duration::from_secs(5);

fn signer() -> SigningKey {
    SigningKey::from_seed(&[9; 32])
}

fn entries(from: u64, count: u64) -> Vec<Entry> {
    let recipient =
        |n| Recipient { id: format!("r{n}"), name: format!("Recipient {n}"), ..Recipient::default() };
    (from..from + count)
        .map(|n| {
            Entry::new(
                "2026-11-22T00:00:00Z",
                "bench",
                Event::RecipientRegistered { recipient: recipient(n) },
            )
        })
        .collect()
}

fn with_entries(count: u64) -> TempDir {
    let folder = TempDir::new().expect("a temporary folder");
    Ledger::create(folder.path(), "bench", &signer()).expect("a new ledger");
    let mut ledger = Ledger::open(folder.path(), WAIT, "bench").expect("it opens");
    ledger.append(&entries(0, count), &signer()).expect("it appends");
    ledger.close().expect("it closes");
    folder
}

fn bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("ledger");
    group.sample_size(10);

    group.throughput(Throughput::Elements(1));
    group.bench_function("append 1, held open", |bencher| {
        let folder = with_entries(10_000);
        let mut ledger = Ledger::open(folder.path(), WAIT, "bench").expect("it opens");
        let mut next = 10_000;
        bencher.iter(|| {
            next += 1;
            ledger.append(&entries(next, 1), &signer()).expect("it appends")
        });
    });
    group.bench_function("open, append 1, close", |bencher| {
        let folder = with_entries(10_000);
        let mut next = 10_000;
        bencher.iter(|| {
            next += 1;
            let mut ledger = Ledger::open(folder.path(), WAIT, "bench").expect("it opens");
            ledger.append(&entries(next, 1), &signer()).expect("it appends");
            ledger.close().expect("it closes");
        });
    });

    group.throughput(Throughput::Elements(10_000));
    group.bench_function("append 10,000 in one batch", |bencher| {
        bencher.iter_batched(
            || with_entries(0),
            |folder| {
                let mut ledger = Ledger::open(folder.path(), WAIT, "bench").expect("it opens");
                ledger.append(&entries(0, 10_000), &signer()).expect("it appends");
                folder
            },
            BatchSize::PerIteration,
        );
    });
    group.bench_function("verify 10,000", |bencher| {
        let folder = with_entries(10_000);
        bencher.iter(|| ledger::verify(folder.path(), WAIT, None).expect("it is whole"));
    });
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);

//! The fast path agrees with the reference, and both with what was frozen when the format was: a mark that is out in the world
//! can't be changed any more.

use dyepack::evidence::counts::Counts;
use dyepack::evidence::score::Evidence;
use dyepack::evidence::verdict::{Family, Stage};
use dyepack::keys::secret::MarkingSecret;
use dyepack::mark::code::{Code, codeword_key};
use dyepack::mark::marker::Bit;
use dyepack::mark::policy::Column;
use rand::RngExt as _;

use crate::lab::{self, Lab, recipient, seeded};
use crate::reference::{self, Scope};

const LENGTH: usize = 65_536;

const SCOPE: Scope = Scope { secret: *b"a secret that is known to anyone", dataset: "encounters", epoch: 1 };

fn secret() -> MarkingSecret {
    MarkingSecret::from_bytes(SCOPE.secret)
}

fn as_text(bits: &[bool]) -> String {
    bits.iter().map(|&bit| if bit { '1' } else { '0' }).collect()
}

#[test]
fn codewords_and_biases_are_what_they_always_were() {
    let thresholds = SCOPE.thresholds(LENGTH);
    let bits = SCOPE.codeword("acme", &thresholds);
    let first = [
        15203, 13277, 46451, 23805, 32482, 61849, 53803, 49897, 13452, 38610, 17457, 7090, 10479, 5274, 6024,
        1222,
    ];
    assert_eq!(thresholds[..16], first);
    assert_eq!(as_text(&bits[..64]), "1010010101000000010101011000110100111101011101101101001101011101");
    let list: Vec<u8> = thresholds.iter().flat_map(|t| t.to_le_bytes()).collect();
    assert_eq!(
        blake3::hash(&list).to_hex().as_str(),
        "61236e71f25069cc690edab27416fe631789f6ba4e32e75af89a858317af9991"
    );
    assert_eq!(
        blake3::hash(as_text(&bits).as_bytes()).to_hex().as_str(),
        "c6ed7a6cbcecf1b47e45b9f18316854b498563bafc7e8ab34d56c69dda76ee11"
    );
}

#[test]
fn carriers_are_where_they_always_were() {
    let carrier = |id: &str, slot| SCOPE.carrier(&[id], slot, 65_536, LENGTH).unwrap();
    assert_eq!(carrier("33dc326d-4b64-921b-4afe-6456415a2e78", 0), (23660, 1714));
    assert_eq!(carrier("33dc326d-4b64-921b-4afe-6456415a2e78", 5), (9033, 7053));
    assert_eq!(carrier("0042", 0), carrier("42", 0), "leading zeros don't count");
    assert_eq!(carrier("42", 0), (51322, 18779));
}

#[test]
fn code_agrees_with_the_reference_bit_for_bit() {
    let code = Code::new(&secret(), SCOPE.dataset, SCOPE.epoch, LENGTH as u32);
    let thresholds = SCOPE.thresholds(LENGTH);
    assert!((0..LENGTH).all(|j| code.bias(j as u32) == f64::from(thresholds[j]) / 65536.0));
    for id in ["acme", "", "Zoë's practice"] {
        let codeword = code.codeword(&codeword_key(&secret(), SCOPE.dataset, SCOPE.epoch, id));
        let bits = SCOPE.codeword(id, &thresholds);
        assert!((0..LENGTH).all(|j| codeword.bit(j as u32) == bits[j]), "{id}");
    }
}

#[test]
fn scores_and_bounds_agree_with_the_reference() {
    let rng = &mut seeded("known_answers/scores");
    let code = Code::new(&secret(), SCOPE.dataset, SCOPE.epoch, LENGTH as u32);
    let thresholds = SCOPE.thresholds(LENGTH);
    let ids: Vec<String> = (0..12).map(recipient).collect();
    let words: Vec<Vec<bool>> = ids.iter().map(|id| SCOPE.codeword(id, &thresholds)).collect();
    for carriers in [1, 10, 200, 3_000] {
        let mut counts = Counts::new(LENGTH);
        for _ in 0..carriers {
            // Recipient 0 leaks half of it, chance the rest; some positions repeat.
            let position = rng.random_range(0..LENGTH / 8) as u32;
            let bit = if rng.random() { words[0][position as usize] } else { rng.random() };
            counts.add(Bit::plain(position, bit));
        }
        let reads: Vec<(u32, u32, u32)> =
            counts.groups().map(|group| (group.position, group.zeros, group.ones)).collect();
        let evidence = Evidence::new(&counts, &code);
        let scores =
            evidence.score_all(&code, ids.len(), |n| codeword_key(&secret(), SCOPE.dataset, 1, &ids[n]));
        let ranking = evidence.rank(&scores, f64::INFINITY);
        for (n, word) in words.iter().enumerate() {
            let bits: Vec<bool> = reads.iter().map(|&(j, _, _)| word[j as usize]).collect();
            let mut least = 0.0f64;
            for (d, colluders) in reference::DECODERS.into_iter().enumerate() {
                let weights = reference::weights(colluders, &thresholds, &reads);
                let score = reference::score(&weights, &bits);
                assert!(
                    (scores[n][d] - score).abs() <= 1e-9 * score.abs().max(1.0),
                    "{} {score}",
                    scores[n][d]
                );
                least = least.min(reference::ln_bound(&weights, score));
            }
            let found = ranking.iter().find(|candidate| candidate.recipient == n).unwrap().ln_p;
            assert!((found - least).abs() <= 1e-6 * least.abs().max(1.0), "recipient {n}: {found}, {least}");
            let family = Family { recipients: 12, readings: 2 }.ln_family_p(Stage::WHOLE, found);
            assert!((family - reference::ln_family(found, 12, 2)).abs() < 1e-9);
        }
    }
}

#[test]
fn a_stamped_cell_says_the_recipients_bit_where_the_reference_expects_it() {
    let rng = &mut seeded("known_answers/carriers");
    let table = lab::hospital(400, 5);
    let lab = Lab::new(dyepack::demo::HOSPITAL_POLICY, &table, 1, rng);
    let scope = Scope { secret: lab.key, dataset: "stays", epoch: 1 };
    let (copy, other) = (lab.copy("acme", &table), lab.copy("zenith", &table));
    let thresholds = scope.thresholds(LENGTH);
    let bits = scope.codeword("acme", &thresholds);
    let plan = lab.policy().plan(&table.header, &[]).unwrap();
    let mut differing = 0;
    for ((row, copied), others) in table.rows.iter().zip(&copy.rows).zip(&other.rows) {
        for column in &plan.columns {
            let (cell, others) = (&copied[column.index], &others[column.index]);
            let carrier = scope.carrier(&[&row[0]], column.slot, column.rate, LENGTH);
            if cell == others {
                continue;
            }
            differing += 1;
            // Two copies differ only in carriers, and each carrier says its owner's bit.
            let (position, spin) = carrier.expect("only carriers change");
            assert_eq!(column.channel.read(cell, spin), Some(bits[position as usize]));
            assert_eq!(column.channel.read(others, spin), Some(!bits[position as usize]));
        }
    }
    assert!(differing > 30, "{differing}");

    // What is given to attackers as the owner's knowledge, and what a trace reads, is the same.
    let oracle = lab.oracle(&copy.header).unwrap();
    let mut expected = 0;
    for row in &copy.rows {
        let says = |column: &&Column| {
            let carrier = scope.carrier(&[&row[0]], column.slot, column.rate, LENGTH);
            let bit = carrier.and_then(|(_, spin)| column.channel.read(&row[column.index], spin));
            assert_eq!(oracle.read(row, column.index, &row[column.index]), bit);
            bit.is_some()
        };
        expected += plan.columns.iter().filter(says).count() as u64;
    }
    assert_eq!(lab.trace(&copy.to_csv(), 1e-6).evidence.carriers_read, expected);
}

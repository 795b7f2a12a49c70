//! Finding rows on a small table, with the key, without it, and with another one, through whatever happens to leaks.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::atomic::AtomicBool;

use rand::rngs::Xoshiro256PlusPlus;
use rand::seq::SliceRandom as _;
use rand::{RngExt as _, SeedableRng as _};

use super::*;
use crate::demo::{HOSPITAL_POLICY, hospital};
use crate::keys::secret::MarkingSecret;
use crate::leak::referee::{CarrierCounts, Referee, RefereeScratch, RowReads};
use crate::leak::reference::Reference;
use crate::mark::code::{Code, Codeword, codeword_key};
use crate::mark::marker::{Marker, Scratch, Tally};
use crate::mark::policy::Policy;
use crate::table::Row;

const ROWS: usize = 3_000;

/// A row of a leak, with the number of the original that it is.
#[derive(Clone)]
struct Cells {
    texts: Vec<String>,
    original: Option<usize>,
}

impl Row for &Cells {
    fn cell(&self, column: usize) -> Cow<'_, [u8]> {
        Cow::Borrowed(self.texts[column].as_bytes())
    }
}

/// A dataset and its owner.
struct Bench {
    secret: MarkingSecret,
    policy: Policy,
    reference: Reference,
    rng: Xoshiro256PlusPlus,
}

/// How a leak was aligned.
#[derive(Debug, Default, PartialEq, Eq)]
struct Score {
    by_key: usize,
    by_content: usize,
    wrong: usize,
    ambiguous: usize,
    foreign: usize,
}

impl Bench {
    fn of(table: &[u8], policy: &str) -> Bench {
        Bench {
            secret: MarkingSecret::from_bytes([9; 32]),
            policy: Policy::parse(policy).unwrap(),
            reference: Reference::read(table, None, &AtomicBool::new(false), &|_| ()).unwrap(),
            rng: Xoshiro256PlusPlus::seed_from_u64(1),
        }
    }

    fn hospital() -> Bench {
        let mut table = Vec::new();
        hospital::write(ROWS as u64, 3, &mut table).unwrap();
        Bench::of(&table, HOSPITAL_POLICY)
    }

    fn marker(&self) -> Marker {
        let plan = self.policy.plan(self.reference.header(), &[]).unwrap();
        Marker::new(&self.secret, self.policy.name(), 1, self.policy.code_length(), plan)
    }

    fn codeword(&self, recipient: &str) -> Codeword {
        let key = codeword_key(&self.secret, self.policy.name(), 1, recipient);
        Code::new(&self.secret, self.policy.name(), 1, self.policy.code_length()).codeword(&key)
    }

    /// The whole table as a recipient has it.
    fn copy(&self, recipient: &str) -> Vec<Cells> {
        let (marker, codeword) = (self.marker(), self.codeword(recipient));
        let (mut scratch, mut tally) = (Scratch::default(), Tally::new(marker.plan().columns.len()));
        let rows = (0..self.reference.len()).map(|number| {
            let row = self.reference.row(number);
            let width = self.reference.header().len();
            let texts = (0..width).map(|c| String::from_utf8(row.text(c).to_vec()).unwrap()).collect();
            let mut copy = Cells { texts, original: Some(number) };
            marker.mark(&row, &codeword, &mut scratch, &mut tally, |column, text| {
                copy.texts[column] = text.to_owned();
            });
            copy
        });
        rows.collect()
    }

    fn pairs_without(&self, dropped: &[&str]) -> Vec<Pair> {
        let kept = |column: &usize| !dropped.contains(&self.reference.header()[*column].as_str());
        (0..self.reference.header().len()).filter(kept).map(|c| Pair { ours: c, leaked: c }).collect()
    }

    fn referee(&self, leak: &[Cells], dropped: &[&str]) -> Referee<'_> {
        let mut referee = Referee::new(&self.reference, self.marker(), &self.pairs_without(dropped));
        referee.learn(leak.iter().take(1_000));
        referee
    }

    fn align(&self, leak: &[Cells], dropped: &[&str]) -> Score {
        let referee = self.referee(leak, dropped);
        let (mut scratch, mut score) = (RefereeScratch::default(), Score::default());
        for row in leak {
            let alignment = referee.align(&row, &mut scratch);
            match alignment {
                Alignment::Ambiguous => score.ambiguous += 1,
                Alignment::Foreign => score.foreign += 1,
                _ if alignment.row() != row.original => score.wrong += 1,
                Alignment::Key(_) => score.by_key += 1,
                Alignment::Content(_) => score.by_content += 1,
            }
        }
        score
    }

    fn index(&self, column: &str) -> usize {
        self.reference.header().iter().position(|name| name == column).unwrap()
    }

    /// Replaces a share of all cells by those of other rows.
    fn alter(&mut self, leak: &mut [Cells], share: f64) {
        for row in 0..leak.len() {
            for column in 0..leak[row].texts.len() {
                if self.rng.random_bool(share) {
                    let other = self.rng.random_range(0..leak.len());
                    leak[row].texts[column] = leak[other].texts[column].clone();
                }
            }
        }
    }
}

const KEY: &[&str] = &["stay_id", "patient_id"];

#[test]
fn rows_with_their_key_are_found_by_it() {
    let mut bench = Bench::hospital();
    let mut leak = bench.copy("acme");
    leak.shuffle(&mut bench.rng);
    leak.truncate(1_000);
    assert_eq!(bench.align(&leak, &[]), Score { by_key: 1_000, ..Score::default() });
    // Two cells in three altered, but for the key itself.
    let keys: Vec<String> = leak.iter().map(|row| row.texts[0].to_lowercase()).collect();
    bench.alter(&mut leak, 0.67);
    leak.iter_mut().zip(keys).for_each(|(row, key)| row.texts[0] = key);
    let score = bench.align(&leak, &[]);
    assert!(score.by_key >= 950 && score.wrong == 0, "{score:?}");
}

#[test]
fn rows_without_their_key_are_found_by_content() {
    let mut bench = Bench::hospital();
    let mut leak = bench.copy("acme");
    leak.shuffle(&mut bench.rng);
    leak.truncate(1_000);
    let score = bench.align(&leak, KEY);
    assert!(score.by_content >= 999 && score.wrong == 0, "{score:?}");
    bench.alter(&mut leak, 0.2);
    let score = bench.align(&leak, KEY);
    assert!(score.by_content >= 900 && score.wrong == 0, "{score:?}");
}

#[test]
fn a_replaced_key_does_not_mislead() {
    let mut bench = Bench::hospital();
    let leak = bench.copy("acme");
    let mut keys: Vec<String> = leak.iter().map(|row| row.texts[0].clone()).collect();
    keys.shuffle(&mut bench.rng);
    for other_key in [|n: usize, _: &str| format!("Q{n}"), |_: usize, key: &str| key.to_owned()] {
        let mut leak = leak[..1_000].to_vec();
        for (n, row) in leak.iter_mut().enumerate() {
            row.texts[0] = other_key(n, &keys[n]);
        }
        let score = bench.align(&leak, &[]);
        assert!(score.by_content >= 998 && score.wrong == 0, "{score:?}");
    }
}

#[test]
fn reformatted_and_damaged_columns_are_seen_through() {
    let bench = Bench::hospital();
    let mut leak = bench.copy("acme");
    leak.truncate(1_000);
    let (admitted, discharged) = (bench.index("admitted"), bench.index("discharged"));
    let (cost, ward, copay) = (bench.index("cost"), bench.index("ward"), bench.index("copay"));
    for row in &mut leak {
        let texts = &mut row.texts;
        texts[admitted] = texts[admitted].replace(' ', "T") + ":00Z";
        texts[discharged].truncate(10);
        texts[cost] = format!("{:.0}", texts[cost].parse::<f64>().unwrap());
        texts[ward] = texts[ward].to_uppercase();
        texts[copay].clear();
    }
    let score = bench.align(&leak, KEY);
    assert!(score.by_content >= 990 && score.wrong == 0, "{score:?}");
}

#[test]
fn foreign_rows_drop_out() {
    let bench = Bench::hospital();
    let mut table = Vec::new();
    hospital::write(1_000, 4, &mut table).unwrap();
    let others = Bench::of(&table, HOSPITAL_POLICY).copy("acme");
    let mut leak: Vec<Cells> = others.into_iter().map(|row| Cells { original: None, ..row }).collect();
    assert_eq!(bench.align(&leak, KEY), Score { foreign: 1_000, ..Score::default() });
    // Strangers who number their rows as we do, among rows of ours.
    let ours = bench.copy("acme");
    leak.iter_mut().zip(&ours).for_each(|(row, ours)| row.texts[0].clone_from(&ours.texts[0]));
    leak.extend_from_slice(&ours[1_000..2_000]);
    let score = bench.align(&leak, &[]);
    assert_eq!((score.by_key, score.wrong, score.foreign), (1_000, 0, 1_000), "{score:?}");
}

#[test]
fn rows_that_are_alike_are_left_out() {
    let table: String = (0..400)
        .map(|n| {
            // Each row stands twice, under two keys.
            let twin = n / 2;
            format!("{n},{},{},{}.{:02}\n", twin * 7919 % 1000, twin * 104_729 % 997, twin * 31, twin % 100)
        })
        .collect();
    let policy = "[dataset]\nname = \"t\"\nkey = [\"id\"]\n[marking]\nrate = 0.5\n\
                  [column.cost]\nchannel = \"number\"\nquantum = 0.01\n";
    let header = "id,a,b,cost\n";
    let bench = Bench::of(format!("{header}{table}").as_bytes(), policy);
    let leak = bench.copy("acme");
    assert_eq!(bench.align(&leak, &["id"]), Score { ambiguous: 400, ..Score::default() });
    assert_eq!(bench.align(&leak, &[]), Score { by_key: 400, ..Score::default() });
    // Twins under one identity share their marks, so either will do.
    let shared = policy.replace("key = [\"id\"]", "identity = [\"a\", \"b\"]");
    let bench = Bench::of(format!("{header}{table}").as_bytes(), &shared);
    let referee = bench.referee(&leak, &["id"]);
    let mut scratch = RefereeScratch::default();
    for row in &bench.copy("acme") {
        let found = referee.align(&row, &mut scratch).row().expect("found");
        assert_eq!(found / 2, row.original.unwrap() / 2);
    }
}

/// The bits and counts of a leak.
fn read(referee: &Referee, leak: &[Cells]) -> (Vec<(Alignment, RowReads)>, CarrierCounts) {
    let mut scratch = RefereeScratch::default();
    let rows: Vec<(Alignment, RowReads)> = leak
        .iter()
        .map(|row| {
            let mut out = RowReads::default();
            (referee.read(&row, &mut scratch, &mut out), out)
        })
        .collect();
    let mut columns = vec![CarrierCounts::default(); referee.marker().plan().columns.len()];
    rows.iter().for_each(|(_, out)| out.count(&mut columns));
    let mut all = CarrierCounts::default();
    columns.iter().for_each(|column| all.merge(column));
    (rows, all)
}

#[test]
fn every_bit_of_an_untouched_copy_is_right() {
    let bench = Bench::hospital();
    let leak = bench.copy("acme");
    let codeword = bench.codeword("acme");
    for dropped in [&[][..], KEY] {
        let (rows, counts) = read(&bench.referee(&leak, dropped), &leak);
        let reads = rows.iter().flat_map(|(_, out)| &out.reads);
        assert!(reads.clone().all(|read| codeword.bit(read.bit.position) == read.bit.value));
        assert_eq!((counts.altered, counts.missing), (0, 0));
        let (kept, changed) = (counts.kept as f64, counts.changed as f64);
        assert!(kept + changed > 900.0 && (changed / (kept + changed) - 0.5).abs() < 0.06, "{counts:?}");
    }
}

#[test]
fn altered_cells_are_told_from_marks() {
    let mut bench = Bench::hospital();
    let mut leak = bench.copy("acme");
    let codeword = bench.codeword("acme");
    bench.alter(&mut leak, 0.3);
    let (rows, counts) = read(&bench.referee(&leak, &[]), &leak);
    let reads: Vec<bool> = rows
        .iter()
        .flat_map(|(_, out)| &out.reads)
        .map(|read| codeword.bit(read.bit.position) == read.bit.value)
        .collect();
    let wrong = reads.iter().filter(|right| !**right).count();
    assert!(wrong * 50 < reads.len(), "{wrong} of {}", reads.len());
    assert!(counts.altered > 200, "{counts:?}");
}

#[test]
fn noise_can_be_judged_by_the_caller() {
    let bench = Bench::hospital();
    let leak = bench.copy("acme");
    let mut referee = bench.referee(&leak, &[]);
    let cost = referee.marker().plan().columns.iter().position(|column| column.name == "cost").unwrap();
    referee.soften(
        cost,
        Box::new(|ours, other, theirs| {
            assert!(theirs == ours || theirs == other);
            Some((theirs == other, 7))
        }),
    );
    let codeword = bench.codeword("acme");
    let (rows, _) = read(&referee, &leak);
    let mut seen = 0;
    for read in rows.iter().flat_map(|(_, out)| &out.reads) {
        assert_eq!(read.bit.flip, if read.column == cost { 7 } else { 0 });
        assert_eq!(read.bit.value, codeword.bit(read.bit.position));
        seen += usize::from(read.column == cost);
    }
    assert!(seen > 100, "{seen}");
}

/// What was chosen must not hang on the bits of the copy: two recipients' copies of the same rows are aligned alike, in blocks
/// and in weighing, on a table whose marked columns are all that tells rows apart.
#[test]
fn copies_of_two_recipients_are_aligned_alike() {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(5);
    let rows: String = (0..2_000)
        .map(|n| {
            let mut number = |below: u32| rng.random_range(0..below);
            let (a, b, x, y) = (number(9), number(9), number(90_000), number(90_000));
            format!("{n},{a},{b},{}.{:02},{}.{:02}\n", x / 100, x % 100, y / 100, y % 100)
        })
        .collect();
    let policy = "[dataset]\nname = \"t\"\nkey = [\"id\"]\n[marking]\nrate = 1\n\
                  [column.x]\nchannel = \"number\"\nquantum = 0.01\n\
                   [column.y]\nchannel = \"number\"\nquantum = 0.01\n";
    let bench = Bench::of(format!("id,a,b,x,y\n{rows}").as_bytes(), policy);
    let leaks = ["acme", "borealis"].map(|recipient| bench.copy(recipient));
    // One referee, as it is made, and one that learned from the first copy: what it knows is the same for both.
    for referee in [
        Referee::new(&bench.reference, bench.marker(), &bench.pairs_without(&["id"])),
        bench.referee(&leaks[0], &["id"]),
    ] {
        let [a, b] = leaks.each_ref().map(|leak| {
            let mut scratch = RefereeScratch::default();
            leak.iter().map(|row| referee.align(&row, &mut scratch)).collect::<Vec<_>>()
        });
        let differ = leaks[0].iter().zip(&leaks[1]).filter(|(a, b)| a.texts != b.texts).count();
        assert!(differ > 500, "{differ} rows differ");
        let mut kinds: HashMap<bool, usize> = HashMap::new();
        a.iter().for_each(|found| *kinds.entry(found.row().is_some()).or_default() += 1);
        assert!(kinds[&true] > 1_500, "{kinds:?}");
        let unlike = a.iter().zip(&b).filter(|(a, b)| a != b).count();
        assert_eq!(unlike, 0, "of {kinds:?}");
    }
}

/// A reference of one marked column `x`, and the fields of all its columns.
fn fields_of(table: &str, policy: &str) -> (Bench, Vec<field::Field>) {
    let bench = Bench::of(table.as_bytes(), policy);
    let plan = bench.policy.plan(bench.reference.header(), &[]).unwrap();
    let pairs = bench.pairs_without(&[]);
    let fields = pairs.iter().map(|pair| field::Field::new(*pair, &plan, &bench.reference)).collect();
    (bench, fields)
}

const PLAIN: &str =
    "[dataset]\nname = \"t\"\nkey = [\"id\"]\n[column.x]\nchannel = \"number\"\nquantum = 0.01\n";

#[test]
fn cells_are_one_however_they_are_written() {
    let rows: String = (1..=20).map(|n| format!("{n},{n}.50,{n:02}/03/2021,Ward {n}\n")).collect();
    let (_, fields) = fields_of(&format!("id,x,day,ward\n{rows}"), PLAIN);
    let said = |field: usize, cell: &str| fields[field].say(cell.as_bytes());
    for (field, one, other) in [
        (1, "146.70", " 1.467e2 "),
        (1, "7", "007.0"),
        (2, "13/03/2021", "2021-03-13"),
        (2, "04/03/2021", "2021-03-04T00:00:00Z"),
        (3, "Ward 7", " WARD 7"),
        (3, "a very long name of a ward, longer than any buffer for it may ever have been", ""),
    ] {
        let other = if other.is_empty() { one.to_uppercase() } else { other.to_owned() };
        assert_eq!(said(field, one).exact, said(field, &other).exact, "{one} {other}");
        assert_ne!(said(field, one).exact, field::MISSING);
        assert_ne!(said(field, one).exact, said(field, "1").exact);
    }
    assert!(["", "NA", "?"].iter().all(|cell| said(3, cell).exact == field::MISSING));
    assert!(fields[1].has_grid() && !fields[0].has_grid() && !fields[2].has_grid());
    assert_eq!(said(1, "146.70").coarse, said(1, "146").coarse);
    assert_ne!(said(1, "146.70").coarse, said(1, "147").coarse);
    assert!((said(1, "146.70").place - 146.7).abs() < 1e-3 && said(3, "x").place.is_nan());
}

#[test]
fn what_one_column_implies_counts_once() {
    // `name` says what `code` says in other words; `x` is its own.
    let rows: String =
        (0..600).map(|n| format!("{n},{},c{},name {}\n", n * 7919 % 50, n % 40, n % 40)).collect();
    let (bench, fields) = fields_of(&format!("id,x,code,name\n{rows}"), PLAIN);
    let digest = digest::Digest::new(&bench.reference, &bench.marker(), &fields);
    let scale = weigh::Scale::new(&digest, &fields);
    let row = bench.reference.row(123);
    let mut leaked = blocks::Leaked::default();
    for field in &fields {
        let said = field.say(row.text(field.pair.ours));
        leaked.exact.push(said.exact);
        leaked.coarse.push(said.coarse);
        leaked.places.push(said.place);
    }
    let weight = |field: usize| scale.weigh(&digest, &leaked, 123, |counts| counts == field);
    // An agreement's own part is ln m = -0.06 in each.
    assert!((weight(2) - 40_f32.ln()).abs() < 0.2, "{}", weight(2));
    assert!(weight(3).abs() < 0.2, "{}", weight(3));
    assert!((weight(0) - 600_f32.ln()).abs() < 0.2, "{}", weight(0));
    let other = (0..600).find(|row| row % 40 != 123 % 40).unwrap();
    assert!(scale.weigh(&digest, &leaked, other, |field| field == 2) < -2.0);
}

#[test]
fn common_values_are_joined_until_they_are_rare() {
    // No column has fewer than 200 rows to a value; any three of them together have one.
    let rows: String = (0..4_000)
        .map(|n| format!("{n},{},{},{},{}\n", n % 20, n / 20 % 20, n / 400, (n * 7) % 20))
        .collect();
    let (bench, fields) = fields_of(&format!("id,x,a,b,c\n{rows}"), PLAIN);
    let fields = &fields[1..];
    let digest = digest::Digest::new(&bench.reference, &bench.marker(), fields);
    let blocks = blocks::Blocks::new(&bench.reference, &digest, fields);
    let candidates = |row: usize, altered: Option<usize>| {
        let mut leaked = blocks::Leaked::default();
        for (at, field) in fields.iter().enumerate() {
            let text = bench.reference.row(row).text(field.pair.ours);
            let said = field.say(if altered == Some(at) { b"unheard of" } else { text });
            leaked.exact.push(said.exact);
            leaked.coarse.push(said.coarse);
            leaked.places.push(said.place);
        }
        let mut found = Vec::new();
        blocks.candidates(&leaked, &mut found);
        found
    };
    for row in [0, 1_234, 3_999] {
        let found = candidates(row, None);
        assert!(found.contains(&(row as u32)) && found.len() <= 256, "{} candidates", found.len());
        let despite = (0..4).filter(|&column| candidates(row, Some(column)).contains(&(row as u32))).count();
        assert!(despite >= 2, "found with one of {despite} columns altered");
    }
}

#[test]
fn threads_change_nothing() {
    let bench = Bench::hospital();
    let mut leak = bench.copy("acme");
    leak.truncate(500);
    let on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| read(&bench.referee(&leak, KEY), &leak))
    };
    assert_eq!(on(1), on(3));
}

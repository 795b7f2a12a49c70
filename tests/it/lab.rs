//! A bench to stamp and trace on, in memory: tables, a dataset with its recipients, and what the environment asks for.
//!
//! Marking is a pure function of the row, so a copy of some rows is exactly what those rows are in a copy of all.

use std::io::Read as _;
use std::path::PathBuf;
use std::sync::Arc;

use dyepack::demo::hospital;
use dyepack::keys::secret::MarkingSecret;
use dyepack::mark::model::Model;
use dyepack::mark::policy::Policy;
use dyepack::stamp::engine::{self, Marking, Stamped};
use dyepack::trace::{self, Case, Findings, Reading, Suspect};
use rand::rngs::Xoshiro256PlusPlus;
use rand::seq::SliceRandom as _;
use rand::{RngExt as _, SeedableRng as _};

pub type Rng = Xoshiro256PlusPlus;

/// The seed of a test's randomness, printed so that a failure can be had again; `DYEPACK_SEED` overrides it.
pub fn seeded(test: &str) -> Rng {
    println!("{test}: DYEPACK_SEED={}", seed());
    // Every test has its own stream, whichever order they run in.
    stream(test)
}

/// The randomness of one part of a test.
pub fn stream(name: &str) -> Rng {
    let name = blake3::hash(name.as_bytes());
    Rng::seed_from_u64(seed() ^ u64::from_le_bytes(*name.as_bytes().first_chunk().unwrap()))
}

pub fn seed() -> u64 {
    std::env::var("DYEPACK_SEED").ok().map_or(20_260_101, |seed| seed.parse().expect("a number"))
}

/// How many trials to run: `DYEPACK_TRIALS`, otherwise a few.
pub fn trials(few: usize) -> usize {
    std::env::var("DYEPACK_TRIALS").ok().map_or(few, |trials| trials.parse().expect("a number"))
}

/// A header and rows of cells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    pub header: Vec<String>,
    pub rows: Vec<csv::StringRecord>,
}

impl Table {
    /// Reads a CSV table.
    pub fn parse(bytes: &[u8]) -> Table {
        let mut reader = csv::Reader::from_reader(bytes);
        let header = reader.headers().expect("a header").iter().map(str::to_owned).collect();
        Table { header, rows: reader.records().collect::<Result<_, _>>().expect("records") }
    }

    /// The generated table of hospital stays.
    pub fn hospital(rows: u64, seed: u64) -> Table {
        let mut bytes = Vec::new();
        hospital::write(rows, seed, &mut bytes).expect("memory takes everything");
        Table::parse(&bytes)
    }

    /// A real table; `None`, saying so, where the folder with the data sets is not beside the checkout.
    pub fn shared(path: &str) -> Option<Table> {
        shared_bytes(path).map(|bytes| Table::parse(&bytes))
    }

    /// The table as CSV.
    pub fn to_csv(&self) -> Vec<u8> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(&self.header).expect("memory takes everything");
        self.rows.iter().for_each(|row| writer.write_record(row).expect("rows of one width"));
        writer.into_inner().expect("memory takes everything")
    }

    /// Where a column stands.
    pub fn index(&self, column: &str) -> usize {
        self.header.iter().position(|name| name == column).expect("a column of the table")
    }

    /// Some rows, drawn without replacement, in random order.
    pub fn sample(&self, rows: usize, rng: &mut Rng) -> Table {
        let mut picked: Vec<usize> = (0..self.rows.len()).collect();
        let (picked, _) = picked.partial_shuffle(rng, rows);
        self.with_rows(picked.iter().map(|&row| self.rows[row].clone()).collect())
    }

    /// Only the columns that `wanted` names, in this table's order.
    pub fn project(&self, wanted: &[&str]) -> Table {
        let kept: Vec<usize> =
            (0..self.header.len()).filter(|&i| wanted.contains(&self.header[i].as_str())).collect();
        Table {
            header: kept.iter().map(|&i| self.header[i].clone()).collect(),
            rows: self.rows.iter().map(|row| kept.iter().map(|&i| &row[i]).collect()).collect(),
        }
    }

    /// The same columns with other rows.
    pub fn with_rows(&self, rows: Vec<csv::StringRecord>) -> Table {
        Table { header: self.header.clone(), rows }
    }

    /// Replaces cells: `cell` gets row, column and text, and gives another text or `None`.
    pub fn map_cells(&mut self, mut cell: impl FnMut(usize, usize, &str) -> Option<String>) {
        for (r, row) in self.rows.iter_mut().enumerate() {
            *row = row
                .iter()
                .enumerate()
                .map(|(c, text)| cell(r, c, text).unwrap_or_else(|| text.to_owned()))
                .collect();
        }
    }
}

/// A file of the shared data sets, decompressed.
pub fn shared_bytes(path: &str) -> Option<Vec<u8>> {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/datasets").join(path);
    let Ok(bytes) = std::fs::read(&file) else {
        println!("skipped: no ../shared/datasets/{path}");
        return None;
    };
    if !path.ends_with(".gz") {
        return Some(bytes);
    }
    let mut plain = Vec::new();
    flate2::read::GzDecoder::new(&bytes[..]).read_to_end(&mut plain).expect("a whole gzip file");
    Some(plain)
}

/// The policy of a real table and where the table lies.
pub const ENCOUNTERS: (&str, &str) =
    (include_str!("../../examples/policies/encounters.toml"), "synthea/encounters.csv.gz");
pub const DIABETIC: (&str, &str) =
    (include_str!("../../examples/policies/diabetic_data.toml"), "diabetes130/diabetic_data.csv.gz");

/// One dataset of one owner, with its recipients.
pub struct Lab {
    pub key: [u8; 32],
    secret: MarkingSecret,
    readings: Vec<Reading>,
    pub recipients: Vec<Suspect>,
    /// What occurs in the marked columns, for stamping.
    pub model: Option<Model>,
}

/// The id of the nth recipient.
pub fn recipient(n: usize) -> String {
    format!("partner-{n:05}")
}

fn reading(policy: &str) -> Reading {
    let policy = Policy::parse(policy).expect("a policy");
    Reading { slots: policy.slots_after(&[]), policy, epoch: 1, releases: Vec::new(), model: None }
}

impl Lab {
    /// A new secret, so many recipients, and `source` as what was released.
    pub fn new(policy: &str, source: &Table, recipients: usize, rng: &mut Rng) -> Lab {
        let key: [u8; 32] = rng.random();
        let mut lab = Lab {
            key,
            secret: MarkingSecret::from_bytes(key),
            readings: vec![reading(policy)],
            recipients: (0..recipients).map(|n| Suspect { id: recipient(n), name: None }).collect(),
            model: None,
        };
        lab.deliver(&recipient(0), &source.to_csv());
        lab
    }

    /// Adds another dataset's reading, under the same secret, to what is traced.
    pub fn join(&mut self, policy: &str, source: &Table) {
        let first = std::mem::replace(&mut self.readings, vec![reading(policy)]);
        self.deliver(&recipient(0), &source.to_csv());
        self.readings.splice(..0, first);
    }

    pub fn policy(&self) -> &Policy {
        &self.readings[0].policy
    }

    /// Stamps CSV bytes.
    pub fn stamp(&self, recipient: &str, source: &[u8], options: &engine::Options) -> (Vec<u8>, Stamped) {
        let Reading { policy, slots, epoch, .. } = &self.readings[0];
        let model = self.model.as_ref();
        let marking = Marking { secret: &self.secret, policy, slots, epoch: *epoch, recipient, model };
        let mut copy = Vec::new();
        let stamped =
            engine::stamp(source, &mut copy, &marking, options).expect("the source fits the policy");
        (copy, stamped)
    }

    /// The rows as `recipient` has them.
    pub fn copy(&self, recipient: &str, rows: &Table) -> Table {
        Table::parse(&self.stamp(recipient, &rows.to_csv(), &engine::Options::default()).0)
    }

    /// Whether traces read by the model that copies are stamped with.
    pub fn read_with_model(&mut self, with_model: bool) {
        self.readings[0].model = self.model.clone().filter(|_| with_model).map(Arc::new);
    }

    /// Stamps CSV bytes and records the release.
    pub fn deliver(&mut self, recipient: &str, source: &[u8]) -> Vec<u8> {
        let (copy, stamped) = self.stamp(recipient, source, &engine::Options::default());
        let releases = &mut self.readings[0].releases;
        let release = format!("release-{}", releases.len());
        releases.push(stamped.known_as(&release, recipient, "2026-01-01T00:00:00Z"));
        copy
    }

    /// Traces a leak among all recipients.
    pub fn trace(&self, leak: &[u8], alpha: f64) -> Findings {
        let case =
            Case { secret: &self.secret, recipients: &self.recipients, readings: &self.readings, alpha };
        trace::trace(leak, "leak.csv", &case, &trace::Options::default()).expect("a leak is never an error")
    }
}

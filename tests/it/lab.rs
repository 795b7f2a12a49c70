//! A bench to stamp and trace on, in memory: tables, a dataset with its recipients, and what the environment asks for.
//!
//! Marking is a pure function of the row, so a copy of some rows is exactly what those rows are in a copy of all.

use std::io::Read as _;
use std::ops::{Deref, DerefMut};
use std::path::PathBuf;

use dyepack::attack::{self, Attack, Gather, Strategy};
use dyepack::demo::hospital;
use dyepack::mark::model::Model;
use dyepack::mark::policy::Policy;
use dyepack::stamp::engine::{self, Stamped};
use dyepack::stamp::learn;
use dyepack::table::format::open::open;
use dyepack::table::format::source::Input;
use dyepack::trace::Findings;
use dyepack::trial::owner::{Aid, Owner};
use rand::{RngExt as _, SeedableRng as _};

pub use dyepack::attack::{Rng, Table};
pub use dyepack::trial::owner::recipient;

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

/// The generated table of hospital stays.
pub fn hospital(rows: u64, seed: u64) -> Table {
    let mut bytes = Vec::new();
    hospital::write(rows, seed, &mut bytes).expect("memory takes everything");
    parse(&bytes)
}

/// Reads a CSV table with commas.
pub fn parse(bytes: &[u8]) -> Table {
    Table::read(bytes, Some(b',')).expect("a clean table")
}

/// What occurs in a table of CSV text.
pub fn learn(csv: &[u8], policy: &Policy) -> Model {
    let opened = open(Input::stream(csv), &engine::Options::default().asked(policy)).expect("a table");
    learn::learn(opened.into_table(), policy).expect("a model")
}

/// Where a column stands.
pub fn index(table: &Table, column: &str) -> usize {
    table.column(column).expect("a column of the table")
}

/// A real table; `None`, saying so, where the folder with the data sets is not beside the checkout.
pub fn shared(path: &str) -> Option<Table> {
    shared_bytes(path).map(|bytes| parse(&bytes))
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

/// An owner whose secret the tests know, so that the reference can follow, and to whom nothing goes wrong.
pub struct Lab {
    pub key: [u8; 32],
    owner: Owner,
    /// What was released first.
    source: Table,
}

impl Deref for Lab {
    type Target = Owner;

    fn deref(&self) -> &Owner {
        &self.owner
    }
}

impl DerefMut for Lab {
    fn deref_mut(&mut self) -> &mut Owner {
        &mut self.owner
    }
}

impl Lab {
    /// A new secret, so many recipients, and `source` as what was released.
    pub fn new(policy: &str, source: &Table, recipients: usize, rng: &mut Rng) -> Lab {
        let key: [u8; 32] = rng.random();
        let policy = Policy::parse(policy).expect("a policy");
        let owner = Owner::new(policy, recipients, key);
        let mut lab = Lab { key, owner, source: source.clone() };
        lab.deliver(&recipient(0), &source.to_csv());
        lab
    }

    /// Adds another dataset's reading, under the same secret, to what is traced.
    pub fn join(&mut self, policy: &str, source: &Table) {
        let policy = Policy::parse(policy).expect("a policy");
        self.owner.join(policy, source).expect("the source fits the policy");
    }

    /// Stamps CSV bytes.
    pub fn stamp(&self, recipient: &str, source: &[u8], options: &engine::Options) -> (Vec<u8>, Stamped) {
        self.owner.stamp(recipient, source, options).expect("the source fits the policy")
    }

    /// The rows as `recipient` has them.
    pub fn copy(&self, recipient: &str, rows: &Table) -> Table {
        self.owner.copy(recipient, rows).expect("the rows fit the policy")
    }

    /// Stamps CSV bytes and records the release.
    pub fn deliver(&mut self, recipient: &str, source: &[u8]) -> Vec<u8> {
        self.owner.deliver(recipient, source).expect("the source fits the policy")
    }

    /// Traces a leak among all recipients, blind.
    pub fn trace(&self, leak: &[u8], alpha: f64) -> Findings {
        self.trace_with(leak, alpha, Aid::None)
    }

    /// The same, with something at hand.
    pub fn trace_with(&self, leak: &[u8], alpha: f64, aid: Aid) -> Findings {
        self.owner.trace(leak, alpha, aid).expect("a leak is never an error")
    }

    /// Does attacks to a table of the dataset's layout, by attackers who know all that can be granted.
    pub fn leak(&self, table: Table, attacks: &[Attack], rng: &mut Rng) -> Vec<u8> {
        let oracle = self.oracle(&table.header).expect("the table fits the policy");
        attack::leak(table, attacks, &self.scene(&oracle, &self.source), rng)
            .expect("the attack fits the table")
    }

    /// Makes one table of several copies, likewise.
    pub fn gather(&self, copies: &[Table], how: &Gather, rng: &mut Rng) -> Table {
        let oracle = self.oracle(&copies[0].header).expect("the copies fit the policy");
        attack::gather(copies, how, &self.scene(&oracle, &self.source), rng).expect("the copies fit")
    }

    /// What comes of several copies of the same rows.
    pub fn collude(&self, copies: &[Table], strategy: Strategy, rng: &mut Rng) -> Table {
        self.gather(copies, &Gather::Collude { strategy, key: None }, rng)
    }
}

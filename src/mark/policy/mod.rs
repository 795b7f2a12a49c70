//! The policy of a dataset: which columns may change, how far, and what identifies a row.
//!
//! One TOML file per dataset (DESIGN 2.6), adopted into the ledger by the hash of its bytes. [`Policy::parse`] is
//! the only way to get one, so whoever holds a [`Policy`] holds a checked one; [`Policy::plan`] resolves its
//! names against a table's header and gives a [`Plan`], which knows indices and channels only.
//!
//! Invariants: a column that is not named is never changed; the columns that identify rows are never marked; an
//! order between two columns binds both of them; numbers are taken from the text, never through a float.
//!
//! What lives here, from the bottom up: `reason` (the messages), `section` (one TOML table, with positions),
//! `release` (what is asked of a delivery), `parse` (file to policy), `plan` (policy and header to plan).

mod parse;
mod plan;
pub(super) mod reason;
#[cfg(test)]
mod refusals;
mod release;
pub(super) mod section;

use std::sync::Arc;

pub use plan::{Bound, Column, Plan, RATE_ALWAYS};
pub use release::{ReleaseRules, is_country};
pub(crate) use section::closest;
use section::{Located, Position};

use super::channel::{Channel, Kind};
use crate::Result;

/// A checked policy. See the [module page](self).
#[derive(Clone, Debug)]
pub struct Policy {
    text: String,
    hash: String,
    name: String,
    level: u8,
    keeps_sources: bool,
    release: ReleaseRules,
    subject: Option<Located<String>>,
    rows: Rows,
    identity: Vec<Located<String>>,
    colluders: u32,
    code_length: u32,
    rules: Vec<Rule>,
    orders: Vec<Order>,
}

/// How the policy's identity columns identify rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rows {
    /// `key`: no two rows agree on them.
    Unique,
    /// `identity`: rows may agree, and then share their marks.
    Shared,
}

/// What the policy says of one column.
#[derive(Clone, Debug)]
struct Rule {
    name: String,
    at: Position,
    kind: &'static Kind,
    /// Of 65,536.
    rate: u32,
    channel: Arc<dyn Channel>,
}

/// `lower <= upper` in every row.
#[derive(Clone, Debug)]
struct Order {
    lower: String,
    upper: String,
    /// Where the policy says it, and the key it uses.
    at: Position,
    key: &'static str,
}

impl Policy {
    /// Reads and checks a policy. Errors carry line, column and hint; the caller adds the file's name.
    pub fn parse(text: &str) -> Result<Policy> {
        parse::policy(text)
    }

    /// The text that was parsed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// BLAKE3 of the text's bytes, in hexadecimal.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// The dataset's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The data level of GB/T 39725-2020, section 6.2: 1 to 5.
    pub fn level(&self) -> u8 {
        self.level
    }

    /// Whether a sealed copy of every source is kept in the vault.
    pub fn keeps_sources(&self) -> bool {
        self.keeps_sources
    }

    /// What is asked of a delivery.
    pub fn release_rules(&self) -> &ReleaseRules {
        &self.release
    }

    /// The column with the id of the person whom a row is about.
    pub fn subject(&self) -> Option<&str> {
        self.subject.as_ref().map(|name| name.value.as_str())
    }

    /// Whether the identity columns are a key.
    pub fn rows(&self) -> Rows {
        self.rows
    }

    /// The columns that identify a row, in the policy's order.
    pub fn identity(&self) -> impl ExactSizeIterator<Item = &str> {
        self.identity.iter().map(|name| name.value.as_str())
    }

    /// How many colluders the owner wants to resist; a forecast reckons with it, marks do not depend on it.
    pub fn colluders(&self) -> u32 {
        self.colluders
    }

    /// The number of positions of the code.
    pub fn code_length(&self) -> u32 {
        self.code_length
    }

    /// The marked columns in the policy's order: name, channel and rate (of 65,536).
    pub fn columns(&self) -> impl ExactSizeIterator<Item = (&str, &'static str, u32)> {
        self.rules.iter().map(|rule| (rule.name.as_str(), rule.kind.name, rule.rate))
    }

    /// The dataset's stable order of marked columns after this policy: `previous`, then what is new.
    ///
    /// A column keeps its slot for ever, also when a later policy no longer marks it; its randomness hangs on
    /// the slot, so marks stay the same in later releases.
    pub fn slots_after(&self, previous: &[String]) -> Vec<String> {
        let mut slots = previous.to_vec();
        for rule in &self.rules {
            if !slots.contains(&rule.name) {
                slots.push(rule.name.clone());
            }
        }
        slots
    }

    /// What under this policy marks the same row otherwise than `earlier` does, so that a recipient of both sees where:
    /// `"the key columns"`, column names. Changed groups of a category are not noticed.
    pub fn breaks_with(&self, earlier: &Policy) -> Vec<String> {
        let mut broken = Vec::new();
        if !self.identity().eq(earlier.identity()) {
            broken.push("the key columns".to_owned());
        }
        if self.code_length != earlier.code_length {
            broken.push("the code length".to_owned());
        }
        for rule in &self.rules {
            let before = earlier.rules.iter().find(|before| before.name == rule.name);
            let same = |b: &Rule| b.kind.name == rule.kind.name && b.channel.reach() == rule.channel.reach();
            if before.is_some_and(|before| !same(before)) {
                broken.push(format!("column `{}`", rule.name));
            }
        }
        broken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_says_what_it_marks_otherwise_than_an_earlier_one() {
        let earlier = Policy::parse(crate::demo::HOSPITAL_POLICY).unwrap();
        let later = |from: &str, to: &str| {
            Policy::parse(&crate::demo::HOSPITAL_POLICY.replacen(from, to, 1)).unwrap().breaks_with(&earlier)
        };
        assert_eq!(later("level = 4", "level = 3"), Vec::<String>::new());
        assert_eq!(later("rate = 0.10", "rate = 0.20"), Vec::<String>::new());
        assert_eq!(later("key = [\"stay_id\"]", "key = [\"patient_id\"]"), ["the key columns"]);
        assert_eq!(later("quantum = \"1m\"\nmax_change = \"1m\"", "quantum = \"2m\""), ["column `admitted`"]);
    }
}

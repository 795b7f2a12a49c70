//! Attacks as data: every file of `testdata/attacks`, under every policy.

use std::fs;
use std::path::Path;

use serde::Deserialize;

use crate::attacks::{self, Attack, Strategy, collude};
use crate::distortion::WARDS_POLICY;
use crate::lab::{Lab, Table, seeded};

/// Rows of the generated table that is released.
const RELEASED_ROWS: u64 = 1_500;

/// One file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AttackCase {
    /// What the case shows.
    #[allow(dead_code)]
    about: String,
    /// The dataset whose policy the case is for; all if none is named.
    dataset: Option<String>,
    /// How many are registered.
    recipients: usize,
    /// Whose rows leak.
    #[serde(default)]
    source: Source,
    /// Who leaks; several collude.
    #[serde(default)]
    leakers: Vec<String>,
    /// How they choose where their copies differ.
    strategy: Option<Strategy>,
    #[serde(default)]
    attacks: Vec<Attack>,
    expect: Expectation,
}

#[derive(Clone, Copy, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum Source {
    /// The leakers' copies.
    #[default]
    Copy,
    /// The owner's unmarked rows.
    Original,
    /// Somebody else's table of the same layout.
    Foreign,
    /// The same, and some of its keys happen to be ours, as running numbers do.
    ForeignWithOurKeys,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expectation {
    verdict: String,
    /// Who must be named. Besides them only leakers may be.
    #[serde(default)]
    named: Vec<String>,
}

#[test]
fn every_attack_ends_as_its_file_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/attacks");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 20, "the cases are there");
    let wrong: Vec<String> = files.iter().flat_map(|file| run(file)).collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// Runs one case under each policy; what went wrong.
fn run(file: &Path) -> Vec<String> {
    let name = file.file_stem().unwrap().to_str().unwrap();
    let text = fs::read_to_string(file).unwrap();
    let case: AttackCase = toml::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
    [dyepack::demo::HOSPITAL_POLICY, WARDS_POLICY]
        .into_iter()
        .filter_map(|policy| Some(format!("{name}: {}", case.fails(name, policy)?)))
        .collect()
}

impl AttackCase {
    fn fails(&self, name: &str, policy: &str) -> Option<String> {
        let rng = &mut seeded(&format!("attacks/{name}"));
        let table = Table::hospital(RELEASED_ROWS, 9);
        let mut lab = Lab::new(policy, &table, self.recipients, rng);
        if self.dataset.as_deref().is_some_and(|dataset| dataset != lab.policy().name()) {
            return None;
        }
        let copies: Vec<Table> =
            self.leakers.iter().map(|leaker| Table::parse(&lab.deliver(leaker, &table.to_csv()))).collect();
        let leaked = match (self.source, self.strategy) {
            (Source::Original, _) => table,
            // Stays are numbered upwards, so later ones have keys of their own.
            (Source::Foreign, _) => {
                let mut table = Table::hospital(3 * RELEASED_ROWS, 10);
                table.rows.drain(..2 * RELEASED_ROWS as usize);
                table
            }
            (Source::ForeignWithOurKeys, _) => Table::hospital(RELEASED_ROWS, 10),
            (Source::Copy, Some(strategy)) => collude(&copies, strategy, &lab, rng),
            (Source::Copy, None) => copies[0].clone(),
        };
        let leak = attacks::leak(leaked, &self.attacks, lab.policy(), rng);
        let findings = lab.trace(&leak, 1e-6);

        let verdict = serde_json::to_value(findings.verdict).unwrap();
        let named: Vec<&str> = findings.accused.iter().map(|accused| accused.recipient.as_str()).collect();
        let is_right = verdict == self.expect.verdict.as_str()
            && self.expect.named.iter().all(|id| named.contains(&id.as_str()))
            && named.iter().all(|id| self.leakers.iter().any(|leaker| leaker == id));
        (!is_right).then(|| {
            format!("{} under `{}`, naming {named:?}: {:?}", verdict, lab.policy().name(), findings.evidence)
        })
    }
}

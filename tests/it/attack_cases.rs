//! Attacks as data: every file of `testdata/attacks`, under every policy.

use std::fs;
use std::path::Path;

use dyepack::attack::{Attack, Gather, Strategy};
use dyepack::mark::policy::Policy;
use dyepack::trial::owner::{self, Aid};
use rand::seq::SliceRandom as _;
use rayon::prelude::*;
use serde::Deserialize;

use crate::distortion::WARDS_POLICY;
use crate::lab::{self, Lab, Rng, Table, stream};

/// Cases that do not end yet as their file says, because what they need is still missing.
const AWAITED: [&str; 0] = [];

/// Strategies of five colluders and more that a normal run tries, those first that are hardest; `DYEPACK_TRIALS=10` tries all.
const FEW: usize = 2;
const ALL: usize = usize::MAX;

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
    /// Rows of the generated table that is released.
    #[serde(default = "released_rows")]
    rows: u64,
    /// The share of the markable cells that carry, if not the policy's own.
    rate: Option<f64>,
    /// Whose rows leak.
    #[serde(default)]
    source: Source,
    /// Who leaks. Who is named twice leaks a second, later release.
    #[serde(default)]
    leakers: Vec<String>,
    /// How one leak is made of their copies.
    gather: Option<Gather>,
    /// The same for colluders, by their strategy alone; the case is run with each.
    #[serde(default)]
    strategies: Vec<Strategy>,
    /// One of them.
    strategy: Option<Strategy>,
    #[serde(default)]
    attacks: Vec<Attack>,
    /// Whether the owner has the unmarked table at hand.
    #[serde(default)]
    reference: bool,
    expect: Expectation,
}

fn released_rows() -> u64 {
    1_500
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
    /// How many leakers must be named at least.
    #[serde(default)]
    named_at_least: usize,
}

#[test]
fn every_attack_ends_as_its_file_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/attacks");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 60, "the cases are there");
    println!("attacks: DYEPACK_SEED={}", lab::seed());
    let wrong: Vec<String> = files.par_iter().flat_map_iter(|file| run(file)).collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// Runs one case under each policy; what went wrong.
fn run(file: &Path) -> Vec<String> {
    let name = file.file_stem().unwrap().to_str().unwrap();
    let text = fs::read_to_string(file).unwrap();
    let case: AttackCase = toml::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
    let mut fails = Vec::new();
    for policy in [dyepack::demo::HOSPITAL_POLICY, WARDS_POLICY] {
        fails.extend(case.fails(name, policy).into_iter().map(|fails| format!("{name}: {fails}")));
    }
    if !AWAITED.contains(&name) {
        return fails;
    }
    if fails.is_empty() { vec![format!("{name}: no longer awaited")] } else { Vec::new() }
}

impl AttackCase {
    /// What went wrong, strategy by strategy.
    fn fails(&self, name: &str, policy: &str) -> Vec<String> {
        let rng = &mut stream(&format!("attacks/{name}"));
        let policy = self.at_rate(policy);
        let dataset = Policy::parse(&policy).unwrap().name().to_owned();
        if self.dataset.as_deref().is_some_and(|wanted| wanted != dataset) {
            return Vec::new();
        }
        let table = lab::hospital(self.rows, 9);
        let mut lab = Lab::new(&policy, &table, self.recipients, rng);
        let copies = self.copies(&mut lab, &table, rng);
        let reference = self.reference.then(|| owner::reference(&table).unwrap());
        self.gathers()
            .into_iter()
            .filter_map(|gather| {
                let leaked = self.leaked(&lab, &table, &copies, gather.as_ref(), rng);
                let leak = lab.leak(leaked, &self.attacks, rng);
                let aid = reference.as_ref().map_or(Aid::None, Aid::Reference);
                let findings = lab.trace_with(&leak, 1e-6, aid);

                let verdict = serde_json::to_value(findings.verdict).unwrap();
                let named: Vec<&str> = findings.accused.iter().map(|a| a.recipient.as_str()).collect();
                let is_right = verdict == self.expect.verdict.as_str()
                    && self.expect.named.iter().all(|id| named.contains(&id.as_str()))
                    && named.len() >= self.expect.named_at_least
                    && named.iter().all(|id| self.leakers.iter().any(|leaker| leaker == id));
                let evidence = &findings.evidence;
                (!is_right).then(|| {
                    format!(
                        "{verdict} under `{dataset}`, {gather:?}, naming {named:?}: {} carriers of {} rows",
                        evidence.carriers_read, evidence.rows_aligned
                    )
                })
            })
            .collect()
    }

    fn at_rate(&self, policy: &str) -> String {
        let Some(rate) = self.rate else { return policy.to_owned() };
        let lines = policy.lines().map(|line| match line.strip_prefix("rate =") {
            Some(_) => format!("rate = {rate}"),
            None => line.to_owned(),
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    /// The leakers' copies. A second release to one of them has two thirds of the rows, in another order.
    fn copies(&self, lab: &mut Lab, table: &Table, rng: &mut Rng) -> Vec<Table> {
        let copy = |(i, leaker): (usize, &String)| {
            let mut rows = table.clone();
            if self.leakers[..i].contains(leaker) {
                rows.rows.shuffle(rng);
                rows.rows.truncate(2 * table.rows.len() / 3);
            }
            lab::parse(&lab.deliver(leaker, &rows.to_csv()))
        };
        self.leakers.iter().enumerate().map(copy).collect()
    }

    /// In a normal run not every strategy of many colluders is tried: they cost most of the time.
    fn gathers(&self) -> Vec<Option<Gather>> {
        let tried = if self.leakers.len() < 5 { ALL } else { lab::trials(FEW) };
        let strategies = self.strategies.iter().take(tried).chain(&self.strategy).copied();
        let mut gathers: Vec<Option<Gather>> =
            strategies.map(|strategy| Some(Gather::Collude { strategy, key: None })).collect();
        if gathers.is_empty() {
            gathers.push(self.gather.clone());
        }
        gathers
    }

    fn leaked(
        &self,
        lab: &Lab,
        table: &Table,
        copies: &[Table],
        gather: Option<&Gather>,
        rng: &mut Rng,
    ) -> Table {
        match (self.source, gather) {
            (Source::Original, _) => table.clone(),
            // Stays are numbered upwards, so later ones have keys of their own.
            (Source::Foreign, _) => {
                let mut table = lab::hospital(3 * self.rows, 10);
                table.rows.drain(..2 * self.rows as usize);
                table
            }
            (Source::ForeignWithOurKeys, _) => lab::hospital(self.rows, 10),
            (Source::Copy, Some(gather)) => lab.gather(copies, gather, rng),
            (Source::Copy, None) => copies[0].clone(),
        }
    }
}

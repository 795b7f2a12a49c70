//! Runs a battery on a table.
//!
//! Each trial is a world of its own: new keys, other leakers. In it every case is attacked and traced. What only picks
//! rows is done before stamping, so that no more rows are stamped than leak (marking is a pure function of the row);
//! copies of the whole table are made once for all cases of a trial. Trials run side by side.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use rand::seq::SliceRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use rayon::prelude::*;

use super::battery::{Battery, Case, Source};
use super::board::{Board, Counted, Distortion, Line, Outcome, TableSummary};
use super::owner::{self, Aid, Owner, recipient};
use crate::attack::{self, Gather, Oracle, Rng, Table};
use crate::error::{Error, Result};
use crate::leak::reference::Reference;
use crate::mark::model::Model;
use crate::mark::policy::Policy;
use crate::stamp::engine;
use crate::stamp::learn::learn;
use crate::table::format::kind::Said;
use crate::table::format::open::open;
use crate::table::format::source::Input;

/// Rows that are released in each world for the ledger's sketch. It says which columns are which; more rows would say no more.
const RELEASED_ROWS: usize = 4_000;

/// A table to try, and how.
pub struct Setup<'a> {
    pub policy: &'a Policy,
    /// The owner's unmarked table.
    pub table: &'a Table,
    pub battery: &'a Battery,
    /// How many partners have copies.
    pub recipients: usize,
    /// How often every case is tried.
    pub trials: usize,
    pub seed: u64,
    /// Rows to draw from the table; all if `None`.
    pub rows: Option<usize>,
    /// Whether to mark by a model learnt from the table.
    pub model: bool,
    /// Whether to trace a second time with the unmarked table at hand.
    pub reference: bool,
    /// The family-wise error below which somebody is named.
    pub alpha: f64,
}

/// Whom to tell, and who may stop it.
pub struct Watch<'a> {
    /// Told how many cases of how many are done.
    pub progress: &'a (dyn Fn(u64, u64) + Sync),
    /// Set from outside to stop with an error.
    pub interrupted: &'a AtomicBool,
}

/// What came of one case in one world.
struct Tried {
    rows: usize,
    blind: Outcome,
    reference: Option<Outcome>,
}

/// Runs the battery.
///
/// # Errors
/// If the table does not fit the policy, an attack asks for a column that is not there, or it is interrupted.
pub fn run(setup: &Setup, watch: &Watch) -> Result<Board> {
    let table = sampled(setup);
    let model = if setup.model { Some(Arc::new(model(setup)?)) } else { None };
    let reference = if setup.reference { Some(owner::reference(&table)?) } else { None };
    let cases: Vec<&Case> =
        setup.battery.cases.iter().filter(|case| case.leakers <= setup.recipients).collect();
    let (done, all) = (AtomicU64::new(0), (cases.len() * setup.trials) as u64);
    let worlds = (0..setup.trials)
        .into_par_iter()
        .map(|trial| {
            let world = World::new(
                setup,
                &table,
                &Aids { model: model.clone(), reference: reference.as_ref() },
                trial,
            )?;
            let tried = cases
                .iter()
                .map(|case| {
                    if watch.interrupted.load(Ordering::Relaxed) {
                        return Err(Error::usage("interrupted"));
                    }
                    let tried = world.attempt(case).map_err(|error| named(error, case));
                    (watch.progress)(done.fetch_add(1, Ordering::Relaxed) + 1, all);
                    tried
                })
                .collect::<Result<Vec<_>>>()?;
            Ok((tried, if trial == 0 { Some(world.distortion()?) } else { None }))
        })
        .collect::<Result<Vec<_>>>()?;

    let mut board = empty_board(setup, &table);
    for (i, case) in cases.iter().enumerate() {
        let tried: Vec<&Tried> = worlds.iter().filter_map(|(tried, _)| tried[i].as_ref()).collect();
        if tried.is_empty() {
            board.without_effect.push(case.title());
        } else {
            board.lines.push(line(case, &tried));
        }
    }
    board.distortion = worlds.into_iter().find_map(|(_, distortion)| distortion).unwrap_or(board.distortion);
    let left_out = setup.battery.cases.iter().filter(|case| case.leakers > setup.recipients);
    board.left_out = left_out.map(Case::title).collect();
    Ok(board)
}

/// What occurs in the whole table.
fn model(setup: &Setup) -> Result<Model> {
    let options = engine::Options {
        said: Said { delimiter: Some(b','), ..Said::default() },
        ..engine::Options::default()
    };
    learn(
        open(Input::stream(&setup.table.to_csv()[..]), &options.asked(setup.policy))?.into_table(),
        setup.policy,
    )
}

fn sampled(setup: &Setup) -> Arc<Table> {
    let table = setup.table;
    Arc::new(match setup.rows {
        Some(rows) if rows < table.rows.len() => table.sample(rows, &mut stream(setup.seed, "rows")),
        _ => table.clone(),
    })
}

/// The randomness of one part of a trial, whichever order parts run in.
fn stream(seed: u64, part: &str) -> Rng {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&seed.to_le_bytes()).update(part.as_bytes());
    Rng::seed_from_u64(u64::from_le_bytes(*hasher.finalize().as_bytes().first_chunk().expect("32 bytes")))
}

fn named(error: Error, case: &Case) -> Error {
    let hint = error.hint().map(str::to_owned);
    let failed = Error::usage(format!("case `{}`: {error}", case.title()));
    match hint {
        Some(hint) => failed.with_hint(hint),
        None => failed,
    }
}

fn empty_board(setup: &Setup, table: &Table) -> Board {
    Board {
        schema: "dyepack.trial/1",
        dataset: setup.policy.name().to_owned(),
        table: TableSummary {
            rows: table.rows.len(),
            rows_of_file: setup.table.rows.len(),
            columns: table.header.len(),
        },
        recipients: setup.recipients,
        trials: setup.trials,
        seed: setup.seed,
        alpha: setup.alpha,
        model: setup.model,
        distortion: Distortion {
            cells: 0,
            carriers: 0,
            changed: 0,
            share: 0.0,
            by_column: Default::default(),
        },
        lines: Vec::new(),
        without_effect: Vec::new(),
        left_out: Vec::new(),
    }
}

fn line(case: &Case, tried: &[&Tried]) -> Line {
    let blind: Vec<Outcome> = tried.iter().map(|tried| tried.blind).collect();
    let reference: Vec<Outcome> = tried.iter().filter_map(|tried| tried.reference).collect();
    Line {
        group: case.group.clone(),
        attack: case.attack.clone(),
        strength: case.strength.clone(),
        leakers: if case.source == Source::Copy { case.leakers } else { 0 },
        rows: tried.iter().map(|tried| tried.rows as f64).sum::<f64>() / tried.len() as f64,
        blind: Counted::of(&blind),
        reference: (!reference.is_empty()).then(|| Counted::of(&reference)),
    }
}

/// What all trials share.
struct Aids<'a> {
    model: Option<Arc<Model>>,
    reference: Option<&'a Arc<Reference>>,
}

/// One trial: an owner, the partners who leak, and their copies as far as they are needed.
struct World<'a> {
    setup: &'a Setup<'a>,
    trial: usize,
    owner: Owner,
    oracle: Oracle,
    table: Arc<Table>,
    reference: Option<&'a Arc<Reference>>,
    leakers: Vec<String>,
    /// Copies of the whole table, made when first asked for.
    copies: Vec<OnceLock<Table>>,
}

impl<'a> World<'a> {
    fn new(setup: &'a Setup, table: &Arc<Table>, aids: &Aids<'a>, trial: usize) -> Result<World<'a>> {
        let rng = &mut stream(setup.seed, &format!("world {trial}"));
        let mut owner = Owner::new(setup.policy.clone(), setup.recipients, rng.random());
        owner.model = aids.model.clone();
        owner.read_with_model(true);
        owner.deliver(&recipient(0), &table.sample(RELEASED_ROWS, rng).to_csv())?;
        let wanted = setup.battery.leakers().min(setup.recipients);
        let leakers: Vec<String> =
            rand::seq::index::sample(rng, setup.recipients, wanted).into_iter().map(recipient).collect();
        Ok(World {
            setup,
            trial,
            oracle: owner.oracle(&table.header)?,
            owner,
            table: table.clone(),
            reference: aids.reference,
            copies: leakers.iter().map(|_| OnceLock::new()).collect(),
            leakers,
        })
    }

    /// Attacks and traces; `None` if the attack changes nothing here.
    fn attempt(&self, case: &Case) -> Result<Option<Tried>> {
        let rng = &mut stream(self.setup.seed, &format!("{} {}", self.trial, case.title()));
        let scene = self.owner.scene(&self.oracle, &self.table);
        // What picks rows comes first, before anything is stamped.
        let picks = case.attacks.iter().take_while(|attack| attack.picks_rows()).count();
        let (picking, doing) = case.attacks.split_at(picks);
        let mut rows = None;
        for attack in picking {
            attack.change(rows.get_or_insert_with(|| (*self.table).clone()), &scene, rng)?;
        }
        let received = self.received(case, rows.as_ref(), rng)?;
        let leaked_rows = received.rows.len();
        let before = (!doing.is_empty() && case.gather.is_none()).then(|| received.to_csv());
        let leak = attack::leak(received, doing, &scene, rng)?;
        if before.is_some_and(|before| before == leak) {
            return Ok(None);
        }
        Ok(Some(Tried {
            rows: leaked_rows,
            blind: self.trace(case, &leak, Aid::None)?,
            reference: match self.reference {
                Some(reference) => Some(self.trace(case, &leak, Aid::Reference(reference))?),
                None => None,
            },
        }))
    }

    /// What the leakers have before they change anything: of some rows, or of all.
    fn received(&self, case: &Case, rows: Option<&Table>, rng: &mut Rng) -> Result<Table> {
        let table = rows.unwrap_or(&self.table);
        match case.source {
            Source::Copy => {}
            Source::Original => return Ok(table.clone()),
            Source::Unregistered => return self.owner.copy("never-registered", table),
            Source::OtherKey => {
                return Owner::new(self.setup.policy.clone(), 1, rng.random()).copy(&recipient(0), table);
            }
        }
        let Some(how) = &case.gather else { return self.copy(0, rows) };
        let mut copies =
            (0..case.leakers).map(|leaker| self.copy(leaker, rows)).collect::<Result<Vec<_>>>()?;
        if matches!(how, Gather::Difference { .. }) {
            copies.push(self.later_release(table, rng)?);
        }
        attack::gather(&copies, how, &self.owner.scene(&self.oracle, &self.table), rng)
    }

    fn copy(&self, leaker: usize, rows: Option<&Table>) -> Result<Table> {
        let id = &self.leakers[leaker];
        if let Some(rows) = rows {
            return self.owner.copy(id, rows);
        }
        if let Some(copy) = self.copies[leaker].get() {
            return Ok(copy.clone());
        }
        let copy = self.owner.copy(id, &self.table)?;
        Ok(self.copies[leaker].get_or_init(|| copy).clone())
    }

    /// A later release to the first leaker: two thirds of the rows, in another order.
    fn later_release(&self, table: &Table, rng: &mut Rng) -> Result<Table> {
        let mut later = table.clone();
        later.rows.shuffle(rng);
        later.rows.truncate((2 * table.rows.len()).div_ceil(3));
        self.owner.copy(&self.leakers[0], &later)
    }

    fn trace(&self, case: &Case, leak: &[u8], aid: Aid) -> Result<Outcome> {
        let findings = self.owner.trace(leak, self.setup.alpha, aid)?;
        let leakers = if case.source == Source::Copy { &self.leakers[..case.leakers] } else { &[] };
        let right = findings.accused.iter().filter(|accused| leakers.contains(&accused.recipient)).count();
        Ok(Outcome {
            right,
            wrong: findings.accused.len() - right,
            carriers_read: findings.evidence.carriers_read,
        })
    }

    /// What the first leaker's copy of the whole table cost.
    fn distortion(&self) -> Result<Distortion> {
        let source = self.table.to_csv();
        let (_, stamped) = self.owner.stamp(&self.leakers[0], &source, &engine::Options::default())?;
        let cells = (self.table.rows.len() * self.table.header.len()) as u64;
        let changed = stamped.cells_changed.values().sum();
        Ok(Distortion {
            cells,
            carriers: stamped.carriers,
            changed,
            share: changed as f64 / cells.max(1) as f64,
            by_column: stamped.cells_changed,
        })
    }
}

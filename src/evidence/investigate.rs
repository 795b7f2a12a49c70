//! Everything that can be asked of one reading of a leak, in order: the whole leak, its windows, joint rounds; then, for the
//! reader, shares, a guess at the number of colluders, and the source map.
//!
//! Invariants: [`Investigation::named`] holds everybody whose bound lies below the share of `alpha` of some test, and nobody
//! else. By [`verdict`](crate::evidence::verdict) and [`joint`], the probability that anybody innocent is among them, in all
//! readings together, is at most `alpha`. All that follows the naming describes and accuses nobody.

use crate::evidence::counts::Counts;
use crate::evidence::decoder::Decoder;
use crate::evidence::joint::{self, Model};
use crate::evidence::log::Log;
use crate::evidence::map::{self, Segment};
use crate::evidence::score::{Candidate, Evidence};
use crate::evidence::shares::{Given, Shares};
use crate::evidence::verdict::{Family, Stage};
use crate::evidence::windows::{self, Order, Windows};
use crate::keys::prf::DerivedKey;
use crate::mark::code::Code;

/// Others' copies below this share of what is marked are taken for noise.
const NOTABLE_SHARE: f64 = 0.05;

/// Others' copies must explain the leak this much better than coins do, in nats, to be counted (a likelihood ratio test at about
/// 1e-4).
const NOTABLE_LN_RATIO: f64 = 7.0;

/// What one reading of a leak shows.
#[derive(Clone, Debug)]
pub struct Investigation {
    /// Everybody named, the surest first.
    pub named: Vec<Named>,
    /// The ranking by the whole leak, the least probable first, with runners-up.
    pub candidates: Vec<Candidate>,
    /// Distinct positions that were read.
    pub positions: u64,
    /// The chance that an untouched copy of one recipient would be named from the positions read.
    pub power: f64,
    /// An estimate of what the leak is made of.
    pub shares: Shares,
    /// How many colluders the evidence suggests, those named included; an estimate, and 0 if nobody is named.
    pub suggested_colluders: usize,
    /// Which rows speak for whom; empty without a log or if nobody is named.
    pub map: Vec<Segment>,
    /// What was tried, and so paid for.
    pub tried: Tried,
}

/// Somebody named.
#[derive(Clone, Debug, PartialEq)]
pub struct Named {
    /// The recipient's index.
    pub recipient: usize,
    /// The family-wise bound, as a natural log: below that of `alpha`.
    pub ln_family_p: f64,
    /// The test that accused.
    pub found_by: FoundBy,
}

/// The test that accused somebody: the first in the order of the stages, and the surest within its stage.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum FoundBy {
    /// The whole leak.
    Whole {
        /// With this decoder.
        decoder: Decoder,
    },
    /// A part of it.
    Window {
        /// In which order it is one stretch.
        order: Order,
        /// The rows at its ends, in that order.
        first_row: u32,
        /// See `first_row`.
        last_row: u32,
        /// Its first read, counted from 0 in that order.
        first_read: usize,
        /// How many reads it has.
        reads: usize,
        /// With this decoder.
        decoder: Decoder,
    },
    /// The whole leak, given those accused before.
    Joint {
        /// In this round, from 1.
        round: usize,
        /// Under this model.
        model: Model,
    },
}

/// What was tried in one reading.
#[derive(Clone, Debug, PartialEq)]
pub struct Tried {
    /// Decoders on the whole leak.
    pub decoders: usize,
    /// Windows, in all orders together; 0 if the leak is too small or too large for them, or there is no log.
    pub windows: usize,
    /// The orders in which the leak was cut.
    pub orders: Vec<Order>,
    /// Decoders on each window.
    pub window_decoders: usize,
    /// Joint rounds that may be run; all are paid for.
    pub rounds: usize,
    /// Decoders in each round.
    pub round_decoders: usize,
}

/// Investigates one reading of a leak among `recipients` recipients, whose codeword keys `key` gives.
///
/// `family` says what else is compared in the same trace, and `alpha` is its family-wise error. The log is that of the counts.
pub fn investigate(
    counts: &Counts,
    log: Option<&Log>,
    code: &Code,
    recipients: usize,
    key: impl Fn(usize) -> DerivedKey + Sync,
    family: &Family,
    alpha: f64,
) -> Investigation {
    let family = Family { recipients: family.recipients.max(recipients), ..*family };
    // Which windows there are is settled before a codeword is looked at.
    let mut windows =
        log.map(|log| Windows::new(log, code, recipients)).filter(|windows| windows.count() > 0);

    let evidence = Evidence::new(counts, code);
    let ln_threshold = family.ln_threshold(Stage::WHOLE, alpha);
    let scores = evidence.score_all(code, recipients, &key);
    let candidates = evidence.rank(&scores, ln_threshold);
    let mut named: Vec<Named> = candidates
        .iter()
        .filter(|candidate| candidate.ln_p < ln_threshold)
        .map(|candidate| Named {
            recipient: candidate.recipient,
            ln_family_p: family.ln_family_p(Stage::WHOLE, candidate.ln_p),
            found_by: FoundBy::Whole { decoder: candidate.decoder },
        })
        .collect();
    if let Some(windows) = &mut windows {
        search(windows, code, recipients, &key, (family, alpha), &mut named);
    }
    join(counts, code, recipients, &key, (family, alpha), &mut named);

    let accused: Vec<usize> = named.iter().map(|named| named.recipient).collect();
    named.sort_by(|a, b| a.ln_family_p.total_cmp(&b.ln_family_p).then(a.recipient.cmp(&b.recipient)));
    let (shares, suggested_colluders) = describe(&Given::new(counts, code, &accused, &key), &accused);
    Investigation {
        named,
        candidates,
        positions: evidence.positions(),
        power: evidence.power(ln_threshold),
        map: log.map(|log| map::draw(log, code, &shares, &key)).unwrap_or_default(),
        shares,
        suggested_colluders,
        tried: Tried {
            decoders: crate::evidence::score::DECODERS.len(),
            windows: windows.as_ref().map_or(0, Windows::count),
            orders: windows.as_ref().map(Windows::orders).unwrap_or_default(),
            window_decoders: windows::DECODERS.len(),
            rounds: joint::MAX_ROUNDS,
            round_decoders: joint::DECODERS,
        },
    }
}

/// Adds those who are accused by a window.
fn search(
    windows: &mut Windows,
    code: &Code,
    recipients: usize,
    key: &(impl Fn(usize) -> DerivedKey + Sync),
    (family, alpha): (Family, f64),
    named: &mut Vec<Named>,
) {
    let stage = Stage::Windows { decoders: windows::DECODERS.len(), windows: windows.count() };
    let is_named = |recipient| named.iter().any(|named| named.recipient == recipient);
    let found = windows.search(code, recipients, key, family.ln_threshold(stage, alpha), is_named);
    let mut found: Vec<Named> = found
        .into_iter()
        .map(|found| Named {
            recipient: found.recipient,
            ln_family_p: family.ln_family_p(stage, found.ln_p),
            found_by: FoundBy::Window {
                order: found.order,
                first_row: found.first_row,
                last_row: found.last_row,
                first_read: found.first_read,
                reads: found.reads,
                decoder: found.decoder,
            },
        })
        .collect();
    found.sort_by(|a, b| a.ln_family_p.total_cmp(&b.ln_family_p).then(a.recipient.cmp(&b.recipient)));
    named.extend(found);
}

/// Adds those who are accused in a joint round.
fn join(
    counts: &Counts,
    code: &Code,
    recipients: usize,
    key: &(impl Fn(usize) -> DerivedKey + Sync),
    (family, alpha): (Family, f64),
    named: &mut Vec<Named>,
) {
    let mut accused: Vec<usize> = named.iter().map(|named| named.recipient).collect();
    let found = joint::rounds(counts, code, recipients, key, (family, alpha), &mut accused);
    named.extend(found.into_iter().map(|found| {
        let stage = Stage::Joint { decoders: joint::DECODERS, round: found.round };
        Named {
            recipient: found.recipient,
            ln_family_p: family.ln_family_p(stage, found.ln_p),
            found_by: FoundBy::Joint { round: found.round, model: found.model },
        }
    }));
}

/// Shares of the leak, and how many colluders they suggest: if others' copies have a notable part of what is marked, as many more
/// as that part is larger than what each of the named has on average.
fn describe(given: &Given, accused: &[usize]) -> (Shares, usize) {
    let weights = given.shares(true);
    let (others, coins) = (weights[given.accused], weights[given.accused + 1]);
    let named = accused.len();
    let share_of_others = others / (1.0 - coins).max(f64::MIN_POSITIVE);
    let is_notable = named > 0
        && share_of_others >= NOTABLE_SHARE
        && given.ln_likelihood(&weights) - given.ln_likelihood(&given.shares(false)) >= NOTABLE_LN_RATIO;
    let suggested = match is_notable {
        true => (named as f64 / (1.0 - share_of_others).max(0.01)).round() as usize,
        false => named,
    };
    let accused = accused.iter().copied().zip(weights[..given.accused].iter().copied()).collect();
    (Shares { accused, others, coins }, suggested.max(named))
}

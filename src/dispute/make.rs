//! Making an opening from a trace.
//!
//! The opening has the counts of exactly the part of the leak by which the recipient was named. Whoever was named in a joint
//! round was named given the codewords of the others, which are not this opening's to disclose: then the whole leak is opened,
//! and says what it says alone.

use data_encoding::HEXLOWER;

use crate::commitment::{self, Subject};
use crate::error::Result;
use crate::evidence::alone::{self, Outcome};
use crate::evidence::counts::{Counts, Group};
use crate::evidence::decoder::Decoder;
use crate::evidence::investigate::FoundBy;
use crate::evidence::verdict::Stage;
use crate::evidence::{score, windows};
use crate::keys::secret::MarkingSecret;
use crate::known::Known;
use crate::ledger::{Entry, Event, Ledger, Recorded, entry, subset};
use crate::mark::code::Code;
use crate::trace::{Examination, Examined};

use super::exhibit::Exhibit;
use super::opening::{Carriers, Claim, Codeword, DecoderClaim, Opening, Order, Proven, SCHEMA, Tried, View};
use super::reason::DisputeReason;
use super::{TOOL, check};

/// What is to be opened.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// The release's id.
    pub release: &'a str,
    /// Whether the carrier key is disclosed too.
    pub with_carriers: bool,
    /// Whether it is opened although its recipient is not named by it.
    pub even_if_not_accused: bool,
}

/// What was traced, and by whom.
pub struct Traced<'a> {
    /// The home's secret.
    pub secret: &'a MarkingSecret,
    /// What was known.
    pub known: &'a Known,
    /// What was found.
    pub examined: &'a Examined,
    /// The leaked files.
    pub exhibits: Vec<Exhibit>,
}

/// The release as the ledger has it.
struct OnRecord {
    index: u64,
    release: entry::Opening,
}

/// Makes the opening of one release. Nothing is recorded yet.
///
/// # Errors
/// `Policy` if the recipient is not named, or was recorded without commitments; `Usage` if the release is not on record, or the
/// leak does not read as it was marked.
pub fn make(wanted: Wanted, traced: Traced, ledger: &Ledger) -> Result<Opening> {
    let entries = ledger.entries()?;
    let OnRecord { index, release } =
        on_record(&entries, wanted.release).ok_or_else(|| DisputeReason::NoRelease(wanted.release.into()))?;
    let committed = release.commitment.as_ref();
    let committed = committed.ok_or_else(|| DisputeReason::NoCommitment(wanted.release.into()))?;
    let subject =
        Subject { dataset: &release.dataset, epoch: release.key_epoch, code_length: committed.code_length };
    let examination = examination(traced.known, traced.examined, &release)
        .ok_or_else(|| DisputeReason::NotRead(wanted.release.into()))?;

    let (view, stage, groups) = view(traced.known, examination, &release.recipient);
    let code = Code::new(traced.secret, subject.dataset, subject.epoch, subject.code_length);
    let (salt, codeword) = commitment::codeword(traced.secret, subject, &code, &release.recipient);
    let outcomes = alone::outcomes(decoders(view), &groups, |j| code.bias(j), |j| codeword.bit(j));
    let claim = claim(&outcomes, stage, traced.examined);
    if !wanted.even_if_not_accused {
        check_accused(&claim, &traced, examination, &release)?;
    }

    let mut positions: Vec<u32> = groups.iter().map(|group| group.position).collect();
    positions.dedup();
    let salts = commitment::bias_salts(traced.secret, subject);
    let proof = subset::prove(&commitment::bias_leaves(&code, &salts), &positions);
    let bias = |&j: &u32| (j, code.threshold(j), HEXLOWER.encode(&salts[j as usize]));
    let opening = Opening {
        schema: SCHEMA.to_owned(),
        tool: TOOL.to_owned(),
        release: release.release.clone(),
        recipient: release.recipient.clone(),
        leak: traced.exhibits,
        entry: proven(ledger, index)?,
        view,
        tried: Tried {
            recipients: traced.examined.family.recipients as u64,
            readings: traced.examined.family.readings as u64,
        },
        counts: groups.iter().map(|group| (group.position, group.flip, group.zeros, group.ones)).collect(),
        biases: positions.iter().map(bias).collect(),
        biases_proof: proof.iter().map(|hash| HEXLOWER.encode(hash)).collect(),
        codeword: Codeword {
            salt: HEXLOWER.encode(&salt),
            bits: HEXLOWER.encode(&commitment::pack(&codeword)),
        },
        claim,
        carriers: match wanted.with_carriers {
            true => Some(carriers(traced.secret, subject, &release, (ledger, &entries), examination)?),
            false => None,
        },
    };
    // What does not hold here would hold nowhere.
    check::check(&opening, ledger.verifier())?;
    Ok(opening)
}

/// The release of an id, delivered or opened alone.
fn on_record(entries: &[Recorded], id: &str) -> Option<OnRecord> {
    let of = |recorded: &Recorded| match &recorded.entry.as_ref()?.event {
        Event::Release(release) if release.opening.release == id => Some(release.opening.clone()),
        Event::ReleaseOpened(opening) if opening.release == id => Some(opening.clone()),
        _ => None,
    };
    // A release that was opened and then went out whole has two entries, and the later one says more.
    entries.iter().rev().find_map(|recorded| Some(OnRecord { index: recorded.index, release: of(recorded)? }))
}

/// The leak read as the release was marked, if it has any marks so.
fn examination<'a>(
    known: &Known,
    examined: &'a Examined,
    release: &entry::Opening,
) -> Option<&'a Examination> {
    examined.readings.iter().find(|examination| {
        let reading = &known.readings[examination.reading];
        let is_its = reading.releases.iter().any(|known| known.release == release.release);
        let is_alike = (reading.policy.name(), reading.policy.hash(), reading.epoch)
            == (release.dataset.as_str(), release.policy.as_str(), release.key_epoch)
            && reading.model.is_some() == release.model.is_some();
        is_its || is_alike
    })
}

fn found_by(known: &Known, examination: &Examination, recipient: &str) -> Option<FoundBy> {
    let of = |id: usize| known.suspects[id].id == recipient;
    examination.investigation.named.iter().find(|named| of(named.recipient)).map(|named| named.found_by)
}

/// The part of the leak by which the recipient was named, how it is paid for, and its counts.
fn view(known: &Known, examination: &Examination, recipient: &str) -> (View, Stage, Vec<Group>) {
    let found_by = found_by(known, examination, recipient);
    let Some(FoundBy::Window { order, first_read, reads, .. }) = found_by else {
        return (View::Whole {}, Stage::WHOLE, examination.counts.groups().collect());
    };
    let windows = examination.investigation.tried.windows;
    let (order, in_order) = match order {
        windows::Order::File => (Order::File, None),
        windows::Order::Key => (Order::Key, examination.log.in_key_order()),
    };
    let all = in_order.as_deref().unwrap_or(examination.log.reads());
    let positions = all[first_read..][..reads].iter().map(|read| read.bit().position);
    let mut counts = Counts::new(positions.max().map_or(0, |highest| highest as usize + 1));
    all[first_read..][..reads].iter().for_each(|read| counts.add(read.bit()));
    let view =
        View::Window { order, first_read: first_read as u64, reads: reads as u64, windows: windows as u64 };
    let stage = Stage::Windows { decoders: windows::DECODERS.len(), windows };
    (view, stage, counts.groups().collect())
}

fn decoders(view: View) -> &'static [Decoder] {
    match view {
        View::Whole {} => &score::DECODERS,
        View::Window { .. } => &windows::DECODERS,
    }
}

fn claim(outcomes: &[Outcome], stage: Stage, examined: &Examined) -> Claim {
    let ln_p = alone::best(outcomes).map_or(0.0, |best| best.ln_p);
    let decoder = |outcome: &Outcome| DecoderClaim {
        decoder: outcome.decoder.name(),
        score: outcome.score,
        ln_p: outcome.ln_p,
    };
    let alpha = examined.findings.alpha;
    Claim {
        alpha,
        decoders: outcomes.iter().map(decoder).collect(),
        ln_family_p: examined.family.ln_family_p(stage, ln_p),
        named: ln_p < examined.family.ln_threshold(stage, alpha),
    }
}

/// Refuses to disclose what would not show that the recipient is named.
fn check_accused(
    claim: &Claim,
    traced: &Traced,
    examination: &Examination,
    release: &entry::Opening,
) -> Result<(), DisputeReason> {
    let recipient = release.recipient.clone();
    let mut accused = traced.examined.findings.accused.iter();
    let accused = accused.find(|accused| accused.recipient == recipient);
    let found_by = found_by(traced.known, examination, &recipient);
    match (accused, found_by) {
        (Some(_), Some(_)) if claim.named => Ok(()),
        (Some(_), Some(_)) => Err(DisputeReason::OnlyJointly { recipient }),
        (Some(accused), None) if accused.ln_family_p.is_none() => {
            Err(DisputeReason::OnlyExact { recipient, release: release.release.clone() })
        }
        _ => Err(DisputeReason::NotAccused { recipient, release: release.release.clone() }),
    }
}

fn carriers(
    secret: &MarkingSecret,
    subject: Subject,
    release: &entry::Opening,
    (ledger, entries): (&Ledger, &[Recorded]),
    examination: &Examination,
) -> Result<Carriers> {
    let (salt, key) = commitment::carriers(secret, subject);
    let adopts = |entry: &Entry| {
        matches!(&entry.event, Event::PolicyAdopted { dataset, policy, .. }
            if *dataset == release.dataset && *policy == release.policy)
    };
    let adopted = entries.iter().rfind(|recorded| recorded.entry.as_ref().is_some_and(adopts));
    let adopted = adopted.ok_or(DisputeReason::Mismatch("no entry adopts the release's policy"))?;
    let policy = String::from_utf8(ledger.blob(&release.policy)?);
    Ok(Carriers {
        key: HEXLOWER.encode(key.disclose().as_slice()),
        salt: HEXLOWER.encode(&salt),
        policy: policy.map_err(|_| DisputeReason::Mismatch("the policy is not text"))?,
        adopted: proven(ledger, adopted.index)?,
        tables: examination.again.clone(),
    })
}

/// An entry with its proof.
pub(super) fn proven(ledger: &Ledger, index: u64) -> Result<Proven> {
    let proof = ledger.history().inclusion(index, &ledger.head(None)?, false)?.render();
    let leaf = String::from_utf8(ledger.entry(index)?.leaf);
    Ok(Proven { leaf: leaf.map_err(|_| DisputeReason::Mismatch("the entry is not text"))?, proof })
}

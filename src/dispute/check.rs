//! Checking an opening: by the ledger's public key, and by nothing else of the owner's.
//!
//! In order: the entry is in the signed tree and signed itself; what is opened is what the entry committed to; scores and bounds
//! follow from counts, biases and bits. The figures that are reported are those computed here. The owner's are compared with
//! them, and where they differ by more than another machine's logarithm may, the opening is refused.
//!
//! What is taken from the owner unchecked: how many recipients and readings were compared, and, unless the carrier key is open
//! and the leak at hand ([`check_leak`]), the counts and the number of windows.

use data_encoding::HEXLOWER;

use crate::commitment::{self, Salt, Subject};
use crate::error::Result;
use crate::evidence::alone::{self, Outcome};
use crate::evidence::counts::{Counts, Group};
use crate::evidence::decoder::Decoder;
use crate::evidence::log::Log;
use crate::evidence::verdict::{Family, Stage};
use crate::evidence::{score, windows};
use crate::keys::prf::DerivedKey;
use crate::ledger::entry::{self, Commitment};
use crate::ledger::proof::Inclusion;
use crate::ledger::{Entry, Event, Verifier, subset};
use crate::mark::code::bias_of;
use crate::mark::marker::Bit;
use crate::mark::policy::Policy;
use crate::table::format::find::Tables;
use crate::trace::again::read_again;

use super::exhibit::Exhibit;
use super::opening::{Carriers, Opening, Order, Proven, SCHEMA, View};
use super::reason::DisputeReason;

/// How far a score may be off, by its size: additions in another order.
const SCORE_SLACK: f64 = 1e-9;

/// How far a bound may be off, by its size: the last digit of a score may end the search for a tilt elsewhere. Each tilt gives a
/// bound that holds, so nothing is lost by that.
const BOUND_SLACK: f64 = 1e-3;

/// The longest code that a policy allows.
const MAX_CODE_LENGTH: u32 = 1 << 16;

/// `alpha` at most, as for a trace.
const MAX_ALPHA: f64 = 0.05;

/// What an opening shows, computed here.
#[derive(Clone, Debug)]
pub struct Checked {
    /// The release on record.
    pub release: entry::Opening,
    /// When it was recorded.
    pub time: String,
    /// Its number in the ledger.
    pub index: u64,
    /// Entries of the signed tree that has it.
    pub size: u64,
    /// Marked cells counted.
    pub reads: u64,
    /// Positions at which they were read.
    pub positions: u64,
    /// Those of them at which most reads agree with the recipient's bit.
    pub agreeing: u64,
    /// What each decoder makes of them.
    pub outcomes: Vec<Outcome>,
    /// The least bound, one try counted; a natural log.
    pub ln_p: f64,
    /// The same, all tries counted.
    pub ln_family_p: f64,
    /// Whether that lies below `alpha`.
    pub named: bool,
    /// The family-wise error.
    pub alpha: f64,
    /// Natural log of the number of recipients from which on the recipient would no longer be named.
    pub ln_recipients_allowed: f64,
}

type Checks<T> = Result<T, DisputeReason>;

/// Checks everything but the leak.
///
/// # Errors
/// `Integrity` if anything does not hold; the message says what.
pub fn check(opening: &Opening, verifier: &Verifier) -> Result<Checked> {
    if opening.schema != SCHEMA {
        return Err(DisputeReason::Malformed(format!("its schema is not `{SCHEMA}`")).into());
    }
    let (entry, index, size) = proven(&opening.entry, verifier)?;
    let time = entry.time.clone();
    let release = match entry.event {
        Event::Release(release) => release.opening,
        Event::ReleaseOpened(release) => release,
        _ => return Err(DisputeReason::Mismatch("the entry is no release").into()),
    };
    if (&release.release, &release.recipient) != (&opening.release, &opening.recipient) {
        return Err(DisputeReason::Mismatch("the entry is another release's").into());
    }
    let committed = release.commitment.as_ref();
    let committed = committed.ok_or(DisputeReason::Mismatch("the entry has no commitments"))?;
    let subject = subject(&release, committed)?;
    let bits = codeword(opening, subject, committed)?;
    let groups = groups(opening, subject)?;
    let biases = biases(opening, subject, committed, &groups)?;
    if let Some(carriers) = &opening.carriers {
        check_carriers(carriers, subject, committed, &release, verifier)?;
    }

    let (stage, decoders) = stage(opening, &groups)?;
    let bias = |position: u32| {
        let at = biases.partition_point(|&(known, _)| known < position);
        bias_of(biases[at].1)
    };
    let bit = |position| commitment::bit(&bits, position);
    let outcomes = alone::outcomes(decoders, &groups, bias, bit);
    let ln_p = alone::best(&outcomes).map_or(0.0, |best| best.ln_p);
    let family = family(opening)?;
    let ln_family_p = family.ln_family_p(stage, ln_p);
    let alpha = opening.claim.alpha;
    let checked = Checked {
        time,
        index,
        size,
        reads: groups.iter().map(|group| u64::from(group.zeros) + u64::from(group.ones)).sum(),
        positions: biases.len() as u64,
        agreeing: agreeing(&groups, bit),
        outcomes,
        ln_p,
        ln_family_p,
        named: ln_p < family.ln_threshold(stage, alpha),
        alpha,
        ln_recipients_allowed: Family { recipients: 1, ..family }.ln_threshold(stage, alpha) - ln_p,
        release,
    };
    check_claim(opening, &checked, |ln_p| family.ln_family_p(stage, ln_p))?;
    Ok(checked)
}

/// The entry that a proof is for, its number, and the entries of the tree.
fn proven(proven: &Proven, verifier: &Verifier) -> Result<(Entry, u64, u64)> {
    let proof = Inclusion::parse(proven.proof.as_bytes())?;
    let checkpoint = proof.check(proven.leaf.as_bytes(), verifier)?;
    let entry = entry::open_leaf(proven.leaf.as_bytes(), verifier)?;
    let entry = entry.ok_or(DisputeReason::Mismatch("the entry is of a later version"))?;
    Ok((entry, proof.index, checkpoint.size))
}

/// What the entry committed to.
fn subject<'a>(release: &'a entry::Opening, committed: &Commitment) -> Checks<Subject<'a>> {
    if committed.scheme != commitment::SCHEME {
        return Err(DisputeReason::Mismatch("its commitments are of another scheme"));
    }
    if !(1..=MAX_CODE_LENGTH).contains(&committed.code_length) {
        return Err(DisputeReason::Mismatch("no code is of that length"));
    }
    let code_length = committed.code_length;
    Ok(Subject { dataset: &release.dataset, epoch: release.key_epoch, code_length })
}

/// The packed bits, if they are those that were committed to.
fn codeword(opening: &Opening, subject: Subject, committed: &Commitment) -> Checks<Vec<u8>> {
    let wrong = DisputeReason::Mismatch("the codeword is not the one that was committed to");
    let salt = bytes_32(&opening.codeword.salt)?;
    let Ok(bits) = HEXLOWER.decode(opening.codeword.bits.as_bytes()) else { return Err(wrong) };
    let found = commitment::codeword_hash(subject, &opening.recipient, &salt, &bits);
    let is_whole = bits.len() == (subject.code_length as usize).div_ceil(8);
    if is_whole && HEXLOWER.encode(&found) == committed.codeword { Ok(bits) } else { Err(wrong) }
}

/// The counts, if they are well formed.
fn groups(opening: &Opening, subject: Subject) -> Checks<Vec<Group>> {
    let groups: Vec<Group> = opening
        .counts
        .iter()
        .map(|&(position, flip, zeros, ones)| Group { position, flip, zeros, ones })
        .collect();
    let place = |group: &Group| (group.position, group.flip);
    let in_order = groups.windows(2).all(|pair| place(&pair[0]) < place(&pair[1]));
    let is_possible = |group: &Group| {
        let is_read = group.zeros > 0 || group.ones > 0;
        group.position < subject.code_length && group.flip < Bit::NOTHING && is_read
    };
    if in_order && groups.iter().all(is_possible) {
        Ok(groups)
    } else {
        Err(DisputeReason::Mismatch("the counts are none of such a code"))
    }
}

/// The biases of the positions read, if they are those that were committed to.
fn biases(
    opening: &Opening,
    subject: Subject,
    committed: &Commitment,
    groups: &[Group],
) -> Checks<Vec<(u32, u16)>> {
    let mut read: Vec<u32> = groups.iter().map(|group| group.position).collect();
    read.dedup();
    if !opening.biases.iter().map(|(position, ..)| *position).eq(read) {
        return Err(DisputeReason::Mismatch("the biases are not those of the positions read"));
    }
    let wrong = || DisputeReason::Mismatch("the biases are not those that were committed to");
    if opening.biases.iter().any(|&(_, threshold, _)| threshold == 0) {
        return Err(wrong());
    }
    let leaf = |(position, threshold, salt): &(u32, u16, String)| {
        Ok((*position, commitment::bias_leaf(*position, *threshold, &bytes_32(salt)?)))
    };
    let shown = opening.biases.iter().map(leaf).collect::<Checks<Vec<_>>>()?;
    let proof = opening.biases_proof.iter().map(|hash| bytes_32(hash)).collect::<Checks<Vec<_>>>()?;
    let root = subset::root(subject.code_length, &shown, &proof).ok_or_else(wrong)?;
    if HEXLOWER.encode(&root) != committed.biases {
        return Err(wrong());
    }
    Ok(opening.biases.iter().map(|&(position, threshold, _)| (position, threshold)).collect())
}

/// How the part that was counted is paid for, and the decoders that are run on it.
fn stage(opening: &Opening, groups: &[Group]) -> Checks<(Stage, &'static [Decoder])> {
    match opening.view {
        View::Whole {} => Ok((Stage::WHOLE, &score::DECODERS)),
        View::Window { reads, windows, first_read: _, order: _ } => {
            let counted: u64 =
                groups.iter().map(|group| u64::from(group.zeros) + u64::from(group.ones)).sum();
            let number = usize::try_from(windows).ok().filter(|&windows| windows > 0 && counted == reads);
            let windows =
                number.ok_or(DisputeReason::Mismatch("the counts are not of a window of that size"))?;
            Ok((Stage::Windows { decoders: windows::DECODERS.len(), windows }, &windows::DECODERS))
        }
    }
}

fn family(opening: &Opening) -> Checks<Family> {
    let number = |number| usize::try_from(number).ok().filter(|&number| number > 0);
    let (recipients, readings) = (number(opening.tried.recipients), number(opening.tried.readings));
    match (recipients, readings) {
        (Some(recipients), Some(readings)) => Ok(Family { recipients, readings }),
        _ => Err(DisputeReason::Mismatch("nothing was compared")),
    }
}

/// Positions at which more reads agree with the recipient's bit than do not.
fn agreeing(groups: &[Group], bit: impl Fn(u32) -> bool) -> u64 {
    let by_position = groups.chunk_by(|a, b| a.position == b.position);
    let agrees = |groups: &&[Group]| {
        let sum = |count: fn(&Group) -> u32| groups.iter().map(|group| u64::from(count(group))).sum::<u64>();
        let (zeros, ones) = (sum(|group| group.zeros), sum(|group| group.ones));
        if bit(groups[0].position) { ones > zeros } else { zeros > ones }
    };
    by_position.filter(agrees).count() as u64
}

/// The owner's figures are those computed here; `pay` makes a bound the family-wise one.
fn check_claim(opening: &Opening, checked: &Checked, pay: impl Fn(f64) -> f64) -> Checks<()> {
    let claim = &opening.claim;
    if !(claim.alpha > 0.0 && claim.alpha <= MAX_ALPHA) {
        return Err(DisputeReason::Mismatch("alpha is none that names anybody"));
    }
    let same = |a: f64, b: f64, slack: f64| (a - b).abs() <= slack;
    let agree = claim.decoders.len() == checked.outcomes.len()
        && claim.decoders.iter().zip(&checked.outcomes).all(|(claimed, found)| {
            claimed.decoder == found.decoder.name()
                && same(claimed.score, found.score, SCORE_SLACK * (1.0 + found.score.abs()))
                && same(claimed.ln_p, found.ln_p, BOUND_SLACK * (1.0 + found.ln_p.abs()))
        });
    if !agree {
        return Err(DisputeReason::Mismatch("the scores do not follow from the counts"));
    }
    // What all tries cost is exact, whatever the search for the bound left open.
    let paid = pay(claim.decoders.iter().map(|decoder| decoder.ln_p).fold(0.0, f64::min));
    if !same(claim.ln_family_p, paid, SCORE_SLACK * (1.0 + paid.abs())) {
        return Err(DisputeReason::Mismatch("the family-wise bound does not follow from the scores"));
    }
    if claim.named != checked.named {
        return Err(DisputeReason::Mismatch("the verdict does not follow from the bound"));
    }
    Ok(())
}

/// The carrier key is the one that was committed to, and the policy is the one that the release names.
fn check_carriers(
    carriers: &Carriers,
    subject: Subject,
    committed: &Commitment,
    release: &entry::Opening,
    verifier: &Verifier,
) -> Result<()> {
    let (salt, key) = (bytes_32(&carriers.salt)?, bytes_32(&carriers.key)?);
    if HEXLOWER.encode(&commitment::carriers_hash(subject, &salt, &key)) != committed.carriers {
        return Err(DisputeReason::Mismatch("the carrier key is not the one that was committed to").into());
    }
    if blake3::hash(carriers.policy.as_bytes()).to_hex().as_str() != release.policy {
        return Err(DisputeReason::Mismatch("the policy is not the one of the release").into());
    }
    slots(carriers, release, verifier).map(drop)
}

/// The dataset's marked columns in their stable order, as they were when the policy was adopted.
fn slots(carriers: &Carriers, release: &entry::Opening, verifier: &Verifier) -> Result<Vec<String>> {
    let (entry, ..) = proven(&carriers.adopted, verifier)?;
    match entry.event {
        Event::PolicyAdopted { dataset, policy, slots, .. }
            if dataset == release.dataset && policy == release.policy =>
        {
            Ok(slots)
        }
        _ => Err(DisputeReason::Mismatch("the other entry does not adopt the release's policy").into()),
    }
}

/// Whether these are the files that the opening is about, whatever their names.
///
/// # Errors
/// `Usage` if not: most likely another file was named.
pub fn check_exhibits(opening: &Opening, found: &[Exhibit]) -> Result<()> {
    let bytes = |exhibit: &Exhibit| (exhibit.bytes, exhibit.blake3.clone(), exhibit.sha256.clone());
    if found.iter().map(bytes).eq(opening.leak.iter().map(bytes)) {
        return Ok(());
    }
    let sha256 = opening.leak.iter().map(|exhibit| exhibit.sha256.clone()).collect();
    Err(DisputeReason::OtherLeak { sha256 }.into())
}

/// Reads the leak again by the carrier key, and checks that the counts are what it says. The opening must have been
/// [checked](check).
///
/// # Errors
/// `Integrity` if they are not; `Usage` or `Data` if the leak can't be read without more of the owner.
pub fn check_leak(opening: &Opening, checked: &Checked, leak: Tables, verifier: &Verifier) -> Result<()> {
    let again = |why| DisputeReason::NotAgain(why);
    let carriers = opening.carriers.as_ref().ok_or(again("the opening has no carrier key"))?;
    if checked.release.model.is_some() {
        return Err(again("the dataset is marked by a model, which the owner keeps").into());
    }
    let tables = carriers.tables.as_ref();
    let tables =
        tables.ok_or(again("it was read beside the owner's original; `open --blind` reads it alone"))?;
    let policy = Policy::parse(&carriers.policy)?;
    let code_length = checked.release.commitment.as_ref().map(|committed| committed.code_length);
    if policy.name() != checked.release.dataset || Some(policy.code_length()) != code_length {
        return Err(DisputeReason::Mismatch("the policy is of another code than the commitments").into());
    }
    let slots = slots(carriers, &checked.release, verifier)?;
    let key = DerivedKey::disclosed(bytes_32(&carriers.key)?);
    let (counts, log) = read_again(leak, (&policy, &slots), &key, tables)?;
    let counts = match opening.view {
        View::Whole {} => counts,
        View::Window { order, first_read, reads, windows } => {
            window(opening, checked, &log, (order, first_read, reads, windows))?
        }
    };
    let found = counts.groups().map(|group| (group.position, group.flip, group.zeros, group.ones));
    if found.eq(opening.counts.iter().copied()) {
        return Ok(());
    }
    Err(DisputeReason::Mismatch("the counts are not what the leak says").into())
}

/// The counts of a window of the leak.
fn window(
    opening: &Opening,
    checked: &Checked,
    log: &Log,
    (order, first_read, reads, windows): (Order, u64, u64, u64),
) -> Checks<Counts> {
    let code_length =
        checked.release.commitment.as_ref().map_or(0, |committed| committed.code_length) as usize;
    let by_key = log.in_key_order();
    let orders = 1 + usize::from(by_key.is_some());
    let tried = windows::count(log.reads().len(), code_length, family(opening)?.recipients, orders);
    if tried as u64 != windows {
        return Err(DisputeReason::Mismatch("the leak has another number of windows"));
    }
    let in_order = match order {
        Order::File => Some(log.reads()),
        Order::Key => by_key.as_deref(),
    };
    let range = usize::try_from(first_read).ok().zip(usize::try_from(reads).ok());
    let range = range.and_then(|(first, reads)| Some(first..first.checked_add(reads)?));
    let reads = in_order.zip(range).and_then(|(reads, range)| reads.get(range));
    let reads = reads.ok_or(DisputeReason::Mismatch("the leak has no such window"))?;
    let mut counts = Counts::new(code_length);
    reads.iter().for_each(|read| counts.add(read.bit()));
    Ok(counts)
}

/// 32 bytes of lower-case hex.
fn bytes_32(hex: &str) -> Checks<Salt> {
    let bytes = HEXLOWER.decode(hex.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok());
    bytes.ok_or(DisputeReason::Mismatch("a salt, hash or key is not 32 bytes in hex"))
}

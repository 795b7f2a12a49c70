//! From what was read to what may be said.

use std::collections::HashMap;
use std::sync::Arc;

use crate::evidence::investigate::{FoundBy, Investigation, Named, investigate};
use crate::evidence::joint::Model;
use crate::evidence::map::Speaker;
use crate::evidence::score::CARRIERS_TO_NAME;
use crate::evidence::verdict::{Family, Stage, Verdict};
use crate::evidence::windows::Order;
use crate::known::SignedFor;
use crate::mark::code::{self, Code};
use crate::sketch::{Containment, Sketch};

use super::findings::{
    Accused, CandidateSummary, EvidenceSummary, Findings, FoundBySummary, IdenticalRelease, LeakSummary,
    Makeup, OriginalSummary, ReferenceSummary, ReleaseMatch, Share, Stretch,
};
use super::gather::ReadAs;
use super::read::Transcript;
use super::{Case, Examination, Examined, KnownRelease, Reading, Suspect, holdings, identical};

/// Candidates that a report lists at most, beside the accused.
const LISTED: usize = 20;

/// Releases that a report lists at most.
const RELEASES_LISTED: usize = 1_000;

/// From this power on marks that name nobody speak against every untouched copy, and the rows alone can't speak for one.
const MARKS_TELL: f64 = 0.5;

/// A reading with its scores.
struct Scored<'a> {
    read: &'a ReadAs,
    reading: &'a Reading,
    /// What the leak equals byte for byte, of whatever reading.
    identical: &'a [IdenticalRelease],
    investigation: Investigation,
    similarity: Option<Containment>,
}

pub(super) fn judge(path: &str, transcript: Transcript, case: &Case) -> Examined {
    // A reading without marks has no score and accuses nobody, so there is nothing to pay for.
    let readings = transcript.read.iter().filter(|read| read.has_marks).count();
    let family = Family { recipients: case.recipients.len(), readings };
    let identical = identical::releases(&transcript, case);
    let scored = transcript.read.iter().map(|read| Scored::new(read, &identical, case, family));
    let scored: Vec<Scored> = scored.collect();
    let best = scored.iter().min_by(|a, b| a.order(b));

    let exact = identical::sole_recipient(&identical);
    let accused = accuse(&scored, exact, case);
    let similarity = best.and_then(|scored| scored.similarity);
    let verdict = if exact.is_some() {
        Verdict::Exact
    } else if !accused.is_empty() {
        Verdict::Identified
    } else if !identical.is_empty() || similarity.is_some_and(|found| found.share > 0.0) {
        Verdict::Inconclusive
    } else {
        Verdict::NoMatch
    };

    let identical_sources = identical::sources(&transcript, case);
    // Marks that could have told, and the leak's very bytes, say more than its rows.
    let rows_decide =
        verdict == Verdict::Inconclusive && identical.is_empty() && identical_sources.is_empty();
    let unmarked = best.filter(|scored| rows_decide && !scored.marks_tell());
    let (guilt, guilt_basis) = unmarked.map(|scored| holdings::guilt(scored.read, case)).unwrap_or_default();

    let dataset = match (verdict, identical.first()) {
        (Verdict::NoMatch, _) => None,
        (_, Some(identical)) => Some(identical.dataset.clone()),
        (_, None) => best.map(|scored| scored.reading.policy.name().to_owned()),
    };
    let candidates = best.map(|scored| scored.candidates(case, family)).unwrap_or_default();
    let findings = Findings {
        schema: "dyepack.trace/1",
        verdict,
        alpha: case.alpha,
        dataset,
        leak: LeakSummary {
            path: path.to_owned(),
            format: transcript.format.clone(),
            delimiter: transcript.delimiter.map(|byte| char::from(byte).escape_default().to_string()),
            bytes: transcript.bytes,
            rows: transcript.rows,
            blake3: transcript.blake3.clone(),
            damage: transcript.damage.clone(),
            tables: transcript.tables.clone(),
            skipped: transcript.skipped.clone(),
        },
        accused,
        candidates: candidates.iter().take(LISTED).cloned().collect(),
        evidence: best.map(|scored| scored.summary(family)).unwrap_or_default(),
        similarity: similarity.map(Share::from),
        releases: best.map(|scored| scored.releases(|_| true)).unwrap_or_default(),
        guilt,
        guilt_basis,
        identical_releases: identical.clone(),
        identical_sources,
        unreadable: transcript.unreadable,
        columns: best.map(|scored| scored.read.columns.clone()).unwrap_or_default(),
        columns_missing: best.map(|scored| scored.read.columns_missing.clone()).unwrap_or_default(),
        reference: best.and_then(|scored| scored.reference()),
        makeup: best.and_then(|scored| scored.makeup()),
        source_map: best.map(|scored| scored.source_map(case)).unwrap_or_default(),
    };
    let investigations: Vec<Investigation> = scored.into_iter().map(|scored| scored.investigation).collect();
    let readings = transcript.read.into_iter().zip(investigations).map(|(read, investigation)| {
        let ReadAs { reading, counts, log, again, .. } = read;
        Examination { reading, counts, log, investigation, again }
    });
    Examined { findings, candidates, family, readings: readings.collect() }
}

impl<'a> Scored<'a> {
    fn new(
        read: &'a ReadAs,
        identical: &'a [IdenticalRelease],
        case: &'a Case,
        family: Family,
    ) -> Scored<'a> {
        let reading = &case.readings[read.reading];
        let (policy, epoch) = (&reading.policy, reading.epoch);
        let code = Code::new(case.secret, policy.name(), epoch, policy.code_length());
        let key = |recipient: usize| {
            code::codeword_key(case.secret, policy.name(), epoch, &case.recipients[recipient].id)
        };
        Scored {
            read,
            reading,
            identical,
            investigation: investigate(
                &read.counts,
                Some(&read.log),
                &code,
                case.recipients.len(),
                key,
                &family,
                case.alpha,
            ),
            similarity: read.known_share().or_else(|| similarity(&read.sketch, &reading.releases)),
        }
    }

    /// Readings by what they say: one that names somebody first, the surest first; then the one that most of the leak's rows
    /// belong to. Below the threshold scores are chance and decide nothing.
    fn order(&self, other: &Scored) -> std::cmp::Ordering {
        let share = |scored: &Scored| scored.similarity.map_or(0.0, |found| found.share);
        let carriers = |scored: &Scored| scored.read.counts.read();
        self.named_ln_p()
            .total_cmp(&other.named_ln_p())
            .then(share(other).total_cmp(&share(self)))
            .then(carriers(other).cmp(&carriers(self)))
    }

    /// The least bound if it names somebody, otherwise 0.
    fn named_ln_p(&self) -> f64 {
        self.investigation.named.first().map_or(0.0, |first| first.ln_family_p)
    }

    /// Whether the marks could have told whose copy it is. Beside the originals that needs no bit to be worth anything: cells
    /// that are all as in the original are no copy's.
    fn marks_tell(&self) -> bool {
        let beside = self.read.beside.iter().flat_map(|beside| beside.counts.carriers.iter().flatten());
        let seen: u64 = beside.map(|carriers| carriers.kept + carriers.changed).sum();
        self.investigation.power >= MARKS_TELL || seen >= CARRIERS_TO_NAME
    }

    fn candidates(&self, case: &Case, family: Family) -> Vec<CandidateSummary> {
        self.investigation
            .candidates
            .iter()
            .map(|candidate| CandidateSummary {
                recipient: case.recipients[candidate.recipient].id.clone(),
                decoder: candidate.decoder.name(),
                score: candidate.score,
                ln_p: candidate.ln_p,
                ln_family_p: family.ln_family_p(Stage::WHOLE, candidate.ln_p),
            })
            .collect()
    }

    fn summary(&self, family: Family) -> EvidenceSummary {
        EvidenceSummary {
            carriers_read: self.read.counts.read(),
            carriers_unreadable: self.read.unreadable.iter().map(|(_, n)| n).sum(),
            unreadable_by_column: self.read.unreadable.clone(),
            positions_read: self.investigation.positions,
            rows_aligned: self.read.rows_aligned,
            rows_repeated: self.read.rows_repeated,
            power: self.investigation.power,
            recipients_tried: family.recipients,
            decoders_tried: self.investigation.tried.decoders,
            readings_tried: family.readings,
            windows_tried: self.investigation.tried.windows,
            rounds_tried: self.investigation.tried.rounds,
            log_is_complete: self.read.log.is_complete(),
        }
    }

    /// What the originals told, if there were any.
    fn reference(&self) -> Option<ReferenceSummary> {
        let beside = self.read.beside.as_ref()?;
        let sources = beside.originals.iter().map(|(blake3, rows)| {
            let same = |release: &&KnownRelease| release.source_blake3 == *blake3;
            let releases = self.reading.releases.iter().filter(same).map(|release| release.release.clone());
            OriginalSummary { blake3: blake3.clone(), rows: *rows, releases: releases.collect() }
        });
        Some(ReferenceSummary {
            sources: sources.collect(),
            rows_by_key: beside.counts.by_key,
            rows_by_content: beside.counts.by_content,
            rows_ambiguous: beside.counts.ambiguous,
            rows_foreign: beside.counts.foreign,
            cells_kept: beside.carriers.kept,
            cells_changed: beside.carriers.changed,
            cells_altered: beside.carriers.altered,
            cells_missing: beside.carriers.missing,
        })
    }

    /// What the leak is made of, once somebody is named.
    fn makeup(&self) -> Option<Makeup> {
        let Investigation { named, shares, suggested_colluders, .. } = &self.investigation;
        (!named.is_empty()).then_some(Makeup {
            suggested_colluders: *suggested_colluders,
            others: shares.others,
            unmarked: shares.coins,
        })
    }

    fn source_map(&self, case: &Case) -> Vec<Stretch> {
        let stretches = self.investigation.map.iter().map(|segment| {
            let (speaker, recipient) = match segment.speaker {
                Speaker::Recipient(recipient) => ("recipient", Some(case.recipients[recipient].id.clone())),
                Speaker::Others => ("others", None),
                Speaker::Mixed => ("mixed", None),
            };
            Stretch {
                first_row: u64::from(segment.first_row) + 1,
                last_row: u64::from(segment.last_row) + 1,
                speaker,
                recipient,
                carriers: segment.reads,
                ln_ratio: segment.ln_ratio,
            }
        });
        stretches.collect()
    }

    /// The place of a release among those that the leak equals.
    fn identical(&self, release: &str) -> Option<usize> {
        self.identical.iter().position(|identical| identical.release == release)
    }

    /// The reading's releases that pass `wanted`: first what the leak is byte for byte, then those that hold most of it, the
    /// latest first among equals.
    fn releases(&self, wanted: impl Fn(&KnownRelease) -> bool) -> Vec<ReleaseMatch> {
        // Releases of one source share their sketch; comparing it once is enough.
        let mut compared: HashMap<*const Sketch, Option<Containment>> = HashMap::new();
        let mut matches: Vec<ReleaseMatch> = self
            .reading
            .releases
            .iter()
            .filter(|release| wanted(release))
            .map(|release| {
                let sketch = &*release.sketch;
                let found = *compared
                    .entry(sketch)
                    .or_insert_with(|| self.read.sketch.containment(std::iter::once(sketch)));
                ReleaseMatch {
                    release: release.release.clone(),
                    recipient: release.recipient.clone(),
                    time: release.time.clone(),
                    containment: found.map(|found| found.share),
                    standard_error: found.map(|found| found.standard_error),
                    receipt: None,
                }
            })
            .collect();
        matches.reverse();
        matches.sort_by(|a, b| b.containment.unwrap_or(0.0).total_cmp(&a.containment.unwrap_or(0.0)));
        matches.sort_by_key(|listed| self.identical(&listed.release).unwrap_or(usize::MAX));
        matches.truncate(RELEASES_LISTED);
        // Signatures take a while: those of the listed ones are checked.
        for listed in &mut matches {
            let release = self.reading.releases.iter().find(|release| release.release == listed.release);
            listed.receipt = release.and_then(|release| SignedFor::of(release.receipt.as_ref()?));
        }
        matches
    }
}

/// Everybody below alpha in any reading, and the sole recipient of these very bytes.
fn accuse(scored: &[Scored], exact: Option<&str>, case: &Case) -> Vec<Accused> {
    let mut accused: Vec<Accused> = Vec::new();
    for (scored, named) in
        scored.iter().flat_map(|scored| scored.investigation.named.iter().map(move |named| (scored, named)))
    {
        let suspect = &case.recipients[named.recipient];
        if exact.is_some_and(|id| id != suspect.id) {
            continue;
        }
        match accused.iter_mut().find(|known| known.recipient == suspect.id) {
            Some(known) if known.ln_family_p.is_some_and(|known| known <= named.ln_family_p) => {}
            Some(known) => *known = name(suspect, Some(named), Some(scored)),
            None => accused.push(name(suspect, Some(named), Some(scored))),
        }
    }
    if let Some(id) = exact
        && accused.is_empty()
    {
        let unregistered = Suspect { id: id.to_owned(), name: None };
        let suspect = case.recipients.iter().find(|suspect| suspect.id == id).unwrap_or(&unregistered);
        let with = |is_wanted: &dyn Fn(&Scored, &KnownRelease) -> bool| {
            let has_one =
                |scored: &&Scored| scored.reading.releases.iter().any(|release| is_wanted(scored, release));
            scored.iter().find(has_one)
        };
        let holds = with(&|scored, release| scored.identical(&release.release).is_some())
            .or_else(|| with(&|_, release| release.recipient == id));
        accused.push(name(suspect, None, holds));
    }
    accused.sort_by(|a, b| a.ln_family_p.unwrap_or(0.0).total_cmp(&b.ln_family_p.unwrap_or(0.0)));
    accused
}

fn name(suspect: &Suspect, named: Option<&Named>, scored: Option<&Scored>) -> Accused {
    let shares = scored.map(|scored| scored.investigation.shares.accused.iter());
    let share = |named: &Named| {
        shares.into_iter().flatten().find(|(id, _)| *id == named.recipient).map(|(_, share)| *share)
    };
    Accused {
        recipient: suspect.id.clone(),
        name: suspect.name.clone(),
        dataset: scored.map(|scored| scored.reading.policy.name().to_owned()),
        key_epoch: scored.map(|scored| scored.reading.epoch),
        ln_family_p: named.map(|named| named.ln_family_p),
        found_by: named.map(|named| FoundBySummary::from(named.found_by)),
        share: named.and_then(share),
        releases: scored
            .map(|scored| scored.releases(|release| release.recipient == suspect.id))
            .unwrap_or_default(),
    }
}

/// The share of the leak that is ours: its rows in any release, or, where that compares too few because one release is so large
/// that its sample is thin, its rows in the release that holds most of them.
fn similarity(leak: &Sketch, releases: &[KnownRelease]) -> Option<Containment> {
    /// Fewer rows than this give a share to no better than 20 percentage points.
    const ENOUGH_ROWS: u64 = 25;
    // Releases of one source share their sketch; comparing it once is enough.
    let sketches = releases.iter().enumerate().filter_map(|(i, release)| {
        let known = releases[..i].iter().any(|earlier| Arc::ptr_eq(&earlier.sketch, &release.sketch));
        (!known).then_some(&*release.sketch)
    });
    let of_any = leak.containment(sketches.clone());
    if of_any.is_some_and(|found| found.compared >= ENOUGH_ROWS) {
        return of_any;
    }
    let of_each = sketches.filter_map(|sketch| leak.containment(std::iter::once(sketch)));
    of_each.chain(of_any).max_by(|a, b| a.share.total_cmp(&b.share).then(a.compared.cmp(&b.compared)))
}

impl From<FoundBy> for FoundBySummary {
    fn from(found_by: FoundBy) -> FoundBySummary {
        match found_by {
            FoundBy::Whole { decoder } => FoundBySummary::Whole { decoder: decoder.name() },
            FoundBy::Window { order, first_row, last_row, decoder, .. } => FoundBySummary::Window {
                order: match order {
                    Order::File => "file",
                    Order::Key => "key",
                },
                first_row: u64::from(first_row) + 1,
                last_row: u64::from(last_row) + 1,
                decoder: decoder.name(),
            },
            FoundBy::Joint { round, model } => FoundBySummary::Joint {
                round,
                model: match model {
                    Model::Share(share) => format!("a share of {:.1} %", 100.0 * share),
                    Model::Colluders(colluders) => format!("{colluders} colluders"),
                },
            },
        }
    }
}

impl From<Containment> for Share {
    fn from(found: Containment) -> Share {
        Share { share: found.share, standard_error: found.standard_error, compared: found.compared }
    }
}

//! From what was read to what may be said.

use std::sync::Arc;

use crate::evidence::score::{Candidate, DECODERS, Decoder, Evidence};
use crate::evidence::verdict::{Family, Stage, Verdict};
use crate::mark::code::{self, Code};
use crate::sketch::{Containment, Sketch};

use super::findings::{
    Accused, CandidateSummary, EvidenceSummary, Findings, IdenticalRelease, LeakSummary, ReleaseMatch, Share,
};
use super::gather::ReadAs;
use super::read::Transcript;
use super::{Case, KnownRelease, Reading, Suspect};

/// Candidates and releases that a report lists at most, beside the accused.
const LISTED: usize = 20;

/// A reading with its scores.
struct Scored<'a> {
    read: &'a ReadAs,
    reading: &'a Reading,
    ranking: Vec<Candidate>,
    positions: u64,
    ln_threshold: f64,
    power: f64,
    similarity: Option<Containment>,
}

pub(super) fn judge(path: &str, transcript: Transcript, case: &Case) -> Findings {
    let family = Family { recipients: case.recipients.len(), readings: transcript.read.len() };
    let scored: Vec<Scored> = transcript.read.iter().map(|read| Scored::new(read, case, family)).collect();
    let best = scored.iter().min_by(|a, b| a.order(b));

    let identical = identical_releases(&transcript.blake3, case);
    let exact = sole_recipient(&identical);
    let accused = accuse(&scored, exact, case, family);
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

    let dataset = match (verdict, identical.first()) {
        (Verdict::NoMatch, _) => None,
        (_, Some(identical)) => Some(identical.dataset.clone()),
        (_, None) => best.map(|scored| scored.reading.policy.name().to_owned()),
    };
    Findings {
        schema: "dyepack.trace/1",
        verdict,
        alpha: case.alpha,
        dataset,
        leak: LeakSummary {
            path: path.to_owned(),
            format: "csv",
            delimiter: char::from(transcript.delimiter).escape_default().to_string(),
            bytes: transcript.bytes,
            rows: transcript.rows,
            blake3: transcript.blake3.clone(),
            damage: transcript.damage.clone(),
        },
        accused,
        candidates: best.map(|scored| scored.candidates(case, family)).unwrap_or_default(),
        evidence: best.map(|scored| scored.summary(family)).unwrap_or_default(),
        similarity: similarity.map(Share::from),
        releases: best.map(|scored| scored.releases(|_| true)).unwrap_or_default(),
        identical_releases: identical,
        identical_sources: releases_of(case)
            .filter(|(_, release)| release.source_blake3 == transcript.blake3)
            .map(|(_, release)| release.release.clone())
            .collect(),
        unreadable: transcript.unreadable,
        columns: best.map(|scored| scored.read.columns.clone()).unwrap_or_default(),
        columns_missing: best.map(|scored| scored.read.columns_missing.clone()).unwrap_or_default(),
    }
}

impl<'a> Scored<'a> {
    fn new(read: &'a ReadAs, case: &'a Case, family: Family) -> Scored<'a> {
        let reading = &case.readings[read.reading];
        let (policy, epoch) = (&reading.policy, reading.epoch);
        let code = Code::new(case.secret, policy.name(), epoch, policy.code_length());
        let evidence = Evidence::new(&read.counts, &code);
        let ln_threshold = family.ln_threshold(Stage::WHOLE, case.alpha);
        let scores = evidence.score_all(&code, case.recipients.len(), |recipient| {
            code::codeword_key(case.secret, policy.name(), epoch, &case.recipients[recipient].id)
        });
        Scored {
            read,
            reading,
            ranking: evidence.rank(&scores, ln_threshold),
            positions: evidence.positions(),
            ln_threshold,
            power: evidence.power(ln_threshold),
            similarity: similarity(&read.sketch, &reading.releases),
        }
    }

    /// Readings by what they say: one that names somebody first, the surest first; then the one that most of the leak's rows
    /// belong to. Below the threshold scores are chance and decide nothing.
    fn order(&self, other: &Scored) -> std::cmp::Ordering {
        let share = |scored: &Scored| scored.similarity.map_or(0.0, |found| found.share);
        self.named_ln_p().total_cmp(&other.named_ln_p()).then(share(other).total_cmp(&share(self)))
    }

    /// The least bound if it names somebody, otherwise 0.
    fn named_ln_p(&self) -> f64 {
        self.ranking
            .first()
            .map_or(0.0, |first| if first.ln_p < self.ln_threshold { first.ln_p } else { 0.0 })
    }

    fn candidates(&self, case: &Case, family: Family) -> Vec<CandidateSummary> {
        self.ranking
            .iter()
            .take(LISTED)
            .map(|candidate| CandidateSummary {
                recipient: case.recipients[candidate.recipient].id.clone(),
                decoder: decoder_name(candidate.decoder),
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
            positions_read: self.positions,
            rows_aligned: self.read.rows_aligned,
            rows_repeated: self.read.rows_repeated,
            power: self.power,
            recipients_tried: family.recipients,
            decoders_tried: DECODERS.len(),
            readings_tried: family.readings,
        }
    }

    /// The reading's releases that pass `wanted`, those that hold most of the leak first, the latest first among equals.
    fn releases(&self, wanted: impl Fn(&KnownRelease) -> bool) -> Vec<ReleaseMatch> {
        let mut matches: Vec<ReleaseMatch> = self
            .reading
            .releases
            .iter()
            .filter(|release| wanted(release))
            .map(|release| {
                let found = self.read.sketch.containment(std::iter::once(&*release.sketch));
                ReleaseMatch {
                    release: release.release.clone(),
                    recipient: release.recipient.clone(),
                    time: release.time.clone(),
                    containment: found.map(|found| found.share),
                    standard_error: found.map(|found| found.standard_error),
                }
            })
            .collect();
        matches.reverse();
        matches.sort_by(|a, b| b.containment.unwrap_or(0.0).total_cmp(&a.containment.unwrap_or(0.0)));
        matches.truncate(LISTED);
        matches
    }
}

/// Everybody below alpha in any reading, and the sole recipient of these very bytes.
fn accuse(scored: &[Scored], exact: Option<&str>, case: &Case, family: Family) -> Vec<Accused> {
    let mut accused: Vec<Accused> = Vec::new();
    for (scored, suspect, ln_p) in scored.iter().flat_map(|scored| {
        scored
            .ranking
            .iter()
            .map(move |candidate| (scored, &case.recipients[candidate.recipient], candidate.ln_p))
    }) {
        let ln_family_p = family.ln_family_p(Stage::WHOLE, ln_p);
        let is_named = ln_family_p < case.alpha.ln() && exact.is_none_or(|id| id == suspect.id);
        if !is_named {
            continue;
        }
        match accused.iter_mut().find(|known| known.recipient == suspect.id) {
            Some(known) if known.ln_family_p.is_some_and(|known| known <= ln_family_p) => {}
            Some(known) => *known = name(suspect, Some(ln_family_p), Some(scored)),
            None => accused.push(name(suspect, Some(ln_family_p), Some(scored))),
        }
    }
    if let Some(id) = exact
        && accused.is_empty()
    {
        let unregistered = Suspect { id: id.to_owned(), name: None };
        let suspect = case.recipients.iter().find(|suspect| suspect.id == id).unwrap_or(&unregistered);
        let holds = scored
            .iter()
            .find(|scored| scored.reading.releases.iter().any(|release| release.recipient == id));
        accused.push(name(suspect, None, holds));
    }
    accused.sort_by(|a, b| a.ln_family_p.unwrap_or(0.0).total_cmp(&b.ln_family_p.unwrap_or(0.0)));
    accused
}

fn name(suspect: &Suspect, ln_family_p: Option<f64>, scored: Option<&Scored>) -> Accused {
    Accused {
        recipient: suspect.id.clone(),
        name: suspect.name.clone(),
        dataset: scored.map(|scored| scored.reading.policy.name().to_owned()),
        ln_family_p,
        releases: scored
            .map(|scored| scored.releases(|release| release.recipient == suspect.id))
            .unwrap_or_default(),
    }
}

fn identical_releases(blake3: &str, case: &Case) -> Vec<IdenticalRelease> {
    releases_of(case)
        .filter(|(_, release)| release.output_blake3 == blake3)
        .map(|(reading, release)| IdenticalRelease {
            release: release.release.clone(),
            recipient: release.recipient.clone(),
            dataset: reading.policy.name().to_owned(),
            marked: release.is_marked(),
        })
        .collect()
}

fn releases_of<'a>(case: &Case<'a>) -> impl Iterator<Item = (&'a Reading, &'a KnownRelease)> {
    case.readings.iter().flat_map(|reading| reading.releases.iter().map(move |release| (reading, release)))
}

/// The one recipient who was given these bytes. Nobody, if two were given the same, which happens with few carriers, or if no
/// cell was changed, since then whoever has the source has the same bytes.
fn sole_recipient(identical: &[IdenticalRelease]) -> Option<&str> {
    let first = identical.first()?;
    let sole = identical.iter().all(|release| release.recipient == first.recipient && release.marked);
    sole.then_some(first.recipient.as_str())
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

fn decoder_name(decoder: Decoder) -> String {
    match decoder {
        Decoder::Symmetric => "symmetric".into(),
        Decoder::Likelihood(colluders) => format!("likelihood ratio, {colluders} colluders"),
        Decoder::Agreement => "agreement".into(),
        Decoder::Noisy(percent) => format!("likelihood ratio, {percent} % noise"),
    }
}

impl From<Containment> for Share {
    fn from(found: Containment) -> Share {
        Share { share: found.share, standard_error: found.standard_error, compared: found.compared }
    }
}

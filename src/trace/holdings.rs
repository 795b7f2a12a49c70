//! Who was given the leak's rows, where its marks can't tell.
//!
//! Only for the reader's orientation: nothing here names anybody, and nothing here looks at a mark.

use std::collections::BTreeMap;

use crate::evidence::guilt::{self, ELSEWHERE};
use crate::sketch::Sketch;

use super::findings::{GuiltBasis, GuiltSummary};
use super::gather::ReadAs;
use super::{Case, Reading};

/// Recipients that a report lists at most.
const LISTED: usize = 1_000;

/// What the rows of the leak, read as one dataset, suggest of everybody who was given rows of it.
pub(super) fn guilt(read: &ReadAs, case: &Case) -> (Vec<GuiltSummary>, Option<GuiltBasis>) {
    let reading = &case.readings[read.reading];
    let mut held: BTreeMap<&str, Vec<&Sketch>> = BTreeMap::new();
    // Under another policy the same rows have the same numbers, as long as they are identified by the same columns.
    for release in case.readings.iter().filter(|other| same_rows(reading, other)).flat_map(|r| &r.releases) {
        held.entry(&release.recipient).or_default().push(&release.sketch);
    }
    let (recipients, holdings): (Vec<&str>, Vec<Vec<&Sketch>>) = held.into_iter().unzip();
    let found = guilt::suspicion(&read.sketch, &holdings, ELSEWHERE);
    if found.guilt.is_empty() {
        return (Vec::new(), None);
    }
    let basis = GuiltBasis {
        rows_compared: found.rows_compared,
        elsewhere: ELSEWHERE,
        tells_apart: found.tells_apart,
        recipients: found.guilt.len(),
    };
    let summary = |guilt: &guilt::Guilt| GuiltSummary {
        recipient: recipients[guilt.recipient].to_owned(),
        probability: guilt.probability,
        rows_shared: guilt.rows_shared,
        rows_only_theirs: guilt.rows_only_theirs,
    };
    (found.guilt.iter().take(LISTED).map(summary).collect(), Some(basis))
}

/// Whether two readings number the same rows alike.
fn same_rows(a: &Reading, b: &Reading) -> bool {
    let name = |reading: &Reading| (reading.policy.name().to_owned(), reading.epoch);
    name(a) == name(b) && a.policy.identity().eq(b.policy.identity())
}

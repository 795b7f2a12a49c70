//! Reading with the owner's originals: which of them fit the leak, and what its sample tells of the damage.
//!
//! A dataset may have been released from several sources, one a month say. Each is a referee; a row of the leak is read by the
//! first who knows it. Only those are asked who know rows of the sample, and if nobody does, the leak is read without them.
//!
//! Invariant: all of this looks at the leak, the originals and the carrier key, never at a codeword (see
//! [`leak::rows`](crate::leak::rows)).

use std::borrow::Cow;
use std::collections::HashMap;

use crate::leak::cells::Cells;
use crate::leak::columns::ColumnMatch;
use crate::leak::referee::{CarrierCounts, Referee, RefereeScratch, RowReads};
use crate::leak::reference::Reference;
use crate::leak::repair::{Repair, RepairedRow, is_mark_apart};
use crate::leak::rows::{Aligner, Alignment, Pair};
use crate::mark::marker::Marker;
use crate::table::Row;
use crate::table::value::is_missing;

use super::Original;
use super::mend::Mended;

/// Rows of the sample that a source must know to be read beside the leak: one in a hundred.
const KNOWN_ONE_IN: usize = 100;

/// A row of the sample, kept.
pub(super) struct SampleRow(Vec<Vec<u8>>);

impl SampleRow {
    pub(super) fn of(row: &impl Row, width: usize) -> SampleRow {
        SampleRow((0..width).map(|column| row.cell(column).into_owned()).collect())
    }
}

impl SampleRow {
    /// Adds its cells to those of each column.
    pub(super) fn add_to(&self, columns: &mut [Cells]) {
        columns.iter_mut().enumerate().for_each(|(column, cells)| cells.add(&self.cell(column)));
    }
}

impl Row for SampleRow {
    fn cell(&self, column: usize) -> Cow<'_, [u8]> {
        Cow::Borrowed(self.0.get(column).map_or(b"", Vec::as_slice))
    }
}

/// Originals of one reading, prepared for the last table that was read beside each of them. A folder has many tables with the
/// same columns, and to prepare an original takes longer than to read most tables.
#[derive(Default)]
pub(super) struct Prepared(HashMap<String, (Vec<Pair>, Aligner)>);

impl Prepared {
    fn aligner(&mut self, original: &Original, marker: &Marker, pairs: &[Pair]) -> Aligner {
        match self.0.get(&original.source_blake3) {
            Some((known, aligner)) if known == pairs => aligner.clone(),
            _ => {
                let aligner = Aligner::new(&original.reference, marker, pairs);
                self.0.insert(original.source_blake3.clone(), (pairs.to_vec(), aligner.clone()));
                aligner
            }
        }
    }
}

/// The originals at work.
pub(super) struct Beside<'a> {
    referees: Vec<Referee<'a>>,
    /// Hex BLAKE3 of the source of each.
    sources: Vec<&'a str>,
}

/// Buffers of one worker.
#[derive(Default)]
pub(super) struct BesideScratch {
    referee: RefereeScratch,
    pub reads: RowReads,
}

/// How rows and carriers fared beside the originals.
#[derive(Clone, Debug, Default)]
pub(super) struct BesideCounts {
    pub by_key: u64,
    pub by_content: u64,
    /// Rows that several rows of ours fit alike.
    pub ambiguous: u64,
    /// Rows that none of ours fits.
    pub foreign: u64,
    /// By referee and column of its plan.
    pub carriers: Vec<Vec<CarrierCounts>>,
}

/// How rows of a part fare beside the originals: what tells whether it was damaged as other parts were.
#[derive(Default)]
pub(super) struct Fare {
    /// Rows that are found.
    found: Share,
    /// Marked cells that are the original's or a mark apart from it, by column of the leak.
    agreeing: Vec<Share>,
}

#[derive(Clone, Copy, Default)]
struct Share {
    n: u64,
    of: u64,
}

impl Share {
    fn add(&mut self, is_so: bool) {
        self.n += u64::from(is_so);
        self.of += 1;
    }

    /// Whether a part's share may well be this one: it is no more than a quarter off, and what chance does to so few.
    fn may_be(self, part: Share) -> bool {
        let share = |share: Share| share.n as f64 / share.of as f64;
        let both = self.of > 0 && part.of > 0;
        !both || (share(self) - share(part)).abs() <= 0.25 + 1.0 / (part.of as f64).sqrt()
    }
}

impl Fare {
    /// Whether a part fares as these rows did.
    pub(super) fn may_be(&self, part: &Fare) -> bool {
        let mut agreeing = self.agreeing.iter().zip(&part.agreeing);
        self.found.may_be(part.found) && agreeing.all(|(known, part)| known.may_be(*part))
    }
}

/// Where a row was found.
pub(super) struct Place {
    /// The row's number in sketches.
    pub id: u64,
    /// Where it stands in the order of keys.
    pub rank: u64,
}

impl<'a> Beside<'a> {
    /// Prepares the originals that know rows of the sample, and what they tell of the damage; `None` if none does. `repairs`
    /// are those of the leak's columns, guessed so far.
    pub(super) fn new(
        originals: &'a [Original],
        marker: impl Fn(&Reference) -> Option<Marker>,
        columns: &[ColumnMatch],
        repairs: &[Repair],
        sample: &[SampleRow],
        prepared: &mut Prepared,
    ) -> Option<(Beside<'a>, Mended)> {
        let mut unknown: Vec<&SampleRow> = sample.iter().collect();
        let (mut referees, mut sources) = (Vec::new(), Vec::new());
        let mut mended = Mended::guessed(repairs);
        for original in originals {
            let reference = &*original.reference;
            let Some(marker) = marker(reference) else { continue };
            let pairs = pairs(reference, columns);
            let aligner = prepared.aligner(original, &marker, &pairs);
            let mut referee = Referee::prepared(reference, marker, &pairs, aligner);
            referee.learn(unknown.iter().map(|row| RepairedRow::new(*row, &mended.repairs)));
            if !mended.is_fitted() {
                mended.fit(&referee, columns, &unknown);
                referee.learn(unknown.iter().map(|row| RepairedRow::new(*row, &mended.repairs)));
            }
            mended.soften(&mut referee);
            let mut scratch = RefereeScratch::default();
            let before = unknown.len();
            unknown.retain(|row| {
                let row = RepairedRow::new(*row, &mended.repairs);
                referee.align(&row, &mut scratch) == Alignment::Foreign
            });
            if before > unknown.len() && (before - unknown.len()) * KNOWN_ONE_IN >= sample.len() {
                referees.push(referee);
                sources.push(original.source_blake3.as_str());
            }
        }
        (!referees.is_empty()).then_some((Beside { referees, sources }, mended))
    }

    /// The originals in use: hex BLAKE3 of the source, and rows.
    pub(super) fn sources(&self) -> Vec<(String, u64)> {
        let referees = self.sources.iter().zip(&self.referees);
        referees.map(|(blake3, referee)| ((*blake3).to_owned(), referee.reference().len() as u64)).collect()
    }

    /// How rows fare.
    pub(super) fn fare(&self, rows: &[SampleRow], repairs: &[Repair]) -> Fare {
        let (mut fare, mut scratch) = (Fare::default(), RefereeScratch::default());
        fare.agreeing.resize(repairs.len(), Share::default());
        for row in rows {
            let row = RepairedRow::new(row, repairs);
            let mut referees = self.referees.iter();
            let found =
                referees.find_map(|referee| Some((referee, referee.align(&row, &mut scratch).row()?)));
            fare.found.add(found.is_some());
            let Some((referee, number)) = found else { continue };
            let original = referee.reference().row(number);
            for (i, column) in referee.marker().plan().columns.iter().enumerate() {
                let Some(index) = referee.leaked_index(i) else { continue };
                let (leaked, ours) = (row.cell(index), original.text(column.index));
                if !is_missing(&leaked) && !is_missing(ours) {
                    fare.agreeing[index].add(is_mark_apart(&leaked, ours, column.channel.reach()));
                }
            }
        }
        fare
    }

    /// Nothing counted yet.
    pub(super) fn no_counts(&self) -> BesideCounts {
        let carriers = self
            .referees
            .iter()
            .map(|referee| vec![CarrierCounts::default(); referee.marker().plan().columns.len()]);
        BesideCounts { carriers: carriers.collect(), ..BesideCounts::default() }
    }

    /// Reads one leaked row into the scratch and counts it; gives where it was found.
    pub(super) fn read(
        &self,
        leaked: &impl Row,
        scratch: &mut BesideScratch,
        counts: &mut BesideCounts,
    ) -> Option<Place> {
        let mut is_ambiguous = false;
        for (referee, carriers) in self.referees.iter().zip(&mut counts.carriers) {
            let alignment = referee.read(leaked, &mut scratch.referee, &mut scratch.reads);
            let row = match alignment {
                Alignment::Key(row) => {
                    counts.by_key += 1;
                    row
                }
                Alignment::Content(row) => {
                    counts.by_content += 1;
                    row
                }
                Alignment::Ambiguous | Alignment::Foreign => {
                    is_ambiguous |= alignment == Alignment::Ambiguous;
                    continue;
                }
            };
            scratch.reads.count(carriers);
            let rank = referee.marker().plan().rank(&referee.reference().row(row));
            return scratch.reads.id.map(|id| Place { id, rank });
        }
        *(if is_ambiguous { &mut counts.ambiguous } else { &mut counts.foreign }) += 1;
        None
    }

    /// The carriers of each column, over all referees.
    pub(super) fn by_column(&self, counts: &BesideCounts) -> Vec<(String, CarrierCounts)> {
        let mut columns: Vec<(String, CarrierCounts)> = Vec::new();
        for (referee, carriers) in self.referees.iter().zip(&counts.carriers) {
            for (column, counts) in referee.marker().plan().columns.iter().zip(carriers) {
                match columns.iter_mut().find(|(name, _)| *name == column.name) {
                    Some((_, sum)) => sum.merge(counts),
                    None => columns.push((column.name.clone(), *counts)),
                }
            }
        }
        columns
    }
}

impl BesideCounts {
    /// Adds another part of the leak, and empties it.
    pub(super) fn take(&mut self, other: &mut BesideCounts) {
        self.by_key += std::mem::take(&mut other.by_key);
        self.by_content += std::mem::take(&mut other.by_content);
        self.ambiguous += std::mem::take(&mut other.ambiguous);
        self.foreign += std::mem::take(&mut other.foreign);
        let mine = self.carriers.iter_mut().flatten();
        mine.zip(other.carriers.iter_mut().flatten())
            .for_each(|(mine, other)| mine.merge(&std::mem::take(other)));
    }

    /// Adds another table, read beside whatever originals.
    pub(super) fn join(&mut self, mut other: BesideCounts) {
        let carriers = std::mem::take(&mut other.carriers);
        self.take(&mut other);
        self.carriers.extend(carriers);
    }

    /// Rows that are ours, as far as can be told.
    pub(super) fn ours(&self) -> u64 {
        self.by_key + self.by_content + self.ambiguous
    }
}

/// Which columns original and leak have in common.
fn pairs(original: &Reference, columns: &[ColumnMatch]) -> Vec<Pair> {
    let place = |found: &ColumnMatch| {
        let ours = original.header().iter().position(|name| *name == found.ours)?;
        Some(Pair { ours, leaked: found.index })
    };
    columns.iter().filter_map(place).collect()
}

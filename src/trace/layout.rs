//! What was learned of a table's columns, kept for other tables of the same header.
//!
//! A folder may hold thousands of parts of one table. To find the columns of each anew takes longer than to read it, and a
//! part of a few rows tells little by itself. So a part is first held against the layouts that are known: if its cells look
//! as they should under one ([`Pattern`](crate::leak::columns::Pattern), and [`Fare`] beside the originals), it is read so,
//! and its rows join what the layout is learned from, which is done again whenever they have doubled. Otherwise it is looked
//! at by itself, as the only table of a leak would be. If that tells nothing that a known layout does not, the part is read
//! by that one; else it was damaged in another way, and has a layout of its own.
//!
//! Invariant: a layout depends on the leak, on keyed sketches, on the originals and on the carrier key, never on a codeword.

use std::cell::OnceCell;
use std::io::Read;
use std::sync::Arc;

use crate::error::Result;
use crate::leak::intake::{Intake, SAMPLE_ROWS};
use crate::sketch::Sketch;
use crate::table::value::DateOrder;

use super::beside::{Fare, Prepared};
use super::findings::Unreadable;
use super::reader::{Columns, How, Reader, Table, date_order, sketch};
use super::{Case, Options, Original};

/// Layouts that are kept, the last used ones: each may hold an index of the originals.
const MOST_LAYOUTS: usize = 4;

/// Rows from which a layout is learned for good: half a sample, since it is learned anew each time that they double.
const ENOUGH_ROWS: usize = SAMPLE_ROWS / 2;

/// Rows of a part that are held against a layout, once that has learned enough.
const CHECKED_ROWS: usize = 64;

/// And beside the originals, where it costs as much as reading them.
const FARED_ROWS: usize = 32;

/// Rows that tell how they should fare there.
const KNOWN_FARED_ROWS: usize = 256;

/// What layouts are learned from, beside the leak.
pub(super) struct Sources {
    /// Of the latest release, by index of the reading.
    sketches: Vec<Arc<Sketch>>,
    /// By index of the reading; those that were asked for.
    originals: Vec<OnceCell<Vec<Original>>>,
}

impl Sources {
    pub(super) fn new(case: &Case) -> Sources {
        Sources {
            sketches: case.readings.iter().map(|reading| sketch(reading, case)).collect(),
            originals: case.readings.iter().map(|_| OnceCell::new()).collect(),
        }
    }

    fn originals(&self, reading: usize, options: &Options) -> Result<&[Original]> {
        let known = &self.originals[reading];
        if known.get().is_none() {
            let _ = known.set((options.originals)(reading)?);
        }
        Ok(known.get().map_or(&[], Vec::as_slice))
    }
}

/// How the tables of one header are read that were damaged alike.
pub(super) struct Layout<'a> {
    /// One for each reading that finds its rows.
    pub readers: Vec<Reader<'a>>,
    /// What each reading lacks.
    pub needed: Vec<Unreadable>,
    /// The first rows of all tables so far, until they are enough.
    table: Table,
    learned_rows: usize,
    /// By index of the reading.
    columns: Vec<Columns<'a>>,
    /// The order of short dates in marked columns, by their index.
    orders: Vec<(usize, DateOrder)>,
    /// How its rows fare, by index of the reader; nothing where it reads blindly.
    fares: Vec<Option<Fare>>,
    /// Whether it is for one table alone: there are originals, and they do not know its rows. They may know another table's.
    is_single: bool,
    /// When it was last of use.
    used: usize,
}

/// Whether a table is of a layout.
enum Fit {
    Yes,
    No,
    /// These columns of it look otherwise; it may be chance.
    Unsure(Vec<usize>),
}

/// The layouts of a leak, as far as it was read.
pub(super) struct Layouts<'a> {
    case: &'a Case<'a>,
    options: &'a Options<'a>,
    sources: &'a Sources,
    /// Those with most columns first.
    known: Vec<Layout<'a>>,
    /// By index of the reading.
    prepared: Vec<Prepared>,
    /// Tables so far.
    tables: usize,
}

impl<'a> Layouts<'a> {
    pub(super) fn new(case: &'a Case<'a>, options: &'a Options<'a>, sources: &'a Sources) -> Layouts<'a> {
        let prepared = case.readings.iter().map(|_| Prepared::default()).collect();
        Layouts { case, options, sources, known: Vec::new(), prepared, tables: 0 }
    }

    /// How a table is to be read. A first line that is no header becomes a row.
    pub(super) fn of<R: Read>(&mut self, intake: &mut Intake<R>) -> Result<&Layout<'a>> {
        self.tables += 1;
        self.known.retain(|layout| !layout.is_single);
        let (mut names, own) = (intake.names(), intake.head.names.len());
        let mut whole = None;
        // A first line that other tables began with is no row.
        if !self.known.iter().any(|layout| layout.table.is_like(&names, own, false)) {
            let table = Table::of(intake, self.case, self.options)?;
            names = table.names().0.to_vec();
            whole = Some(table);
        }
        let header_is_row = whole.as_ref().is_some_and(|table| table.header_is_row);
        let alike: Vec<usize> = (0..self.known.len())
            .filter(|&i| self.known[i].table.is_like(&names, own, header_is_row))
            .collect();
        let found = match (alike.first(), whole) {
            (None, Some(table)) => self.learn(table)?,
            (first, whole) => {
                let first = first.copied().unwrap_or_default();
                self.among(&alike, intake, whole.as_ref(), first)?
            }
        };
        self.keep(found)
    }

    /// The layout of a table, of which some of this header are known.
    fn among<R: Read>(
        &mut self,
        alike: &[usize],
        intake: &Intake<R>,
        whole: Option<&Table>,
        first: usize,
    ) -> Result<usize> {
        let look = |layouts: &Self| whole.unwrap_or(&layouts.known[first].table).like(intake);
        if alike.iter().all(|&i| self.known[i].is_settled()) {
            let is_beside = alike.iter().any(|&i| self.known[i].fares.iter().any(Option::is_some));
            let keep = if is_beside { FARED_ROWS } else { 0 };
            let few = self.known[first].table.few(intake, CHECKED_ROWS, keep);
            if let Some(&i) = alike.iter().find(|&&i| matches!(self.known[i].fit(&few), Fit::Yes)) {
                return Ok(i);
            }
        }
        let (table, mut unsure) = (look(self), Vec::new());
        for &i in alike {
            let layout = &self.known[i];
            let is_larger = !layout.is_settled() && table.rows() > 2 * layout.learned_rows;
            match layout.fit(&table) {
                Fit::Yes if is_larger => unsure.push((i, Vec::new())),
                Fit::Yes => {
                    self.join(i, table)?;
                    return Ok(i);
                }
                Fit::Unsure(misfits) => unsure.push((i, misfits)),
                Fit::No => {}
            }
        }
        let columns = self.find(&table);
        let explains = |(i, misfits): &(usize, Vec<usize>)| self.known[*i].explains(&columns, misfits);
        match unsure.iter().find(|unsure| explains(unsure)) {
            Some(&(i, _)) => {
                self.join(i, table)?;
                Ok(i)
            }
            None => self.learn_of(table, columns),
        }
    }

    /// Adds a part to what its layout is learned from.
    fn join(&mut self, i: usize, part: Table) -> Result<()> {
        let layout = &mut self.known[i];
        if layout.is_settled() {
            return Ok(());
        }
        layout.table.join(part);
        if layout.table.rows() < 2 * layout.learned_rows {
            return Ok(());
        }
        let columns = self.find(&self.known[i].table);
        let Layouts { case, options, sources, known, prepared, .. } = self;
        known[i].read_by(columns, (case, options, sources), prepared)
    }

    fn find(&self, table: &Table) -> Vec<Columns<'a>> {
        let readings = self.case.readings.iter().zip(&self.sources.sketches);
        readings.map(|(reading, sketch)| Columns::find(reading, sketch, self.case, table)).collect()
    }

    fn learn(&mut self, table: Table) -> Result<usize> {
        let columns = self.find(&table);
        self.learn_of(table, columns)
    }

    fn learn_of(&mut self, table: Table, columns: Vec<Columns<'a>>) -> Result<usize> {
        let mut layout = Layout::of(table);
        let Layouts { case, options, sources, prepared, .. } = self;
        layout.read_by(columns, (case, options, sources), prepared)?;
        self.known.push(layout);
        Ok(self.known.len() - 1)
    }

    /// Puts the layout in use in its place, and forgets the one that was out of use for longest.
    fn keep(&mut self, used: usize) -> Result<&Layout<'a>> {
        self.known[used].used = self.tables;
        if self.known.len() > MOST_LAYOUTS {
            let oldest = self.known.iter().map(|layout| layout.used).min();
            self.known.retain(|layout| Some(layout.used) != oldest);
        }
        self.known.sort_by_key(|layout| std::cmp::Reverse(layout.found()));
        let layout = self.known.iter().find(|layout| layout.used == self.tables);
        Ok(layout.expect("it was used last"))
    }
}

impl<'a> Layout<'a> {
    fn of(table: Table) -> Layout<'a> {
        Layout {
            readers: Vec::new(),
            needed: Vec::new(),
            table,
            learned_rows: 0,
            columns: Vec::new(),
            orders: Vec::new(),
            fares: Vec::new(),
            is_single: false,
            used: 0,
        }
    }

    /// Whether the first line of its tables is a row.
    pub(super) fn header_is_row(&self) -> bool {
        self.table.header_is_row
    }

    /// Prepares the readings for these columns.
    fn read_by(
        &mut self,
        columns: Vec<Columns<'a>>,
        (case, options, sources): (&Case, &Options, &'a Sources),
        prepared: &mut [Prepared],
    ) -> Result<()> {
        let (mut readers, mut needed, mut is_single) = (Vec::new(), Vec::new(), false);
        for (reading, (columns, prepared)) in columns.iter().zip(prepared).enumerate() {
            let is_any = !columns.found.is_empty();
            let originals = if is_any { sources.originals(reading, options)? } else { &[] };
            match Reader::new(reading, case, &self.table, columns, originals, prepared) {
                Ok(reader) => {
                    let is_blind = matches!(reader.how, How::Blind(_));
                    is_single |= is_blind && reader.has_marks && !originals.is_empty();
                    needed.extend(reader.needed(case));
                    readers.push(reader);
                }
                Err(lacking) => needed.push(lacking),
            }
        }
        let cells = self.table.cells();
        let mut orders: Vec<usize> = readers.iter().flat_map(Reader::marked_columns).collect();
        orders.sort_unstable();
        orders.dedup();
        let sample = self.table.sample();
        let sample = &sample[sample.len().saturating_sub(KNOWN_FARED_ROWS)..];
        self.orders = orders.into_iter().map(|index| (index, date_order(&cells[index]))).collect();
        self.fares = readers.iter().map(|reader| reader.fare(sample)).collect();
        self.learned_rows = self.table.rows();
        (self.columns, self.readers, self.needed, self.is_single) = (columns, readers, needed, is_single);
        Ok(())
    }

    /// Whether it has learned all that it will.
    fn is_settled(&self) -> bool {
        self.learned_rows >= ENOUGH_ROWS
    }

    /// How many columns it knows.
    fn found(&self) -> usize {
        self.columns.iter().map(|columns| columns.found.len()).sum()
    }

    fn fit(&self, part: &Table) -> Fit {
        let cells = part.cells();
        let is_other = |(index, known): &(usize, DateOrder)| {
            let order = date_order(&cells[*index]);
            order != DateOrder::Unknown && order != *known
        };
        if self.orders.iter().any(is_other) {
            return Fit::No;
        }
        let sample = part.sample();
        let rows = &sample[..sample.len().min(FARED_ROWS)];
        let mut fares = self.readers.iter().zip(&self.fares);
        if !fares.all(|(reader, known)| match (known, reader.fare(rows)) {
            (Some(known), Some(part)) => known.may_be(&part),
            _ => true,
        }) {
            return Fit::No;
        }
        let mut misfits: Vec<usize> = self
            .columns
            .iter()
            .flat_map(|columns| columns.pattern.misfits(cells, &columns.sampler))
            .collect();
        misfits.sort_unstable();
        misfits.dedup();
        if misfits.is_empty() { Fit::Yes } else { Fit::Unsure(misfits) }
    }

    /// Whether it says all that was found in a part by itself, and that all `misfits` were found there.
    fn explains(&self, found: &[Columns], misfits: &[usize]) -> bool {
        let mut both = self.columns.iter().zip(found);
        both.all(|(known, found)| known.pattern.explains(&found.found, misfits))
    }
}

//! What of a source is kept: which columns, and how their cells are packed.
//!
//! Kept are the columns that the policy names, and every other one that helps to recognise a row. Only free text is left
//! out: a column whose cells are long in the first block of the file. It is the largest part of a table and the most
//! private one, and rows are found without it. A column that never changes stays: compressed it costs nothing, and what is
//! constant in the first block of a sorted file need not be so further down.
//!
//! The cells of each block become CSV with commas, whatever the source was written with, and one zstd frame. Frames follow
//! each other and are one stream. So blocks are packed in parallel, and the copy does not depend on the number of threads.

use zstd::bulk::Compressor;

use super::reason::VaultReason;
use crate::error::Result;
use crate::table::Row;
use crate::table::format::csv::write_record;

/// Cells longer than this on average, in bytes, are free text. Names, codes, addresses and times are shorter.
const FREE_TEXT_BYTES: u64 = 64;

/// zstd's fastest ordinary level: stamping must not wait for it.
const LEVEL: i32 = 1;

/// The columns of a source that are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Columns {
    /// Where they stand in the source, ascending.
    indices: Vec<usize>,
    names: Vec<String>,
}

impl Columns {
    /// Chooses among the columns `names` of a table by those of its first rows that `peek` shows; those that `is_needed` says
    /// are kept in any case.
    pub fn choose(
        names: &[String],
        is_needed: impl Fn(&str) -> bool,
        peek: impl FnOnce(&mut dyn FnMut(&dyn Row)) -> Result<()>,
    ) -> Result<Columns> {
        let mut columns = Columns::default();
        columns.choose_more(names, 0, is_needed, peek)?;
        Ok(columns)
    }

    /// The same among the columns from `first` on, for a table in which they turn up later than those before.
    pub fn choose_more(
        &mut self,
        names: &[String],
        first: usize,
        is_needed: impl Fn(&str) -> bool,
        peek: impl FnOnce(&mut dyn FnMut(&dyn Row)) -> Result<()>,
    ) -> Result<()> {
        let mut bytes = vec![0; names.len()];
        let mut cells = vec![0; names.len()];
        peek(&mut |row| {
            for column in first..names.len() {
                let length = row.cell(column).len() as u64;
                bytes[column] += length;
                cells[column] += u64::from(length > 0);
            }
        })?;
        let is_kept =
            |column: &usize| is_needed(&names[*column]) || bytes[*column] <= FREE_TEXT_BYTES * cells[*column];
        let chosen: Vec<usize> = (first..names.len()).filter(is_kept).collect();
        self.names.extend(chosen.iter().map(|&column| names[column].clone()));
        self.indices.extend(chosen);
        Ok(())
    }

    /// Their names.
    pub fn names(&self) -> &[String] {
        &self.names
    }
}

/// Packs blocks; each worker has its own.
#[derive(Default)]
pub struct Packer {
    compressor: Option<Compressor<'static>>,
    csv: Vec<u8>,
    frame: Vec<u8>,
}

impl Packer {
    /// Begins a block.
    pub fn begin(&mut self) {
        self.csv.clear();
    }

    /// Adds a row of the source.
    pub fn add(&mut self, row: &impl Row, columns: &Columns) {
        write_record(columns.indices.iter().map(|&column| row.cell(column)), &mut self.csv);
    }

    /// Adds the names of the columns, as the header.
    pub(super) fn add_header(&mut self, columns: &Columns) {
        write_record(columns.names.iter(), &mut self.csv);
    }

    /// Ends the block: from here on [`frame`](Packer::frame) has it.
    pub fn pack(&mut self) -> Result<()> {
        let compressor = match &mut self.compressor {
            Some(compressor) => compressor,
            none => none.insert(Compressor::new(LEVEL).map_err(VaultReason::Pack)?),
        };
        self.frame = compressor.compress(&self.csv).map_err(VaultReason::Pack)?;
        Ok(())
    }

    /// The last block that was packed.
    pub fn frame(&self) -> &[u8] {
        &self.frame
    }
}

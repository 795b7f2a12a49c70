//! Tables whose file is text: blocks of whole records, copied with edits spliced in, on all cores.
//!
//! A format of this kind brings two things: a [`Source`] that cuts the file into blocks, and a [`Syntax`] that finds the rows
//! in a block. Everything outside the edited cells is copied byte for byte.

use std::io::Write;

use crate::error::Result;
use crate::table::Row;

use super::block::{Block, Peeked, Source};
use super::copy::{Editor, Table};
use super::pump::pump;
use super::reason::write_failed;
use super::splice::{Edits, splice};

/// How rows are written in text.
pub trait Syntax: Sync {
    /// Buffers of one worker.
    type Scratch: Default + Send;

    /// A row of a block.
    type Row<'a>: TextRow;

    /// Calls `see` with each row of `block`, in order. Gives their number.
    ///
    /// # Errors
    /// A row that can't be read, by its number in the block, from 1.
    fn rows(
        &self,
        block: &Block,
        scratch: &mut Self::Scratch,
        see: impl FnMut(&Self::Row<'_>) -> Result<()>,
    ) -> Result<u64>;

    /// Called when all rows have passed, for what only the whole file can tell.
    fn finish(&self) -> Result<()> {
        Ok(())
    }
}

/// A row that knows where its cells stand in the block.
pub trait TextRow: Row {
    /// Adds the edit that makes the cell in `column` say `new_text`, and leaves how it is written as it is.
    ///
    /// # Errors
    /// If the cell can't say that as it is written.
    ///
    /// # Panics
    /// If the row has no such cell: one that was looked at and held text.
    fn replace(&self, column: usize, new_text: &str, edits: &mut Edits) -> Result<()>;
}

/// An open file of text.
pub struct TextTable<S, B> {
    /// What stands before the first block.
    pub head: Vec<u8>,
    /// The names of the columns.
    pub columns: Vec<String>,
    /// How rows are written.
    pub syntax: S,
    /// The rest of the file.
    pub blocks: Peeked<B>,
}

/// What a worker makes of one block.
struct Work<S, E> {
    scratch: S,
    edits: Vec<Edits>,
    copies: Vec<Vec<u8>>,
    editor: E,
}

impl<S: Default, E: Default> Default for Work<S, E> {
    fn default() -> Self {
        Work { scratch: S::default(), edits: Vec::new(), copies: Vec::new(), editor: E::default() }
    }
}

impl<S: Syntax, B: Source + Send> Table for TextTable<S, B> {
    fn columns(&self) -> &[String] {
        &self.columns
    }

    fn peek(&mut self, see: &mut dyn FnMut(&dyn Row)) -> Result<()> {
        let Some(block) = self.blocks.peek()? else { return Ok(()) };
        self.syntax.rows(block, &mut S::Scratch::default(), |row| {
            see(row);
            Ok(())
        })?;
        Ok(())
    }

    fn rows(mut self, see: &mut dyn FnMut(&dyn Row) -> Result<()>) -> Result<u64> {
        let (mut block, mut scratch, mut rows) = (Block::default(), S::Scratch::default(), 0);
        let after = |rows| move |error: crate::error::Error| error.after_rows(rows);
        while self.blocks.next_block(&mut block).map_err(after(rows))? {
            rows += self.syntax.rows(&block, &mut scratch, |row| see(row)).map_err(after(rows))?;
        }
        self.syntax.finish()?;
        Ok(rows)
    }

    fn copy<E: Editor>(
        mut self,
        editor: &E,
        outputs: &mut [impl Write + Send],
        mut merge: impl FnMut(&mut E::Work) -> Result<()> + Send,
    ) -> Result<u64> {
        let number = outputs.len();
        for output in outputs.iter_mut() {
            output.write_all(&self.head).map_err(write_failed)?;
        }
        let syntax = &self.syntax;
        let rows = pump(
            &mut self.blocks,
            |block, work: &mut Work<S::Scratch, E::Work>| edit_block(block, syntax, editor, number, work),
            |_, work| {
                merge(&mut work.editor)?;
                for (output, copy) in outputs.iter_mut().zip(&work.copies) {
                    output.write_all(copy).map_err(write_failed)?;
                }
                Ok(())
            },
        )?;
        self.syntax.finish()?;
        Ok(rows)
    }
}

/// Makes `copies` copies of one block; gives the number of its rows.
fn edit_block<S: Syntax, E: Editor>(
    block: &Block,
    syntax: &S,
    editor: &E,
    copies: usize,
    work: &mut Work<S::Scratch, E::Work>,
) -> Result<u64> {
    let Work { scratch, edits, copies: copied, editor: made } = work;
    edits.resize_with(copies, Edits::default);
    copied.resize_with(copies, Vec::new);
    edits.iter_mut().for_each(Edits::clear);
    editor.begin(made);
    let rows = syntax.rows(block, scratch, |row| {
        let mut result = Ok(());
        editor.row(row, made, &mut |copy, column, text| {
            if result.is_ok() {
                result = row.replace(column, text, &mut edits[copy]);
            }
        });
        result
    })?;
    editor.end(made)?;
    for (edits, copy) in edits.iter_mut().zip(copied) {
        copy.clear();
        splice(block.bytes(), edits, copy);
    }
    Ok(rows)
}

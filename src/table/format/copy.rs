//! What every format offers: the rows of a table, and copies of its file with some cells edited.
//!
//! A [`Table`] is a file that is open. An [`Editor`] looks at rows and says what changes, for several copies at once: the
//! file is read and parsed once however many copies are made. The format puts the changes in, and keeps everything else
//! of the file as it is. Neither knows the other's business: no format knows what an edit is for.

use std::io::Write;

use crate::error::Result;
use crate::table::Row;

/// Looks at the rows of a table and says what changes.
pub trait Editor: Sync {
    /// What one worker makes of one batch of rows; reused for many.
    type Work: Default + Send;

    /// Begins a batch.
    fn begin(&self, work: &mut Self::Work);

    /// Looks at one row. Calls `edit` with a copy, a column and the new text of each cell that has to change; columns may come
    /// in any order, no cell comes twice for one copy.
    fn row(&self, row: &impl Row, work: &mut Self::Work, edit: &mut impl FnMut(usize, usize, &str));

    /// As [`row`](Editor::row), for a format to which every column that is looked at costs something: does what needs few of
    /// them. Gives a number of its own if the editor has to see the whole row; then `second_look` follows.
    fn first_look(
        &self,
        row: &impl Row,
        work: &mut Self::Work,
        edit: &mut impl FnMut(usize, usize, &str),
    ) -> Option<u64> {
        self.row(row, work, edit);
        None
    }

    /// Looks at a whole row, after the first look at all rows of its batch, and in their order. `number` is what that gave.
    fn second_look(&self, _row: &impl Row, _number: u64, _work: &mut Self::Work) {}

    /// Ends a batch.
    fn end(&self, work: &mut Self::Work) -> Result<()>;
}

/// A table in a file: its columns are known, none of its rows has passed.
pub trait Table: Sized {
    /// The names of its columns. They may be empty, and may repeat.
    fn columns(&self) -> &[String];

    /// Calls `see` with some of the first rows, which stay to be passed.
    fn peek(&mut self, see: &mut dyn FnMut(&dyn Row)) -> Result<()>;

    /// Calls `see` with each row, in order. Gives the number of rows.
    ///
    /// # Errors
    /// The first of `see`, or a row that can't be read, by its number from 1.
    fn rows(self, see: &mut dyn FnMut(&dyn Row) -> Result<()>) -> Result<u64>;

    /// Writes one copy of the file to each of `outputs`, with the changes that `editor` says. `merge` is given what was made of
    /// each batch, in the file's order. Gives the number of rows.
    ///
    /// # Errors
    /// The first in the file's order, of reading, editing, merging or writing. What was written until then is worthless.
    fn copy<E: Editor>(
        self,
        editor: &E,
        outputs: &mut [impl Write + Send],
        merge: impl FnMut(&mut E::Work) -> Result<()> + Send,
    ) -> Result<u64>;
}

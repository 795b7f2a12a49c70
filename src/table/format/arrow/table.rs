//! An Arrow file or stream as a table that can be copied.
//!
//! Memory: as many batches as there are cores, decoded, and for each core one edited batch of one copy.

use std::io::Write;
use std::ops::Range;

use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::table::Row;
use crate::table::format::copy::{Editor, Table};
use crate::table::format::reason::write_failed;

use super::batch::{Batch, BatchRow, Layout};
use super::change::Edit;
use super::feed::{Feed, Move, Piece};
use super::growth::Growth;
use super::message::Message;

/// Rows that are shown to an editor at once, and how many times so many are with the workers, for each of them: few, as an editor
/// learns from what was merged before.
const CHUNK_ROWS: usize = 2048;
const CHUNKS_PER_WORKER: usize = 2;

/// Rows that [`Table::peek`] shows.
const PEEK_ROWS: usize = 8192;

/// Pieces that it keeps while it looks for rows.
const PEEK_PIECES: usize = 1024;

/// An open Arrow file or stream.
pub struct ArrowTable {
    layout: Layout,
    columns: Vec<String>,
    feed: Feed,
    /// What was read to be looked at.
    peeked: Vec<Piece>,
}

impl ArrowTable {
    pub(super) fn new((schema, feed): (std::sync::Arc<arrow_schema::Schema>, Feed)) -> ArrowTable {
        let layout = Layout::new(schema);
        let columns = layout.leaves.iter().map(|leaf| leaf.name.clone()).collect();
        ArrowTable { layout, columns, feed, peeked: Vec::new() }
    }

    /// Pieces until `batches` batches are among them, or until the end.
    fn wave(&mut self, batches: usize) -> Result<Vec<Piece>> {
        let mut pieces = std::mem::take(&mut self.peeked);
        let is_batch = |piece: &Piece| matches!(piece, Piece::Batch { .. });
        let mut number = pieces.iter().filter(|piece| is_batch(piece)).count();
        // Bytes between batches count too: a file without batches can be large.
        while number < batches && pieces.len() < 2 * batches + 2 {
            let Some(piece) = self.feed.next_piece()? else { break };
            number += usize::from(is_batch(&piece));
            pieces.push(piece);
        }
        Ok(pieces)
    }
}

impl Table for ArrowTable {
    fn columns(&self) -> &[String] {
        &self.columns
    }

    fn peek(&mut self, see: &mut dyn FnMut(&dyn Row)) -> Result<()> {
        for number in 0..PEEK_PIECES {
            if number == self.peeked.len() {
                let Some(piece) = self.feed.next_piece()? else { break };
                self.peeked.push(piece);
            }
            let Piece::Batch { message, dictionaries, .. } = &self.peeked[number] else { continue };
            let batch = self.layout.decode(message, dictionaries)?;
            if batch.rows > 0 {
                (0..batch.rows.min(PEEK_ROWS)).for_each(|row| see(&BatchRow { batch: &batch, row }));
                break;
            }
        }
        Ok(())
    }

    fn rows(mut self, see: &mut dyn FnMut(&dyn Row) -> Result<()>) -> Result<u64> {
        let mut rows = 0;
        loop {
            let pieces = self.wave(1).map_err(|error| error.after_rows(rows))?;
            if pieces.is_empty() {
                return Ok(rows);
            }
            for piece in pieces {
                let Piece::Batch { message, dictionaries, .. } = piece else { continue };
                let batch = self.layout.decode(&message, &dictionaries);
                let batch = batch.map_err(|error| error.at_row(1).after_rows(rows))?;
                for row in 0..batch.rows {
                    see(&BatchRow { batch: &batch, row }).map_err(|error| error.after_rows(rows))?;
                }
                rows += batch.rows as u64;
            }
        }
    }

    fn copy<E: Editor>(
        mut self,
        editor: &E,
        outputs: &mut [impl Write + Send],
        mut merge: impl FnMut(&mut E::Work) -> Result<()> + Send,
    ) -> Result<u64> {
        let mut copies: Vec<_> = outputs.iter_mut().map(Copying::new).collect();
        let (cores, columns, mut rows) = (rayon::current_num_threads(), self.columns.len(), 0);
        loop {
            let wave = self.wave(cores)?;
            if wave.is_empty() {
                break;
            }
            let layout = &self.layout;
            let empty = vec![vec![Vec::new(); columns]; copies.len()];
            let decoded = wave.into_par_iter().map(|piece| decode(piece, layout, empty.clone()));
            for decoded in decoded.collect::<Vec<_>>() {
                let passed = decoded.and_then(|decoded| match decoded {
                    Decoded::Bytes(bytes) => write_all(&mut copies, &bytes).map(|()| 0),
                    Decoded::Dictionary { bytes, id, is_delta } => {
                        copies.iter_mut().try_for_each(|copy| copy.growth.passed(id, is_delta))?;
                        write_all(&mut copies, &bytes).map(|()| 0)
                    }
                    Decoded::Batch(mut batch) => {
                        batch.edit(editor, &mut merge)?;
                        batch.write(layout, &mut copies)
                    }
                });
                rows += passed.map_err(|error| error.after_rows(rows))?;
            }
        }
        for Copying { output, moves, .. } in &mut copies {
            output.write_all(&self.feed.tail(moves)?).map_err(write_failed)?;
        }
        Ok(rows)
    }
}

/// A copy that is being written.
struct Copying<'a, W> {
    output: &'a mut W,
    moves: Vec<Move>,
    growth: Growth,
}

impl<'a, W> Copying<'a, W> {
    fn new(output: &'a mut W) -> Self {
        Copying { output, moves: Vec::new(), growth: Growth::default() }
    }
}

fn write_all<W: Write>(copies: &mut [Copying<'_, W>], bytes: &[u8]) -> Result<()> {
    copies.iter_mut().try_for_each(|copy| copy.output.write_all(bytes)).map_err(write_failed)
}

/// A piece, with its cells if it is a batch.
enum Decoded {
    Bytes(Vec<u8>),
    Dictionary { bytes: Vec<u8>, id: i64, is_delta: bool },
    Batch(Edited),
}

/// The edits to a batch: for each copy, and in it for each column.
type Edits = Vec<Vec<Vec<Edit>>>;

/// A batch and the edits to it.
struct Edited {
    message: Message,
    place: u64,
    batch: Batch,
    edits: Edits,
}

fn decode(piece: Piece, layout: &Layout, edits: Edits) -> Result<Decoded> {
    Ok(match piece {
        Piece::Bytes(bytes) => Decoded::Bytes(bytes),
        Piece::Dictionary { bytes, id, is_delta } => Decoded::Dictionary { bytes, id, is_delta },
        Piece::Batch { message, place, dictionaries } => {
            let batch = layout.decode(&message, &dictionaries).map_err(|error| error.at_row(1))?;
            Decoded::Batch(Edited { message, place, batch, edits })
        }
    })
}

/// Shows some rows to the editor; gives its work and its edits.
fn look<E: Editor>(batch: &Batch, rows: Range<usize>, editor: &E, empty: &Edits) -> Result<(E::Work, Edits)> {
    let (mut work, mut edits) = (E::Work::default(), empty.clone());
    editor.begin(&mut work);
    for number in rows {
        let row = BatchRow { batch, row: number };
        editor.row(&row, &mut work, &mut |copy, column, text| {
            if *row.cell(column) != *text.as_bytes() {
                edits[copy][column].push((number as u32, text.to_owned()));
            }
        });
    }
    editor.end(&mut work)?;
    Ok((work, edits))
}

impl Edited {
    /// Shows all rows to the editor, and gathers its edits.
    fn edit<E: Editor>(
        &mut self,
        editor: &E,
        merge: &mut impl FnMut(&mut E::Work) -> Result<()>,
    ) -> Result<()> {
        let Edited { batch, edits, .. } = self;
        let (batch, empty) = (&*batch, edits.clone());
        let chunk = |first: usize| first..(first + CHUNK_ROWS).min(batch.rows);
        let chunks: Vec<Range<usize>> = (0..batch.rows).step_by(CHUNK_ROWS).map(chunk).collect();
        for wave in chunks.chunks(CHUNKS_PER_WORKER * rayon::current_num_threads()) {
            let looked = wave.par_iter().map(|rows| look(batch, rows.clone(), editor, &empty));
            for (looked, rows) in looked.collect::<Vec<_>>().into_iter().zip(wave) {
                let after = |error: Error| error.after_rows(rows.start as u64);
                let (mut work, found) = looked.map_err(after)?;
                merge(&mut work).map_err(after)?;
                for (all, found) in edits.iter_mut().flatten().zip(found.into_iter().flatten()) {
                    all.extend(found);
                }
            }
        }
        Ok(())
    }

    /// Writes the batch to all copies, after what their dictionaries grow by; gives the number of its rows.
    fn write<O: Write + Send>(&self, layout: &Layout, copies: &mut [Copying<'_, O>]) -> Result<u64> {
        let Edited { message, place, batch, edits } = self;
        let written = copies.par_iter_mut().zip(edits).map(|(copy, edits)| {
            let edited = layout.edited(message, batch, edits, &mut copy.growth)?;
            let grown = copy.growth.messages(&layout.leaves)?;
            let (head, body) = match &edited {
                Some((head, body)) => (head.as_slice(), body.as_slice()),
                None => (message.head.as_slice(), message.body.as_slice()),
            };
            if edited.is_some() {
                let (old_bytes, new_bytes) = (message.body.len() as u64, body.len() as u64);
                let bytes = |message: &Message| (message.head.len() as u64, message.body.len() as u64);
                let inserted = grown.iter().map(bytes).collect();
                copy.moves.push(Move { place: *place, inserted, old_bytes, new_bytes });
            }
            for message in &grown {
                copy.output.write_all(&message.head).map_err(write_failed)?;
                copy.output.write_all(message.body.as_slice()).map_err(write_failed)?;
            }
            copy.output.write_all(head).and_then(|()| copy.output.write_all(body)).map_err(write_failed)
        });
        // All are waited for, so that the error is that of the first copy, whatever was faster.
        written.collect::<Vec<_>>().into_iter().collect::<Result<()>>()?;
        Ok(batch.rows as u64)
    }
}

//! The reference in numbers: what its cells say, what its carriers may say instead, and how rare each value is.
//!
//! Everything is kept row by row, so that weighing a candidate touches a few lines of cache and not one for each column. A
//! million rows with twelve fields, seven of them numbers or times and four marked, take some 110 MB.

use rayon::prelude::*;

use super::field::{Field, MISSING};
use crate::leak::reference::{Reference, Run};
use crate::mark::compare::Expectations;
use crate::mark::marker::{Marker, Scratch};
use crate::table::Row as _;

/// Rarities are kept in steps of an eighth of a nat: up to 31.9, one in 7 * 10^13.
const STEPS_PER_NAT: f64 = 8.0;

/// The digest of a reference, for one marker and some fields.
pub(super) struct Digest {
    pub rows: usize,
    /// Numbers of the cells, row by row.
    said: Vec<u32>,
    /// For each marked field of each row what the cell's other text says; [`MISSING`] where it is no carrier.
    others: Vec<u32>,
    /// For each field on a line its place.
    places: Vec<f32>,
    /// How rare each cell's value is, in steps.
    rarities: Vec<u8>,
    /// Row numbers in sketches with their rows, sorted.
    ids: Vec<(u64, u32)>,
    /// The same by row.
    id_of: Vec<u64>,
    fields: usize,
    /// For each field its place among the marked ones, and among those on a line.
    marked_at: Vec<Option<usize>>,
    line_at: Vec<Option<usize>>,
    marked: usize,
    lines: usize,
}

/// The part of one run of rows, to be filled.
struct Part<'a> {
    run: Run<'a>,
    said: &'a mut [u32],
    others: &'a mut [u32],
    places: &'a mut [f32],
    ids: &'a mut [u64],
}

impl Digest {
    pub fn new(reference: &Reference, marker: &Marker, fields: &[Field]) -> Digest {
        let rows = reference.len();
        let count = |has: fn(&Field) -> bool| {
            let mut seen = 0;
            fields.iter().map(move |field| has(field).then(|| (seen, seen += 1).0)).collect::<Vec<_>>()
        };
        let (marked_at, line_at) = (count(|field| field.marked.is_some()), count(Field::is_on_a_line));
        let (marked, lines) = (marked_at.iter().flatten().count(), line_at.iter().flatten().count());
        let mut digest = Digest {
            rows,
            said: vec![MISSING; rows * fields.len()],
            others: vec![MISSING; rows * marked],
            places: vec![f32::NAN; rows * lines],
            rarities: vec![0; rows * fields.len()],
            ids: Vec::new(),
            id_of: vec![0; rows],
            fields: fields.len(),
            marked_at,
            line_at,
            marked,
            lines,
        };
        digest.fill(reference, marker, fields);
        let mut ids: Vec<(u64, u32)> = digest.id_of.iter().zip(0..).map(|(id, row)| (*id, row)).collect();
        ids.par_sort_unstable();
        digest.ids = ids;
        digest.reckon_rarities();
        digest
    }

    fn fill(&mut self, reference: &Reference, marker: &Marker, fields: &[Field]) {
        let (marked_at, line_at) = (&self.marked_at, &self.line_at);
        let mut parts = Vec::new();
        let (mut said, mut others) = (&mut self.said[..], &mut self.others[..]);
        let (mut places, mut ids) = (&mut self.places[..], &mut self.id_of[..]);
        for (_, run) in reference.runs() {
            let rows = run.rows().len();
            parts.push(Part {
                run,
                said: said.split_off_mut(..rows * self.fields).expect("as many cells as rows"),
                others: others.split_off_mut(..rows * self.marked).expect("as many cells as rows"),
                places: places.split_off_mut(..rows * self.lines).expect("as many cells as rows"),
                ids: ids.split_off_mut(..rows).expect("as many ids as rows"),
            });
        }
        let (width, marked, lines) = (self.fields, self.marked, self.lines);
        parts.into_par_iter().for_each_init(
            || (Scratch::default(), Expectations::default()),
            |(scratch, expected), part| {
                for (at, row) in part.run.rows().enumerate() {
                    for (f, field) in fields.iter().enumerate() {
                        let cell = field.say(&row.cell(field.pair.ours));
                        part.said[at * width + f] = cell.exact;
                        if let Some(line) = line_at[f] {
                            part.places[at * lines + line] = cell.place;
                        }
                    }
                    marker.expect(&row, scratch, expected);
                    part.ids[at] = expected.id.unwrap_or(0);
                    for (carrier, other) in expected.iter() {
                        let field = fields.iter().position(|field| field.marked == Some(carrier.column));
                        if let Some(f) = field {
                            let slot = marked_at[f].expect("a marked field has its place");
                            part.others[at * marked + slot] = fields[f].say(other.as_bytes()).exact;
                        }
                    }
                }
            },
        );
    }

    /// How rare a value is: minus the log of the share of originals that would agree with the cell, whichever of its texts the
    /// leak holds.
    fn reckon_rarities(&mut self) {
        let columns: Vec<Vec<u8>> =
            (0..self.fields).into_par_iter().map(|field| self.rarities_of(field)).collect();
        for (field, column) in columns.iter().enumerate() {
            for (row, rarity) in column.iter().enumerate() {
                self.rarities[row * self.fields + field] = *rarity;
            }
        }
    }

    fn rarities_of(&self, field: usize) -> Vec<u8> {
        let mut sorted: Vec<u64> =
            (0..self.rows).map(|row| u64::from(self.said(row, field)) << 32 | row as u64).collect();
        sorted.sort_unstable();
        let steps = |count: usize| {
            let nats = (self.rows as f64 / count as f64).ln();
            (nats * STEPS_PER_NAT).round().clamp(0.0, 255.0) as u8
        };
        let mut rarities = vec![0; self.rows];
        for same in sorted.chunk_by(|a, b| a >> 32 == b >> 32) {
            for packed in same {
                let row = *packed as u32 as usize;
                let count = match self.other(row, field) {
                    MISSING => same.len(),
                    other => {
                        let start = sorted.partition_point(|packed| (packed >> 32) < u64::from(other));
                        let others =
                            sorted[start..].partition_point(|packed| packed >> 32 == u64::from(other));
                        same.len() + others
                    }
                };
                rarities[row] = steps(count);
            }
        }
        rarities
    }

    /// What a cell says.
    pub fn said(&self, row: usize, field: usize) -> u32 {
        self.said[row * self.fields + field]
    }

    /// What the other text of a carrier says; [`MISSING`] where there is none.
    pub fn other(&self, row: usize, field: usize) -> u32 {
        self.marked_at[field].map_or(MISSING, |slot| self.others[row * self.marked + slot])
    }

    /// A cell's place on its line; NaN where there is none.
    pub fn place(&self, row: usize, field: usize) -> f32 {
        self.line_at[field].map_or(f32::NAN, |line| self.places[row * self.lines + line])
    }

    /// How rare a cell's value is, as an index below 256; see [`nats`].
    pub fn rarity(&self, row: usize, field: usize) -> usize {
        usize::from(self.rarities[row * self.fields + field])
    }

    /// The row's number in sketches; 0 if it has none.
    pub fn id(&self, row: usize) -> u64 {
        self.id_of[row]
    }

    /// The rows with this number.
    pub fn rows_of(&self, id: u64) -> impl Iterator<Item = u32> {
        let start = self.ids.partition_point(|(known, _)| *known < id);
        self.ids[start..].iter().take_while(move |(known, _)| *known == id).map(|(_, row)| *row)
    }
}

/// A rarity in nats.
pub(super) fn nats(rarity: usize) -> f64 {
    rarity as f64 / STEPS_PER_NAT
}

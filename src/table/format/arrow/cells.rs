//! Decoded cells of one column of one batch.
//!
//! Values stay what they are stored as, and text is made of them when it is asked for. The library has validated the arrays;
//! all places are looked up with their bounds nevertheless, and a value that is not there is no text.

use std::borrow::Cow;

use arrow_array::cast::AsArray;
use arrow_array::types::{ArrowPrimitiveType, Float16Type};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_buffer::{Buffer, NullBuffer};

use crate::table::format::typed::{Unit, Whole, core, float};

use super::leaf::{Form, Keys, Leaf};

pub(super) type Half = <Float16Type as ArrowPrimitiveType>::Native;

pub(super) const DAY_MILLIS: i128 = 86_400_000;

/// How the text of milliseconds that are no whole days is written.
pub(super) const MILLIS: Whole = Whole::Moment { unit: Unit::Milli, zoned: false };

/// The bytes of a view that hold its text, if it is short.
pub(super) const INLINE_BYTES: usize = 12;

/// Values of one type.
pub(super) struct Values {
    pub form: Form,
    /// What the format stores, without the bitmap of what is there.
    pub buffers: Vec<Buffer>,
    pub length: usize,
    nulls: Vec<NullBuffer>,
}

/// Cells of one column.
pub(super) struct Cells {
    /// The values, or numbers of dictionary values.
    pub rows: Values,
    /// Set if the values are in a dictionary.
    pub dictionary: Option<(Keys, Values)>,
}

/// An integer of up to 16 bytes, the least significant first.
pub(super) fn integer(bytes: &[u8], signed: bool) -> i128 {
    let negative = signed && bytes.last().is_some_and(|byte| byte >> 7 == 1);
    let mut whole = [if negative { 0xff } else { 0 }; 16];
    whole[..bytes.len()].copy_from_slice(bytes);
    i128::from_le_bytes(whole)
}

impl Values {
    fn of(array: &dyn Array, form: Form, mut nulls: Vec<NullBuffer>) -> Option<Values> {
        let data = array.to_data();
        nulls.extend(array.nulls().cloned());
        let nulls = nulls.into_iter().filter(|nulls| nulls.null_count() > 0).collect();
        // Arrays that come from a file begin with their buffers.
        (data.offset() == 0).then(|| Values {
            form,
            buffers: data.buffers().to_vec(),
            length: array.len(),
            nulls,
        })
    }

    /// The bytes of one value of a fixed width.
    fn fixed(&self, row: usize, width: usize) -> Option<&[u8]> {
        self.buffers.first()?.as_slice().get(row * width..)?.get(..width)
    }

    fn offset(&self, number: usize, width: usize) -> Option<usize> {
        usize::try_from(integer(self.fixed(number, width)?, true)).ok()
    }

    /// Whether the row has a value.
    pub fn is_there(&self, row: usize) -> bool {
        row < self.length && self.form != Form::Null && self.nulls.iter().all(|nulls| nulls.is_valid(row))
    }

    /// The bytes of a text, with the spaces around it.
    pub fn text_bytes(&self, row: usize) -> Option<&[u8]> {
        match self.form {
            Form::Text { width } => {
                let range = self.offset(row, width)?..self.offset(row + 1, width)?;
                self.buffers.get(1)?.as_slice().get(range)
            }
            Form::View => {
                let view = self.fixed(row, 16)?;
                let part = |at: usize| integer(&view[at..at + 4], false) as usize;
                match part(0) {
                    length @ 0..=INLINE_BYTES => view.get(4..4 + length),
                    length => self.buffers.get(1 + part(8))?.as_slice().get(part(12)..)?.get(..length),
                }
            }
            _ => None,
        }
    }

    /// What the value of a row says; empty if there is none.
    pub fn text(&self, row: usize) -> Cow<'_, [u8]> {
        if !self.is_there(row) {
            return Cow::Borrowed(b"");
        }
        let mut text = Vec::new();
        let written = match self.form {
            Form::Text { .. } | Form::View => {
                return self.text_bytes(row).map_or(Cow::Borrowed(b""), |bytes| Cow::Borrowed(core(bytes)));
            }
            _ => self.write(row, &mut text),
        };
        debug_assert!(written.is_some(), "a validated array has its values");
        Cow::Owned(text)
    }

    /// The text of a value with these bytes.
    pub fn like(&self, value: &[u8]) -> Vec<u8> {
        let one = Values {
            form: self.form,
            buffers: vec![Buffer::from_vec(value.to_vec())],
            length: 1,
            nulls: Vec::new(),
        };
        one.text(0).into_owned()
    }

    fn write(&self, row: usize, out: &mut Vec<u8>) -> Option<()> {
        match self.form {
            Form::Bool => {
                let byte = self.buffers.first()?.as_slice().get(row / 8)?;
                Whole::Bool.write(i128::from(byte >> (row % 8) & 1), out);
            }
            Form::Whole { whole, width, signed } => {
                whole.write(integer(self.fixed(row, width)?, signed), out);
            }
            Form::Date64 => match integer(self.fixed(row, 8)?, true) {
                millis if millis % DAY_MILLIS == 0 => Whole::Date.write(millis / DAY_MILLIS, out),
                millis => MILLIS.write(millis, out),
            },
            Form::Float16 => {
                float::write(Half::from_le_bytes(*self.fixed(row, 2)?.first_chunk()?).to_f32(), out);
            }
            Form::Float32 => float::write(f32::from_le_bytes(*self.fixed(row, 4)?.first_chunk()?), out),
            Form::Float64 => float::write(f64::from_le_bytes(*self.fixed(row, 8)?.first_chunk()?), out),
            Form::Null | Form::Text { .. } | Form::View => {}
        }
        Some(())
    }
}

impl Cells {
    /// The cells of a column; `top` says which column of the batch its top-level field is.
    pub fn of(batch: &RecordBatch, top: usize, leaf: &Leaf) -> Option<Cells> {
        let mut array: ArrayRef = batch.columns().get(top)?.clone();
        let mut nulls = Vec::new();
        for &child in &leaf.path[1..] {
            nulls.extend(array.nulls().cloned());
            array = array.as_struct_opt()?.columns().get(child)?.clone();
        }
        match leaf.keys {
            None => Some(Cells { rows: Values::of(&array, leaf.form, nulls)?, dictionary: None }),
            Some(keys) => {
                let dictionary = array.as_any_dictionary_opt()?;
                let form = Form::Whole { whole: Whole::Int(64), width: keys.width, signed: keys.signed };
                let rows = Values::of(dictionary.keys(), form, nulls)?;
                let values = Values::of(dictionary.values(), leaf.form, Vec::new())?;
                Some(Cells { rows, dictionary: Some((keys, values)) })
            }
        }
    }

    /// Which value of the dictionary the row has.
    pub fn key(&self, row: usize) -> Option<usize> {
        let (keys, _) = self.dictionary.as_ref()?;
        usize::try_from(integer(self.rows.fixed(row, keys.width)?, keys.signed)).ok()
    }

    /// What the cell of a row says; empty if it has no value.
    pub fn text(&self, row: usize) -> Cow<'_, [u8]> {
        match &self.dictionary {
            None => self.rows.text(row),
            Some(_) if !self.rows.is_there(row) => Cow::Borrowed(b""),
            Some((_, values)) => self.key(row).map_or(Cow::Borrowed(b""), |key| values.text(key)),
        }
    }

    /// Whether the cell of a row has a value.
    pub fn is_there(&self, row: usize) -> bool {
        self.rows.is_there(row)
            && self
                .dictionary
                .as_ref()
                .is_none_or(|(_, values)| self.key(row).is_some_and(|key| values.is_there(key)))
    }
}

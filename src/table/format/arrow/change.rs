//! The buffers of a column with some of its cells edited.
//!
//! Values of fixed width are overwritten. Texts are laid out anew, so that nothing of a replaced text stays behind. The
//! number of a dictionary value is exchanged for that of another, which is added to the dictionary if it isn't there; values
//! that are there never change, because other batches share them.

use std::collections::HashMap;

use crate::error::Result;
use crate::table::format::typed::{Whole, float, with_core};

use super::cells::{Cells, DAY_MILLIS, Half, INLINE_BYTES, MILLIS, Values};
use super::growth::Growth;
use super::leaf::{Form, Keys};
use super::reason::ArrowReason;

/// A row and what its cell has to say.
pub(super) type Edit = (u32, String);

/// Buffers by their number in the column: 0 is the bitmap of what is there, which no edit changes.
type Buffers = Vec<(usize, Vec<u8>)>;

/// Puts the edits in. Errors name the row.
pub(super) fn change(cells: &Cells, edits: &[Edit], growth: &mut Growth) -> Result<Buffers> {
    for (row, _) in edits {
        if !cells.is_there(*row as usize) {
            return Err(at(*row, ArrowReason::Absent));
        }
    }
    match (&cells.dictionary, cells.rows.form) {
        (Some((keys, values)), _) => rekeyed(cells, *keys, values, edits, growth),
        (None, Form::Text { width }) => texts(&cells.rows, width, edits),
        (None, Form::View) => views(&cells.rows, edits),
        (None, _) => fixed(&cells.rows, edits),
    }
}

fn at(row: u32, reason: ArrowReason) -> crate::error::Error {
    crate::error::Error::from(reason).at_row(u64::from(row) + 1)
}

/// The bytes of the value that `text` says; none if the type can't hold exactly it.
fn parse(form: Form, text: &str) -> Option<Vec<u8>> {
    let whole = |whole: Whole, width: usize| Some(whole.parse(text)?.to_le_bytes()[..width].to_vec());
    match form {
        Form::Whole { whole: kind, width, signed } => {
            let value = kind.parse(text)?;
            // A decimal may be declared with more digits than its bytes hold.
            let bytes = whole(kind, width)?;
            (super::cells::integer(&bytes, signed) == value).then_some(bytes)
        }
        Form::Bool => whole(Whole::Bool, 1),
        Form::Date64 => {
            let millis = match text.contains('T') {
                true => MILLIS.parse(text)?,
                false => Whole::Date.parse(text)? * DAY_MILLIS,
            };
            Some(i64::try_from(millis).ok()?.to_le_bytes().to_vec())
        }
        Form::Float16 => {
            let wide = float::parse::<f32>(text)?;
            let half = Half::from_f32(wide);
            (half.to_f32() == wide).then(|| half.to_le_bytes().to_vec())
        }
        Form::Float32 => Some(float::parse::<f32>(text)?.to_le_bytes().to_vec()),
        Form::Float64 => Some(float::parse::<f64>(text)?.to_le_bytes().to_vec()),
        Form::Null | Form::Text { .. } | Form::View => None,
    }
}

fn fixed(values: &Values, edits: &[Edit]) -> Result<Buffers> {
    let mut bytes = values.buffers.first().ok_or(ArrowReason::Encode)?.as_slice().to_vec();
    for (row, text) in edits {
        let value = parse(values.form, text).ok_or_else(|| at(*row, ArrowReason::Misfit))?;
        let row = *row as usize;
        match values.form {
            Form::Bool => {
                let bit = 1 << (row % 8);
                bytes[row / 8] = if value[0] == 1 { bytes[row / 8] | bit } else { bytes[row / 8] & !bit };
            }
            _ => bytes[row * value.len()..][..value.len()].copy_from_slice(&value),
        }
    }
    Ok(vec![(1, bytes)])
}

fn rekeyed(
    cells: &Cells,
    kind: Keys,
    values: &Values,
    edits: &[Edit],
    growth: &mut Growth,
) -> Result<Buffers> {
    let is_text = matches!(values.form, Form::Text { .. } | Form::View);
    let mut keys = HashMap::new();
    for key in (0..values.length).filter(|&key| values.is_there(key)) {
        let text = if is_text {
            values.text_bytes(key).unwrap_or_default().to_vec()
        } else {
            values.text(key).into_owned()
        };
        keys.entry(text).or_insert(key);
    }
    let mut bytes = cells.rows.buffers.first().ok_or(ArrowReason::Encode)?.as_slice().to_vec();
    for (row, text) in edits {
        let misfit = || at(*row, ArrowReason::Misfit);
        let (wanted, value) = match is_text {
            true => {
                let old =
                    cells.key(*row as usize).and_then(|key| values.text_bytes(key)).ok_or_else(misfit)?;
                let new = with_core(old, text);
                (new.clone(), new)
            }
            false => {
                // The text in the form in which the dictionary's values are written.
                let value = parse(values.form, text).ok_or_else(misfit)?;
                (values.like(&value), value)
            }
        };
        let key = match keys.get(&wanted) {
            Some(key) => *key,
            // Two values are all that booleans have; there is no use in adding the other.
            None if kind.is_ordered || matches!(values.form, Form::Bool | Form::Null) => {
                return Err(at(*row, ArrowReason::NotInDictionary));
            }
            None => growth.number(kind, values.length, &value).map_err(|reason| at(*row, reason))?,
        };
        bytes[*row as usize * kind.width..][..kind.width]
            .copy_from_slice(&(key as u128).to_le_bytes()[..kind.width]);
    }
    Ok(vec![(1, bytes)])
}

/// New texts by row: the last edit of a row counts.
fn by_row(edits: &[Edit]) -> HashMap<usize, &str> {
    edits.iter().map(|(row, text)| (*row as usize, text.as_str())).collect()
}

fn texts(values: &Values, width: usize, edits: &[Edit]) -> Result<Buffers> {
    let [offsets, data] = values.buffers.as_slice() else { return Err(ArrowReason::Encode.into()) };
    let (mut offsets, data, new) = (offsets.as_slice().to_vec(), data.as_slice(), by_row(edits));
    let place = |offsets: &[u8], number: usize| {
        super::cells::integer(&offsets[number * width..][..width], true) as usize
    };
    let mut laid = Vec::with_capacity(data.len());
    // Bytes before the first text and after the last one stay.
    laid.extend_from_slice(&data[..place(&offsets, 0)]);
    let mut start = laid.len();
    for row in 0..values.length {
        let end = place(&offsets, row + 1);
        let old = &data[start..end];
        match new.get(&row) {
            Some(text) => laid.extend(with_core(old, text)),
            None => laid.extend_from_slice(old),
        }
        start = end;
        let fits = width == 8 || i32::try_from(laid.len()).is_ok();
        if !fits {
            return Err(at(row as u32, ArrowReason::Misfit));
        }
        offsets[(row + 1) * width..][..width].copy_from_slice(&(laid.len() as u64).to_le_bytes()[..width]);
    }
    laid.extend_from_slice(&data[start..]);
    Ok(vec![(1, offsets), (2, laid)])
}

fn views(values: &Values, edits: &[Edit]) -> Result<Buffers> {
    let (first, data) = values.buffers.split_first().ok_or(ArrowReason::Encode)?;
    let (mut views, new, mut laid) = (first.as_slice().to_vec(), by_row(edits), Vec::new());
    for row in 0..values.length {
        // Of rows without a value too: what they point at must stay within the data.
        let old = values.text_bytes(row).unwrap_or_default();
        let text = match new.get(&row) {
            Some(text) => with_core(old, text),
            None if old.len() <= INLINE_BYTES => continue,
            None => old.to_vec(),
        };
        let view = &mut views[row * 16..][..16];
        view.fill(0);
        let length = u32::try_from(text.len()).map_err(|_| at(row as u32, ArrowReason::Misfit))?;
        view[..4].copy_from_slice(&length.to_le_bytes());
        if text.len() <= INLINE_BYTES {
            view[4..4 + text.len()].copy_from_slice(&text);
            continue;
        }
        if data.is_empty() {
            return Err(at(row as u32, ArrowReason::NoRoom));
        }
        let place = i32::try_from(laid.len()).map_err(|_| at(row as u32, ArrowReason::NoRoom))?;
        view[4..8].copy_from_slice(&text[..4]);
        view[12..].copy_from_slice(&place.to_le_bytes());
        laid.extend(text);
    }
    if i32::try_from(laid.len()).is_err() {
        return Err(ArrowReason::NoRoom.into());
    }
    let others = (1..data.len()).map(|number| (2 + number, Vec::new()));
    let laid = (!data.is_empty()).then_some((2, laid));
    Ok([(1, views)].into_iter().chain(laid).chain(others).collect())
}

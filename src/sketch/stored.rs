//! The stored form of a sketch; see `formats.md`.
//!
//! The first format lacked sizes and grains. It is still read, because sketches stand in ledgers for good.

use crate::error::{Class, Reason, Result};

use super::Sketch;
use super::column::{ColumnSketch, Shares};
use super::hashes::Hashes;

const MAGIC: &[u8] = b"dyepack.sketch/2\n";

/// The first line of sketches without sizes and grains.
const MAGIC_1: &[u8] = b"dyepack.sketch/1\n";

#[derive(Debug, thiserror::Error)]
enum SketchError {
    #[error("a stored sketch can't be read: {0}")]
    Malformed(&'static str),
}

impl Reason for SketchError {
    fn class(&self) -> Class {
        Class::Integrity
    }
}

impl Sketch {
    /// The stored form; see `formats.md`.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        out.extend_from_slice(&self.rows.to_le_bytes());
        put_hashes(&mut out, &self.ids);
        put_len(&mut out, self.columns.len());
        for column in &self.columns {
            put_len(&mut out, column.name.len());
            out.extend_from_slice(column.name.as_bytes());
            out.extend_from_slice(&column.filled.to_le_bytes());
            put_hashes(&mut out, &column.values);
            put_shares(&mut out, &column.commonest);
            put_shares(&mut out, &column.shapes);
            put_shares(&mut out, &column.sizes);
            put_shares(&mut out, &column.grains);
        }
        out
    }

    /// Reads the stored form. Never allocates by a length that the bytes only claim.
    pub fn from_bytes(bytes: &[u8]) -> Result<Sketch> {
        let is_first = bytes.starts_with(MAGIC_1);
        let magic = if is_first { MAGIC_1 } else { MAGIC };
        let mut bytes =
            bytes.strip_prefix(magic).ok_or(SketchError::Malformed("its first line is unknown"))?;
        let rows = u64::from_le_bytes(take(&mut bytes)?);
        let ids = take_hashes(&mut bytes)?;
        let mut columns = Vec::new();
        for _ in 0..take_len(&mut bytes)? {
            let length = take_len(&mut bytes)?;
            let (name, rest) =
                bytes.split_at_checked(length).ok_or(SketchError::Malformed("it is cut off"))?;
            bytes = rest;
            let name =
                String::from_utf8(name.to_vec()).map_err(|_| SketchError::Malformed("a column name"))?;
            let filled = u32::from_le_bytes(take(&mut bytes)?);
            let values = take_hashes(&mut bytes)?;
            let (commonest, shapes) = (take_shares(&mut bytes)?, take_shares(&mut bytes)?);
            let (sizes, grains) = if is_first {
                Default::default()
            } else {
                (take_shares(&mut bytes)?, take_shares(&mut bytes)?)
            };
            columns.push(ColumnSketch { name, values, commonest, shapes, sizes, grains, filled });
        }
        if !bytes.is_empty() {
            return Err(SketchError::Malformed("it has bytes to spare").into());
        }
        Ok(Sketch { rows, ids, columns })
    }
}

fn put_len(out: &mut Vec<u8>, length: usize) {
    out.extend_from_slice(&u32::try_from(length).expect("sketches are small").to_le_bytes());
}

fn put_hashes(out: &mut Vec<u8>, hashes: &Hashes) {
    out.push(u8::from(hashes.complete));
    put_len(out, hashes.hashes.len());
    hashes.hashes.iter().for_each(|hash| out.extend_from_slice(&hash.to_le_bytes()));
}

fn put_shares(out: &mut Vec<u8>, shares: &Shares) {
    put_len(out, shares.0.len());
    for (hash, share) in &shares.0 {
        out.extend_from_slice(&hash.to_le_bytes());
        out.extend_from_slice(&share.to_le_bytes());
    }
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N]> {
    let (head, rest) = bytes.split_first_chunk().ok_or(SketchError::Malformed("it is cut off"))?;
    *bytes = rest;
    Ok(*head)
}

fn take_len(bytes: &mut &[u8]) -> Result<usize> {
    Ok(u32::from_le_bytes(take(bytes)?) as usize)
}

fn take_hashes(bytes: &mut &[u8]) -> Result<Hashes> {
    let complete = match take::<1>(bytes)? {
        [0] => false,
        [1] => true,
        _ => return Err(SketchError::Malformed("a flag").into()),
    };
    let mut hashes = Vec::new();
    for _ in 0..take_len(bytes)? {
        hashes.push(u64::from_le_bytes(take(bytes)?));
    }
    if !hashes.is_sorted_by(|a, b| a < b) {
        return Err(SketchError::Malformed("hashes out of order").into());
    }
    Ok(Hashes { hashes, complete })
}

fn take_shares(bytes: &mut &[u8]) -> Result<Shares> {
    let mut shares = Vec::new();
    for _ in 0..take_len(bytes)? {
        shares.push((u64::from_le_bytes(take(bytes)?), u16::from_le_bytes(take(bytes)?)));
    }
    Ok(Shares(shares))
}

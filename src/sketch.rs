//! What a release leaves behind so that a leak can be recognised: a keyed sample of its rows and columns.
//!
//! A sketch holds the smallest `k` hashes of the row identities (bottom-k, also called KMV), and for each column the
//! smallest hashes of the values *in those rows*, with the commonest shapes of their texts. Sampling the columns through
//! the rows costs nothing for rows that are not sampled, and which rows are does not depend on order, blocks or threads.
//! All hashes are keyed: without the key a sketch says nothing about a patient. It is made from the source, before
//! marking, so that all recipients of one source share one sketch.
//!
//! Two sketches compare on the hashes up to the smaller of their limits, where both are complete.
//!
//! Sources: Bar-Yossef et al., "Counting distinct elements in a data stream" (2002); Beyer et al., "On synopses for
//! distinct-value estimation under multiset operations" (2007), section 3 for the comparison.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::{Class, Reason, Result};
use crate::keys::prf::DerivedKey;
use crate::table::value;

/// Rows in a sample. A share of the leak is then known to within 1 / (2 sqrt(n)) of `n` sampled leaked rows; 128 KiB.
pub const SAMPLED_ROWS: usize = 16_384;

/// Rows of the sample whose values are looked at: a quarter of it. More would sharpen nothing, since a column keeps fewer
/// values, and would cost a tenth of the time of stamping.
pub const VALUE_ROWS: usize = 4_096;

/// Values kept for a column: 8 KiB.
pub const SAMPLED_VALUES: usize = 1_024;

/// Values and shapes of a column whose shares are kept: codes and dates have a few tens, free text has no common one.
const COMMONEST: usize = 32;

/// Fewer compared values than this say nothing about a column of identifiers.
const MIN_COMPARED: u64 = 3;

/// What the likeness of two columns is worth when it rests on the shape of their texts alone.
const SHAPE_WORTH: f64 = 0.5;

const MAGIC: &[u8] = b"dyepack.sketch/1\n";

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

/// One row of the sample on its way into a [`SketchBuilder`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SampledRow {
    id: u64,
    /// For each column the keyed hash of the canonical value (`None` if it is missing) and the outline of the text, see
    /// [`shape`]; nothing at all beyond the first [`VALUE_ROWS`].
    cells: Vec<(Option<u64>, [u8; 2])>,
}

/// Decides, from many threads, which rows are worth hashing at all.
///
/// The limit only ever falls, so a stale one admits a few rows too many and never one too few.
pub struct Sampler {
    key: DerivedKey,
    limit: AtomicU64,
    value_limit: AtomicU64,
}

impl Sampler {
    /// A sampler that hashes values under `key` (purpose: sketch).
    pub fn new(key: DerivedKey) -> Sampler {
        Sampler { key, limit: AtomicU64::new(u64::MAX), value_limit: AtomicU64::new(u64::MAX) }
    }

    /// Samples the row with identity hash `id`, if it may still belong to the smallest ones.
    pub fn sample<'a>(&self, id: u64, cells: impl Iterator<Item = Cow<'a, [u8]>>) -> Option<SampledRow> {
        if id > self.limit.load(Ordering::Relaxed) {
            return None;
        }
        if id > self.value_limit.load(Ordering::Relaxed) {
            return Some(SampledRow { id, cells: Vec::new() });
        }
        let mut scratch = Vec::new();
        Some(SampledRow { id, cells: cells.map(|cell| self.hash(&cell, &mut scratch)).collect() })
    }

    fn hash(&self, cell: &[u8], scratch: &mut Vec<u8>) -> (Option<u64>, [u8; 2]) {
        let value = (!value::is_missing(cell)).then(|| {
            scratch.clear();
            value::identity(cell, scratch);
            self.key.word(scratch)
        });
        (value, shape(cell))
    }
}

/// The outline of a text: its length (up to 255) and the classes of bytes in it.
fn shape(cell: &[u8]) -> [u8; 2] {
    let classes = cell.iter().fold(0u8, |classes, byte| {
        classes
            | match byte {
                b'0'..=b'9' => 1,
                b'a'..=b'z' => 2,
                b'A'..=b'Z' => 4,
                b'-' => 8,
                b':' => 16,
                b'.' | b',' => 32,
                b'/' => 64,
                _ => 128,
            }
    });
    [cell.len().min(255) as u8, classes]
}

/// Gathers the sampled rows of a table.
pub struct SketchBuilder {
    columns: Vec<String>,
    rows: u64,
    ids: Smallest<()>,
    /// Of rows that share an identity, the least, so that the outcome does not depend on order.
    cells: Smallest<SampledRow>,
}

impl SketchBuilder {
    /// An empty builder for a table with these column names.
    pub fn new(columns: Vec<String>) -> SketchBuilder {
        SketchBuilder::with_limits(columns, SAMPLED_ROWS, VALUE_ROWS)
    }

    fn with_limits(columns: Vec<String>, ids: usize, cells: usize) -> SketchBuilder {
        SketchBuilder { columns, rows: 0, ids: Smallest::new(ids), cells: Smallest::new(cells) }
    }

    /// Adds `rows` rows of which `sampled` were sampled, and tells the sampler what is still of interest.
    pub fn add(&mut self, rows: u64, sampled: Vec<SampledRow>, sampler: &Sampler) {
        self.rows += rows;
        for row in sampled {
            self.ids.add(row.id, ());
            if row.id <= self.cells.limit() {
                self.cells.add(row.id, row);
            }
        }
        sampler.limit.store(self.ids.limit(), Ordering::Relaxed);
        sampler.value_limit.store(self.cells.limit(), Ordering::Relaxed);
    }

    /// The finished sketch; `sampler` is the one that sampled.
    pub fn finish(self, sampler: &Sampler) -> Sketch {
        let columns = self
            .columns
            .into_iter()
            .enumerate()
            .map(|(i, name)| {
                ColumnSketch::new(name, self.cells.kept.values().map(|row| row.cells[i]), &sampler.key)
            })
            .collect();
        let complete = !self.ids.overflowed;
        Sketch { rows: self.rows, ids: Hashes::new(self.ids.kept.into_keys().collect(), complete), columns }
    }
}

/// The entries with the smallest keys, up to a number of them.
struct Smallest<V> {
    kept: BTreeMap<u64, V>,
    capacity: usize,
    overflowed: bool,
}

impl<V: Ord> Smallest<V> {
    fn new(capacity: usize) -> Smallest<V> {
        Smallest { kept: BTreeMap::new(), capacity, overflowed: false }
    }

    /// Adds an entry; of two with one key the lesser is kept.
    fn add(&mut self, key: u64, value: V) {
        match self.kept.entry(key) {
            Entry::Vacant(vacant) => {
                vacant.insert(value);
            }
            Entry::Occupied(mut known) if value < *known.get() => {
                known.insert(value);
            }
            Entry::Occupied(_) => {}
        }
        if self.kept.len() > self.capacity {
            self.kept.pop_last();
            self.overflowed = true;
        }
    }

    /// Keys above this one are of no interest any more.
    fn limit(&self) -> u64 {
        match self.kept.last_key_value() {
            Some((&largest, _)) if self.overflowed => largest,
            _ => u64::MAX,
        }
    }
}

/// The smallest hashes of a set, ascending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hashes {
    hashes: Vec<u64>,
    /// Whether these are all there are.
    complete: bool,
}

impl Hashes {
    fn new(hashes: Vec<u64>, complete: bool) -> Hashes {
        debug_assert!(hashes.is_sorted());
        Hashes { hashes, complete }
    }

    /// Up to here (inclusive) nothing is left out.
    fn limit(&self) -> u64 {
        if self.complete { u64::MAX } else { self.hashes.last().copied().unwrap_or(0) }
    }

    /// An estimate of the number of distinct elements; exact if the set is complete.
    pub fn distinct(&self) -> f64 {
        if self.complete || self.hashes.len() < 2 {
            return self.hashes.len() as f64;
        }
        (self.hashes.len() - 1) as f64 / (self.limit() as f64 / 2f64.powi(64))
    }

    /// How many of `self`'s elements could be compared with the `others`, and how many of those are in any of them.
    fn shared<'a>(&self, others: impl Iterator<Item = &'a Hashes> + Clone) -> (u64, u64) {
        let limit = others.clone().map(Hashes::limit).fold(self.limit(), u64::min);
        let compared = self.hashes.partition_point(|&hash| hash <= limit);
        let hits = self.hashes[..compared]
            .iter()
            .filter(|hash| others.clone().any(|other| other.hashes.binary_search(hash).is_ok()))
            .count();
        (compared as u64, hits as u64)
    }
}

/// How often the commonest of a column's values or shapes occur, in thousandths of its filled rows.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Shares(Vec<(u64, u16)>);

impl Shares {
    fn new(counts: &BTreeMap<u64, u64>, filled: u32) -> Shares {
        let mut commonest: Vec<(u64, u64)> = counts.iter().map(|(&hash, &n)| (hash, n)).collect();
        commonest.sort_by_key(|&(hash, n)| (std::cmp::Reverse(n), hash));
        commonest.truncate(COMMONEST);
        Shares(
            commonest.iter().map(|&(hash, n)| (hash, (n * 1000 / u64::from(filled.max(1))) as u16)).collect(),
        )
    }

    /// The share of rows that the two have in common, 0 to 1.
    fn overlap(&self, other: &Shares) -> f64 {
        let shared: u32 = self
            .0
            .iter()
            .filter_map(|(hash, share)| {
                let (_, theirs) = other.0.iter().find(|(theirs, _)| theirs == hash)?;
                Some(u32::from(*share.min(theirs)))
            })
            .sum();
        f64::from(shared) / 1000.0
    }
}

/// The sketch of one column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnSketch {
    /// The column's name in the source.
    pub name: String,
    values: Hashes,
    commonest: Shares,
    shapes: Shares,
    /// Sampled rows with a value.
    filled: u32,
}

impl ColumnSketch {
    fn new(
        name: String,
        cells: impl Iterator<Item = (Option<u64>, [u8; 2])>,
        key: &DerivedKey,
    ) -> ColumnSketch {
        let (mut values, mut shapes, mut filled) =
            (BTreeMap::<u64, u64>::new(), BTreeMap::<[u8; 2], u64>::new(), 0u32);
        for (value, shape) in cells {
            if let Some(value) = value {
                filled += 1;
                *values.entry(value).or_default() += 1;
                *shapes.entry(shape).or_default() += 1;
            }
        }
        // Hashed once a shape, not once a cell.
        let shapes = shapes.into_iter().map(|(shape, n)| (key.word(&shape), n)).collect();
        let complete = values.len() <= SAMPLED_VALUES;
        ColumnSketch {
            name,
            commonest: Shares::new(&values, filled),
            shapes: Shares::new(&shapes, filled),
            values: Hashes::new(values.into_keys().take(SAMPLED_VALUES).collect(), complete),
            filled,
        }
    }

    /// How alike a leaked column and this column of a release are, 0 to 1, by what they hold and not by their names.
    ///
    /// Identifiers are compared by the values they share, of which a release's sample holds only `sampled_share`; columns
    /// of few values by how often each occurs; what neither tells, by the shapes of the texts.
    pub fn resemblance(&self, leaked: &ColumnSketch, sampled_share: f64) -> f64 {
        let by_shape = SHAPE_WORTH * self.shapes.overlap(&leaked.shapes);
        match (self.is_nearly_unique(), leaked.is_nearly_unique()) {
            (true, true) => {
                let (compared, hits) = leaked.values.shared(std::iter::once(&self.values));
                if compared < MIN_COMPARED || hits == 0 {
                    return by_shape;
                }
                (hits as f64 / compared as f64 / sampled_share).min(1.0).max(by_shape)
            }
            (false, false) => self.commonest.overlap(&leaked.commonest).max(by_shape),
            // A leak of few rows can make a column of few values look unique, so shapes still count.
            _ => by_shape,
        }
    }

    /// Whether nearly every row has a value of its own, as identifiers do.
    pub fn is_nearly_unique(&self) -> bool {
        self.filled > 0 && self.values.distinct() > 0.5 * f64::from(self.filled)
    }
}

/// How much of a leak lies in a release.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Containment {
    /// Estimated share of the leak's distinct rows, 0 to 1.
    pub share: f64,
    /// Standard error of the estimate; 0 when both sketches are complete.
    pub standard_error: f64,
    /// Leaked rows that could be compared.
    pub compared: u64,
}

/// The sketch of a release, or of a leak read as one dataset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sketch {
    /// Rows of the table, repeated ones included.
    pub rows: u64,
    ids: Hashes,
    /// The columns, in the table's order.
    pub columns: Vec<ColumnSketch>,
}

impl Sketch {
    /// Estimated number of distinct rows.
    pub fn distinct_rows(&self) -> f64 {
        self.ids.distinct()
    }

    /// Share of the release's rows whose values are in its sample.
    pub fn sampled_share(&self) -> f64 {
        (VALUE_ROWS as f64 / self.ids.distinct()).min(1.0)
    }

    /// The share of this leak's rows that lie in any of the `releases`; `None` if no row can be compared.
    pub fn containment<'a>(&self, releases: impl Iterator<Item = &'a Sketch> + Clone) -> Option<Containment> {
        let ids = releases.map(|release| &release.ids);
        let exact = self.ids.complete && ids.clone().all(|ids| ids.complete);
        let (compared, hits) = self.ids.shared(ids);
        (compared > 0).then(|| {
            let share = hits as f64 / compared as f64;
            let standard_error = if exact { 0.0 } else { standard_error(hits, compared) };
            Containment { share, standard_error, compared }
        })
    }

    /// This leak's row numbers, ascending, as far as none of the `releases` leaves any out.
    pub fn comparable<'a>(&self, releases: impl Iterator<Item = &'a Sketch>) -> &[u64] {
        let limit = releases.map(|release| release.ids.limit()).fold(self.ids.limit(), u64::min);
        &self.ids.hashes[..self.ids.hashes.partition_point(|&hash| hash <= limit)]
    }

    /// Whether a row of this number is in the sample.
    pub fn holds(&self, row: u64) -> bool {
        self.ids.hashes.binary_search(&row).is_ok()
    }

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
        }
        out
    }

    /// Reads the stored form. Never allocates by a length that the bytes only claim.
    pub fn from_bytes(bytes: &[u8]) -> Result<Sketch> {
        let mut bytes =
            bytes.strip_prefix(MAGIC).ok_or(SketchError::Malformed("its first line is unknown"))?;
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
            columns.push(ColumnSketch { name, values, commonest, shapes, filled });
        }
        if !bytes.is_empty() {
            return Err(SketchError::Malformed("it has bytes to spare").into());
        }
        Ok(Sketch { rows, ids, columns })
    }
}

/// Agresti and Coull's: unlike the plain one it is not zero when all or none of a few rows matched.
fn standard_error(hits: u64, compared: u64) -> f64 {
    let (n, share) = (compared as f64 + 4.0, (hits as f64 + 2.0) / (compared as f64 + 4.0));
    (share * (1.0 - share) / n).sqrt()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::prf::Purpose;
    use crate::keys::secret::MarkingSecret;

    fn key() -> DerivedKey {
        DerivedKey::new(&MarkingSecret::from_bytes([3; 32]), Purpose::Sketch, "t", 1, None)
    }

    fn sketch(rows: impl Iterator<Item = u64>, limit_rows: usize) -> Sketch {
        let sampler = Sampler::new(key());
        let columns = vec!["id".into(), "ward".into()];
        let mut builder = SketchBuilder::with_limits(columns, limit_rows, limit_rows / 2);
        for row in rows {
            let (id, ward) = (row.to_string(), format!("ward {}", row % 7));
            let sampled = sampler.sample(
                key().word(&row.to_le_bytes()),
                [Cow::from(id.as_bytes()), Cow::from(ward.as_bytes())].into_iter(),
            );
            builder.add(1, sampled.into_iter().collect(), &sampler);
        }
        builder.finish(&sampler)
    }

    #[test]
    fn a_sketch_does_not_depend_on_order() {
        assert_eq!(sketch(0..5000, 300), sketch((0..5000).rev(), 300));
    }

    #[test]
    fn containment_is_exact_while_sketches_are_complete() {
        let release = sketch(0..200, 300);
        let leak = sketch(150..250, 300);
        let found = leak.containment([&release].into_iter()).unwrap();
        assert_eq!((found.share, found.standard_error, found.compared), (0.5, 0.0, 100));
    }

    #[test]
    fn containment_is_estimated_within_its_error_beyond() {
        let release = sketch(0..20_000, 1000);
        let leak = sketch(15_000..35_000, 1000);
        let found = leak.containment([&release].into_iter()).unwrap();
        assert!((found.share - 0.25).abs() < 4.0 * found.standard_error, "{found:?}");
        assert!((leak.distinct_rows() / 20_000.0 - 1.0).abs() < 0.15);
    }

    #[test]
    fn a_renamed_column_is_recognised_by_its_values() {
        let (release, leak) = (sketch(0..500, 1000), sketch(100..200, 1000));
        let alike =
            |ours: usize, theirs: usize| release.columns[ours].resemblance(&leak.columns[theirs], 1.0);
        assert_eq!(alike(0, 0), 1.0);
        assert!(alike(1, 1) > 0.9);
        assert!(alike(0, 1) < 0.5 && alike(1, 0) < 0.5);
    }

    #[test]
    fn stored_sketches_read_back_and_damaged_ones_never_panic() {
        let sketch = sketch(0..100, 50);
        let bytes = sketch.to_bytes();
        assert_eq!(Sketch::from_bytes(&bytes).unwrap(), sketch);
        for cut in 0..bytes.len() {
            assert!(Sketch::from_bytes(&bytes[..cut]).is_err());
        }
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 0x80;
            let _ = Sketch::from_bytes(&changed);
        }
    }
}

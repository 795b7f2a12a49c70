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

mod column;
mod hashes;
mod outline;
mod sample;
mod stored;

pub use column::{ColumnSketch, Counted, Profile, Shares};
pub use hashes::Hashes;
pub use outline::{Grain, Outline};
pub use sample::{SampledRow, Sampler, SketchBuilder};

/// Rows in a sample. A share of the leak is then known to within 1 / (2 sqrt(n)) of `n` sampled leaked rows; 128 KiB.
pub const SAMPLED_ROWS: usize = 16_384;

/// Rows of the sample whose values are looked at: a quarter of it. More would sharpen nothing, since a column keeps fewer
/// values, and would cost a tenth of the time of stamping.
pub const VALUE_ROWS: usize = 4_096;

/// Values kept for a column: 8 KiB.
pub const SAMPLED_VALUES: usize = 1_024;

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

    /// This leak's row numbers, ascending, as far as none of the `releases` leaves any out.
    pub fn comparable<'a>(&self, releases: impl Iterator<Item = &'a Sketch>) -> &[u64] {
        let limit = releases.map(|release| release.ids.limit()).fold(self.ids.limit(), u64::min);
        &self.ids.hashes[..self.ids.hashes.partition_point(|&hash| hash <= limit)]
    }

    /// Whether a row of this number is in the sample.
    pub fn holds(&self, row: u64) -> bool {
        self.ids.hashes.binary_search(&row).is_ok()
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
}

/// Agresti and Coull's: unlike the plain one it is not zero when all or none of a few rows matched.
fn standard_error(hits: u64, compared: u64) -> f64 {
    let (n, share) = (compared as f64 + 4.0, (hits as f64 + 2.0) / (compared as f64 + 4.0));
    (share * (1.0 - share) / n).sqrt()
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;
    use crate::keys::prf::{DerivedKey, Purpose};
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
    fn sketches_of_the_first_format_are_still_read() {
        let mut sketch = sketch(0..100, 50);
        // Without columns the two formats differ in their first line alone.
        sketch.columns.clear();
        let mut bytes = sketch.to_bytes();
        bytes[15] = b'1';
        assert!(bytes.starts_with(b"dyepack.sketch/1\n"));
        assert_eq!(Sketch::from_bytes(&bytes).unwrap(), sketch);
        // A column of two format versions, by hand.
        bytes.truncate(bytes.len() - 4);
        bytes.extend([1, 0, 0, 0, 2, 0, 0, 0, b'i', b'd', 7, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        let read = Sketch::from_bytes(&bytes).unwrap();
        assert_eq!((read.columns[0].name.as_str(), read.columns[0].filled), ("id", 7));
        assert_eq!(read.columns[0].grains, Shares::default());
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

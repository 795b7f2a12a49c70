//! Bottom-k sets of hashes, and how two of them compare.

/// The smallest hashes of a set, ascending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hashes {
    pub(super) hashes: Vec<u64>,
    /// Whether these are all there are.
    pub(super) complete: bool,
}

impl Hashes {
    pub(super) fn new(hashes: Vec<u64>, complete: bool) -> Hashes {
        debug_assert!(hashes.is_sorted());
        Hashes { hashes, complete }
    }

    /// Up to here (inclusive) nothing is left out.
    pub fn limit(&self) -> u64 {
        if self.complete { u64::MAX } else { self.hashes.last().copied().unwrap_or(0) }
    }

    /// An estimate of the number of distinct elements; exact if the set is complete.
    pub fn distinct(&self) -> f64 {
        if self.complete || self.hashes.len() < 2 {
            return self.hashes.len() as f64;
        }
        (self.hashes.len() - 1) as f64 / (self.limit() as f64 / 2f64.powi(64))
    }

    /// Whether an element is known to be in the set (`Some(true)`), known not to be, or left out of the sample (`None`).
    pub fn has(&self, hash: u64) -> Option<bool> {
        (hash <= self.limit()).then(|| self.hashes.binary_search(&hash).is_ok())
    }

    /// Whether nothing was left out.
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    /// The hashes that are kept, ascending.
    pub fn kept(&self) -> &[u64] {
        &self.hashes
    }

    /// How many of `self`'s elements could be compared with the `others`, and how many of those are in any of them.
    pub(super) fn shared<'a>(&self, others: impl Iterator<Item = &'a Hashes> + Clone) -> (u64, u64) {
        let limit = others.clone().map(Hashes::limit).fold(self.limit(), u64::min);
        let compared = self.hashes.partition_point(|&hash| hash <= limit);
        let hits = self.hashes[..compared]
            .iter()
            .filter(|hash| others.clone().any(|other| other.hashes.binary_search(hash).is_ok()))
            .count();
        (compared as u64, hits as u64)
    }
}

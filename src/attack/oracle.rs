//! What cells say, as only the owner knows.
//!
//! The strategies *all ones* and *all zeros* are the strongest that the theory of collusion considers: colluders who see a
//! difference take the symbol that they prefer. With a secret key nobody can tell which text is which symbol; the oracle
//! gives it to them.

use std::borrow::Cow;

use crate::error::Result;
use crate::keys::secret::MarkingSecret;
use crate::mark::marker::{Marker, Reads, Scratch};
use crate::mark::policy::Policy;
use crate::table::Row;

/// The columns of one layout, each with a marker that reads it alone.
pub struct Oracle {
    /// By column of the table; `None` where nothing is marked.
    markers: Vec<Option<Marker>>,
}

impl Oracle {
    /// For tables of this header, marked under this policy.
    ///
    /// # Errors
    /// If the header does not fit the policy.
    pub fn new(
        secret: &MarkingSecret,
        policy: &Policy,
        slots: &[String],
        epoch: u32,
        header: &[String],
    ) -> Result<Oracle> {
        let plan = policy.plan(header, slots)?;
        let marker = |index: usize| {
            let mut alone = plan.clone();
            alone.columns.retain(|column| column.index == index);
            let is_marked = !alone.columns.is_empty();
            is_marked.then(|| Marker::new(secret, policy.name(), epoch, policy.code_length(), alone))
        };
        Ok(Oracle { markers: (0..header.len()).map(marker).collect() })
    }

    /// The bit that a cell would say with this text in it; `None` if it is no carrier or says nothing.
    pub fn read(&self, row: &csv::StringRecord, column: usize, text: &str) -> Option<bool> {
        let marker = self.markers.get(column)?.as_ref()?;
        let mut reads = Reads::default();
        marker.read(&Supposed { row, column, text }, &mut Scratch::default(), &mut reads);
        reads.bits.first().map(|bit| bit.value)
    }

    /// How many cells of a row say a bit.
    pub fn carriers(&self, row: &csv::StringRecord) -> usize {
        let says = |column: &usize| self.read(row, *column, row.get(*column).unwrap_or_default()).is_some();
        (0..self.markers.len()).filter(says).count()
    }
}

/// A row with one cell supposed to be otherwise.
struct Supposed<'a> {
    row: &'a csv::StringRecord,
    column: usize,
    text: &'a str,
}

impl Row for Supposed<'_> {
    fn cell(&self, column: usize) -> Cow<'_, [u8]> {
        let text = if column == self.column { self.text } else { self.row.get(column).unwrap_or_default() };
        Cow::Borrowed(text.trim().as_bytes())
    }
}

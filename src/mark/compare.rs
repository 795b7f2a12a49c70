//! A leaked cell beside its original: which bit it says, or that somebody altered it.
//!
//! Without the original every text of a carrier reads as some bit, and an altered one as a coin. With the original at hand both
//! texts that a copy may hold are known: the original, which says one bit, and the text that says the other. A cell that equals
//! neither was altered, or belongs to another version of the row, and says nothing.
//!
//! [`Marker::expect`](super::marker::Marker::expect) gives the carriers of an original row through the same selection and the
//! same [`embed`](super::channel::Channel::embed) as marking does, so the two can't drift apart.
//!
//! Invariants: both texts are the same for every recipient, so nothing here depends on a codeword; the two are never the
//! [`same`](super::channel::Channel::same) to their channel, so a cell can't equal both.

use std::ops::Range;

use super::channel::Channel;
use crate::table::value;

/// A carrier of an original row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Carrier {
    /// Its column's index in the plan.
    pub column: usize,
    /// Its position of the code.
    pub position: u32,
    /// Its spin.
    pub spin: u16,
    /// The bit that the original says.
    pub original: bool,
}

/// The carriers of one original row, and the text with which each says the other bit. Reuse one value for all rows.
#[derive(Default)]
pub struct Expectations {
    /// The row's number in sketches; `None` if it has no identity, and then no carriers either.
    pub id: Option<u64>,
    carriers: Vec<(Carrier, Range<usize>)>,
    texts: String,
}

impl Expectations {
    /// Each carrier with the text that says the other bit, in the plan's order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (Carrier, &str)> {
        self.carriers.iter().map(|(carrier, range)| (*carrier, &self.texts[range.clone()]))
    }

    pub(super) fn clear(&mut self) {
        self.id = None;
        self.carriers.clear();
        self.texts.clear();
    }

    /// Adds what `write` gives, with the text that it appended.
    pub(super) fn push_other(&mut self, write: impl FnOnce(&mut String) -> Option<Carrier>) {
        let start = self.texts.len();
        match write(&mut self.texts) {
            Some(carrier) => self.carriers.push((carrier, start..self.texts.len())),
            None => self.texts.truncate(start),
        }
    }
}

/// What a leaked cell is, beside its original.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compared {
    /// The original's value: the copy said this bit, or the cell is from no copy at all.
    Kept(bool),
    /// The value that marking makes of the original for this bit.
    Changed(bool),
    /// Neither.
    Altered,
    /// Nothing is there.
    Missing,
}

impl Carrier {
    /// Compares a leaked cell with the original's text and the `other` of [`Expectations::iter`].
    pub fn compare(self, channel: &dyn Channel, original: &[u8], other: &str, leaked: &[u8]) -> Compared {
        if value::is_missing(leaked) {
            return Compared::Missing;
        }
        // Most cells come back as they were written.
        if leaked == original {
            return Compared::Kept(self.original);
        }
        let Ok(leaked) = str::from_utf8(leaked) else { return Compared::Altered };
        if channel.same(leaked, other) {
            return Compared::Changed(!self.original);
        }
        match str::from_utf8(original) {
            Ok(original) if channel.same(leaked, original) => Compared::Kept(self.original),
            _ => Compared::Altered,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;
    use crate::keys::secret::MarkingSecret;
    use crate::mark::code::{Code, codeword_key};
    use crate::mark::marker::{Marker, Scratch, Tally};
    use crate::mark::policy::Policy;
    use crate::table::Row;

    const POLICY: &str = r#"
[dataset]
name = "t"
key = ["id"]

[marking]
rate = 1

[column.seen]
channel = "datetime"
quantum = "1m"
before = "left"

[column.left]
channel = "datetime"
quantum = "1m"

[column.cost]
channel = "number"
quantum = 0.01
min = 0.01

[column.class]
channel = "category"
groups = [["ambulatory", "outpatient", "wellness"], ["urgent", "emergency"]]
"#;

    const HEADER: [&str; 5] = ["id", "seen", "left", "cost", "class"];

    struct Cells(Vec<String>);

    impl Row for Cells {
        fn cell(&self, column: usize) -> Cow<'_, [u8]> {
            Cow::Borrowed(self.0[column].as_bytes())
        }
    }

    fn original(row: usize) -> Cells {
        Cells(vec![
            format!("p{row}"),
            format!("2024-03-01 {:02}:{:02}", row % 24, row * 7 % 60),
            format!("2024-03-01 {:02}:{:02}", row % 24, row * 7 % 60 + row % 2),
            if row.is_multiple_of(9) { "0.00".into() } else { format!("{}.{:02}", row, row % 100) },
            ["ambulatory", "urgent", "home", "wellness"][row % 4].to_owned(),
        ])
    }

    fn marker() -> (MarkingSecret, Marker) {
        let secret = MarkingSecret::from_bytes([5; 32]);
        let policy = Policy::parse(POLICY).unwrap();
        let plan = policy.plan(&HEADER.map(str::to_owned), &[]).unwrap();
        let marker = Marker::new(&secret, "t", 1, policy.code_length(), plan);
        (secret, marker)
    }

    /// Marks every row for two recipients, and holds every cell against what is expected of it.
    #[test]
    fn what_is_expected_is_what_marking_writes() {
        let (secret, marker) = marker();
        let code = Code::new(&secret, "t", 1, 65_536);
        let (mut scratch, mut expected) = (Scratch::default(), Expectations::default());
        let (mut kept, mut changed) = (0, 0);
        for name in ["acme", "borealis"] {
            let codeword = code.codeword(&codeword_key(&secret, "t", 1, name));
            for row in (0..300).map(original) {
                let mut copy = Cells(row.0.clone());
                let mut tally = Tally::new(4);
                let id = marker.mark(&row, &codeword, &mut scratch, &mut tally, |column, text| {
                    copy.0[column] = text.to_owned();
                });
                marker.expect(&row, &mut scratch, &mut expected);
                assert_eq!((expected.id, marker.id(&copy, &mut scratch)), (id, id));
                assert_eq!(expected.iter().len() as u64, tally.carriers);
                for (carrier, other) in expected.iter() {
                    let column = &marker.plan().columns[carrier.column];
                    let bit = codeword.bit(carrier.position);
                    let (before, leaked) = (row.cell(column.index), copy.cell(column.index));
                    let compared = carrier.compare(&*column.channel, &before, other, &leaked);
                    if before == leaked {
                        kept += 1;
                        assert_eq!(compared, Compared::Kept(bit));
                    } else {
                        changed += 1;
                        assert_eq!(compared, Compared::Changed(bit));
                    }
                }
            }
        }
        assert!(kept > 500 && changed > 500, "{kept} {changed}");
    }

    #[test]
    fn cells_are_compared_by_value() {
        let (_, marker) = marker();
        let channel = |name: &str| {
            let mut columns = marker.plan().columns.iter();
            columns.find(|column| column.name == name).unwrap().channel.clone()
        };
        let carrier = Carrier { column: 0, position: 0, spin: 0, original: true };
        use Compared::{Altered, Changed, Kept, Missing};
        for (column, original, other, leaked, expected) in [
            ("cost", "146.70", "146.71", "146.7", Kept(true)),
            ("cost", "146.70", "146.71", " 1.4671e2", Changed(false)),
            ("cost", "146.70", "146.71", "146.72", Altered),
            ("cost", "146.70", "146.71", "147", Altered),
            ("cost", "146.70", "146.71", "n/a", Missing),
            ("cost", "146.70", "146.71", "much", Altered),
            ("seen", "2024-03-01 10:05", "2024-03-01 10:06", "2024-03-01T10:06:00Z", Changed(false)),
            ("seen", "2024-03-01 10:05:30", "2024-03-01 10:06:30", "2024-03-01 10:06", Changed(false)),
            ("seen", "2024-03-01 10:05:30", "2024-03-01 10:06:30", "2024-03-01 10:05", Kept(true)),
            ("seen", "2024-03-01 10:05", "2024-03-01 10:06", "2024-03-01", Altered),
            ("seen", "2024-03-01 00:00", "2024-03-01 00:01", "2024-03-01", Altered),
            ("seen", "2024-03-01 10:05", "2024-03-01 10:06", "01/03/2024 10:06", Altered),
            ("class", "urgent", "emergency", "EMERGENCY ", Changed(false)),
            ("class", "urgent", "emergency", "Urgent", Kept(true)),
            ("class", "urgent", "emergency", "wellness", Altered),
        ] {
            let compared = carrier.compare(&*channel(column), original.as_bytes(), other, leaked.as_bytes());
            assert_eq!(compared, expected, "{column}: {original} or {other}, leaked {leaked}");
        }
        let bytes = carrier.compare(&*channel("class"), b"urgent", "emergency", b"urg\xffent");
        assert_eq!(bytes, Altered);
    }
}

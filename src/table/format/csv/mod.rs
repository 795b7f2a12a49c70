//! CSV in the wild: any delimiter, any line end, any quoting, read without changing a byte.
//!
//! [`open`] reads the header and sniffs the [`Dialect`]; [`Blocks`] cuts the rest into blocks of whole records;
//! [`Records`] gives the byte ranges of a block's fields; a [`Cell`] reads one range and makes the edit that
//! replaces its core; [`splice`](super::splice::splice) copies the block with the edits. What isn't edited is
//! never decoded and never written anew, so it stays as it is: quoting, spaces, line ends, blank lines, ragged
//! rows, bytes that aren't UTF-8.
//!
//! The rule, and there is no other: a quote opens a quoted field only at a field's start. Inside, two quotes
//! are one escaped quote. After the closing quote everything up to the delimiter is literal. A delimiter or a
//! terminator outside quotes ends the field. A carriage return just before the line feed belongs to the
//! terminator; any other one in such a file is data. A blank line isn't a record. The `csv` crate splits the
//! same way, except that it ends a record at a lone carriage return too.
//!
//! `records.rs` applies the rule to every field, `cut.rs` only as far as record ends need it, and the properties
//! in `fidelity.rs` hold both to a third, plain reading of it.
//!
//! Source: RFC 4180, sections 2.5 to 2.7, where it says anything; the `csv` crate where it doesn't.

mod blocks;
mod cell;
mod cut;
mod dialect;
#[cfg(test)]
mod fidelity;
mod head;
mod reason;
mod records;
mod row;
mod scan;
mod table;
mod write;

pub use blocks::Blocks;
pub use cell::Cell;
pub use dialect::{Dialect, Terminator};
pub use head::{Head, open};
pub use records::{Fields, Records, check_width};
pub use row::CsvRow;
pub(super) use scan::Marks;
pub use table::{CsvTable, table};
pub use write::write_record;

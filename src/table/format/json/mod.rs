//! JSON: rows that are objects, one on each line (NDJSON, FHIR Bulk Data) or in one array.
//!
//! Nothing is parsed into values: one pass over a row notes where the values of the columns stand, and an edit replaces one of
//! them in place. The order of members, spaces, the way numbers are written, all that isn't edited stays byte for byte.
//!
//! Such an array may be within an object, as in a FHIR Bundle: what is around it is copied as it is.
//!
//! In order of use: [`path`] names columns, [`lex`] passes and checks tokens, [`plan`] is the tree of columns, [`scan`] finds
//! their values in a row; [`cell`] reads and replaces one value; [`wrapped`] finds the array of rows in an object;
//! [`blocks`] cuts the file, [`rows`] a block, [`tail`] is what follows; [`table`] puts these together. [`read()`] gives the
//! tables of a file to those who only read, in more shapes ([`document`]) than can be copied.
//!
//! Sources: RFC 8259 (JSON), <https://github.com/ndjson/ndjson-spec>, <https://hl7.org/fhir/R4/bundle.html>.

mod blocks;
mod cell;
mod document;
mod lex;
mod path;
mod plan;
mod read;
mod reason;
mod rows;
mod scan;
mod table;
mod tail;
#[cfg(test)]
mod tests;
mod wrapped;

pub use blocks::JsonBlocks;
pub use read::{read, sniff, sniff_lines};
pub use table::{JsonRow, JsonSyntax, JsonTable, table};

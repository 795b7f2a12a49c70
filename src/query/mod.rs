//! The ledger as a table that can be asked.
//!
//! **Idea.** [`columns`] says which member of an entry is which column; [`frame`] holds the entries in these columns and filters,
//! sorts and groups them with polars, which no other module names. Entries are read from their JSON as stored, so kinds that this
//! version does not know have their rows too.
//!
//! **Invariants.**
//! * One entry, one row, and its number is in the column `index`: whatever a report says can be looked up in the ledger.
//! * Times are UTC, to the millisecond.

pub mod columns;
pub mod frame;

pub use frame::{Builder, Format, Frame, Line, Row};

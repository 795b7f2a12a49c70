//! Tables that are written as many files below one folder: `year=2024/region=eu/part-0.parquet`.
//!
//! A [`Listing`] says what the files of a folder are. [`hive`] reads the columns that stand in the names of folders. Parts need
//! not have the same columns in the same order; [`Columns`] are those of all parts together, and an
//! [`Arranged`](arranged::Arranged) table shows a part with these. A [`Manifest`] lists files by hash, so that many files
//! have one hash as a single file has.
//!
//! Invariants: files are taken in the order of their names, byte by byte, so that nothing depends on the file system; no link is
//! followed; what is held of a file that is not being read is its name, its length and its hashes.

pub mod arranged;
mod columns;
pub mod hive;
mod joined;
mod listing;
mod manifest;
mod reason;

pub use columns::Columns;
pub use joined::{around, as_csv, joined};
pub use listing::{Leaf, LeftOut, Listing, is_note, is_summary};
pub use manifest::{Line, Manifest};

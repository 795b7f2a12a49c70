//! table
pub mod format;

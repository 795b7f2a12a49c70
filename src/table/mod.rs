//! table
pub mod value;

//! Formats: they give the cells of a file and apply edits to them, and know nothing of marks.
//!
//! In order of use: [`csv`] (and its kin) cuts a file into [blocks](block); the [`pump`] carries blocks through
//! workers to one ordered sink; [`splice`] copies a block with edits put in.

pub mod block;
pub mod csv;
pub mod pump;
pub mod splice;

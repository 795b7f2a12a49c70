//! Formats: they give the cells of a file and apply edits to them, and know nothing of marks.
//!
//! In order of use: [`copy`] is what every format offers. Formats whose records are text cut a file into
//! [blocks](block); the [`pump`] carries blocks through workers to one ordered sink; [`splice`] copies a block with edits put
//! in; [`text`] puts these together. [`mod@open`] opens a file of any
//! format. [`found`] gives the tables of a file to those who only read.

pub mod block;
pub mod copy;
pub mod csv;
pub mod digest;
pub mod found;
pub mod open;
pub mod pump;
pub mod reason;
pub mod splice;
pub mod text;

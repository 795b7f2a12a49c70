//! Formats: they give the cells of a file and apply edits to them, and know nothing of marks.
//!
//! In order of use: [`copy`] is what every format offers. Formats whose records are text cut a file into
//! [blocks](block); the [`pump`] carries blocks through workers to one ordered sink; [`splice`] copies a block with edits
//! put in; [`text`] puts these together. [`typed`] has the texts of values that are stored as such.
//!
//! Formats that are copied: [`csv`], [`json`], [`sql`], [`parquet`], [`arrow`], [`xlsx`], [`sqlite`]; that are only read:
//! [`sheets`], [`loose`] text, [`messy`] CSV. [`compression`], [`encoding`] and [`archive`] are around them.
//!
//! [`parts`] are many files of one table below a folder.
//!
//! A [`source`] is where bytes come from. [`wrapping`] takes off what is around a text, [`kind`] says what is within and
//! [`foreign`] what nobody here reads. [`mod@open`] opens a file of any format for copying; [`find`] gives all tables of a
//! file or a folder to those who only read, as [`found`] CSV text.

pub mod archive;
pub mod arrow;
pub mod block;
pub mod compression;
pub mod copy;
pub mod csv;
pub mod digest;
pub mod encoding;
pub mod find;
pub mod foreign;
pub mod found;
pub mod json;
pub mod kind;
pub mod loose;
pub mod messy;
pub mod open;
pub mod parquet;
pub mod parts;
pub mod pump;
pub mod reason;
pub mod sheets;
pub mod source;
pub mod splice;
pub mod sql;
pub mod sqlite;
pub mod text;
pub mod typed;
pub mod wrapping;
pub mod xlsx;

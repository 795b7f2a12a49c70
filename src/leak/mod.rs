//! The leak: read whatever it is, and find our rows and columns in it.
//!
//! In order: [`intake`] reads almost anything and never fails on a bad row; [`cells`] holds a sample of a column; [`repair`]
//! undoes what was done to its cells; [`likeness`] compares columns; [`columns`] finds which one is which. With the owner's
//! unmarked table at hand, [`mod@reference`] holds it, [`rows`] finds which of its rows a leaked row is, and [`referee`] reads
//! the two side by side.

pub mod cells;
pub mod columns;
pub mod intake;
pub mod likeness;
pub mod referee;
pub mod reference;
pub mod repair;
pub mod rows;

pub use intake::Damage;

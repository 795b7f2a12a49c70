//! The leak: read whatever it is, and find our rows and columns in it.
//!
//! In order: [`intake`] reads almost anything and never fails on a bad row; [`cells`] holds a sample of a column; [`repair`]
//! undoes what was done to its cells; [`likeness`] compares columns; [`columns`] finds which one is which.

pub mod cells;
pub mod columns;
pub mod intake;
pub mod likeness;
pub mod repair;

pub use intake::Damage;

//! The leak: read whatever it is, and find our rows and columns in it.
//!
//! In order: [`intake`] reads almost anything and never fails on a bad row; [`align`] finds which column is which.

pub mod align;
pub mod intake;

pub use intake::Damage;

//! The leak: read whatever it is, and find our rows and columns in it.
//!
//! In order: [`intake`] reads almost anything and never fails on a bad row; [`align`] finds which column is which; [`mod@reference`]
//! holds the owner's unmarked table, if it is at hand.

pub mod align;
pub mod intake;
pub mod referee;
pub mod reference;
pub mod rows;

pub use intake::Damage;

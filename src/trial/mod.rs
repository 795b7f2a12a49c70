//! Trials: an owner's table is given to partners in memory, attacked in every way of a [`Battery`], traced, and the outcome
//! counted on a [`Board`].
//!
//! An owner asks three things before trusting a mark: what does it cost my data, what does it survive, and does it ever
//! name the wrong one. A trial answers them on the owner's own table and policy. Keys are drawn anew for each trial, from the
//! seed, and never the home's, so a trial tells nothing about real copies and can be repeated by anybody.
//!
//! Invariants: the same seed, table, policy and battery give the same board, whatever the number of threads; the board
//! holds counts and names of columns alone, no value of the table.
//!
//! What lives here: `owner` (a dataset in memory), `battery` (what is tried), `run` (how), `board` (what came of it),
//! `interval` (how sure that is).

pub mod battery;
pub mod board;
pub mod interval;
pub mod owner;
pub mod run;

pub use battery::Battery;
pub use board::Board;
pub use owner::Owner;
pub use run::{Setup, run};

//! The evidence: from bits read in a leak to a name with a proven bound on the error.
//!
//! What was read: [`counts`], and [`log`] in which order. What it is worth: [`decoder`], and [`tail`], how rarely an innocent
//! would do so well. The three stages of naming: [`score`] (the whole leak), [`windows`] (its parts) and [`joint`] (again,
//! given the accused); [`verdict`] says how all their tries are paid for. For the reader alone: [`shares`] and [`map`].
//! [`investigate`] does it all, and [`alone`] does it again for one recipient, from what can be shown to a stranger. Apart from
//! them stands [`guilt`]: what the rows alone suggest, which names nobody.
//!
//! Invariant: whether somebody is accused never depends on the codeword of an innocent but that person's own. [`joint`] has the
//! argument.

pub mod alone;
pub mod counts;
pub mod decoder;
pub mod guilt;
pub mod investigate;
pub mod joint;
pub mod log;
pub mod map;
pub mod score;
pub mod shares;
pub mod tail;
pub mod verdict;
mod weighing;
pub mod windows;

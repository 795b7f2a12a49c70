//! The evidence: from bits read in a leak to a name with a proven bound on the error.
//!
//! In order: [`counts`] (what was read) and [`log`] (in which order), [`decoder`] (what a read is worth), [`score`] (how well each
//! recipient fits), [`tail`] (how rarely an innocent would fit so well), [`verdict`] (how every try is paid for, and what may be
//! said).

pub mod counts;
pub mod decoder;
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

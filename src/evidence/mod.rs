//! The evidence: from bits read in a leak to a name with a proven bound on the error.
//!
//! In order: [`counts`] (what was read), [`score`] (how well each recipient fits), [`tail`] (how rarely an innocent
//! would fit so well), [`verdict`] (what may be said).

pub mod counts;
pub mod score;
pub mod tail;
pub mod verdict;

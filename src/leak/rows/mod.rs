//! Which row of the leak is which row of the reference.
//!
//! By key, where the leak has it and it was not replaced; otherwise by content. Content works as record linkage does: *blocks*
//! (rows that agree in one rare value, or in a few common ones) give a handful of candidates, each candidate is weighed column by
//! column, and the best is taken if it is clearly the best. What is not clear is left out: a wrong row would be read as noise.
//!
//! In order: [`field`] (a column that both tables have, and what its cells say), [`digest`] (the reference in numbers),
//! [`blocks`] (candidates), [`weigh`] (how well a candidate agrees), [`aligner`] (all of it, row by row).
//!
//! # How improbable a wrong row is
//!
//! The weight of a candidate is the log of a likelihood ratio (Fellegi and Sunter 1969): how much more probable the agreements
//! and disagreements are if the two rows are one than if they met by chance. A likelihood ratio has a mean of 1 among chance
//! meetings, so by Markov's inequality a given foreign row weighs `w` or more with probability at most `e^-w`, and any of `N`
//! with at most `N e^-w`. By Bayes' rule a row is more than 99 % sure to be ours from `w = ln N + ln 100 + ln ((1 - s) / s)`
//! on, where `s` is the share of the leak that is ours: taken to be 1 % at first, then what the leak's first rows say, and
//! never above 50 %. So a foreign row is taken for one of ours with a probability of at most 1 in 10,000 to 1 in 100. A row
//! must also outweigh all other candidates together a hundredfold. The reckoning takes columns as independent; a column that
//! another one implies counts for less (`weigh`). Both are bounds: on real tables with 5 % of all cells altered
//! `benches/align.rs` finds no wrong row.
//!
//! # Why the error bound holds
//!
//! The bound of `evidence::tail` takes the reads as given and needs the *innocent's* codeword to be independent of them.
//! Everything here is a function of the leak, the reference, and the carrier key (which cells may be marked, and the two texts
//! that each may hold): no codeword is at hand, and there is none in this module's arguments. The leak depends on the codewords
//! of those who made it, and on no other. So whatever row is chosen, and however wrongly, an innocent's bits stay independent
//! coins.
//!
//! Beyond what the bound needs, the choice does not look at the leaker's bits either: a cell agrees with its original and with
//! the other text of its carrier, with one and the same weight, in blocks and in weighing alike, and a rival is judged by
//! whichever of the two suits it. Otherwise rows whose bits happened to keep the original would be found more often than
//! others, or twins be told apart by the very cells that a mark changed, and the evidence would be skewed.
//!
//! Source: I. P. Fellegi and A. B. Sunter, "A theory for record linkage", Journal of the American Statistical Association 64
//! (1969), sections 2 and 3.

mod aligner;
mod blocks;
mod digest;
mod field;
mod weigh;

#[cfg(test)]
mod tests;

pub use aligner::{Aligner, Alignment, Buffers};
pub use field::Pair;

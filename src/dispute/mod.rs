//! Evidence for somebody who trusts nobody: what a trace found in a folder that can be handed over, and openings that an expert
//! recomputes.
//!
//! * [`bundle`] puts the evidence of a trace together, without any secret and without a value of the leak.
//! * [`opening`] is what is disclosed of one accused release: its codeword, and at the positions that were read the counts and
//!   the biases; [`mod@make`] makes one, and [`mod@check`] checks one with the ledger's public key alone.
//! * [`exhibit`] names leaked files by their hashes.
//!
//! Invariant: an opening holds of other recipients nothing but what all recipients share: biases of the positions read, and, only
//! if that is asked for, the carrier key.
//!
//! [`manual::dispute`](crate::manual::dispute) has the scheme and what it proves.

pub mod bundle;
pub mod check;
pub mod exhibit;
pub mod make;
pub mod opening;
mod reason;
#[cfg(test)]
mod tests;

/// Name and version of this program, as evidence names it.
pub const TOOL: &str = concat!("dyepack ", env!("CARGO_PKG_VERSION"));

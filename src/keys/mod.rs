//! The secrets, and everything that is derived from them.
//!
//! [`secret`] is the only module that sees secret bytes: it makes, locks, unlocks and zeroizes them.
//! [`prf`] turns the marking secret into purpose-bound keys and streams.

pub mod prf;
pub mod secret;

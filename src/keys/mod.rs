//! The secrets, and everything that is derived from them.
//!
//! In order: [`secret`] (the two secrets), [`keyring`] (the file they rest in), [`prf`] (purpose-bound keys and streams
//! from the marking secret), [`seal`] (files that only the secret opens). Secret bytes never leave this folder.

pub mod keyring;
pub mod prf;
pub mod seal;
pub mod secret;

//! The secrets, and everything that is derived from them.
//!
//! In order: [`secret`] (the secrets), `keyfile` (the files that secrets rest in), [`keyring`] (a home's), [`signer`]
//! (somebody else's), [`prf`] (purpose-bound keys and streams from the marking secret), [`seal`] (files that only the secret
//! opens). Secret bytes never leave this folder.

mod keyfile;
pub mod keyring;
pub mod prf;
pub mod seal;
pub mod secret;
pub mod signer;

pub use keyfile::{SALT_BYTES, passphrase_cipher};

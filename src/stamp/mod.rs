//! Stamping: a file in, each recipient's copy out.
//!
//! [`engine`] marks a stream and knows nothing of homes; [`deliver`] keeps the order of DESIGN section 4 around it: the
//! marked bytes in temporary files, then the ledger's entries, then the names. [`folder`] does so for a table of many files,
//! [`streamed`] lets a copy go out while it is made. An [`order`] says what is wanted, its [`terms`] what the ledger has to say
//! to it, and `recording` puts it on record. [`gates`] says who may be given what, [`admission`] asks that for an order
//! and records refusals, [`receipt`] says what was delivered.

pub mod admission;
pub mod deliver;
pub mod engine;
pub mod folder;
pub mod gates;
pub mod learn;
pub mod order;
mod outputs;
pub mod receipt;
mod recording;
pub mod streamed;
pub mod terms;

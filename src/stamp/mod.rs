//! Stamping: a file in, one recipient's copy out.
//!
//! [`engine`] marks a stream and knows nothing of homes; [`deliver`] keeps the order of DESIGN section 4 around it: the
//! marked bytes in a temporary file, then the ledger's entry, then the name.

pub mod deliver;
pub mod engine;
pub mod learn;

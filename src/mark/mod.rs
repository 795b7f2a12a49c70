//! mark
pub mod channel;
pub mod policy;

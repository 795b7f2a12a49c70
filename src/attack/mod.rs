//! What is done to a copy before it turns up.

pub mod correlate;

//! The mark: what a policy allows, which cells carry it, and what they say.
//!
//! In order: [`code`] (the bits of each recipient).

pub mod code;

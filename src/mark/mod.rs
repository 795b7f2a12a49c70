//! The mark: what a policy allows, which cells carry it, and what they say.
//!
//! In order: [`policy`] (what may change, resolved against a header), [`channel`] (how one cell says one bit), [`code`] (the
//! bits of each recipient), [`marker`] (rows in, edits or bits out), [`compare`] (a leaked cell beside its original).

pub mod channel;
pub mod code;
pub mod compare;
pub mod marker;
pub mod model;
pub mod policy;

//! Findings for people and for programs.
//!
//! [`terminal`] is one screen, verdict first; [`json`] is one object, for pipelines.

pub mod json;
pub mod terminal;

//! Findings for people and for programs.
//!
//! [`terminal`] is one screen, verdict first; [`json`] is one object, for pipelines; [`trial`] shows a scoreboard, as text and as
//! a page; `compliance` answers for what was disclosed.

#[cfg(feature = "polars")]
pub mod compliance;
pub mod json;
pub mod terminal;
pub mod trial;

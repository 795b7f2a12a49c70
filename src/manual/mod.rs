//! The manual: pages that stand beside the code as Markdown, and whose examples are compiled and run with the tests.

#[doc = include_str!("design.md")]
pub mod design {}

#[doc = include_str!("threats.md")]
pub mod threats {}

#[doc = include_str!("limits.md")]
pub mod limits {}

#[doc = include_str!("calibration.md")]
#[doc = include_str!("calibration.svg")]
pub mod calibration {}

#[doc = include_str!("releases.md")]
pub mod releases {}

#[doc = include_str!("compliance.md")]
pub mod compliance {}

#[doc = include_str!("dispute.md")]
pub mod dispute {}

#[doc = include_str!("tables.md")]
pub mod tables {}

#[doc = include_str!("operation.md")]
pub mod operation {}

#[doc = include_str!("formats.md")]
pub mod formats {}

#[doc = include_str!("audit.md")]
pub mod audit {}

//! Generated data for the demonstration, the tests and the benchmarks.

pub mod hospital;

/// A policy for the generated [`hospital`] table.
pub const HOSPITAL_POLICY: &str = include_str!("../../examples/policies/hospital.toml");

/// Demonstration keys: public, worthless, and labelled so.
pub const DEMO_KEYRING: &str = include_str!("../../keys/demo.json");

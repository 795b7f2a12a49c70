//! The integration tests, in one binary so that dependencies link once.

mod attack_cases;
mod calibration;
mod cli;
mod columns;
mod correlation;
mod detection;
mod distortion;
mod examples;
mod formats;
mod fuzz;
mod hostile;
mod interop;
mod kill;
mod known_answers;
mod lab;
mod measure;
mod procedure;
mod rare;
mod reference;
mod similarity;
mod splitting;
#[cfg(feature = "object-store")]
mod stores;
mod survival;
mod tidy;
mod trial;
mod trials;

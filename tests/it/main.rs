//! The integration tests, in one binary so that dependencies link once.

mod attack_cases;
mod calibration;
mod cli;
mod columns;
mod detection;
mod distortion;
mod examples;
mod known_answers;
mod lab;
mod measure;
mod reference;
mod tidy;
mod trial;
mod trials;

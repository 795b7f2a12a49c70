//! The integration tests, in one binary so that dependencies link once.

mod attack_cases;
mod attacks;
mod calibration;
mod cli;
mod columns;
mod correlation;
mod detection;
mod distortion;
mod examples;
mod known_answers;
mod lab;
mod measure;
mod reference;
mod survival;
mod tidy;
mod trials;

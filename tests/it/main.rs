//! The integration tests, in one binary so that dependencies link once.

mod attack_cases;
mod attacks;
mod calibration;
mod detection;
mod distortion;
mod known_answers;
mod lab;
mod measure;
mod reference;
mod trials;

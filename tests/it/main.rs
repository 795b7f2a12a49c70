//! The integration tests, in one binary so that the library links once.

mod cli;
mod tidy;

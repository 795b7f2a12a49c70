//! Marks every copy of a dataset that leaves the house, so that a leaked copy names the partner it was given to.

pub mod cli;
pub mod demo;
pub mod error;
pub mod evidence;
pub mod home;
pub mod keys;
pub mod leak;
pub mod ledger;
pub mod mark;
pub mod report;
pub mod sketch;
pub mod stamp;
pub mod table;
pub mod trace;

pub use error::{Error, Result};

//! Marks every copy of a dataset that leaves the house, so that a leaked copy names the partner it was given to.

pub mod error;
pub mod evidence;
pub mod keys;
pub mod leak;
pub mod ledger;
pub mod mark;
pub mod table;

pub use error::{Error, Result};

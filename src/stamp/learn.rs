//! Learns a policy's model from a table: what occurs in the columns that it marks.
//!
//! One pass, row by row; the learner keeps two bytes for each cell of a column with few values.

use crate::error::Result;
use crate::mark::model::{Learner, Model};
use crate::mark::policy::Policy;
use crate::table::format::copy::Table;

/// Learns the model of `policy` from `table`.
///
/// # Errors
/// If the columns do not fit the policy, or a row can't be read.
pub fn learn(table: impl Table, policy: &Policy) -> Result<Model> {
    let mut learner = Learner::new(policy.plan(table.columns(), &[])?, table.columns().to_vec());
    table.rows(&mut |row| {
        learner.add(&row);
        Ok(())
    })?;
    Ok(learner.finish(policy.name()))
}

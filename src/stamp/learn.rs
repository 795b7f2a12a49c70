//! Learns a policy's model from a table: what occurs in the columns that it marks.
//!
//! One pass, row by row; the learner keeps two bytes for each cell of a column with few values.

use std::io::Read;

use crate::error::Result;
use crate::mark::model::{Learner, Model};
use crate::mark::policy::Policy;
use crate::table::format::block::{self, Block, Reading};
use crate::table::format::csv::{self, CsvRow, Dialect, Fields, Records, check_width};
use crate::table::format::pump::pump;

/// Learns the model of `policy` from the CSV table `input`.
///
/// # Errors
/// If the header does not fit the policy, a row has another number of fields than the header, or reading fails.
pub fn learn(input: impl Read + Send, policy: &Policy, delimiter: Option<u8>) -> Result<Model> {
    let (head, mut blocks) = csv::open(input, delimiter, block::Options::new(Reading::Strict))?;
    let mut learner = Learner::new(policy.plan(&head.names, &[])?, head.names.clone());
    let (dialect, width) = (head.dialect, head.names.len());
    let mut fields = Fields::default();
    pump(
        &mut blocks,
        |block, _: &mut ()| count(block, dialect, width),
        |block, _| {
            let mut records = Records::of(block, dialect);
            while records.next_record(&mut fields) {
                learner.add(&CsvRow { bytes: block.bytes(), fields: &fields });
            }
            Ok(())
        },
    )?;
    Ok(learner.finish(policy.name()))
}

/// Checks the rows of one block; gives their number.
fn count(block: &Block, dialect: Dialect, width: usize) -> Result<u64> {
    let (mut records, mut fields, mut rows) = (Records::of(block, dialect), Fields::default(), 0);
    while records.next_record(&mut fields) {
        rows += 1;
        check_width(rows, fields.len(), width)?;
    }
    Ok(rows)
}

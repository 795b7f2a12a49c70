//! One line of JSON, on standard output.

use serde::Serialize;

/// The JSON of a report or receipt, without a line end.
pub fn line(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("reports hold strings and finite numbers")
}

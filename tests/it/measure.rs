//! What stamping did to a table, told from the two files and the policy's text alone.

use std::collections::BTreeMap;

use dyepack::table::value::{DateOrder, Moment, Numeric};

use crate::lab::{self, Table};

/// One marked column, before and after.
#[derive(Clone, Debug)]
pub struct Distortion {
    pub column: String,
    pub channel: String,
    /// Cells with a value.
    pub cells: usize,
    pub changed: usize,
    /// The largest move, in the column's unit (seconds for dates); 0 for categories.
    pub max_move: f64,
    /// What the policy allows.
    pub max_change: f64,
    /// How far the mean moved, in standard deviations; 0 for categories.
    pub mean_moved: f64,
    /// Cells that left the group which the policy names.
    pub strayed: usize,
}

/// Every marked column of a policy.
pub fn distortions(policy: &str, source: &Table, copy: &Table) -> Vec<Distortion> {
    columns(policy)
        .into_iter()
        .map(|(column, rule)| {
            let index = lab::index(source, &column);
            let pairs: Vec<(&str, &str)> =
                source.rows.iter().zip(&copy.rows).map(|(a, b)| (&a[index], &b[index])).collect();
            let channel = rule["channel"].as_str().expect("a name").to_owned();
            let values: Vec<(f64, f64)> = pairs
                .iter()
                .filter_map(|(a, b)| Some((number(&channel, a)?, number(&channel, b)?)))
                .collect();
            let same_group = |a: &str, b: &str| {
                rule.get("groups").and_then(toml::Value::as_array).is_none_or(|groups| {
                    let holds = |group: &toml::Value, text: &str| {
                        group.as_array().expect("a group").iter().any(|value| value.as_str() == Some(text))
                    };
                    groups.iter().any(|group| holds(group, a) && holds(group, b))
                })
            };
            Distortion {
                cells: pairs.iter().filter(|(a, _)| !a.is_empty()).count(),
                changed: pairs.iter().filter(|(a, b)| a != b).count(),
                max_move: values.iter().map(|(a, b)| (a - b).abs()).fold(0.0, f64::max),
                max_change: rule.get("max_change").map_or(0.0, amount),
                mean_moved: mean_moved(&values),
                strayed: pairs.iter().filter(|(a, b)| a != b && !same_group(a, b)).count(),
                column,
                channel,
            }
        })
        .collect()
}

/// The policy's columns as plain TOML.
pub fn columns(policy: &str) -> BTreeMap<String, toml::Table> {
    let policy: toml::Table = policy.parse().expect("TOML");
    let columns = policy["column"].as_table().expect("columns").iter();
    columns.map(|(name, rule)| (name.clone(), rule.as_table().expect("a table").clone())).collect()
}

/// A cell as a number: itself, or seconds since the epoch; `None` for words and for what is missing.
pub fn number(channel: &str, cell: &str) -> Option<f64> {
    match channel {
        "number" => cell.parse().ok(),
        "date" | "datetime" => Some(Moment::parse(cell, DateOrder::Unknown, Numeric::No)?.seconds() as f64),
        _ => None,
    }
}

/// `0.01`, or `"1m"` in seconds.
fn amount(value: &toml::Value) -> f64 {
    match value {
        toml::Value::String(text) => {
            let (count, unit) = text.split_at(text.len() - 1);
            let seconds = match unit {
                "s" => 1.0,
                "m" => 60.0,
                "h" => 3_600.0,
                "d" => 86_400.0,
                _ => panic!("an unknown unit in {text}"),
            };
            count.parse::<f64>().expect("a count") * seconds
        }
        toml::Value::Integer(n) => *n as f64,
        value => value.as_float().expect("a number"),
    }
}

fn mean_moved(values: &[(f64, f64)]) -> f64 {
    let n = values.len() as f64;
    let mean = values.iter().map(|(a, _)| a).sum::<f64>() / n;
    let variance = values.iter().map(|(a, _)| (a - mean).powi(2)).sum::<f64>() / n;
    let moved = values.iter().map(|(a, b)| b - a).sum::<f64>() / n;
    if values.is_empty() || variance == 0.0 { 0.0 } else { moved.abs() / variance.sqrt() }
}

//! So many rows, or such a share of them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::reason::AttackReason;
use crate::error::{Error, Result};

/// A number of rows (`200`) or a share of a table (`2%`).
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(try_from = "Written", into = "String")]
pub enum Amount {
    /// So many.
    Rows(usize),
    /// Such a share, 1 being the whole.
    Share(f64),
}

impl Amount {
    /// How many rows that is of `all`, at least one.
    pub fn of(self, all: usize) -> usize {
        match self {
            Amount::Rows(rows) => rows,
            Amount::Share(share) => ((all as f64 * share).round() as usize).max(1),
        }
    }
}

impl From<usize> for Amount {
    fn from(rows: usize) -> Amount {
        Amount::Rows(rows)
    }
}

impl FromStr for Amount {
    type Err = Error;

    fn from_str(text: &str) -> Result<Amount> {
        let bad = || Error::from(AttackReason::BadAmount(text.to_owned()));
        match text.strip_suffix('%') {
            Some(percent) => {
                let percent: f64 = percent.trim().parse().map_err(|_| bad())?;
                let is_possible = percent > 0.0 && percent.is_finite();
                is_possible.then_some(Amount::Share(percent / 100.0)).ok_or_else(bad)
            }
            None => text.parse().map(Amount::Rows).map_err(|_| bad()),
        }
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Amount::Rows(rows) => write!(f, "{rows}"),
            Amount::Share(share) => write!(f, "{}%", share * 100.0),
        }
    }
}

/// As TOML has it: a number or a text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Rows(usize),
    Text(String),
}

impl TryFrom<Written> for Amount {
    type Error = Error;

    fn try_from(written: Written) -> Result<Amount> {
        match written {
            Written::Rows(rows) => Ok(Amount::Rows(rows)),
            Written::Text(text) => text.parse(),
        }
    }
}

impl From<Amount> for String {
    fn from(amount: Amount) -> String {
        amount.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_rows_or_shares() {
        assert_eq!("200".parse::<Amount>().unwrap().of(1000), 200);
        assert_eq!("2%".parse::<Amount>().unwrap().of(1000), 20);
        assert_eq!("0.1 %".parse::<Amount>().unwrap().of(1000), 1);
        for bad in ["", "%", "-3", "many", "0%", "-1%", "NaN%"] {
            assert!(bad.parse::<Amount>().is_err(), "{bad}");
        }
    }
}

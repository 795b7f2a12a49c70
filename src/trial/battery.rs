//! What a trial tries, as data: `battery.toml` beside this file, or the owner's own.

use serde::{Deserialize, Serialize};

use crate::attack::{self, Attack, Gather};
use crate::error::{Error, Result};

/// The attacks that are tried unless the owner names others.
const BUILT_IN: &str = include_str!("battery.toml");

/// A list of attacks, each at some strengths.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Battery {
    /// In the order of the board.
    #[serde(rename = "case")]
    pub cases: Vec<Case>,
}

/// One attack at one strength.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// What kind of attack it is; a board shows those of one group together.
    pub group: String,
    /// What is done.
    pub attack: String,
    /// How strongly.
    #[serde(default)]
    pub strength: String,
    /// Whose rows leak.
    #[serde(default)]
    pub source: Source,
    /// How many partners leak.
    #[serde(default = "one")]
    pub leakers: usize,
    /// How one leak is made of several copies.
    pub gather: Option<Gather>,
    /// What is done to it.
    #[serde(default)]
    pub attacks: Vec<Attack>,
}

fn one() -> usize {
    1
}

/// Whose rows leak.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The leakers' copies.
    #[default]
    Copy,
    /// The owner's unmarked table: nobody may be named.
    Original,
    /// A copy under another owner's key: nobody may be named.
    OtherKey,
    /// The copy of somebody who is not registered: nobody may be named.
    Unregistered,
}

impl Battery {
    /// The built-in one.
    pub fn built_in() -> Battery {
        Battery::parse(BUILT_IN).expect("a test reads it")
    }

    /// Reads a battery.
    ///
    /// # Errors
    /// If it is no TOML, names an attack that does not exist, or several copies and not how one leak is made of them.
    pub fn parse(text: &str) -> Result<Battery> {
        let battery: Battery = toml::from_str(text).map_err(|error| attack::bad_toml(text, &error))?;
        for case in &battery.cases {
            case.check()?;
        }
        Ok(battery)
    }

    /// The most partners that any case lets leak.
    pub fn leakers(&self) -> usize {
        self.cases.iter().map(|case| case.leakers).max().unwrap_or(1)
    }
}

impl Case {
    /// The attack with its strength.
    pub fn title(&self) -> String {
        if self.strength.is_empty() {
            self.attack.clone()
        } else {
            format!("{}: {}", self.attack, self.strength)
        }
    }

    fn check(&self) -> Result<()> {
        let name = || format!("case `{}`", self.title());
        if self.leakers == 0 {
            return Err(Error::usage(format!("{}: nobody leaks", name()))
                .with_hint("leave `leakers` out for one, or say source = \"original\""));
        }
        let takes_two_releases = matches!(self.gather, Some(Gather::Difference { .. }));
        if self.leakers > 1 && self.gather.is_none() {
            return Err(Error::usage(format!("{}: several leakers and no `gather`", name()))
                .with_hint("say gather = { by = \"mix\" }, or \"collude\" with a strategy"));
        }
        if self.leakers > 1 && takes_two_releases {
            return Err(Error::usage(format!("{}: `difference` compares releases to one leaker", name()))
                .with_hint("leave `leakers` out"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_built_in_battery_is_whole() {
        let battery = Battery::built_in();
        let names: HashSet<_> = battery.cases.iter().map(|case| (&case.attack, &case.strength)).collect();
        assert_eq!(names.len(), battery.cases.len(), "a line of the board is one case");
        for leakers in [2, 3, 5, 8, 10] {
            let strategies = battery.cases.iter().filter(|case| case.leakers == leakers).count();
            assert!(strategies >= attack::STRATEGIES.len(), "{leakers} colluders");
        }
        assert!(battery.cases.iter().any(|case| case.source == Source::Original));
    }

    #[test]
    fn bad_batteries_are_refused_by_name() {
        let fails = |text: &str| Battery::parse(text).unwrap_err().to_string();
        let case = |rest: &str| format!("[[case]]\ngroup = \"a\"\nattack = \"b\"\nstrength = \"c\"\n{rest}");
        assert_eq!(fails(&case("leakers = 2")), "case `b: c`: several leakers and no `gather`");
        assert_eq!(fails(&case("leakers = 0")), "case `b: c`: nobody leaks");
        assert!(fails(&case("attacks = [{ do = \"magic\" }]")).starts_with("line 5, column"));
    }
}

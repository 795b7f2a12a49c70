//! Which leaked column is which, as the user says it: `--map leaked=ours`.

use std::str::FromStr;

use crate::error::{Class, Reason, Result};
use crate::mark::policy::closest;

/// One leaked column and what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// The leaked column.
    pub leaked: Place,
    /// Our column; `None` if it is none of ours.
    pub ours: Option<String>,
}

/// How a leaked column is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// By its name in the leak's header.
    Name(String),
    /// By its number, from 1.
    Number(usize),
}

/// Parses `leaked=ours`, where `leaked` is a name or `#3`, and `ours` may be empty.
impl FromStr for Mapping {
    type Err = String;

    fn from_str(text: &str) -> Result<Mapping, String> {
        let (leaked, ours) = text.rsplit_once('=').ok_or("must be `leaked=ours`")?;
        let leaked = match leaked.strip_prefix('#').map(str::parse) {
            Some(Ok(0)) => return Err("columns are counted from 1".into()),
            Some(Ok(number)) => Place::Number(number),
            _ if leaked.is_empty() => return Err("must name a leaked column before the `=`".into()),
            _ => Place::Name(leaked.to_owned()),
        };
        Ok(Mapping { leaked, ours: (!ours.is_empty()).then(|| ours.to_owned()) })
    }
}

#[derive(Debug, thiserror::Error)]
enum MapError {
    #[error("the leak has no column `{name}`")]
    NoName { name: String, closest: Option<String> },
    #[error("the leak has no column #{number}: it has {width}")]
    NoNumber { number: usize, width: usize },
    #[error("the leak has more than one column `{name}`")]
    ManyNames { name: String },
    #[error("no dataset has a column `{name}`")]
    NotOurs { name: String, closest: Option<String> },
    #[error("{what} is mapped more than once")]
    Twice { what: String },
}

impl Reason for MapError {
    fn class(&self) -> Class {
        Class::Usage
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            MapError::NoName { closest: Some(name), .. } | MapError::NotOurs { closest: Some(name), .. } => {
                format!("did you mean `{name}`?")
            }
            MapError::NoName { .. } | MapError::ManyNames { .. } => {
                "name it by its number, such as #3".into()
            }
            MapError::NoNumber { .. } => "columns are counted from 1".into(),
            MapError::NotOurs { .. } => "`dyepack policy show` lists the columns of a dataset".into(),
            MapError::Twice { .. } => "leave one of them out".into(),
        })
    }
}

/// Leaked columns by index, with our name for each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resolved(Vec<(usize, Option<String>)>);

impl Resolved {
    /// What a leaked column is said to be: `Some(None)` if it is none of ours.
    pub fn of(&self, leaked: usize) -> Option<Option<&str>> {
        self.0.iter().find(|(index, _)| *index == leaked).map(|(_, ours)| ours.as_deref())
    }

    /// Where a column of ours is said to be.
    pub fn place_of(&self, ours: &str) -> Option<usize> {
        self.0.iter().find(|(_, name)| name.as_deref() == Some(ours)).map(|(index, _)| *index)
    }
}

/// Looks the names up. `leaked` are those of the leak, `has_header` whether they are known to be names: only then one is
/// repeated in a hint; `ours` are those of all datasets.
///
/// # Errors
/// If a column is not there, or mapped twice.
pub fn resolve(map: &[Mapping], leaked: &[String], has_header: bool, ours: &[&str]) -> Result<Resolved> {
    let mut resolved = Resolved::default();
    for Mapping { leaked: place, ours: name } in map {
        let index = find(place, leaked, has_header)?;
        if let Some(name) = name
            && !ours.contains(&name.as_str())
        {
            let closest = closest(name, ours.iter().copied()).map(str::to_owned);
            return Err(MapError::NotOurs { name: name.clone(), closest }.into());
        }
        if resolved.of(index).is_some() {
            return Err(MapError::Twice { what: format!("column #{} of the leak", index + 1) }.into());
        }
        if let Some(name) = name.as_deref().filter(|name| resolved.place_of(name).is_some()) {
            return Err(MapError::Twice { what: format!("column `{name}`") }.into());
        }
        resolved.0.push((index, name.clone()));
    }
    Ok(resolved)
}

fn find(place: &Place, leaked: &[String], has_header: bool) -> Result<usize> {
    match place {
        Place::Number(number) if *number > leaked.len() => {
            Err(MapError::NoNumber { number: *number, width: leaked.len() }.into())
        }
        Place::Number(number) => Ok(number - 1),
        Place::Name(name) => {
            let mut found = (0..leaked.len()).filter(|&index| leaked[index] == *name);
            match (found.next(), found.next()) {
                (Some(index), None) => Ok(index),
                (Some(_), Some(_)) => Err(MapError::ManyNames { name: name.clone() }.into()),
                (None, _) => {
                    let closest = closest(name, leaked.iter().map(String::as_str)).filter(|_| has_header);
                    Err(MapError::NoName { name: name.clone(), closest: closest.map(str::to_owned) }.into())
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(map: &[&str], has_header: bool) -> Result<Resolved> {
        let map: Vec<Mapping> = map.iter().map(|text| text.parse().unwrap()).collect();
        let leaked = ["kosten", "datum", "x", "x"].map(str::to_owned);
        resolve(&map, &leaked, has_header, &["cost", "seen"])
    }

    #[test]
    fn mappings_are_parsed() {
        let parsed = |text: &str| text.parse::<Mapping>();
        let mapping = |leaked, ours: Option<&str>| Ok(Mapping { leaked, ours: ours.map(str::to_owned) });
        assert_eq!(parsed("kosten=cost"), mapping(Place::Name("kosten".into()), Some("cost")));
        assert_eq!(parsed("#3="), mapping(Place::Number(3), None));
        assert_eq!(parsed("#x=cost"), mapping(Place::Name("#x".into()), Some("cost")));
        assert_eq!(parsed("a=b=cost"), mapping(Place::Name("a=b".into()), Some("cost")));
        assert!(parsed("cost").is_err() && parsed("=cost").is_err() && parsed("#0=cost").is_err());
    }

    #[test]
    fn names_and_numbers_are_looked_up() {
        let map = resolved(&["kosten=cost", "#3="], true).unwrap();
        assert_eq!((map.of(0), map.of(1), map.of(2)), (Some(Some("cost")), None, Some(None)));
        assert_eq!((map.place_of("cost"), map.place_of("seen")), (Some(0), None));
    }

    #[test]
    fn what_can_not_be_mapped_says_why() {
        for (map, has_header, error, hint) in [
            (&["koste=cost"][..], true, "the leak has no column `koste`", "did you mean `kosten`?"),
            (&["koste=cost"], false, "the leak has no column `koste`", "name it by its number, such as #3"),
            (&["x=cost"], true, "the leak has more than one column `x`", "name it by its number, such as #3"),
            (&["#5=cost"], true, "the leak has no column #5: it has 4", "columns are counted from 1"),
            (&["datum=seem"], true, "no dataset has a column `seem`", "did you mean `seen`?"),
            (&["#1=cost", "kosten="], true, "column #1 of the leak is mapped more than once", "leave one"),
            (&["#1=cost", "#2=cost"], true, "column `cost` is mapped more than once", "leave one"),
        ] {
            let refused = resolved(map, has_header).unwrap_err();
            assert_eq!(refused.to_string(), error);
            assert!(refused.hint().unwrap().starts_with(hint), "{refused:?}");
        }
    }
}

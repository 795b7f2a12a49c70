//! One table of a policy file, read key by key, each value with its position.
//!
//! The document is walked as toml's own tree and not through serde: serde stops at the first key that it does not
//! know with a message of its own, loses the order of sections, and turns `0.01` into a float.

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::reason::PolicyReason;
use crate::{Error, Result, error::Reason, table::value::Decimal};

/// A line and a column, both from 1; columns count characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::mark) struct Position {
    pub line: usize,
    pub column: usize,
}

impl Position {
    pub(super) fn of(text: &str, offset: usize) -> Position {
        let before = text.get(..offset).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Position { line: before.matches('\n').count() + 1, column: before[line_start..].chars().count() + 1 }
    }

    /// An error here.
    pub(in crate::mark) fn fail(self, reason: impl Reason) -> Error {
        Error::from(reason).at_line(self.line, self.column)
    }
}

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(in crate::mark) struct Located<T> {
    pub value: T,
    pub at: Position,
}

/// A table of the policy.
pub(in crate::mark) struct Section<'a> {
    /// As messages name it: `[dataset]`, `[column.START]`.
    pub name: String,
    pub at: Position,
    text: &'a str,
    table: &'a DeTable<'a>,
}

impl<'a> Section<'a> {
    pub(super) fn new(name: String, offset: usize, text: &'a str, table: &'a DeTable<'a>) -> Self {
        Section { name, at: Position::of(text, offset), text, table }
    }

    /// The keys in order of appearance.
    pub(super) fn keys(&self) -> Vec<Located<&'a str>> {
        let mut keys: Vec<_> = self.table.keys().collect();
        keys.sort_by_key(|key| key.span().start);
        let located = keys.into_iter().map(|key| Located {
            value: key.get_ref().as_ref(),
            at: Position::of(self.text, key.span().start),
        });
        located.collect()
    }

    /// Refuses the first key that is not in `known`.
    pub(super) fn check_keys(&self, known: &[&str]) -> Result<()> {
        for key in self.keys() {
            if !known.contains(&key.value) {
                let hint = match closest(key.value, known.iter().copied()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("keys here are {}", known.join(", ")),
                };
                let section = self.name.clone();
                return Err(key.at.fail(PolicyReason::UnknownKey { key: key.value.into(), section, hint }));
            }
        }
        Ok(())
    }

    /// A table inside this one.
    pub(super) fn section(&self, key: &str, name: String) -> Result<Option<Section<'a>>> {
        let Some((key_span, value)) = self.entry(key) else { return Ok(None) };
        match value.get_ref() {
            DeValue::Table(table) => Ok(Some(Section::new(name, key_span, self.text, table))),
            _ => Err(self.wrong_type(key, value, "a table")),
        }
    }

    /// Quoted text.
    pub(in crate::mark) fn text(&self, key: &str) -> Result<Option<Located<String>>> {
        let Some((_, value)) = self.entry(key) else { return Ok(None) };
        self.text_of(key, value, "text in quotes").map(Some)
    }

    /// A number, exactly as written.
    pub(in crate::mark) fn number(&self, key: &str) -> Result<Option<Located<Decimal>>> {
        let Some((_, value)) = self.entry(key) else { return Ok(None) };
        let text = match value.get_ref() {
            DeValue::Integer(integer) if integer.radix() == 10 => integer.as_str(),
            DeValue::Float(float) => float.as_str(),
            _ => "",
        };
        match Decimal::parse(text) {
            Some(decimal) => Ok(Some(self.located(value, decimal))),
            None => Err(self.wrong_type(key, value, "a decimal number")),
        }
    }

    /// `true` or `false`.
    pub(super) fn truth(&self, key: &str) -> Result<Option<bool>> {
        let Some((_, value)) = self.entry(key) else { return Ok(None) };
        match value.get_ref() {
            DeValue::Boolean(truth) => Ok(Some(*truth)),
            _ => Err(self.wrong_type(key, value, "true or false")),
        }
    }

    /// One name or a list of names.
    pub(super) fn names(&self, key: &str) -> Result<Option<Located<Vec<Located<String>>>>> {
        const EXPECTED: &str = "a list of column names";
        let Some((_, value)) = self.entry(key) else { return Ok(None) };
        let names = match value.get_ref() {
            DeValue::Array(items) => {
                items.iter().map(|item| self.text_of(key, item, EXPECTED)).collect::<Result<_>>()?
            }
            _ => vec![self.text_of(key, value, EXPECTED)?],
        };
        Ok(Some(self.located(value, names)))
    }

    /// A list of lists of values.
    #[expect(clippy::type_complexity, reason = "the shape is the file's")]
    pub(in crate::mark) fn groups(
        &self,
        key: &str,
    ) -> Result<Option<Located<Vec<Located<Vec<Located<String>>>>>>> {
        const EXPECTED: &str = "a list of lists of texts in quotes";
        let Some((_, value)) = self.entry(key) else { return Ok(None) };
        let DeValue::Array(groups) = value.get_ref() else {
            return Err(self.wrong_type(key, value, EXPECTED));
        };
        let mut out = Vec::new();
        for group in groups.iter() {
            let DeValue::Array(values) = group.get_ref() else {
                return Err(self.wrong_type(key, group, EXPECTED));
            };
            let texts = values.iter().map(|item| self.text_of(key, item, EXPECTED)).collect::<Result<_>>()?;
            out.push(self.located(group, texts));
        }
        Ok(Some(self.located(value, out)))
    }

    /// What a key must have.
    pub(in crate::mark) fn need<T>(&self, found: Option<T>, key: &str) -> Result<T> {
        found.ok_or_else(|| {
            self.at.fail(PolicyReason::MissingKey { key: key.into(), section: self.name.clone() })
        })
    }

    /// A quantum must be positive and no larger than the largest change.
    pub(in crate::mark) fn check_quantum(
        &self,
        quantum: &Located<Decimal>,
        max_change: Option<&Located<Decimal>>,
    ) -> Result<()> {
        if quantum.value <= Decimal::ZERO {
            return Err(quantum.at.fail(PolicyReason::ZeroQuantum));
        }
        match max_change {
            Some(max_change) if max_change.value < quantum.value => {
                Err(max_change.at.fail(PolicyReason::MaxChangeBelowQuantum))
            }
            _ => Ok(()),
        }
    }

    /// Where the key starts, and its value.
    fn entry(&self, key: &str) -> Option<(usize, &'a Spanned<DeValue<'a>>)> {
        let (key, value) = self.table.get_key_value(key)?;
        Some((key.span().start, value))
    }

    fn text_of(
        &self,
        key: &str,
        value: &Spanned<DeValue<'_>>,
        expected: &'static str,
    ) -> Result<Located<String>> {
        match value.get_ref() {
            DeValue::String(text) => Ok(self.located(value, text.as_ref().to_owned())),
            _ => Err(self.wrong_type(key, value, expected)),
        }
    }

    fn located<T>(&self, value: &Spanned<DeValue<'_>>, inner: T) -> Located<T> {
        Located { value: inner, at: Position::of(self.text, value.span().start) }
    }

    fn wrong_type(&self, key: &str, value: &Spanned<DeValue<'_>>, expected: &'static str) -> Error {
        let found = match value.get_ref() {
            DeValue::String(_) => "text",
            DeValue::Integer(_) => "a whole number",
            DeValue::Float(_) => "a number",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a date without quotes",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        let at = Position::of(self.text, value.span().start);
        at.fail(PolicyReason::WrongType { key: key.into(), expected, found })
    }
}

/// The most similar of some names, if it is near enough to be a slip: a third of its letters wrong at most.
///
/// The threshold is also a matter of privacy. A file without a header line offers its first record as names, and
/// nothing that is not nearly the name the user wrote may be repeated in a message.
pub(crate) fn closest<'n>(name: &str, candidates: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let folded = name.to_lowercase();
    let limit = (folded.chars().count() / 3).min(4);
    candidates
        .filter(|candidate| candidate.len() <= 4 * (name.len() + 4))
        .map(|candidate| (distance(&folded, &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Levenshtein's edit distance.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (index, letter) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = index + 1;
        for (column, other) in right.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != *other);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(row[column] + 1).min(diagonal + 1);
        }
    }
    row[right.len()]
}

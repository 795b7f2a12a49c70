//! One stored value: its text, and the value that a new text says.

use std::borrow::Cow;

use rusqlite::types::{Value, ValueRef};

use crate::table::format::typed::{core, float, with_core};

/// What a value says.
pub(super) fn text(value: ValueRef<'_>) -> Cow<'_, [u8]> {
    match value {
        ValueRef::Null | ValueRef::Blob(_) => Cow::Borrowed(b""),
        ValueRef::Integer(value) => Cow::Owned(value.to_string().into_bytes()),
        ValueRef::Real(value) => Cow::Owned(real_text(value)),
        ValueRef::Text(text) => Cow::Borrowed(core(text)),
    }
}

fn real_text(value: f64) -> Vec<u8> {
    let mut text = Vec::new();
    float::write(value, &mut text);
    text
}

/// The value of the same storage class that says `new_text`; `None` if there is none that says exactly this.
pub(super) fn parse(new_text: &str, old: ValueRef<'_>) -> Option<Value> {
    match old {
        ValueRef::Null | ValueRef::Blob(_) => None,
        ValueRef::Integer(_) => {
            let value: i64 = new_text.parse().ok()?;
            (value.to_string() == new_text).then_some(Value::Integer(value))
        }
        ValueRef::Real(_) => float::parse(new_text).map(Value::Real),
        ValueRef::Text(old) => String::from_utf8(with_core(old, new_text)).ok().map(Value::Text),
    }
}

/// Whether what was stored is what was meant. A column of a numeric type stores a real that is whole as an integer, as
/// it would had the number been there from the beginning.
pub(super) fn is_stored(stored: ValueRef<'_>, meant: &Value) -> bool {
    match (stored, meant) {
        (ValueRef::Integer(stored), Value::Real(meant)) => stored as f64 == *meant,
        (ValueRef::Real(stored), Value::Real(meant)) => stored == *meant,
        (ValueRef::Integer(stored), Value::Integer(meant)) => stored == *meant,
        (ValueRef::Text(stored), Value::Text(meant)) => stored == meant.as_bytes(),
        _ => false,
    }
}

/// Values kept after their row has passed.
#[derive(Debug)]
pub(super) enum Kept {
    Nothing,
    Integer(i64),
    Real(f64),
    /// Where it stands in the texts of its batch.
    Text(std::ops::Range<usize>),
}

impl Kept {
    /// Keeps `value`, a text at the end of `texts`.
    pub fn new(value: ValueRef<'_>, texts: &mut Vec<u8>) -> Kept {
        match value {
            ValueRef::Null | ValueRef::Blob(_) => Kept::Nothing,
            ValueRef::Integer(value) => Kept::Integer(value),
            ValueRef::Real(value) => Kept::Real(value),
            ValueRef::Text(text) => {
                let start = texts.len();
                texts.extend_from_slice(text);
                Kept::Text(start..texts.len())
            }
        }
    }

    /// The value again.
    pub fn value<'a>(&self, texts: &'a [u8]) -> ValueRef<'a> {
        match self {
            Kept::Nothing => ValueRef::Null,
            Kept::Integer(value) => ValueRef::Integer(*value),
            Kept::Real(value) => ValueRef::Real(*value),
            Kept::Text(range) => ValueRef::Text(&texts[range.clone()]),
        }
    }
}

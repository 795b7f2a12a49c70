//! The columns of the table: the one list from which frames and exports are made.

use jiff::Timestamp;
use serde_json::Value;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text; a member that is none is shown as JSON.
    Text,
    /// A whole number, not negative.
    Number,
    /// The sum of an object's numbers.
    Sum,
    /// A point in time.
    Time,
}

/// One column.
#[derive(Debug)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// Where it stands in an entry (RFC 6901): the first of these that is there.
    pub paths: &'static [&'static str],
}

const fn text(name: &'static str, paths: &'static [&'static str]) -> Column {
    Column { name, kind: Kind::Text, paths }
}

const fn number(name: &'static str, paths: &'static [&'static str]) -> Column {
    Column { name, kind: Kind::Number, paths }
}

/// The number of an entry, which is no part of it.
pub const INDEX: &str = "index";

/// All columns but [`INDEX`], in their order. Columns may be added at the end.
pub const COLUMNS: &[Column] = &[
    Column { name: "time", kind: Kind::Time, paths: &["/time"] },
    text("operator", &["/operator"]),
    text("kind", &["/kind"]),
    text("release", &["/release"]),
    text("dataset", &["/dataset"]),
    text("recipient", &["/recipient/id", "/recipient"]),
    text("recipient_name", &["/recipient/name"]),
    text("category", &["/category", "/recipient/category"]),
    text("contact", &["/recipient/contact"]),
    text("country", &["/country", "/recipient/country"]),
    text("safeguards", &["/safeguards", "/recipient/safeguards"]),
    number("max_level", &["/max_level", "/recipient/max_level"]),
    text("agreement_expires", &["/agreement_expires", "/recipient/agreement_expires"]),
    text("purpose", &["/purpose", "/recipient/purpose"]),
    text("legal_basis", &["/legal_basis"]),
    text("agreement", &["/agreement", "/recipient/agreement"]),
    number("level", &["/level"]),
    text("policy", &["/policy"]),
    number("key_epoch", &["/key_epoch"]),
    text("model", &["/model"]),
    text("format", &["/format"]),
    number("parts", &["/parts"]),
    number("rows", &["/rows"]),
    number("carriers", &["/carriers"]),
    Column { name: "cells_changed", kind: Kind::Sum, paths: &["/cells_changed"] },
    text("source_path", &["/source/path"]),
    text("source_table", &["/source/table"]),
    number("source_bytes", &["/source/bytes"]),
    text("source_blake3", &["/source/blake3"]),
    number("output_bytes", &["/output/bytes", "/bytes"]),
    text("output_blake3", &["/output/blake3"]),
    text("output_sha256", &["/output/sha256"]),
    text("sketch", &["/sketch"]),
    text("subjects", &["/subjects"]),
    number("approval", &["/approval"]),
    number("supersedes", &["/supersedes"]),
    text("reason", &["/reason"]),
    text("note", &["/note"]),
    text("verdict", &["/verdict"]),
    text("rules", &["/rules"]),
    text("approver", &["/approver"]),
    number("before", &["/before"]),
];

impl Column {
    fn find<'a>(&self, entry: &'a Value) -> Option<&'a Value> {
        self.paths.iter().find_map(|path| entry.pointer(path)).filter(|value| !value.is_null())
    }

    /// The text in an entry.
    pub(super) fn text(&self, entry: &Value) -> Option<String> {
        let value = self.find(entry)?;
        Some(value.as_str().map_or_else(|| value.to_string(), str::to_owned))
    }

    /// The number in an entry.
    pub(super) fn number(&self, entry: &Value) -> Option<u64> {
        let value = self.find(entry)?;
        match self.kind {
            Kind::Sum => Some(value.as_object()?.values().filter_map(Value::as_u64).sum()),
            _ => value.as_u64(),
        }
    }

    /// The time in an entry, in milliseconds since 1970.
    pub(super) fn time(&self, entry: &Value) -> Option<i64> {
        let time: Timestamp = self.find(entry)?.as_str()?.parse().ok()?;
        Some(time.as_millisecond())
    }
}

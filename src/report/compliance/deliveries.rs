//! What went out: releases, and copies that were opened and did not end as one.

use std::collections::{HashMap, HashSet};

use crate::query::{Frame, Row};

use super::Period;
use super::record::Record;

/// Deliveries by time, and how those ended that are no releases.
pub(super) struct Deliveries {
    pub frame: Frame,
    cut: HashMap<String, String>,
}

impl Deliveries {
    /// All that were recorded in a period. An opening counts by the day on which it was opened.
    pub fn of(record: &Record, period: Period) -> Deliveries {
        let id = |row: Row<'_>| row.text("release").map(str::to_owned);
        let opened: HashSet<String> = record.kind("release_opened").rows().filter_map(id).collect();
        let is_release = |row: &Row<'_>| row.text("kind") == Some("release");
        let ids = record.frame.rows().filter(is_release).filter_map(|row| row.text("release"));
        let closed: HashSet<&str> = ids.filter(|release| opened.contains(*release)).collect();
        // One that ended is on record a second time, as a release.
        let is_delivery = |row: Row<'_>| match row.text("kind") {
            Some("release") => true,
            Some("release_opened") => row.text("release").is_none_or(|release| !closed.contains(release)),
            _ => false,
        };
        let (from, until) = period.bounds();
        let frame = record.frame.retain_between(from, until, is_delivery).by_time();
        let words = |row: Row<'_>| {
            let bytes = row.number("output_bytes").unwrap_or_default();
            let why = row.text("reason").unwrap_or("no reason is on record");
            format!("cut short after at most {bytes} bytes: {why}")
        };
        let cut = record.kind("release_cut");
        let cut = cut.rows().filter_map(|row| Some((id(row)?, words(row)))).collect();
        Deliveries { frame, cut }
    }

    /// The same, those of some alone.
    pub fn only(mut self, column: &str, text: &str) -> Deliveries {
        self.frame = self.frame.with(column, text);
        self
    }

    /// Whether a delivery is on record as a whole one.
    pub fn is_whole(row: Row<'_>) -> bool {
        row.text("kind") == Some("release")
    }

    /// Whether an opening ended early, and that is on record.
    pub fn is_cut(&self, opened: Row<'_>) -> bool {
        opened.text("release").is_some_and(|release| self.cut.contains_key(release))
    }

    /// How a delivery ended, in words.
    pub fn ending(&self, row: Row<'_>) -> String {
        if Self::is_whole(row) {
            return "whole".to_owned();
        }
        let cut = row.text("release").and_then(|release| self.cut.get(release));
        cut.cloned().unwrap_or_else(|| "opened and never closed: how much went out is not known".to_owned())
    }
}

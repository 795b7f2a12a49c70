//! Which column of the leak is which of ours: by name first, then by contents.
//!
//! Invariant: nothing here depends on any codeword. Columns are recognised by names and by the keyed sketch of the
//! *unmarked* source, so an innocent's bits stay independent of what is read, and the bound of `evidence::tail` holds.
//!
//! A column is matched by contents only when it fits clearly better than every other one: a wrong column would be read as
//! noise and could hide the leaker, though it could not accuse anybody.
//!
//! A leak may have lost its header. Its first row then stands for the names, and a name would be a cell's value: unless one
//! of the names is one of ours, columns are named by their number.

use serde::Serialize;

use crate::sketch::{ColumnSketch, Sketch};

/// Contents must be at least this alike. Two unrelated columns of numbers or codes overlap by chance in some of their
/// commonest values; ids of one table share none with another's.
const MIN_RESEMBLANCE: f64 = 0.3;

/// And this much better than the next best pairing of either column.
const MIN_MARGIN: f64 = 0.15;

/// What a column was recognised by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MatchedBy {
    /// The same name, letter for letter.
    Name,
    /// The same name but for case, spaces and punctuation.
    SimilarName,
    /// What it holds.
    Contents,
}

/// Where a column of ours was found in the leak.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ColumnMatch {
    /// The column's name in the dataset.
    pub ours: String,
    /// Its name in the leak; `column 3` if the leak's first line may be no header.
    pub leaked: String,
    /// What it was recognised by.
    pub by: MatchedBy,
    /// 1 for a name; otherwise how alike the contents are, 0 to 1.
    pub confidence: f64,
    /// Its index in the leak.
    #[serde(skip)]
    pub index: usize,
}

/// Finds the columns `wanted` of a release in a leak. `leaked` are the leak's column sketches, in its order and under the
/// same sketch key; `release` is the sketch of the release's source.
pub fn match_columns(wanted: &[&str], release: &Sketch, leaked: &[ColumnSketch]) -> Vec<ColumnMatch> {
    let mut matches: Vec<ColumnMatch> = Vec::new();
    for (by, same) in [
        (MatchedBy::Name, (|a, b| a == b) as fn(&str, &str) -> bool),
        (MatchedBy::SimilarName, |a, b| plain(a) == plain(b) && !plain(a).is_empty()),
    ] {
        for &ours in wanted {
            if matches.iter().any(|found| found.ours == ours) {
                continue;
            }
            let mut candidates =
                (0..leaked.len()).filter(|&i| same(ours, &leaked[i].name) && is_free(&matches, i));
            // Two columns of one name can't be told apart by it.
            if let (Some(index), None) = (candidates.next(), candidates.next()) {
                matches.push(found(ours, leaked, index, by, 1.0));
            }
        }
    }
    match_contents(wanted, release, leaked, &mut matches);
    if !has_header(release, leaked) {
        matches.iter_mut().for_each(|found| found.leaked = format!("column {}", found.index + 1));
    }
    matches
}

/// Whether the first line of the leak can be told to be a header, by a name that is one of ours.
fn has_header(release: &Sketch, leaked: &[ColumnSketch]) -> bool {
    let ours = || release.columns.iter().map(|column| plain(&column.name)).filter(|name| !name.is_empty());
    leaked.iter().any(|theirs| ours().any(|name| name == plain(&theirs.name)))
}

/// Matches what is left over by contents: the most alike pair first, as long as it is clearly the best for both columns.
fn match_contents(
    wanted: &[&str],
    release: &Sketch,
    leaked: &[ColumnSketch],
    matches: &mut Vec<ColumnMatch>,
) {
    let is_wanted = |o: usize| wanted.contains(&release.columns[o].name.as_str());
    // Columns that tracing does not need compete too: a leaked column that fits one of those better is that one. They do
    // not if the leak has a column of their name.
    let ours = (0..release.columns.len()).filter(|&o| {
        let name = &release.columns[o].name;
        matches.iter().all(|found| found.ours != *name)
            && (is_wanted(o) || leaked.iter().all(|theirs| theirs.name != *name))
    });
    let free: Vec<usize> = (0..leaked.len()).filter(|&i| is_free(matches, i)).collect();
    let sampled_share = release.sampled_share();
    let mut pairs: Vec<(usize, usize, f64)> = ours
        .flat_map(|o| free.iter().map(move |&i| (o, i)))
        .map(|(o, i)| (o, i, release.columns[o].resemblance(&leaked[i], sampled_share)))
        .collect();
    loop {
        let is_clear = |&&(o, i, alike): &&(usize, usize, f64)| {
            let rivals = pairs.iter().filter(|&&(o2, i2, _)| (o2 == o) != (i2 == i));
            let rival = rivals.map(|&(_, _, alike)| alike).fold(0.0, f64::max);
            is_wanted(o) && alike >= MIN_RESEMBLANCE && alike >= rival + MIN_MARGIN
        };
        let best = pairs.iter().filter(is_clear).max_by(|a, b| a.2.total_cmp(&b.2));
        let Some(&(o, i, alike)) = best else { return };
        matches.push(found(&release.columns[o].name, leaked, i, MatchedBy::Contents, alike));
        pairs.retain(|&(o2, i2, _)| o2 != o && i2 != i);
    }
}

fn is_free(matches: &[ColumnMatch], index: usize) -> bool {
    matches.iter().all(|found| found.index != index)
}

fn found(ours: &str, leaked: &[ColumnSketch], index: usize, by: MatchedBy, confidence: f64) -> ColumnMatch {
    ColumnMatch { ours: ours.to_owned(), leaked: leaked[index].name.clone(), by, confidence, index }
}

/// A name without case, spaces and punctuation: what aggregators and databases do to headers.
fn plain(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;
    use crate::keys::prf::{DerivedKey, Purpose};
    use crate::keys::secret::MarkingSecret;
    use crate::sketch::{Sampler, SketchBuilder};

    fn sketch(names: [&str; 4], rows: std::ops::Range<u64>) -> Sketch {
        let key = || DerivedKey::new(&MarkingSecret::from_bytes([3; 32]), Purpose::Sketch, "t", 1, None);
        let sampler = Sampler::new(key());
        let mut builder = SketchBuilder::new(names.map(String::from).to_vec());
        for row in rows {
            let cells = [
                format!("id-{row}"),
                ["emergency", "elective", "transfer"][(row % 5 % 3) as usize].to_owned(),
                format!("2024-01-{:02}", row * row % 28 + 1),
                format!("{}.{:02}", row * 37 % 1000, row * 91 % 100),
            ];
            let cells = cells.iter().map(|cell| Cow::from(cell.as_bytes()));
            builder.add(
                1,
                sampler.sample(key().word(&row.to_le_bytes()), cells).into_iter().collect(),
                &sampler,
            );
        }
        builder.finish(&sampler)
    }

    const OURS: [&str; 4] = ["Id", "Class", "Start date", "Cost"];

    fn matched(leaked: [&str; 4]) -> Vec<(String, String, MatchedBy)> {
        let (release, leak) = (sketch(OURS, 0..1000), sketch(leaked, 100..300));
        let mut found = match_columns(&OURS, &release, &leak.columns);
        found.sort_by_key(|found| found.index);
        found.into_iter().map(|found| (found.ours, found.leaked, found.by)).collect()
    }

    #[test]
    fn names_come_first_and_forgive_case_and_punctuation() {
        use MatchedBy::{Name, SimilarName};
        let expected = [
            ("Id", "Id", Name),
            ("Class", "CLASS", SimilarName),
            ("Start date", "start_date", SimilarName),
            ("Cost", "cost", SimilarName),
        ];
        let found = matched(["Id", "CLASS", "start_date", "cost"]);
        assert_eq!(found, expected.map(|(a, b, by)| (a.to_owned(), b.to_owned(), by)));
    }

    #[test]
    fn renamed_columns_are_found_by_contents() {
        let found = matched(["a", "b", "c", "d"]);
        let ours: Vec<&str> = found.iter().map(|found| found.0.as_str()).collect();
        assert_eq!(ours, OURS, "{found:?}");
        assert!(found.iter().all(|found| found.2 == MatchedBy::Contents));
    }

    #[test]
    fn names_are_repeated_only_where_a_name_is_known() {
        let (release, rows) = (sketch(OURS, 0..1000), 100..300);
        let leaked = |names| {
            let found = match_columns(&OURS, &release, &sketch(names, rows.clone()).columns);
            let mut names: Vec<String> = found.into_iter().map(|found| found.leaked).collect();
            names.sort();
            names
        };
        let first_row = ["id-99", "emergency", "2024-01-02", "663.09"];
        assert_eq!(leaked(first_row), ["column 1", "column 2", "column 3", "column 4"]);
        assert!(leaked(["visit", "b", "c", "COST"]).contains(&"visit".to_owned()));
    }

    #[test]
    fn what_fits_two_columns_alike_is_left_out() {
        let release = sketch(["a", "b", "c", "d"], 0..1000);
        let mut leaked = sketch(["x", "y", "z", "w"], 0..1000).columns;
        leaked.push(leaked[0].clone());
        let found = match_columns(&["a", "b", "c", "d"], &release, &leaked);
        assert!(found.iter().all(|found| found.ours != "a"), "{found:?}");
        assert_eq!(found.len(), 3);
    }
}

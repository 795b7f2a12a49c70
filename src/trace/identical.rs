//! Leaks that are, byte for byte, what was given to somebody or what that was made from.
//!
//! A release of a folder is many files, and each of them, or some of them together, may turn up. A leak is of such a release if
//! every file in it is one of the release's. Files in which stamping changed no cell are in all releases of a source alike, and
//! speak for none of them. Of a leak with a file that can't be read nothing of this can be said.

use std::collections::{HashMap, HashSet};

use crate::table::format::parts::{Line, Manifest};

use super::findings::IdenticalRelease;
use super::read::Transcript;
use super::{Case, KnownRelease, Reading};

/// Parts that a report lists at most.
const LISTED: usize = 100;

/// The releases that the leak is, then those that it is files of.
pub(super) fn releases(leak: &Transcript, case: &Case) -> Vec<IdenticalRelease> {
    if !leak.is_whole {
        return Vec::new();
    }
    let files = hashes(leak);
    let identical = releases_of(case).filter_map(|(reading, release)| {
        let is_whole = release.output_blake3 == leak.blake3;
        let found = match &release.parts {
            None => is_whole.then(|| Found { names: Vec::new(), marked: release.is_marked() }),
            Some((source, output)) => parts(&files, source, output),
        }?;
        Some(IdenticalRelease {
            release: release.release.clone(),
            recipient: release.recipient.clone(),
            dataset: reading.policy.name().to_owned(),
            parts: if is_whole { Vec::new() } else { found.names },
            marked: found.marked,
        })
    });
    let mut identical: Vec<IdenticalRelease> = identical.collect();
    identical.sort_by_key(|release| !release.parts.is_empty());
    identical
}

/// The releases that were made from the leak, or from files that include it.
pub(super) fn sources(leak: &Transcript, case: &Case) -> Vec<String> {
    if !leak.is_whole {
        return Vec::new();
    }
    let files = hashes(leak);
    let is_source = |release: &KnownRelease| {
        let source = release.parts.as_ref().map(|(source, _)| source);
        release.source_blake3 == leak.blake3 || source.is_some_and(|list| named(&files, list).is_some())
    };
    let made = releases_of(case).filter(|(_, release)| is_source(release));
    made.map(|(_, release)| release.release.clone()).collect()
}

/// The one recipient who was given these bytes. Nobody, if two were given the same, which happens with few carriers, or if no
/// cell was changed, since then whoever has the source has the same bytes.
pub(super) fn sole_recipient(identical: &[IdenticalRelease]) -> Option<&str> {
    let first = identical.first()?;
    let sole = identical.iter().all(|release| release.recipient == first.recipient && release.marked);
    sole.then_some(first.recipient.as_str())
}

fn releases_of<'a>(case: &Case<'a>) -> impl Iterator<Item = (&'a Reading, &'a KnownRelease)> {
    case.readings.iter().flat_map(|reading| reading.releases.iter().map(move |release| (reading, release)))
}

/// The leak's files, by hash.
fn hashes(leak: &Transcript) -> HashSet<[u8; 32]> {
    let hash = |hex: &String| blake3::Hash::from_hex(hex).map(Into::into).ok();
    leak.files.iter().filter_map(hash).collect()
}

/// What of a release the leak is.
struct Found {
    names: Vec<String>,
    /// Whether stamping changed a cell of it.
    marked: bool,
}

fn parts(files: &HashSet<[u8; 32]>, source: &Manifest, output: &Manifest) -> Option<Found> {
    let found = named(files, output)?;
    let unmarked: HashSet<[u8; 32]> = source.lines().iter().map(|line| line.blake3).collect();
    let marked = found.iter().any(|line| !unmarked.contains(&line.blake3));
    let mut names: Vec<String> = found.iter().map(|line| line.name.clone()).collect();
    names.sort_unstable();
    names.truncate(LISTED);
    Some(Found { names, marked })
}

/// The lines of a list that are these files; `None` unless each of them is there.
fn named<'a>(files: &HashSet<[u8; 32]>, list: &'a Manifest) -> Option<Vec<&'a Line>> {
    let mut lines: HashMap<[u8; 32], &Line> = HashMap::new();
    for line in list.lines().iter().filter(|line| line.bytes > 0 && files.contains(&line.blake3)) {
        lines.entry(line.blake3).or_insert(line);
    }
    (!files.is_empty() && lines.len() == files.len()).then(|| lines.into_values().collect())
}

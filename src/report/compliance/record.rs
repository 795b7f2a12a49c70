//! The ledger as the reports see it.

use std::collections::{BTreeMap, HashMap};

use crate::error::Result;
use crate::ledger::registry::Standing;
use crate::ledger::{Entry, Ledger, Recipient, Registry};
use crate::query::{Builder, Frame, Line, Row};

use super::Period;

/// What a report was made from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// When, RFC 3339.
    pub made: String,
    /// The ledger's name.
    pub origin: String,
    /// How many entries it had.
    pub size: u64,
    /// The root of its tree, in hex.
    pub root: String,
}

/// All entries, and what is needed to explain one.
pub struct Record {
    pub(super) head: Head,
    /// Every entry.
    pub(super) frame: Frame,
    /// Entries that this version can't read.
    pub(super) unread: Vec<u64>,
    /// What was said later of an entry, by its number.
    amendments: HashMap<u64, Vec<String>>,
    /// Entries of other kinds about a release, by its id.
    beside: HashMap<String, Vec<String>>,
    /// Who approved, by the number of the entry.
    approvers: HashMap<u64, String>,
    /// Recipients as they stand now.
    standings: BTreeMap<String, Standing>,
}

/// A record in the making.
#[derive(Default)]
pub(super) struct Recorder {
    frame: Builder,
    unread: Vec<u64>,
    /// Of what stands alone: what was given is in the frame.
    registry: Registry,
}

/// The kinds of entries that are a delivery or a part of one.
const DELIVERIES: [&str; 3] = ["release", "release_opened", "release_cut"];

impl Recorder {
    /// Adds the next entry; `None` is one of a later version.
    pub(super) fn add(&mut self, index: u64, entry: Option<&Entry>, line: Line) {
        self.frame.add(index, line);
        match entry {
            None => self.unread.push(index),
            Some(entry) if entry.event.stands() => self.registry.add(index, entry),
            Some(_) => {}
        }
    }

    /// What the entries add up to.
    pub(super) fn finish(self, head: Head) -> Record {
        let Recorder { frame, unread, registry } = self;
        let mut record = Record {
            head,
            frame: frame.finish(),
            unread,
            amendments: HashMap::new(),
            beside: HashMap::new(),
            approvers: HashMap::new(),
            standings: registry.recipients,
        };
        for row in record.frame.rows() {
            if let Some(approver) = row.text("approver") {
                record.approvers.insert(row.index(), approver.to_owned());
            }
            if let Some(amended) = row.number("supersedes") {
                let note = row.text("note").unwrap_or_default();
                let amendments = record.amendments.entry(amended).or_default();
                amendments.push(format!("entry {}: {note}", row.index()));
            } else if let (Some(kind), Some(release)) = (row.text("kind"), row.text("release"))
                && !DELIVERIES.contains(&kind)
            {
                let entry = format!("{} (entry {})", kind.replace('_', " "), row.index());
                record.beside.entry(release.to_owned()).or_default().push(entry);
            }
        }
        record
    }
}

impl Record {
    /// Reads a ledger. `made` is now, RFC 3339.
    ///
    /// # Errors
    /// If it can't be read.
    pub fn read(ledger: &Ledger, made: &str) -> Result<Record> {
        let head = Head {
            made: made.to_owned(),
            origin: ledger.verifier().name().to_owned(),
            size: ledger.size(),
            root: ledger.root_hex(),
        };
        let mut recorder = Recorder::default();
        ledger.walk(Line::of, |index, entry, line| {
            recorder.add(index, entry.as_ref(), line);
            Ok(())
        })?;
        recorder.registry.fill_in(ledger)?;
        Ok(recorder.finish(head))
    }

    /// All entries, in columns.
    pub fn frame(&self) -> &Frame {
        &self.frame
    }

    /// The entries of one kind.
    pub(super) fn kind(&self, kind: &str) -> Frame {
        self.frame.with("kind", kind)
    }

    /// Whether a recipient is or was registered.
    pub fn knows_recipient(&self, id: &str) -> bool {
        self.standings.contains_key(id)
    }

    /// Whether a dataset has or had a policy.
    pub fn knows_dataset(&self, dataset: &str) -> bool {
        !self.kind("policy_adopted").with("dataset", dataset).is_empty()
    }

    /// Recipients as they stand now, by id.
    pub(super) fn standings(&self) -> &BTreeMap<String, Standing> {
        &self.standings
    }

    /// The recipient of a delivery, as it stands now.
    pub(super) fn partner(&self, row: Row<'_>) -> Option<&Recipient> {
        self.standings.get(row.text("recipient")?).map(|standing| &standing.recipient)
    }

    /// Its name. Names may stand outside of the entries, and may have been erased.
    pub(super) fn name(&self, row: Row<'_>) -> Option<String> {
        self.partner(row).and_then(name_of)
    }

    /// Who approved a delivery, and in which entry.
    pub(super) fn approval(&self, row: Row<'_>) -> Option<String> {
        let entry = row.number("approval")?;
        let who = self.approvers.get(&entry).map_or("not on record", String::as_str);
        Some(format!("{who} (entry {entry})"))
    }

    /// What was said later of an entry.
    pub(super) fn amendments(&self, index: u64) -> &[String] {
        self.amendments.get(&index).map_or(&[], Vec::as_slice)
    }

    /// Approvals, receipts and whatever else names a release.
    pub(super) fn beside(&self, release: &str) -> &[String] {
        self.beside.get(release).map_or(&[], Vec::as_slice)
    }

    /// What of a period is not in the ledger: the time before it began, and what was pruned.
    pub(super) fn lost(&self, period: Period) -> Vec<String> {
        let from = period.bounds().0;
        let begin = self.frame.rows().next().and_then(Row::time);
        let begin = begin.filter(|begin| from.is_some_and(|from| *begin > from)).map(|begin| {
            let day = begin.strftime("%Y-%m-%d");
            format!("the ledger begins on {day}: what was disclosed before is not in it")
        });
        // What was pruned is not younger than the first entry that was out of reach.
        let before = self.kind("pruned").rows().filter_map(|row| row.number("before")).max();
        let pruned = before.and_then(|before| {
            let reach = self.frame.rows().find(|row| row.index() >= before)?.time()?;
            let day = reach.strftime("%Y-%m-%d");
            let is_within = from.is_none_or(|from| reach > from);
            is_within.then(|| format!("releases were pruned: those until {day} may be missing"))
        });
        begin.into_iter().chain(pruned).collect()
    }

    /// The gap that entries of later versions leave, if there are any.
    pub(super) fn unread_gap(&self) -> Option<String> {
        let (count, all) = (self.unread.len(), self.frame.len());
        (count > 0)
            .then(|| format!("{count} of {all} entries: of a later version of dyepack, and not understood"))
    }
}

/// The name of a recipient, unless it was erased.
pub(super) fn name_of(recipient: &Recipient) -> Option<String> {
    Some(recipient.name.clone()).filter(|name| !name.is_empty())
}

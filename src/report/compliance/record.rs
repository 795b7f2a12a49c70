//! The ledger as the reports see it.

use std::collections::{BTreeMap, HashMap};

use crate::error::Result;
use crate::ledger::registry::Standing;
use crate::ledger::{Ledger, Recipient, Recorded, Registry};
use crate::query::{Frame, Row};

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
    /// Recipients as they stand now.
    standings: BTreeMap<String, Standing>,
}

/// The kinds of entries that are a delivery or a part of one.
const DELIVERIES: [&str; 3] = ["release", "release_opened", "release_cut"];

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
        let entries = ledger.entries()?;
        let mut registry = Registry::replay(&entries);
        registry.fill_in(ledger)?;
        Record::new(&entries, &registry, head)
    }

    /// The record of these entries, and of what they add up to.
    ///
    /// # Errors
    /// If one is no entry.
    pub fn new(entries: &[Recorded], registry: &Registry, head: Head) -> Result<Record> {
        let frame = Frame::new(entries)?;
        let unread =
            entries.iter().filter(|recorded| recorded.entry.is_none()).map(|found| found.index).collect();
        let (mut amendments, mut beside) = (HashMap::<_, Vec<_>>::new(), HashMap::<_, Vec<_>>::new());
        for row in frame.rows() {
            if let Some(amended) = row.number("supersedes") {
                let note = row.text("note").unwrap_or_default();
                amendments.entry(amended).or_default().push(format!("entry {}: {note}", row.index()));
            } else if let (Some(kind), Some(release)) = (row.text("kind"), row.text("release"))
                && !DELIVERIES.contains(&kind)
            {
                let entry = format!("{} (entry {})", kind.replace('_', " "), row.index());
                beside.entry(release.to_owned()).or_default().push(entry);
            }
        }
        let standings = registry.recipients.clone();
        Ok(Record { head, frame, unread, amendments, beside, standings })
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
        let approved = self.frame.rows().find(|row| row.index() == entry);
        let who = approved.and_then(|approved| approved.text("approver")).unwrap_or("not on record");
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

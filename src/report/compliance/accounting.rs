//! Who received the data of one person: 45 CFR 164.528.

use std::collections::HashMap;

use crate::keys::secret::MarkingSecret;
use crate::ledger::Ledger;
use crate::query::{Frame, Row};
use crate::subjects::{self, Hasher, Subject, Subjects};

use super::deliveries::Deliveries;
use super::record::Record;
use super::{Cell, Document, Period};

/// Whether a delivery held data of the person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Yes,
    No,
    /// It can't be said, and why.
    Unknown(&'static str),
}

/// No set was kept: the policy named no column, or dyepack was older than sets.
const NO_SET: &str = "no subjects were recorded with it";
const LOST_SET: &str = "its set of subjects is missing or damaged";
const NO_SECRET: &str = "the secret of its key epoch is not in this home";
const NOT_WHOLE: &str = "it did not end as a release, and no subjects were recorded";

/// Looks a person up in the sets of a ledger. `id` is as in the column that the policies name; it is hashed and then forgotten.
/// `None` if the id says that there is nobody.
pub fn look_up<'a>(
    ledger: &'a Ledger,
    secret: &'a MarkingSecret,
    id: &'a [u8],
) -> Option<impl FnMut(Row<'_>) -> Answer + 'a> {
    if subjects::is_nobody(id) {
        return None;
    }
    let mut by_epoch: HashMap<u32, Subject> = HashMap::new();
    // The copies of one pass share their set.
    let mut known: HashMap<(String, u32), Answer> = HashMap::new();
    Some(move |row: Row<'_>| {
        if !Deliveries::is_whole(row) {
            return Answer::Unknown(NOT_WHOLE);
        }
        let epoch = row.number("key_epoch").and_then(|epoch| u32::try_from(epoch).ok());
        let (Some(set), Some(epoch)) = (row.text("subjects"), epoch) else { return Answer::Unknown(NO_SET) };
        if !secret.covers(epoch) {
            return Answer::Unknown(NO_SECRET);
        }
        let subject = *by_epoch.entry(epoch).or_insert_with(|| {
            Hasher::new(secret, epoch).subject(id, &mut Vec::new()).expect("it is somebody in every epoch")
        });
        *known.entry((set.to_owned(), epoch)).or_insert_with(|| {
            match ledger.blob(set).and_then(|bytes| Subjects::from_bytes(&bytes)) {
                Ok(set) if set.contains(subject) => Answer::Yes,
                Ok(_) => Answer::No,
                Err(_) => Answer::Unknown(LOST_SET),
            }
        })
    })
}

const COLUMNS: &[(&str, &str)] = &[
    ("contained", "data of the subject"),
    ("first", "first disclosure"),
    ("number", "number of disclosures"),
    ("last", "last disclosure"),
    ("recipient", "recipient"),
    ("recipient_name", "name"),
    ("contact", "contact"),
    ("country", "country"),
    ("description", "what was disclosed"),
    ("purpose", "purpose"),
    ("legal_basis", "legal basis"),
    ("releases", "releases"),
    ("amendments", "amendments"),
    ("entries", "entries"),
];

/// What disclosures of one recipient must share to be rolled up.
const RECURRING: [&str; 4] = ["recipient", "purpose", "legal_basis", "dataset"];

/// The accounting. `contained` says of each delivery whether it held data of the subject (see [`look_up`]); `each` keeps
/// recurring disclosures apart.
pub fn accounting(
    record: &Record,
    period: Period,
    each: bool,
    mut contained: impl FnMut(Row<'_>) -> Answer,
) -> Document {
    let deliveries = Deliveries::of(record, period).frame;
    let answers: Vec<Answer> = deliveries.rows().map(&mut contained).collect();
    let with = |answer: Answer| {
        let mut answers = answers.iter();
        deliveries.retain(|_| answers.next() == Some(&answer))
    };
    let mut rows = roll_up(record, &with(Answer::Yes), "yes", each);
    let mut gaps = Vec::new();
    let mut reasons: Vec<&str> = Vec::new();
    for answer in &answers {
        if let Answer::Unknown(why) = *answer
            && !reasons.contains(&why)
        {
            reasons.push(why);
            let found = with(*answer);
            rows.extend(roll_up(record, &found, &format!("unknown: {why}"), each));
            gaps.push(format!("{} of {} disclosures: {why}", found.len(), deliveries.len()));
        }
    }
    let (from, until) = period.bounds();
    let unread = record.frame.retain_between(from, until, |row| record.unread.contains(&row.index()));
    let later = |row: Row<'_>| {
        unknown_row("an entry of a later version of dyepack", row.time_text(), vec![row.index().to_string()])
    };
    rows.extend(unread.rows().map(later));
    gaps.extend(record.unread_gap());
    for gap in record.lost(period) {
        rows.push(unknown_row(&gap, None, Vec::new()));
        gaps.push(gap);
    }
    Document {
        report: "subject",
        title: "Accounting of disclosures for one subject".to_owned(),
        rule: "45 CFR 164.528",
        head: record.head.clone(),
        period,
        gaps,
        columns: COLUMNS,
        rows,
        notes: notes(each),
    }
}

fn notes(each: bool) -> Vec<&'static str> {
    let mut notes = vec![
        "A subject is found by its id in the column that the dataset's policy names. Data of the same person \
         under another id, or in files that were not stamped, is not found.",
        "45 CFR 164.528(a)(1) excepts some disclosures, such as those for treatment, payment and health care \
         operations, with an authorisation, or of a limited data set. The ledger does not know which these \
         are: all are listed, and whoever answers the request leaves them out.",
    ];
    if !each {
        notes.push(
            "Disclosures to one recipient of one dataset, with the same purpose and legal basis, are one row \
             with the first, their number and the last, as 164.528(b)(3) allows for disclosures under \
             164.502(a)(2)(ii) or 164.512. Without a purpose on record they are listed one by one; --each \
             lists all one by one.",
        );
    }
    notes
}

/// A row for what recurs, and one for each that does not.
fn roll_up(record: &Record, found: &Frame, answer: &str, each: bool) -> Vec<Vec<Cell>> {
    let mut rows: Vec<(Option<jiff::Timestamp>, Vec<Cell>)> = Vec::new();
    for group in found.groups(&RECURRING) {
        let is_one = group.rows().next().is_some_and(|row| row.text("purpose").is_some()) && !each;
        let parts = if is_one { vec![group] } else { group.groups(&["index"]) };
        for part in parts {
            rows.push((part.rows().next().and_then(Row::time), row(record, &part, answer)));
        }
    }
    rows.sort_by_key(|(first, _)| *first);
    rows.into_iter().map(|(_, cells)| cells).collect()
}

/// The disclosures of a frame, by time, as one row.
fn row(record: &Record, part: &Frame, answer: &str) -> Vec<Cell> {
    let first = part.rows().next().expect("a group has a row");
    let last = part.rows().next_back().expect("a group has a row");
    let partner = record.partner(first);
    let levels: Vec<String> = part.groups(&["level"]).iter().filter_map(level).collect();
    let dataset = first.text("dataset").unwrap_or("not on record");
    let description = match levels.is_empty() {
        true => format!("dataset {dataset}"),
        false => format!("dataset {dataset}, data level {}", levels.join(" and ")),
    };
    let releases = part.rows().filter_map(|row| row.text("release")).map(str::to_owned).collect::<Vec<_>>();
    let amendments = part.rows().flat_map(|row| record.amendments(row.index())).cloned().collect::<Vec<_>>();
    vec![
        Cell::Text(answer.to_owned()),
        first.time_text().into(),
        Cell::Number(part.len() as u64),
        last.time_text().into(),
        first.text("recipient").into(),
        record.name(first).into(),
        partner.and_then(|partner| partner.contact.clone()).into(),
        partner.and_then(|partner| partner.facts.country.clone()).into(),
        Cell::Text(description),
        first.text("purpose").into(),
        first.text("legal_basis").into(),
        releases.into(),
        amendments.into(),
        part.rows().map(|row| row.index().to_string()).collect::<Vec<_>>().into(),
    ]
}

fn level(group: &Frame) -> Option<String> {
    group.rows().next()?.number("level").map(|level| level.to_string())
}

/// A row for what may be a disclosure, and nobody can say.
fn unknown_row(why: &str, time: Option<String>, entries: Vec<String>) -> Vec<Cell> {
    let mut cells = vec![Cell::Nothing; COLUMNS.len()];
    cells[0] = Cell::Text(format!("unknown: {why}"));
    cells[1] = time.into();
    cells[COLUMNS.len() - 1] = entries.into();
    cells
}

//! The report that a tired person can read: one screen, the verdict first, then who, how sure, and what to do
//! next.
//!
//! Probabilities are said in words and as a bound; nothing is rounded towards guilt. What comes out of the
//! leak or was typed by somebody (file, column and partner names) is shortened and shown as plain text: a
//! header must not steer the terminal. Styles are ANSI codes; whoever prints takes them out where they are
//! not wanted (`NO_COLOR`, a pipe).

mod words;

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};

use crate::evidence::score::CARRIERS_TO_NAME;
use crate::evidence::verdict::Verdict;
use crate::leak::columns::MatchedBy;
use crate::trace::findings::{Accused, Findings, FoundBySummary, ReferenceSummary, ReleaseMatch};

use words::{about, and_more, share, shorten, that_fit, wrap};
pub use words::{grouped, once_in, plain};

const BOLD: Style = Style::new().bold();
const GOOD: Style = AnsiColor::Green.on_default().bold();
const WARN: Style = AnsiColor::Yellow.on_default().bold();
const ALARM: Style = AnsiColor::Red.on_default().bold();

/// Columns of the screen.
const WIDTH: usize = 100;

/// Columns of a row's label, with the space around it.
const LABEL_WIDTH: usize = 13;

/// Names and rows of a kind that are shown before the rest is only counted: the report must fit one screen of
/// 24 lines.
const SHOWN: usize = 3;

/// Columns that a name, of a partner or a file, may take.
const NAME_WIDTH: usize = 48;

/// Columns that an id may take where the whole of it stands elsewhere too.
const ID_WIDTH: usize = 24;

/// The whole report.
pub fn report(findings: &Findings) -> String {
    let mut out = String::new();
    verdict(&mut out, findings);
    out.push('\n');
    releases(&mut out, findings);
    leak(&mut out, findings);
    if findings.verdict == Verdict::NoMatch {
        needed(&mut out, findings);
    } else {
        evidence(&mut out, findings);
    }
    out.push('\n');
    next_steps(&mut out, findings);
    out
}

fn verdict(out: &mut String, findings: &Findings) {
    let (style, word) = match findings.verdict {
        Verdict::Exact => (ALARM, "EXACT COPY"),
        Verdict::Identified => (ALARM, "IDENTIFIED"),
        Verdict::Inconclusive => (WARN, "INCONCLUSIVE"),
        // What was not compared is no good news.
        Verdict::NoMatch if findings.evidence.readings_tried == 0 => (WARN, "NO MATCH"),
        Verdict::NoMatch => (GOOD, "NO MATCH"),
    };
    let names = match findings.accused.as_slice() {
        [] => "nobody is named".to_owned(),
        [one] => named(one),
        many => and_more(many.iter().map(|accused| accused.recipient.as_str()), SHOWN),
    };
    let _ =
        writeln!(out, "{style}{word}{style:#}  {BOLD}{}{BOLD:#}", shorten(&names, WIDTH - word.len() - 2));
    let _ = writeln!(out, "{}", wrap(&meaning(findings), WIDTH));
}

fn named(accused: &Accused) -> String {
    match &accused.name {
        Some(name) => format!("{} ({})", accused.recipient, shorten(name, NAME_WIDTH)),
        None => accused.recipient.clone(),
    }
}

/// The verdict in words, with its bound.
fn meaning(findings: &Findings) -> String {
    match findings.verdict {
        Verdict::Exact => exact(findings),
        Verdict::Identified => {
            let dataset = findings.dataset.as_deref().unwrap_or("the dataset");
            let whose = match findings.accused.as_slice() {
                [one] => format!("a copy of {dataset} that was given to {}", one.recipient),
                many => format!("copies of {dataset} that were given to the {} partners named", many.len()),
            };
            format!("The file has the marks of {whose}. {}", bound(findings).unwrap_or_default())
        }
        Verdict::Inconclusive => inconclusive(findings),
        Verdict::NoMatch => no_match(findings),
    }
}

/// How improbable the worst case of the named is, if the marks say so at all.
fn bound(findings: &Findings) -> Option<String> {
    let worst = findings
        .accused
        .iter()
        .map(|accused| accused.ln_family_p.unwrap_or(0.0))
        .reduce(f64::max)
        .filter(|&worst| worst < findings.alpha.ln())?;
    Some(format!(
        "An innocent partner would score this high less than {} (all comparisons counted; the limit is {}).",
        once_in(worst),
        once_in(findings.alpha.ln()),
    ))
}

fn exact(findings: &Findings) -> String {
    // Those that the leak is come first. If there are any, it matters less that it is a part of others.
    let identical = &findings.identical_releases;
    let is_whole = identical.first().is_some_and(|release| release.parts.is_empty());
    let said = identical.iter().filter(|release| release.parts.is_empty() == is_whole);
    let ids: Vec<String> = said.map(|release| shorten(&release.release, ID_WIDTH)).collect();
    let plural = if ids.len() == 1 { "release" } else { "releases" };
    let ids = and_more(ids.iter().map(String::as_str), SHOWN);
    let to = findings.accused.first().map_or("one partner", |accused| accused.recipient.as_str());
    let bytes = match identical.first().map(|release| release.parts.as_slice()) {
        Some([part]) => {
            format!("The file is, byte for byte, `{part}` of {plural} {ids}, given to {to} alone.")
        }
        Some([_, _, ..]) => {
            format!("Its files are, byte for byte, files of {plural} {ids}, given to {to} alone.")
        }
        _ => format!("The file is, byte for byte, {plural} {ids}, given to {to} alone."),
    };
    match bound(findings) {
        Some(bound) => format!("{bytes} Its marks say the same. {bound}"),
        None => format!(
            "{bytes} Its marks alone would not name anybody: with {} marked cells read, another holder of \
             these rows could have made the same bytes by changing a few cells.",
            grouped(findings.evidence.carriers_read)
        ),
    }
}

fn inconclusive(findings: &Findings) -> String {
    let evidence = &findings.evidence;
    let dataset = findings.dataset.as_deref().unwrap_or("a dataset of ours");
    let identical = &findings.identical_releases;
    let mut holders: Vec<&str> = identical.iter().map(|release| release.recipient.as_str()).collect();
    holders.sort_unstable();
    holders.dedup();
    if holders.len() > 1 {
        return format!(
            "The file is, byte for byte, what {} partners were given ({}), so its bytes name none of them.",
            holders.len(),
            and_more(holders.iter().copied(), SHOWN)
        );
    }
    if let [release, ..] = identical.as_slice() {
        return format!(
            "The file is, byte for byte, release {}, in which stamping changed no cell: whoever has the \
             original has the same bytes.",
            release.release
        );
    }
    if let [release, ..] = findings.identical_sources.as_slice() {
        return format!(
            "The file is, byte for byte, the unmarked {dataset} from which release {release} was made. It \
             is nobody's copy: it leaked before it was stamped, or from somebody who has the original."
        );
    }
    let ours = format!("The file holds rows of {dataset}.");
    if let Some(reference) = findings.reference.as_ref().filter(|reference| is_unmarked(reference)) {
        return format!(
            "{ours} {} of their marked cells were compared with the original, and all of them are as they \
             were before stamping: it is nobody's copy. It leaked before it was stamped, or from somebody \
             who has the original.",
            grouped(reference.cells_kept)
        );
    }
    if evidence.carriers_read == 0 {
        format!("{ours} None of their marked cells can be read, so nobody can be named.")
    } else if evidence.power < 0.5 && evidence.carriers_read >= CARRIERS_TO_NAME {
        let read = grouped(evidence.carriers_read);
        format!("{ours} {read} marked cells can be read, which is not enough to name somebody here.")
    } else if evidence.power < 0.5 {
        let read = grouped(evidence.carriers_read);
        format!(
            "{ours} Only {read} marked cells can be read; it takes about {CARRIERS_TO_NAME} to name somebody."
        )
    } else {
        let read = grouped(evidence.carriers_read);
        format!(
            "{ours} {read} marked cells were read, enough to name an untouched copy, and they fit no \
             partner well enough. It may be the unmarked original, its marks may be damaged, or many \
             partners' copies were mixed."
        )
    }
}

/// Whether so many cells are the original's that no copy would have kept them all.
fn is_unmarked(reference: &ReferenceSummary) -> bool {
    /// A copy changes half of them: twenty in a row are kept once in a million times.
    const ENOUGH: u64 = 20;
    reference.cells_changed == 0 && reference.cells_kept >= ENOUGH
}

fn no_match(findings: &Findings) -> String {
    if findings.evidence.readings_tried > 0 {
        "No row and no mark of ours was found in this file.".into()
    } else if findings.unreadable.is_empty() {
        "Nothing was ever released from this home, so there is nothing to compare the file with.".into()
    } else if findings.unreadable.iter().all(|unreadable| unreadable.identity_missing.is_empty()) {
        "No row of ours was found in this file, and it has none of the marked columns.".into()
    } else {
        "The file was not compared: it lacks the columns by which our rows are recognised.".into()
    }
}

fn releases(out: &mut String, findings: &Findings) {
    for accused in findings.accused.iter().take(SHOWN) {
        let Some(best) = accused.releases.first() else {
            row(out, "Release", &format!("none of {}'s releases holds these rows", accused.recipient));
            continue;
        };
        let others = accused.releases.iter().skip(1).filter(|release| same_share(release, best)).count();
        let others = match others {
            0 => String::new(),
            1 => ", as does 1 other".into(),
            n => format!(", as do {n} others"),
        };
        let holds = match best.containment {
            Some(part) if best.standard_error.is_some_and(|error| error > 0.0) => {
                format!("holds {} of its rows", about(part))
            }
            Some(part) => format!("holds {} of its rows", share(part)),
            None => "too few rows to compare".into(),
        };
        row(
            out,
            "Release",
            &format!(
                "{} to {} on {}: {holds}{others}",
                shorten(&best.release, ID_WIDTH),
                shorten(&best.recipient, ID_WIDTH),
                date(&best.time)
            ),
        );
        if let Some(receipt) = &best.receipt {
            let (by, on) = (shorten(&receipt.by, ID_WIDTH), date(&receipt.time));
            row(out, "Receipt", &format!("signed by {by} on {on} (entry {})", receipt.entry));
        }
    }
}

fn same_share(a: &ReleaseMatch, b: &ReleaseMatch) -> bool {
    a.containment == b.containment
}

fn date(time: &str) -> &str {
    time.split('T').next().unwrap_or(time)
}

fn leak(out: &mut String, findings: &Findings) {
    let leak = &findings.leak;
    let name = if leak.path == "-" { "standard input" } else { &leak.path };
    let separated = match leak.delimiter.as_deref().unwrap_or_default() {
        "," => "commas".into(),
        ";" => "semicolons".into(),
        "\\t" => "tabs".into(),
        other => format!("`{other}`"),
    };
    let written = match leak.format.as_str() {
        "csv" => format!("fields separated by {separated}"),
        other => other.to_owned(),
    };
    // Of a long path the end says more.
    let name = words::shorten_start(name, NAME_WIDTH);
    row(out, "File", &format!("{name}: {} rows, {written}", grouped(leak.rows)));
    for damage in leak.damage.iter().take(SHOWN - 1) {
        row(out, "Damage", &damage.to_string());
    }
    tables(out, findings);
}

/// The tables of a leak that has several, those with most rows of ours first.
fn tables(out: &mut String, findings: &Findings) {
    let leak = &findings.leak;
    if leak.tables.len() > 1 {
        let mut tables: Vec<_> = leak.tables.iter().collect();
        tables.sort_by_key(|table| std::cmp::Reverse(table.rows_aligned));
        row(out, "Tables", &format!("{} in it", grouped(tables.len() as u64)));
        for table in tables.iter().take(SHOWN) {
            let damaged: u64 = table.damage.iter().map(|damage| damage.rows).sum();
            let damage = if damaged > 0 { format!(", {} damaged", grouped(damaged)) } else { String::new() };
            let name = words::shorten_start(&table.name, NAME_WIDTH);
            let (rows, ours) = (grouped(table.rows), grouped(table.rows_aligned));
            row(out, "", &format!("{name}: {rows} rows{damage}, {ours} of ours"));
        }
        if tables.len() > SHOWN {
            row(out, "", &format!("and {} more", grouped((tables.len() - SHOWN) as u64)));
        }
    }
    for skipped in leak.skipped.iter().take(SHOWN) {
        long_row(out, "Not read", &skipped.reason);
    }
    if leak.skipped.len() > SHOWN {
        row(out, "", &format!("and {} more", leak.skipped.len() - SHOWN));
    }
}

fn evidence(out: &mut String, findings: &Findings) {
    let evidence = &findings.evidence;
    ours(out, findings);
    if evidence.carriers_read + evidence.carriers_unreadable > 0 {
        row(out, "Marks", &marks(findings));
        match makeup(findings) {
            Some(makeup) => row(out, "Made of", &makeup),
            // An estimate is never certain, however it was rounded.
            None => {
                let power = share(evidence.power.min(0.9999));
                row(out, "Power", &format!("so many marks name an untouched copy in {power} of cases"));
            }
        }
    }
    found_by(out, findings);
    columns(out, findings);
    holders(out, findings);
    let is_accused = |id: &str| findings.accused.iter().any(|accused| accused.recipient == id);
    let runner_up = findings.candidates.iter().find(|candidate| !is_accused(&candidate.recipient));
    if let (Some(candidate), 1..) = (runner_up, evidence.carriers_read) {
        let label = if findings.accused.is_empty() { "Closest" } else { "Runner-up" };
        let sure = if candidate.ln_family_p < 0.5f64.ln() {
            format!("an innocent partner scores this high less than {}", once_in(candidate.ln_family_p))
        } else {
            "no better than chance".into()
        };
        row(out, label, &format!("{}: {sure}", candidate.recipient));
    }
}

/// How much of the leak is ours, and how its rows were found.
fn ours(out: &mut String, findings: &Findings) {
    let (Some(part), Some(dataset)) = (&findings.similarity, &findings.dataset) else { return };
    // A sample of the rows says about how many; all of them say it outright.
    let (part, mut how) = if part.standard_error > 0.0 {
        (about(part.share), format!(" (standard error {})", share(part.standard_error)))
    } else {
        (share(part.share), String::new())
    };
    if let Some(reference) = &findings.reference {
        let found = [
            (reference.rows_by_key, "by key"),
            (reference.rows_by_content, "by contents"),
            (reference.rows_ambiguous, "fit several alike"),
        ];
        let found = found.iter().filter(|(n, _)| *n > 0);
        let found: Vec<String> = found.map(|(n, how)| format!("{} {how}", grouped(*n))).collect();
        how = format!(": {}", found.join(", "));
    }
    row(out, "Ours", &format!("{part} of its rows are in {dataset}{how}"));
}

/// What the leak is made of, if it is not one partner's copy alone.
fn makeup(findings: &Findings) -> Option<String> {
    /// Less than this is noise.
    const NOTABLE: f64 = 0.05;
    let makeup = findings.makeup.as_ref()?;
    if findings.accused.len() < 2 && makeup.others < NOTABLE && makeup.unmarked < NOTABLE {
        return None;
    }
    let accused = findings.accused.iter().filter_map(|accused| {
        Some(format!("{} {}", shorten(&accused.recipient, ID_WIDTH), share(accused.share?)))
    });
    let rest = [("others' copies", makeup.others), ("no copy", makeup.unmarked)];
    let rest = rest.into_iter().filter(|(_, part)| *part >= NOTABLE);
    let parts: Vec<String> =
        accused.take(SHOWN).chain(rest.map(|(who, part)| format!("{who} {}", share(part)))).collect();
    let copies = match makeup.suggested_colluders {
        0 | 1 => String::new(),
        copies => format!("; {copies} copies in all"),
    };
    Some(format!("about {}{copies} (an estimate)", parts.join(", ")))
}

/// Where in the leak the surest of those stand whom a part of it named.
fn found_by(out: &mut String, findings: &Findings) {
    let windows = findings.accused.iter().filter_map(|accused| match &accused.found_by {
        Some(FoundBySummary::Window { order, first_row, last_row, .. }) => {
            Some((accused, *order, *first_row, *last_row))
        }
        _ => None,
    });
    for (accused, order, first, last) in windows.take(1) {
        let order = if order == "file" { "" } else { ", in the order of the keys" };
        let id = shorten(&accused.recipient, ID_WIDTH);
        row(out, "Part", &format!("rows {} to {}{order} name {id}", grouped(first), grouped(last)));
    }
}

fn marks(findings: &Findings) -> String {
    let evidence = &findings.evidence;
    let mut text = format!("{} marked cells read", grouped(evidence.carriers_read));
    // Cells are compared with the original in repeated rows, too: then these are no part of those read.
    if let Some(reference) = findings.reference.as_ref().filter(|_| evidence.rows_repeated == 0) {
        let _ = write!(text, " ({} of them changed from the original)", grouped(reference.cells_changed));
    }
    if evidence.carriers_unreadable > 0 {
        let columns = evidence.unreadable_by_column.iter();
        let columns: Vec<String> =
            columns.map(|(name, n)| format!("{} {}", plain(name), grouped(*n))).collect();
        let columns = and_more(columns.iter().map(String::as_str), SHOWN);
        let what = if findings.reference.is_some() { "were altered" } else { "could not be read" };
        let _ = write!(text, ", {} {what} ({columns})", grouped(evidence.carriers_unreadable));
    }
    if evidence.rows_repeated > 0 {
        let _ = write!(text, "; {} repeated rows left out", grouped(evidence.rows_repeated));
    }
    text
}

fn columns(out: &mut String, findings: &Findings) {
    let by_contents = findings.columns.iter().filter(|column| column.by == MatchedBy::Contents);
    let found: Vec<String> = by_contents
        .map(|column| format!("`{}` as `{}`", plain(&column.ours), shorten(&column.leaked, NAME_WIDTH / 2)))
        .collect();
    if !found.is_empty() {
        let how = ", by what they hold";
        let found = that_fit(&found, 2 * SHOWN, WIDTH - LABEL_WIDTH - how.len());
        row(out, "Columns", &format!("{found}{how}"));
    }
    let repaired = findings.columns.iter().filter(|column| !column.repair.is_none());
    let repaired: Vec<String> =
        repaired.map(|column| format!("{} ({})", plain(&column.ours), column.repair)).collect();
    if !repaired.is_empty() {
        row(out, "Damaged", &that_fit(&repaired, 2 * SHOWN, WIDTH - LABEL_WIDTH));
    }
    if !findings.columns_missing.is_empty() {
        let what = "marked columns ";
        let missing = that_fit(&findings.columns_missing, 2 * SHOWN, WIDTH - LABEL_WIDTH - what.len());
        row(out, "Missing", &format!("{what}{missing}"));
    }
}

/// Who was given the rows, where only they can be compared. What it comes to is said first, as long names are cut off.
fn holders(out: &mut String, findings: &Findings) {
    let (Some(basis), [first, ..]) = (&findings.guilt_basis, findings.guilt.as_slice()) else { return };
    let compared = grouped(basis.rows_compared);
    let shown = findings.guilt.iter().take(SHOWN);
    let more = basis.recipients.saturating_sub(SHOWN);
    let more = if more > 0 { format!(" and {} more", grouped(more as u64)) } else { String::new() };
    if !basis.tells_apart {
        let ids: Vec<String> = shown.map(|guilt| shorten(&guilt.recipient, ID_WIDTH)).collect();
        let who = format!("rows tell nobody apart: all these were given the same, {}{more}", ids.join(", "));
        row(out, "Holders", &who);
        return;
    }
    let each: Vec<String> = shown
        .map(|guilt| {
            let (shared, own) = (grouped(guilt.rows_shared), grouped(guilt.rows_only_theirs));
            format!("{} {shared} ({own} alone)", shorten(&guilt.recipient, ID_WIDTH))
        })
        .collect();
    row(out, "Holders", &format!("of {compared} rows were given to {}{more}", each.join(", ")));
    let likely = share(first.probability);
    let who = shorten(&first.recipient, ID_WIDTH);
    row(out, "Guilt", &format!("a lead and no proof: {likely} for {who}, if rows leak one by one"));
}

/// Which columns a file must have to be compared with a dataset.
fn needed(out: &mut String, findings: &Findings) {
    for unreadable in findings.unreadable.iter().take(SHOWN) {
        let mut parts = Vec::new();
        if !unreadable.identity_missing.is_empty() {
            parts.push(and_more(unreadable.identity_missing.iter().map(String::as_str), 4 * SHOWN));
        }
        if !unreadable.marked_missing.is_empty() {
            let names = and_more(unreadable.marked_missing.iter().map(String::as_str), 2 * SHOWN);
            parts.push(format!("at least one of {names}"));
        }
        long_row(out, "Needed", &format!("for {}: {}", unreadable.dataset, parts.join(", and ")));
    }
}

fn next_steps(out: &mut String, findings: &Findings) {
    match findings.verdict {
        Verdict::Exact | Verdict::Identified => {
            let kept = findings.leak.blake3.get(..16).unwrap_or(&findings.leak.blake3);
            let _ = writeln!(
                out,
                "{BOLD}A copy was identified, not a person.{BOLD:#} It may have been stolen from the \
                 partner, or have leaked\non the way. Keep the file as it is (its BLAKE3 begins with \
                 {kept}).",
            );
            if let [accused] = findings.accused.as_slice() {
                row(out, "Next", &format!("dyepack recipient show {}", accused.recipient));
                let exact = findings.identical_releases.first().map(|exact| &exact.release);
                if let Some(id) = exact.or(accused.releases.first().map(|best| &best.release)) {
                    row(out, "", &format!("dyepack ledger show {id}"));
                }
            } else {
                row(out, "Next", "dyepack recipient show ID, for each of them");
            }
            row(out, "", "dyepack ledger verify");
        }
        Verdict::Inconclusive => {
            let mut help = "Nobody may be accused on this evidence.".to_owned();
            if findings.identical_sources.is_empty() && findings.evidence.power < 0.5 {
                help += " More rows of the same leak would help";
                help += if findings.columns_missing.is_empty() {
                    "."
                } else {
                    ", and so would the missing columns."
                };
            } else if findings.identical_sources.is_empty() {
                help += " Another file from the same source may say more.";
            }
            let _ = writeln!(out, "{}", wrap(&help, WIDTH));
        }
        Verdict::NoMatch => {
            let help = if findings.unreadable.is_empty() || findings.evidence.readings_tried > 0 {
                "If the copies were stamped from another home, name it with --home."
            } else {
                "If the columns are there under other names, rename them as above and trace again."
            };
            let _ = writeln!(out, "{help}");
        }
    }
}

/// A row that goes on in two more lines, if it has to: its end says as much as its start.
fn long_row(out: &mut String, label: &str, text: &str) {
    let wrapped = wrap(text, WIDTH - LABEL_WIDTH);
    for (number, line) in wrapped.splitn(3, '\n').enumerate() {
        row(out, if number == 0 { label } else { "" }, &line.replace('\n', " "));
    }
}

/// One line, cut to the screen.
fn row(out: &mut String, label: &str, text: &str) {
    let _ = writeln!(out, "  {label:<10} {}", shorten(text, WIDTH - LABEL_WIDTH));
}

#[cfg(test)]
mod tests;

//! The report that a tired person can read: one screen, the verdict first, then who, how sure, and what to do next.
//!
//! Probabilities are said in words and as a bound; nothing is rounded towards guilt. Styles are ANSI codes; whoever prints
//! takes them out where they are not wanted (`NO_COLOR`, a pipe).

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};

use crate::evidence::verdict::Verdict;
use crate::leak::align::MatchedBy;
use crate::trace::findings::{Accused, Findings, ReleaseMatch};

const BOLD: Style = Style::new().bold();
const GOOD: Style = AnsiColor::Green.on_default().bold();
const WARN: Style = AnsiColor::Yellow.on_default().bold();
const ALARM: Style = AnsiColor::Red.on_default().bold();

/// Lines of a kind that are shown before the rest is only counted: the report must fit one screen.
const SHOWN: usize = 3;

/// The whole report.
pub fn report(findings: &Findings) -> String {
    let mut out = String::new();
    verdict(&mut out, findings);
    out.push('\n');
    for accused in findings.accused.iter().take(SHOWN) {
        row(&mut out, "Release", &release_line(accused));
    }
    facts(&mut out, findings);
    out.push('\n');
    next_steps(&mut out, findings);
    out
}

fn verdict(out: &mut String, findings: &Findings) {
    let (style, word) = match findings.verdict {
        Verdict::Exact => (ALARM, "EXACT COPY"),
        Verdict::Identified => (ALARM, "IDENTIFIED"),
        Verdict::Inconclusive => (WARN, "INCONCLUSIVE"),
        Verdict::NoMatch => (GOOD, "NO MATCH"),
    };
    let _ = write!(out, "{style}{word}{style:#}");
    if findings.accused.is_empty() {
        let _ = writeln!(out, "  {BOLD}nobody is named{BOLD:#}");
    } else {
        let names: Vec<String> = findings.accused.iter().take(SHOWN).map(named).collect();
        let more = findings.accused.len().saturating_sub(SHOWN);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let _ = writeln!(out, "  {BOLD}{}{more}{BOLD:#}", names.join(", "));
    }
    let _ = writeln!(out, "{}", meaning(findings));
}

fn named(accused: &Accused) -> String {
    match &accused.name {
        Some(name) => format!("{} ({name})", accused.recipient),
        None => accused.recipient.clone(),
    }
}

/// The verdict in words, with its bound.
fn meaning(findings: &Findings) -> String {
    let dataset = findings.dataset.as_deref().unwrap_or("any dataset");
    match findings.verdict {
        Verdict::Exact => {
            let releases: Vec<&str> =
                findings.identical_releases.iter().map(|r| r.release.as_str()).collect();
            let plural = if releases.len() == 1 { "release" } else { "releases" };
            format!(
                "The leak is, byte for byte, {plural} {}, which nobody else was given.",
                releases.join(", ")
            )
        }
        Verdict::Identified => {
            let worst =
                findings.accused.iter().filter_map(|a| a.ln_family_p).fold(f64::NEG_INFINITY, f64::max);
            let subject = if findings.accused.len() == 1 { "The copy of" } else { "The copies of" };
            format!(
                "{subject} {dataset} given to the above leaked. An innocent partner would score this high\n\
                 less than {} (every comparison counted; the limit is {}).",
                once_in(worst),
                once_in(findings.alpha.ln()),
            )
        }
        Verdict::Inconclusive => {
            let evidence = &findings.evidence;
            let why = if let [_, _, ..] = findings.identical_releases.as_slice() {
                "It equals copies that more than one partner was given, so its bytes prove nothing."
            } else if findings.identical_releases.iter().any(|release| !release.marked) {
                "It equals a release in which no cell was changed, so it equals the unmarked source too."
            } else if evidence.power < 0.5 {
                "Too few marked cells can be read to name anybody."
            } else {
                "Marks could be read, and they fit no registered partner: it may be the unmarked original,\n\
                 marks may have been destroyed, or the copies of many partners were mixed."
            };
            format!("The leak comes from {dataset}. {why}")
        }
        Verdict::NoMatch => {
            "Nothing says that this file is ours: no dataset's rows or marks were found in it.".into()
        }
    }
}

fn facts(out: &mut String, findings: &Findings) {
    let leak = &findings.leak;
    let evidence = &findings.evidence;
    row(
        out,
        "Leak",
        &format!(
            "{}: {} rows, {} separated by {}",
            leak.path,
            grouped(leak.rows),
            leak.format,
            leak.delimiter
        ),
    );
    if let (Some(share), Some(dataset)) = (&findings.similarity, &findings.dataset) {
        let error = if share.standard_error > 0.0 {
            format!(" ± {:.1}", 100.0 * share.standard_error)
        } else {
            String::new()
        };
        row(out, "Ours", &format!("{:.1}{error} % of its rows are in {dataset}", 100.0 * share.share));
    }
    if evidence.carriers_read + evidence.carriers_unreadable > 0 {
        row(out, "Marks", &marks(findings));
        let power = 100.0 * evidence.power;
        row(out, "Power", &format!("this many marks name an untouched copy in {power:.1} % of cases"));
    }
    for column in findings.columns.iter().filter(|column| column.by == MatchedBy::Contents).take(SHOWN) {
        let sure = 100.0 * column.confidence;
        row(
            out,
            "Column",
            &format!("`{}` was found as `{}`, by its contents ({sure:.0} %)", column.ours, column.leaked),
        );
    }
    if !findings.columns_missing.is_empty() {
        row(out, "Missing", &format!("columns {}", findings.columns_missing.join(", ")));
    }
    for damage in leak.damage.iter().take(SHOWN) {
        row(out, "Damage", &damage.to_string());
    }
    let runner_up = findings
        .candidates
        .iter()
        .find(|candidate| findings.accused.iter().all(|accused| accused.recipient != candidate.recipient));
    if let Some(candidate) = runner_up {
        let label = if findings.accused.is_empty() { "Closest" } else { "Runner-up" };
        let sure = if candidate.ln_family_p < -0.7 {
            format!("an innocent would score this high less than {}", once_in(candidate.ln_family_p))
        } else {
            "no better than chance".into()
        };
        row(out, label, &format!("{}: {sure}", candidate.recipient));
    }
}

fn marks(findings: &Findings) -> String {
    let evidence = &findings.evidence;
    let mut text = format!("{} marked cells read", grouped(evidence.carriers_read));
    if evidence.carriers_unreadable > 0 {
        let columns: Vec<String> = evidence
            .unreadable_by_column
            .iter()
            .take(SHOWN)
            .map(|(name, n)| format!("{name} {}", grouped(*n)))
            .collect();
        let _ = write!(
            text,
            ", {} could not be read ({})",
            grouped(evidence.carriers_unreadable),
            columns.join(", ")
        );
    }
    if evidence.rows_repeated > 0 {
        let _ = write!(text, "; {} repeated rows left out", grouped(evidence.rows_repeated));
    }
    text
}

fn release_line(accused: &Accused) -> String {
    let Some(best) = accused.releases.first() else {
        return format!("none of {}'s releases holds these rows", accused.recipient);
    };
    let others = accused.releases.iter().skip(1).filter(|release| same_share(release, best)).count();
    let others = if others > 0 { format!(" (and {others} others as well)") } else { String::new() };
    let holds = match best.containment {
        Some(share) => format!("holds {:.1} % of the leaked rows", 100.0 * share),
        None => "too few rows to compare".into(),
    };
    format!("{} to {} on {}: {holds}{others}", best.release, best.recipient, date(&best.time))
}

fn same_share(a: &ReleaseMatch, b: &ReleaseMatch) -> bool {
    a.containment == b.containment
}

fn date(time: &str) -> &str {
    time.split('T').next().unwrap_or(time)
}

fn next_steps(out: &mut String, findings: &Findings) {
    match findings.verdict {
        Verdict::Exact | Verdict::Identified => {
            let _ = writeln!(
                out,
                "{BOLD}A copy was identified, not a person.{BOLD:#} It may have been stolen from the partner, or have leaked\n\
                 on the way. Keep the leaked file unchanged (BLAKE3 {}).",
                findings.leak.blake3.get(..16).unwrap_or(&findings.leak.blake3),
            );
            for accused in findings.accused.iter().take(SHOWN) {
                row(out, "Next", &format!("dyepack recipient show {}", accused.recipient));
                if let Some(release) = accused.releases.first() {
                    row(out, "Next", &format!("dyepack ledger show {}", release.release));
                }
            }
            row(out, "Next", "dyepack ledger verify");
        }
        Verdict::Inconclusive => {
            let _ = writeln!(
                out,
                "Nobody may be accused on this evidence. More rows, or more columns, of the same leak help."
            );
        }
        Verdict::NoMatch => {
            let _ = writeln!(out, "If you know where it comes from, name the dataset: --dataset NAME.");
        }
    }
}

fn row(out: &mut String, label: &str, text: &str) {
    let _ = writeln!(out, "  {label:<10} {text}");
}

/// `once in 10^38` for a natural log of a probability; never says less than the bound allows.
pub fn once_in(ln_p: f64) -> String {
    let digits = -ln_p / std::f64::consts::LN_10;
    // Rounding down the exponent, or the count, errs towards innocence; the epsilon undoes the logarithm's own error.
    if digits >= 9.0 {
        format!("once in 10^{}", (digits + 1e-9).floor())
    } else {
        let times = (-ln_p).exp() * (1.0 + 1e-9);
        if times < 100.0 {
            format!("once in {times:.1}")
        } else {
            format!("once in {}", grouped(times as u64))
        }
    }
}

/// `12,345`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_are_said_without_exaggeration() {
        assert_eq!(once_in(1e-6f64.ln()), "once in 1,000,000");
        assert_eq!(once_in(-88.1), "once in 10^38");
        assert_eq!(once_in(-(10f64.ln()) * 37.99), "once in 10^37");
        assert_eq!(once_in(0.5f64.ln()), "once in 2.0");
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(grouped(12), "12");
    }
}

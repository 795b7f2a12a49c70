//! The evidence of one trace, in a folder that can be handed over.
//!
//! **Invariants.**
//! * The folder is there whole or not at all: it is made beside, and renamed when all of it is written and on record.
//! * The same trace gives the same findings, byte for byte: no time, no path of a machine and no chance is in them.
//! * No value of the leak is in any file, unless the leak itself was asked for; and no secret, and nothing that is opened.
//!
//! The files, and how each is checked, are in `verify.md`, which goes with them.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::error::{Error, Result};
use crate::keys::secret::SigningKey;
use crate::leak::Damage;
use crate::leak::columns::ColumnMatch;
use crate::ledger::entry::Traced;
use crate::ledger::note::SignedNote;
use crate::ledger::{Checkpoint, Entry, Event, Ledger, Registry, Verified};
use crate::trace::findings::{Findings, ReferenceSummary, Skipped, TableSummary};
use crate::trace::{CandidateSummary, Examined};

use super::TOOL;
use super::exhibit::{Exhibit, exhibits};
use super::opening::sha256_hex;
use super::reason::DisputeReason;

/// Releases of the accused whose entries are put in, those that hold most of the leak first: a signed note of more files is
/// longer than some readers take.
const MOST_RELEASES: usize = 100;

/// Characters of a name that a file's name keeps.
const MOST_NAME_CHARS: usize = 120;

/// What to put together.
pub struct Bundle<'a> {
    /// What was found.
    pub examined: &'a Examined,
    /// The leaked files, and where they are.
    pub exhibits: &'a [(Exhibit, PathBuf)],
    /// Whether the leak goes in.
    pub include_leak: bool,
}

/// Refuses a name that is taken, or has no folder to be in.
///
/// # Errors
/// `Usage` if it is.
pub fn check_free(folder: &Path) -> Result<()> {
    if folder.symlink_metadata().is_ok() {
        return Err(DisputeReason::Exists(folder.display().to_string()).into());
    }
    let parent = parent_of(folder);
    match parent.is_dir() {
        true => Ok(()),
        false => Err(Error::usage(format!("the folder of `{}` does not exist", folder.display()))
            .with_hint("make it first, or choose another place")),
    }
}

/// Makes the folder, and records the trace before the folder has its name. `time` is now, RFC 3339.
///
/// # Errors
/// If the folder exists, or anything can't be read, written or recorded; then there is no folder.
pub fn make(
    folder: &Path,
    bundle: &Bundle,
    ledger: &mut Ledger,
    signer: &SigningKey,
    (time, operator): (&str, &str),
) -> Result<()> {
    check_free(folder)?;
    let parent = parent_of(folder);
    let made = tempfile::Builder::new()
        .prefix(".dyepack-evidence-")
        .tempdir_in(parent)
        .map_err(|error| Error::io("make a folder in", parent, error))?;
    let findings = pretty(&bundle.findings());
    let files = bundle.files(&findings, ledger)?;
    let mut sums = BTreeMap::new();
    for (name, bytes) in &files {
        write(&made.path().join(name), bytes)?;
        sums.insert(name.clone(), sha256_hex(bytes));
    }
    if bundle.include_leak {
        sums.extend(copy_leak(made.path(), bundle.exhibits)?);
    }
    // The form that `sha256sum --check` reads.
    let sums: String = sums.iter().map(|(name, sum)| format!("{sum}  {name}\n")).collect();
    write(&made.path().join("SHA256SUMS"), sums.as_bytes())?;
    let note = SignedNote::sign(sums.clone(), ledger.verifier().name(), signer)?;
    write(&made.path().join("SHA256SUMS.note"), note.render().as_bytes())?;

    let entry = Entry::new(time, operator, Event::Trace(bundle.record(&findings, &sums)));
    // Commit point: the trace is on record. A crash before leaves a folder `.dyepack-evidence-…` and nothing else; from here on,
    // an entry whose evidence can be made again: the findings will be the same.
    ledger.append(&[entry], signer)?;
    if let Err(error) = fs::rename(made.path(), folder) {
        return Err(Error::io("name the folder", folder, error)
            .with_hint("the trace is on record; tracing again gives the same findings"));
    }
    // It has moved: nothing is left to clean up.
    let _ = made.keep();
    Ok(())
}

impl Bundle<'_> {
    /// The findings without the place where the leak lay.
    fn findings(&self) -> Findings {
        let mut findings = self.examined.findings.clone();
        let typed = std::mem::take(&mut findings.leak.path);
        let name = Path::new(&typed).file_name().map(|name| name.to_string_lossy().into_owned());
        findings.leak.path = name.unwrap_or_else(|| "leak".to_owned());
        // What was not in this folder was typed with a path, which names a machine's folders.
        if typed.ends_with(&findings.leak.path) {
            for Skipped { name, reason } in &mut findings.leak.skipped {
                *name = name.replace(&typed, &findings.leak.path);
                *reason = reason.replace(&typed, &findings.leak.path);
            }
        }
        findings
    }

    /// The files but for the leak and the sums, by name.
    fn files(&self, findings: &[u8], ledger: &Ledger) -> Result<BTreeMap<String, Vec<u8>>> {
        let exhibits: Vec<&Exhibit> = self.exhibits.iter().map(|(exhibit, _)| exhibit).collect();
        let shown = self.findings();
        let mut files = BTreeMap::from([
            ("findings.json".to_owned(), findings.to_owned()),
            ("exhibits.json".to_owned(), pretty(&exhibits)),
            ("reading.json".to_owned(), pretty(&ReadingSummary::of(&shown))),
            ("source-map.json".to_owned(), pretty(&shown.source_map)),
            ("candidates.csv".to_owned(), candidates(&self.examined.candidates)?),
            ("ledger.vkey".to_owned(), format!("{}\n", ledger.verifier()).into_bytes()),
            ("tool.txt".to_owned(), format!("{TOOL}\n").into_bytes()),
            ("VERIFY.md".to_owned(), include_bytes!("verify.md").to_vec()),
        ]);
        let registry = Registry::replay(&ledger.entries()?);
        let releases = accused_releases(&shown, &registry);
        let last = releases.values().max().copied();
        let head = head(ledger, &registry, last)?;
        files.insert("checkpoint".to_owned(), head.note().as_bytes().to_vec());
        for (release, index) in releases {
            let proof = ledger.history().inclusion(index, &head, false)?.render();
            let name = file_name(release);
            files.insert(format!("releases/{name}.json"), ledger.entry(index)?.leaf);
            files.insert(format!("releases/{name}.tlog-proof"), proof.into_bytes());
        }
        Ok(files)
    }

    /// What the ledger keeps of it.
    fn record(&self, findings: &[u8], sums: &str) -> Traced {
        let found = &self.examined.findings;
        let verdict = serde_json::to_value(found.verdict).ok();
        Traced {
            exhibits: self.exhibits.iter().map(|(exhibit, _)| exhibit.into()).collect(),
            verdict: verdict.and_then(|value| Some(value.as_str()?.to_owned())).unwrap_or_default(),
            accused: found.accused.iter().map(|accused| accused.recipient.clone()).collect(),
            alpha: format!("{:e}", found.alpha),
            findings: sha256_hex(findings),
            sums: sha256_hex(sums.as_bytes()),
            tool: TOOL.to_owned(),
        }
    }
}

/// How the leak was read.
#[derive(Serialize)]
struct ReadingSummary<'a> {
    schema: &'static str,
    /// From the outside in: compression, encoding if it is not UTF-8, format.
    format: &'a str,
    delimiter: Option<&'a str>,
    dataset: Option<&'a str>,
    rows: u64,
    /// Rows that are the dataset's, as far as was seen.
    rows_read: u64,
    /// Rows that say nothing, by reason. One row may have several.
    rows_left_out: Vec<LeftOut>,
    damage: &'a [Damage],
    tables: &'a [TableSummary],
    skipped: &'a [Skipped],
    columns: &'a [ColumnMatch],
    columns_missing: &'a [String],
    /// Cells where a mark was expected and the text was not of the column's kind.
    cells_unreadable: BTreeMap<&'a str, u64>,
    /// What was read beside the owner's originals.
    beside: Option<&'a ReferenceSummary>,
}

#[derive(Serialize)]
struct LeftOut {
    reason: &'static str,
    rows: u64,
}

impl<'a> ReadingSummary<'a> {
    fn of(findings: &'a Findings) -> ReadingSummary<'a> {
        let (leak, evidence) = (&findings.leak, &findings.evidence);
        let beside = findings.reference.as_ref();
        let of_beside = |rows: fn(&ReferenceSummary) -> u64| beside.map_or(0, rows);
        let (ambiguous, foreign) =
            (of_beside(|beside| beside.rows_ambiguous), of_beside(|beside| beside.rows_foreign));
        let rest = leak.rows.saturating_sub(evidence.rows_aligned + ambiguous + foreign);
        let reasons = [
            ("no row of the dataset's: without an identity, or damaged", rest),
            ("several rows of the original fit alike", ambiguous),
            ("no row of the original fits", foreign),
            ("repeats another row, marks included", evidence.rows_repeated),
        ];
        ReadingSummary {
            schema: "dyepack.reading/1",
            format: &leak.format,
            delimiter: leak.delimiter.as_deref(),
            dataset: findings.dataset.as_deref(),
            rows: leak.rows,
            rows_read: evidence.rows_aligned,
            rows_left_out: reasons
                .into_iter()
                .filter(|(_, rows)| *rows > 0)
                .map(|(reason, rows)| LeftOut { reason, rows })
                .collect(),
            damage: &leak.damage,
            tables: &leak.tables,
            skipped: &leak.skipped,
            columns: &findings.columns,
            columns_missing: &findings.columns_missing,
            cells_unreadable: evidence.unreadable_by_column.iter().map(|(name, n)| (&**name, *n)).collect(),
            beside,
        }
    }
}

/// The entries of the releases that the findings name the accused by, by release.
fn accused_releases<'a>(findings: &'a Findings, registry: &Registry) -> BTreeMap<&'a str, u64> {
    let named = |recipient: &str| findings.accused.iter().any(|accused| accused.recipient == recipient);
    let identical = findings.identical_releases.iter().filter(|release| named(&release.recipient));
    let matched = findings.accused.iter().flat_map(|accused| &accused.releases);
    let wanted: Vec<&str> = identical
        .map(|release| release.release.as_str())
        .chain(matched.map(|release| release.release.as_str()))
        .take(MOST_RELEASES)
        .collect();
    let on_record: BTreeMap<&str, u64> = registry
        .releases
        .iter()
        .map(|delivered| (delivered.release.opening.release.as_str(), delivered.index))
        .collect();
    wanted.into_iter().filter_map(|release| Some((release, *on_record.get(release)?))).collect()
}

/// The head that proofs lead to: one that witnesses cosigned, if it has all that is to be proved.
fn head(ledger: &Ledger, registry: &Registry, last: Option<u64>) -> Result<Verified<Checkpoint>> {
    match ledger.witnessed(&registry.quorums)? {
        Some(head) if last.is_none_or(|last| last < head.size) => Ok(head),
        _ => ledger.head(None),
    }
}

fn candidates(candidates: &[CandidateSummary]) -> Result<Vec<u8>> {
    let fail = |error: csv::Error| Error::usage(format!("a candidate can't be written: {error}"));
    let mut out = csv::Writer::from_writer(Vec::new());
    out.write_record(["recipient", "decoder", "score", "ln_p", "ln_family_p"]).map_err(fail)?;
    for CandidateSummary { recipient, decoder, score, ln_p, ln_family_p } in candidates {
        let [score, ln_p, ln_family_p] = [score, ln_p, ln_family_p].map(f64::to_string);
        out.write_record([recipient, decoder, &score, &ln_p, &ln_family_p]).map_err(fail)?;
    }
    out.into_inner().map_err(|_| Error::usage("the candidates can't be written"))
}

/// Copies the leak, and gives the hashes of the copies by name.
fn copy_leak(folder: &Path, leak: &[(Exhibit, PathBuf)]) -> Result<BTreeMap<String, String>> {
    let mut sums = BTreeMap::new();
    for (number, (exhibit, path)) in leak.iter().enumerate() {
        let name = format!("exhibits/{:03}-{}", number + 1, file_name(&exhibit.name));
        let copy = folder.join(&name);
        make_folder_of(&copy)?;
        fs::copy(path, &copy).map_err(|error| Error::io("copy", path, error))?;
        let [(copied, _)] = &exhibits(&copy)?[..] else { continue };
        if copied.sha256 != exhibit.sha256 {
            return Err(DisputeReason::LeakChanged.into());
        }
        sums.insert(name, copied.sha256.clone());
    }
    Ok(sums)
}

/// A name for a file, by which nothing else can be named: letters, digits, `.`, `_` and `-`, all other bytes as `%2F`.
fn file_name(name: &str) -> String {
    let mut out = String::new();
    for (at, byte) in name.bytes().enumerate() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-' => out.push(char::from(byte)),
            b'.' if at > 0 => out.push('.'),
            _ => out += &format!("%{byte:02X}"),
        }
    }
    if out.len() <= MOST_NAME_CHARS {
        return out;
    }
    // What is cut off still tells two names apart.
    let hash = blake3::hash(name.as_bytes()).to_hex();
    format!("{}-{}", &out[..MOST_NAME_CHARS], &hash[..16])
}

fn pretty(value: &impl Serialize) -> Vec<u8> {
    let mut text = serde_json::to_vec_pretty(value).expect("findings are plain data");
    text.push(b'\n');
    text
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    make_folder_of(path)?;
    let fail = |error| Error::io("write", path, error);
    let mut file = File::create_new(path).map_err(fail)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(fail)
}

fn make_folder_of(path: &Path) -> Result<()> {
    let folder = parent_of(path);
    fs::create_dir_all(folder).map_err(|error| Error::io("make", folder, error))
}

fn parent_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_leads_out_of_the_folder_or_hides() {
        assert_eq!(file_name("r-20260105.acme_1"), "r-20260105.acme_1");
        assert_eq!(file_name("../a b/\u{e9}"), "%2E.%2Fa%20b%2F%C3%A9");
        assert_eq!(file_name(".."), "%2E.");
        let (a, b) = (file_name(&("x".repeat(300) + "a")), file_name(&("x".repeat(300) + "b")));
        assert!(a != b && a.len() < 150);
    }
}

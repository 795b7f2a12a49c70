//! `receipt sign | attach`: a recipient signs for the bytes that arrived; the owner puts that on record.
//!
//! Whoever signs needs no home and nothing of the owner but the release's id.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde::Deserialize;

use crate::error::{Error, Result};
use crate::keys::signer::Signer;
use crate::ledger::statement::{DeliveryReceipt, Signed, other_bytes};
use crate::ledger::{Entry, Event, Output, Registry};
use crate::table::format::digest::{Sealing, Written};
use crate::table::format::parts::{Line, Listing, Manifest};

use super::attack::{check_unused, write_file};
use super::input::STREAM;
use super::{DONE, Session, args, now, operator, signer, terminal};

/// Longest file that is read as a receipt, in bytes.
const LONGEST_BYTES: u64 = 1 << 20;

#[derive(Debug, Subcommand)]
pub enum Typed {
    /// As a recipient: sign for a copy that arrived
    Sign(Sign),
    /// As the owner: check what recipients signed, and put it on record
    Attach {
        /// Signed receipts, of `dyepack receipt sign`
        #[arg(required = true, value_name = "SIGNED")]
        files: Vec<PathBuf>,
    },
}

#[derive(Debug, Args)]
pub struct Sign {
    /// The copy as it arrived, a file or a folder of them; `-` is standard input
    copy: PathBuf,
    /// Id of the release, as the owner named it
    #[arg(long, value_name = "ID", value_parser = args::name, required_unless_present = "receipt")]
    release: Option<String>,
    /// What `dyepack stamp --json` printed for the owner: the copy must be the one that it names
    #[arg(long, value_name = "JSON", conflicts_with = "release")]
    receipt: Option<PathBuf>,
    /// Your own key file, of `dyepack signer new`; the owner has its public half. Without a terminal, its passphrase is read
    /// from the file named in DYEPACK_SIGNER_PASSPHRASE_FILE
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// Where the signed receipt goes
    #[arg(short, long, value_name = "SIGNED")]
    output: PathBuf,
    /// Replace SIGNED if it exists
    #[arg(long)]
    force: bool,
}

/// Runs the command. `session` is asked for only by the owner's half.
pub fn run(session: impl FnOnce() -> Result<Session>, command: Typed) -> Result<u8> {
    match command {
        Typed::Sign(typed) => sign(&typed),
        Typed::Attach { files } => attach(&session()?, &files),
    }
}

fn sign(typed: &Sign) -> Result<u8> {
    check_unused(&typed.output, typed.force)?;
    let output = hash(&typed.copy)?;
    let release = match (&typed.release, &typed.receipt) {
        (Some(release), _) => release.clone(),
        (None, Some(receipt)) => named_in(receipt, &output)?,
        (None, None) => unreachable!("one of them is required"),
    };
    let Signer { name, key } = signer::open(&typed.key)?;
    let receipt = DeliveryReceipt { release, output, time: now() };
    let said = format!("{} bytes of release {}", receipt.output.bytes, receipt.release);
    let note = Signed::sign(receipt, &name, &key)?.render();
    write_file(note.as_bytes(), &typed.output, typed.force)?;
    terminal::say(format!("{}: {name} signed for {said}; send it to the owner", typed.output.display()));
    Ok(DONE)
}

/// Length and hashes of a file; of a folder, those of the list of its files, as in a release.
fn hash(path: &Path) -> Result<Output> {
    let Written { bytes, blake3, sha256 } =
        if path.is_dir() { list(path)?.sealed() } else { read_through(path)? };
    Ok(Output { bytes, blake3, sha256 })
}

fn list(folder: &Path) -> Result<Manifest> {
    let listing = Listing::of(folder)?;
    let parts = listing.parts.iter().map(|part| Line::of_file(&part.name, &part.path));
    let empty = listing.empty.iter().map(|part| Ok(Line::empty(&part.name)));
    Ok(Manifest::new(parts.chain(empty).collect::<Result<_>>()?))
}

fn read_through(path: &Path) -> Result<Written> {
    let fail = |error| Error::io("read", path, error);
    let mut sealing = Sealing::new(io::sink());
    if path == Path::new(STREAM) {
        io::copy(&mut io::stdin().lock(), &mut sealing).map_err(fail)?;
    } else {
        io::copy(&mut File::open(path).map_err(fail)?, &mut sealing).map_err(fail)?;
    }
    sealing.finish().map_err(fail)
}

/// The release of the owner's receipt that names this very copy.
fn named_in(receipt: &Path, copy: &Output) -> Result<String> {
    #[derive(Deserialize)]
    struct Owners {
        schema: String,
        release: String,
        output: Output,
    }
    let text = read(receipt)?;
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    let owners: Option<Vec<Owners>> = lines.map(|line| serde_json::from_str(line).ok()).collect();
    let owners =
        owners.filter(|all| !all.is_empty() && all.iter().all(|one| one.schema == "dyepack.receipt/1"));
    let Some(owners) = owners else {
        return Err(Error::usage(format!("`{}` is no receipt", receipt.display()))
            .with_hint("it is what `dyepack stamp --json` printed, or name the release with --release"));
    };
    let release = owners.into_iter().find(|one| one.output == *copy).map(|one| one.release);
    release.ok_or_else(|| {
        Error::usage(format!("the copy is not the one that `{}` names", receipt.display()))
            .with_hint("it changed on the way, or is another one: have it sent again")
    })
}

fn read(path: &Path) -> Result<String> {
    let fail = |error| Error::io("read", path, error);
    let mut bytes = Vec::new();
    File::open(path).map_err(fail)?.take(LONGEST_BYTES).read_to_end(&mut bytes).map_err(fail)?;
    String::from_utf8(bytes).map_err(|_| {
        Error::usage(format!("`{}` is no text", path.display())).with_hint("name a signed receipt")
    })
}

fn attach(session: &Session, files: &[PathBuf]) -> Result<u8> {
    let notes = files.iter().map(|file| read(file)).collect::<Result<Vec<_>>>()?;
    let keyring = session.keyring()?;
    let mut ledger = session.home.ledger(session.wait, "receipt attach")?;
    let registry = Registry::replay(&ledger.entries()?);
    let (mut entries, mut said, mut taken) = (Vec::new(), Vec::new(), BTreeSet::new());
    for (file, note) in files.iter().zip(notes) {
        let checked = check(&registry, &note).map_err(|error| error.in_file(file.display().to_string()))?;
        if !taken.insert(checked.release.clone()) {
            return Err(Error::usage(format!("release `{}` is signed for twice here", checked.release))
                .with_hint("name one receipt for each release"));
        }
        said.push(format!("receipt for release {} is on record", checked.release));
        let event = Event::ReceiptAttached { release: checked.release, note };
        entries.push(Entry::new(now(), operator(), event));
    }
    // All or none.
    let indexes = ledger.append(&entries, &keyring.signing)?;
    ledger.close()?;
    for (said, index) in said.iter().zip(indexes) {
        terminal::say(format!("{said} (entry {index})"));
    }
    Ok(DONE)
}

/// What a recipient of ours signed for a release of ours.
fn check(registry: &Registry, note: &str) -> Result<DeliveryReceipt> {
    let signed = Signed::<DeliveryReceipt>::parse(note)?;
    let id = &signed.claimed().release;
    let Some(delivered) = registry.release(id) else {
        let is_open = registry.unfinished.iter().any(|unfinished| unfinished.opening.release == *id);
        return Err(if is_open {
            Error::usage(format!("release `{id}` went out and its end is not on record"))
                .with_hint("without its hash there is nothing to compare a receipt with")
        } else {
            Error::usage(format!("no release `{id}` is on record"))
                .with_hint("see `dyepack ledger list`; the recipient may have mistyped the id")
        });
    };
    if let Some(first) = registry.receipts.get(id) {
        return Err(Error::usage(format!("release `{id}` has a receipt already, entry {}", first.index))
            .with_hint("one is enough"));
    }
    let release = &delivered.release;
    let receipt = registry.signers.check_receipt(&release.opening.recipient, id, note)?;
    if receipt.output != release.output {
        return Err(other_bytes(id));
    }
    Ok(receipt)
}

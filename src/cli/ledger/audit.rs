//! `ledger checkpoint | prove | check-proof | consistency | compare`: what an auditor asks for, and checks without a home.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use crate::error::{Error, Result};
use crate::ledger::cosignature::Quorum;
use crate::ledger::history::{Fork, History, Published};
use crate::ledger::proof::{Consistency, Inclusion, PROOF_LIMIT_BYTES};
use crate::ledger::witness::{Shown, compare as compare_heads};
use crate::ledger::{Checkpoint, Registry, Verified, Verifier};
use crate::report::terminal::grouped;

use super::{find, when};
use crate::cli::attack::{check_unused, write_file};
use crate::cli::{DONE, Session, terminal};

#[derive(Debug, Subcommand)]
pub enum Typed {
    /// Print the signed checkpoint, with the cosignatures that are kept for it
    Checkpoint {
        /// That of so many entries, which was cosigned or timestamped [default: the current one]
        #[arg(long, value_name = "ENTRIES", conflicts_with = "witnessed")]
        size: Option<u64>,
        /// The latest that a quorum of witnesses has cosigned
        #[arg(long)]
        witnessed: bool,
        /// Without cosignatures: the bytes that are timestamped
        #[arg(long)]
        bare: bool,
        #[command(flatten)]
        out: Out,
    },
    /// Write the proof that an entry is in the ledger (C2SP tlog-proof), under the latest checkpoint with a quorum that has it
    Prove {
        /// Number of the entry, from 0, or the id of a release
        entry: String,
        /// Leave the entry itself out: the proof then tells nothing about it
        #[arg(long)]
        without_entry: bool,
        #[command(flatten)]
        out: Out,
    },
    /// Check such a proof, and print the entry; needs no home
    CheckProof {
        /// The `.tlog-proof`
        file: PathBuf,
        /// Verifier key of the ledger
        #[arg(long, value_name = "KEY")]
        vkey: String,
        /// The entry's own bytes, if the proof came without
        #[arg(long, value_name = "FILE")]
        leaf: Option<PathBuf>,
        /// Key of a witness that must have cosigned; may be repeated
        #[arg(long, value_name = "KEY")]
        witness: Vec<String>,
        /// How many of them are enough [default: all]
        #[arg(long, value_name = "N", requires = "witness")]
        quorum: Option<u32>,
    },
    /// Write the proof that the ledger grew from an earlier checkpoint (C2SP tlog-witness, `add-checkpoint`)
    Consistency {
        /// The earlier checkpoint: how many entries it has, or its file
        old: String,
        /// The later one: its size, or its file [default: the current one]
        new: Option<String>,
        #[command(flatten)]
        copy: CopySaid,
        #[command(flatten)]
        out: Out,
    },
    /// Say whether two checkpoints are of one history; a fork is shown with both heads. Needs no home
    Compare {
        a: PathBuf,
        b: PathBuf,
        /// Verifier key of the ledger
        #[arg(long, value_name = "KEY")]
        vkey: String,
        /// What `ledger consistency` wrote for the smaller of the two
        #[arg(long, value_name = "FILE", conflicts_with = "from")]
        proof: Option<PathBuf>,
        /// A copy of the folder `log/` of the larger one, or a later one
        #[arg(long, value_name = "FOLDER")]
        from: Option<PathBuf>,
    },
}

/// Where the outcome goes.
#[derive(Debug, Args)]
pub struct Out {
    /// Where it goes [default: standard output]
    #[arg(short, long, value_name = "OUT")]
    output: Option<PathBuf>,
    /// Replace OUT if it exists
    #[arg(long, requires = "output")]
    force: bool,
}

/// A log that is not the home's.
#[derive(Debug, Args)]
pub struct CopySaid {
    /// Read a copy of the folder `log/` instead of the home's ledger
    #[arg(long, value_name = "FOLDER", requires = "vkey")]
    from: Option<PathBuf>,
    /// Verifier key of the copy
    #[arg(long, value_name = "KEY", requires = "from")]
    vkey: Option<String>,
}

impl Out {
    /// Refuses before the work what could not be written after it.
    pub fn check(&self) -> Result<()> {
        self.output.as_deref().map_or(Ok(()), |output| check_unused(output, self.force))
    }

    pub fn write(&self, bytes: &[u8]) -> Result<()> {
        match &self.output {
            Some(output) => write_file(bytes, output, self.force),
            None => terminal::print(String::from_utf8_lossy(bytes)),
        }
    }
}

pub fn run(session: impl FnOnce() -> Result<Session>, command: Typed) -> Result<u8> {
    match command {
        Typed::Checkpoint { size, witnessed, bare, out } => {
            checkpoint(&session()?, size, witnessed, bare, &out)
        }
        Typed::Prove { entry, without_entry, out } => prove(&session()?, &entry, without_entry, &out),
        Typed::CheckProof { file, vkey, leaf, witness, quorum } => {
            check_proof(&file, &vkey, leaf.as_deref(), witness, quorum)
        }
        Typed::Consistency { old, new, copy, out } => consistency(session, &old, new.as_deref(), &copy, &out),
        Typed::Compare { a, b, vkey, proof, from } => {
            compare([&a, &b], &vkey, proof.as_deref(), from.as_deref())
        }
    }
}

fn checkpoint(session: &Session, size: Option<u64>, witnessed: bool, bare: bool, out: &Out) -> Result<u8> {
    out.check()?;
    let ledger = session.home.ledger(session.wait, "ledger checkpoint")?;
    let head = if witnessed {
        ledger.witnessed(&Registry::standing(&ledger)?.quorums)?.ok_or_else(|| {
            Error::usage("no checkpoint has a quorum of witnesses")
                .with_hint("see `dyepack ledger witnesses`, and hand what they cosigned to `ledger cosign`")
        })?
    } else {
        ledger.head(size)?
    };
    let text = if bare { ledger.bare_text(&head)? } else { head.note().to_owned() };
    out.write(text.as_bytes())?;
    Ok(DONE)
}

fn prove(session: &Session, wanted: &str, without_entry: bool, out: &Out) -> Result<u8> {
    out.check()?;
    let ledger = session.home.ledger(session.wait, "ledger prove")?;
    let index = find(&ledger, wanted)?.index;
    let witnessed = ledger.witnessed(&Registry::standing(&ledger)?.quorums)?;
    let head = match witnessed.filter(|head| head.size > index) {
        Some(head) => head,
        None => ledger.head(None)?,
    };
    let proof = ledger.history().inclusion(index, &head, !without_entry)?;
    out.write(proof.render().as_bytes())?;
    Ok(DONE)
}

fn check_proof(
    file: &Path,
    vkey: &str,
    leaf: Option<&Path>,
    witnesses: Vec<String>,
    quorum: Option<u32>,
) -> Result<u8> {
    let named = |error: Error| error.in_file(file.display().to_string());
    let verifier = Verifier::parse(vkey.trim())?;
    let quorum = Quorum { quorum: quorum.unwrap_or(witnesses.len() as u32), witnesses };
    let proof = Inclusion::parse(&read(file)?).map_err(named)?;
    let leaf = match (leaf, &proof.leaf) {
        // `ledger show` ends its line, and a leaf has no line end.
        (Some(path), _) => read(path)?.trim_ascii_end().to_vec(),
        (None, Some(leaf)) => leaf.clone(),
        (None, None) => {
            return Err(Error::usage("the proof came without its entry")
                .with_hint("name a file with the entry's bytes, as `ledger show` prints them, with --leaf"));
        }
    };
    let checkpoint = proof.check(&leaf, &verifier).map_err(named)?;
    let cosigned = proof.check_witnessed(&quorum).map_err(named)?;
    terminal::print(format!("{}\n", String::from_utf8_lossy(&leaf)))?;
    terminal::say(format!(
        "entry {} is in the ledger {} of {} entries with root {}",
        proof.index,
        checkpoint.origin,
        grouped(checkpoint.size),
        checkpoint.root_hex()
    ));
    for (name, time) in cosigned {
        terminal::say(format!("cosigned by {name} at {}", when(time)));
    }
    Ok(DONE)
}

fn consistency(
    session: impl FnOnce() -> Result<Session>,
    old: &str,
    new: Option<&str>,
    copy: &CopySaid,
    out: &Out,
) -> Result<u8> {
    out.check()?;
    if let (Some(folder), Some(vkey)) = (&copy.from, &copy.vkey) {
        let published = Published::open(folder, Verifier::parse(vkey.trim())?)?;
        let head = |size: Option<u64>| {
            let head = published.history().head.clone();
            if size.is_some_and(|size| size != head.size) {
                return Err(Error::usage("a copy has no checkpoint but the one in it")
                    .with_hint("name the file of the later checkpoint, or leave it out"));
            }
            Ok(head)
        };
        return extend(&published.history(), published.verifier(), head, old, new, out);
    }
    let session = session()?;
    let ledger = session.home.ledger(session.wait, "ledger consistency")?;
    extend(&ledger.history(), ledger.verifier(), |size| ledger.head(size), old, new, out)
}

/// Writes the proof from one checkpoint to another; `head` gives the signed one of a size.
fn extend(
    history: &History<'_>,
    verifier: &Verifier,
    head: impl Fn(Option<u64>) -> Result<Verified<Checkpoint>>,
    old: &str,
    new: Option<&str>,
    out: &Out,
) -> Result<u8> {
    let new = match new.map(|new| (new, new.parse())) {
        None => head(None)?,
        Some((_, Ok(size))) => head(Some(size))?,
        Some((path, Err(_))) => read_head(Path::new(path), verifier)?,
    };
    let mut heads = vec![new.clone()];
    let old = match old.parse() {
        Ok(size) => size,
        Err(_) => {
            heads.push(read_head(Path::new(old), verifier)?);
            heads[1].size
        }
    };
    for theirs in heads {
        if let Some(fork) = history.fork_with(&theirs)? {
            return Err(show_fork(&fork));
        }
    }
    let proof = history.consistency(old, &new)?;
    out.write(proof.render().as_bytes())?;
    terminal::say(format!(
        "the tree of {} entries begins with the tree of {}",
        grouped(new.size),
        grouped(old)
    ));
    Ok(DONE)
}

fn compare(files: [&Path; 2], vkey: &str, proof: Option<&Path>, from: Option<&Path>) -> Result<u8> {
    let verifier = Verifier::parse(vkey.trim())?;
    let [a, b] = [read_head(files[0], &verifier)?, read_head(files[1], &verifier)?];
    let (old, new) = if a.size <= b.size { (a, b) } else { (b, a) };
    let proof = proof.map(|path| Consistency::parse(&read(path)?)).transpose()?;
    let published = from.map(|folder| Published::open(folder, verifier)).transpose()?;
    let shown = match (&proof, &published) {
        (Some(proof), _) => Shown::Proof(proof),
        (None, Some(log)) => Shown::Log(log),
        (None, None) => Shown::Nothing,
    };
    if let Some(fork) = compare_heads(&old, &new, &shown)? {
        return Err(show_fork(&fork));
    }
    terminal::print(format!(
        "the two checkpoints are of one history: {} entries, and {}\n",
        grouped(old.size),
        grouped(new.size)
    ))?;
    Ok(DONE)
}

/// Shows both heads of a fork, and gives the error to end with.
pub fn show_fork(fork: &Fork) -> Error {
    let heads = format!("two heads that one key signed:\n\n{}\n{}", fork.ours.note(), fork.theirs.note());
    terminal::print(heads).err().unwrap_or_else(|| fork.error())
}

pub fn read_head(path: &Path, verifier: &Verifier) -> Result<Verified<Checkpoint>> {
    Verified::open(&read(path)?, verifier).map_err(|error| error.in_file(path.display().to_string()))
}

/// Reads a note or a proof, and no more of a file than one can have.
pub fn read(path: &Path) -> Result<Vec<u8>> {
    read_at_most(path, PROOF_LIMIT_BYTES)
}

pub fn read_at_most(path: &Path, limit: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let length = fs::metadata(path).map_err(|error| Error::io("read", path, error))?.len();
    if length > limit {
        return Err(Error::usage(format!("`{}` is too long for what it should be", path.display()))
            .with_hint("check the name"));
    }
    let file = File::open(path).map_err(|error| Error::io("read", path, error))?;
    file.take(limit).read_to_end(&mut bytes).map_err(|error| Error::io("read", path, error))?;
    Ok(bytes)
}

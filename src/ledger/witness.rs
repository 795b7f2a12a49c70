//! A witness: somebody else who remembers the last head of a log, and cosigns only what grew from it.
//!
//! **Idea.** One file remembers, for each log, its key and the last checkpoint that was cosigned. The next one is cosigned if
//! the key signed it and its tree begins with the remembered one, shown by a proof or by the log's own files. So nobody can
//! show this witness two histories.
//!
//! **Invariants.** What is cosigned is durable in the state before the cosignature is given away. A log's key never changes.
//! One process at a time has the state: else two of them could cosign two histories, or roll one back.
//!
//! Source: C2SP tlog-witness, <https://c2sp.org/tlog-witness>, the checks of `add-checkpoint`.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use serde::{Deserialize, Serialize};

use super::{
    checkpoint::{Checkpoint, Verified},
    cosignature::cosign,
    disk::{self, Disk},
    history::{Fork, Published},
    lock::Lock,
    note::{SignedNote, Verifier},
    proof::Consistency,
    reason::Reason,
};
use crate::{
    error::{Error, Result},
    keys::signer::Signer,
};

const SCHEMA: &str = "dyepack.witness/1";

/// Longest state read, in bytes: some hundred logs.
const STATE_LIMIT_BYTES: u64 = 16 * 1024 * 1024;

/// What shows that the tree grew from the one that was cosigned last.
pub enum Shown<'a> {
    /// Nothing; enough for the first checkpoint, and for the same one again.
    Nothing,
    /// A consistency proof.
    Proof(&'a Consistency),
    /// The log itself, which may have grown further.
    Log(&'a Published),
}

/// What a witness says to a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The note with the cosignature.
    Cosigned(String),
    /// One key signed two histories; nothing was cosigned, and both heads are in the state.
    Fork(Fork),
}

/// What a witness remembers, open for one process.
pub struct Memory {
    path: PathBuf,
    state: State,
    _lock: Lock,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct State {
    schema: String,
    logs: Vec<Seen>,
    forks: Vec<Heads>,
}

/// A log and its last checkpoint that was cosigned.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Seen {
    vkey: String,
    checkpoint: String,
}

/// The two notes of a fork.
#[derive(PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Heads {
    ours: String,
    theirs: String,
}

impl Memory {
    /// Opens the state in `path`, which need not exist yet, waiting for another process for up to `wait`.
    pub fn open(path: &Path, wait: Duration) -> Result<Memory> {
        let mut lock = path.as_os_str().to_owned();
        lock.push(".lock");
        let lock = Lock::take_file(Path::new(&lock), wait, "witness")?;
        let state = match disk::read(path, STATE_LIMIT_BYTES) {
            Ok(bytes) => {
                serde_json::from_slice(&bytes).map_err(|_| Reason::WitnessState("it is no state"))?
            }
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                State { schema: SCHEMA.to_owned(), logs: Vec::new(), forks: Vec::new() }
            }
            Err(e) => return Err(Error::io("read", path, e)),
        };
        if state.schema != SCHEMA {
            return Err(Reason::WitnessState("it is of another schema").into());
        }
        Ok(Memory { path: path.to_path_buf(), state, _lock: lock })
    }

    /// Cosigns a checkpoint, or refuses. `vkey` is needed for a log that has not been seen before; `time` is now, RFC 3339.
    ///
    /// # Errors
    /// `Integrity` if the log's key did not sign it, if it has fewer entries than the last one, or if the proof does not hold;
    /// `Usage` without a proof or a key.
    pub fn answer(
        &mut self,
        note: &[u8],
        vkey: Option<&Verifier>,
        shown: &Shown<'_>,
        signer: &Signer,
        time: &str,
    ) -> Result<Answer> {
        let verifier = self.verifier(note, vkey)?;
        let new = Verified::open(note, &verifier)?;
        let place = self.state.logs.iter().position(|seen| seen.vkey == verifier.to_string());
        if let Some(place) = place {
            let seen = self.state.logs[place].checkpoint.as_bytes();
            let last = Verified::open(seen, &verifier)
                .map_err(|_| Reason::WitnessState("a checkpoint in it is not signed"))?;
            if let Some(fork) = compare(&last, &new, shown)? {
                self.remember_fork(&fork)?;
                return Ok(Answer::Fork(fork));
            }
        }
        let mut note = SignedNote::parse(new.note().as_bytes())?;
        cosign(&mut note, signer, seconds(time)?)?;
        let seen = Seen { vkey: verifier.to_string(), checkpoint: new.note().to_owned() };
        match place {
            Some(place) => self.state.logs[place] = seen,
            None => self.state.logs.push(seen),
        }
        // Commit point: from here the witness never cosigns another history. The cosignature leaves after it.
        self.write()?;
        Ok(Answer::Cosigned(note.render()))
    }

    /// The key of the log that a note names. A key that is given must be the one that was given first.
    fn verifier(&self, note: &[u8], given: Option<&Verifier>) -> Result<Verifier> {
        let origin = Checkpoint::parse(SignedNote::parse(note)?.unchecked_text())?.origin;
        let known = self.state.logs.iter().filter_map(|seen| Verifier::parse(&seen.vkey).ok());
        match (known.into_iter().find(|key| key.name() == origin), given) {
            (Some(known), Some(given)) if known != *given => Err(Reason::OtherKey.into()),
            (Some(known), _) => Ok(known),
            (None, Some(given)) if given.name() == origin => Ok(given.clone()),
            (None, _) => Err(Reason::UnknownLog(origin).into()),
        }
    }

    fn remember_fork(&mut self, fork: &Fork) -> Result<()> {
        let heads = Heads { ours: fork.ours.note().to_owned(), theirs: fork.theirs.note().to_owned() };
        if !self.state.forks.contains(&heads) {
            self.state.forks.push(heads);
            self.write()?;
        }
        Ok(())
    }

    fn write(&self) -> Result<()> {
        let text = serde_json::to_string_pretty(&self.state).expect("a state is plain strings") + "\n";
        Disk::default().write(&self.path, text.as_bytes())
    }
}

/// Two heads of one key: `None` if `new` grew from `last`, the fork if they are of two histories.
///
/// # Errors
/// If nothing of both can be said.
pub fn compare(
    last: &Verified<Checkpoint>,
    new: &Verified<Checkpoint>,
    shown: &Shown<'_>,
) -> Result<Option<Fork>> {
    let fork = || Some(Fork { ours: last.clone(), theirs: new.clone(), is_loss: false });
    if new.size == last.size {
        return Ok(if new.root == last.root { None } else { fork() });
    }
    if new.size < last.size {
        return Err(Reason::Stale { old: last.size, new: new.size }.into());
    }
    match shown {
        // Every tree begins with the empty one.
        _ if last.size == 0 => Ok(None),
        Shown::Nothing => Err(Reason::NeedsProof(last.size).into()),
        Shown::Proof(proof) => proof.check(last, new).map(|()| None),
        Shown::Log(log) => {
            // The files must be those of the new head; what they then say of the last one is certain.
            log.history().check_contains(new)?;
            Ok(if log.history().contains(last)? { None } else { fork() })
        }
    }
}

fn seconds(time: &str) -> Result<u64> {
    let time = time.parse::<jiff::Timestamp>().ok().and_then(|time| u64::try_from(time.as_second()).ok());
    Ok(time.ok_or_else(|| Reason::BadEntry("its time is not RFC 3339, or before 1970".to_owned()))?)
}

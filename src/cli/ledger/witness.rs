//! `ledger witness | witnesses | cosign`: the witness's side, and the side of the ledger that asks for one.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Subcommand;

use crate::error::{Error, Result};
use crate::ledger::cosignature::Quorum;
use crate::ledger::heads::Taken;
use crate::ledger::history::Published;
use crate::ledger::proof::Consistency;
use crate::ledger::witness::{Answer, Memory, Shown};
use crate::ledger::{Entry, Event, Registry, Verifier};
use crate::report::terminal::grouped;

use super::audit::{read, show_fork};
use crate::cli::attack::{check_unused, write_file};
use crate::cli::{DONE, Session, now, operator, signer, terminal};

#[derive(Debug, Subcommand)]
pub enum Typed {
    /// Be a witness: cosign a checkpoint of somebody else's ledger if it grew from the last one seen. Needs no home
    Witness {
        /// What the ledger's owner sent: a checkpoint, or what `ledger consistency` wrote
        checkpoint: PathBuf,
        /// Your key file, as `signer new` makes it; without a terminal, its passphrase is read from the file named in
        /// DYEPACK_SIGNER_PASSPHRASE_FILE
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
        /// Where the last checkpoint of each ledger is remembered; made if it is not there
        #[arg(long, value_name = "FILE")]
        state: PathBuf,
        /// Verifier key of the ledger; needed the first time, and never changed after
        #[arg(long, value_name = "KEY")]
        vkey: Option<String>,
        /// A copy of the folder `log/`, which shows that the ledger grew, instead of a proof
        #[arg(long, value_name = "FOLDER", requires = "vkey")]
        from: Option<PathBuf>,
        /// Where the cosigned checkpoint goes, to be sent back
        #[arg(short, long, value_name = "OUT")]
        output: PathBuf,
        /// Replace OUT if it exists
        #[arg(long)]
        force: bool,
    },
    /// Say whose cosignatures a checkpoint needs; without keys, show it
    Witnesses {
        /// Keys of the witnesses, as `signer show` prints them behind `witness`
        #[arg(value_name = "KEY", requires = "quorum")]
        keys: Vec<String>,
        /// How many of them are enough
        #[arg(long, value_name = "N", requires = "keys")]
        quorum: Option<u32>,
        /// Ask nobody from now on
        #[arg(long, conflicts_with_all = ["keys", "quorum"])]
        none: bool,
    },
    /// Take in checkpoints that witnesses have cosigned
    Cosign {
        #[arg(required = true, value_name = "CHECKPOINT")]
        files: Vec<PathBuf>,
    },
}

pub fn run(session: impl FnOnce() -> Result<Session>, wait: Duration, command: Typed) -> Result<u8> {
    match command {
        Typed::Witness { checkpoint, key, state, vkey, from, output, force } => {
            check_unused(&output, force)?;
            let vkey = vkey.map(|text| Verifier::parse(text.trim())).transpose()?;
            let log = match (from, &vkey) {
                (Some(folder), Some(vkey)) => Some(Published::open(&folder, vkey.clone())?),
                _ => None,
            };
            let note = witness(&checkpoint, &key, &state, vkey.as_ref(), log.as_ref(), wait)?;
            write_file(note.as_bytes(), &output, force)?;
            terminal::say(format!("cosigned: send {} back", output.display()));
            Ok(DONE)
        }
        Typed::Witnesses { keys, none: false, .. } if keys.is_empty() => show(&session()?),
        Typed::Witnesses { keys, quorum, .. } => {
            set(&session()?, Quorum { quorum: quorum.unwrap_or(0), witnesses: keys })
        }
        Typed::Cosign { files } => take(&session()?, &files),
    }
}

fn witness(
    checkpoint: &Path,
    key: &Path,
    state: &Path,
    vkey: Option<&Verifier>,
    log: Option<&Published>,
    wait: Duration,
) -> Result<String> {
    let bytes = read(checkpoint)?;
    let named = |error: Error| error.in_file(checkpoint.display().to_string());
    let proof =
        Consistency::is_meant(&bytes).then(|| Consistency::parse(&bytes)).transpose().map_err(named)?;
    let shown = match (&proof, log) {
        (_, Some(log)) => Shown::Log(log),
        (Some(proof), None) => Shown::Proof(proof),
        (None, None) => Shown::Nothing,
    };
    let note = proof.as_ref().map_or(bytes.as_slice(), |proof| proof.note().as_bytes());
    let signer = signer::open(key)?;
    let mut memory = Memory::open(state, wait).map_err(|error| error.in_file(state.display().to_string()))?;
    match memory.answer(note, vkey, &shown, &signer, &now())? {
        Answer::Cosigned(note) => Ok(note),
        Answer::Fork(fork) => Err(show_fork(&fork)),
    }
}

fn show(session: &Session) -> Result<u8> {
    let ledger = session.home.ledger(session.wait, "ledger witnesses")?;
    let quorums = Registry::standing(&ledger)?.quorums;
    let Some(quorum) = quorums.at(ledger.size()).filter(|quorum| quorum.quorum > 0) else {
        terminal::say("no witnesses are asked: dyepack ledger witnesses --quorum N KEY...");
        return Ok(DONE);
    };
    terminal::print(quorum.witnesses.iter().map(|key| format!("{key}\n")).collect::<String>())?;
    let witnessed = ledger.witnessed(&quorums)?.map_or(0, |head| head.size);
    terminal::say(format!(
        "{} of {} are needed; {} of {} entries are witnessed",
        quorum.quorum,
        quorum.witnesses.len(),
        grouped(witnessed),
        grouped(ledger.size())
    ));
    Ok(DONE)
}

fn set(session: &Session, quorum: Quorum) -> Result<u8> {
    let keyring = session.keyring()?;
    let mut ledger = session.home.ledger(session.wait, "ledger witnesses")?;
    let quorums = Registry::standing(&ledger)?.quorums;
    let before = quorums.at(ledger.size()).cloned().unwrap_or_default();
    if before == quorum {
        terminal::say("this is on record already");
        return Ok(DONE);
    }
    let said = match quorum.quorum {
        0 => "no witnesses are asked from now on".to_owned(),
        needed => format!("{needed} of {} witnesses are needed from now on", quorum.witnesses.len()),
    };
    let entry = Entry::new(now(), operator(), Event::WitnessesSet(quorum));
    let index = ledger.append(&[entry], &keyring.signing)?[0];
    ledger.close()?;
    terminal::say(format!("{said} (entry {index})"));
    Ok(DONE)
}

fn take(session: &Session, files: &[PathBuf]) -> Result<u8> {
    let ledger = session.home.ledger(session.wait, "ledger cosign")?;
    let quorums = Registry::standing(&ledger)?.quorums;
    let mut forks = Vec::new();
    for file in files {
        let taken = ledger.take_cosigned(&read(file)?, &quorums);
        match taken.map_err(|error| error.in_file(file.display().to_string()))? {
            Taken::Kept { size, new, witnessed } => {
                let who = if new.is_empty() { "nobody new".to_owned() } else { new.join(", ") };
                let state = if witnessed { "witnessed" } else { "not witnessed yet" };
                terminal::say(format!("{} entries are cosigned by {who}, and {state}", grouped(size)));
            }
            Taken::Fork(fork) => forks.push(fork),
        }
    }
    ledger.close()?;
    // All files are taken in before the first fork ends the command; each is on record.
    forks.first().map_or(Ok(DONE), |fork| Err(show_fork(fork)))
}

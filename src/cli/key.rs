//! `key rotate | passphrase`.

use clap::Subcommand;
use zeroize::Zeroizing;

use crate::error::Result;
use crate::keys::keyring::Keyring;
use crate::ledger::{Entry, Event, Registry};

use super::{DONE, Session, now, operator, passphrase, terminal};

#[derive(Debug, Subcommand)]
pub enum Typed {
    /// Derive marks from a new secret from now on; what was released before can still be traced
    Rotate {
        /// Why, for the ledger
        #[arg(long)]
        reason: Option<String>,
    },
    /// Seal the keys with another passphrase
    Passphrase {
        /// Leave the keys without one, readable by your user alone
        #[arg(long)]
        no_passphrase: bool,
    },
}

pub fn run(session: &Session, command: Typed) -> Result<u8> {
    match command {
        Typed::Rotate { reason } => rotate(session, reason),
        Typed::Passphrase { no_passphrase } => change_passphrase(session, no_passphrase),
    }
}

/// What a key file says of itself to people.
pub fn label() -> String {
    format!("dyepack keys, made {}: keep a copy where this machine's thief is not", now())
}

/// The keys, and the passphrase that opened them, if they are sealed.
fn opened(session: &Session) -> Result<(Keyring, Option<Zeroizing<String>>)> {
    let mut said = None;
    let keyring = session.home.keyring(|| {
        said = passphrase::ask()?;
        Ok(said.clone())
    })?;
    Ok((keyring, said))
}

fn sealed(keyring: &Keyring, passphrase: Option<&str>) -> Result<String> {
    match passphrase {
        Some(passphrase) => keyring.seal(&label(), passphrase, &mut rand::rng()),
        None => Ok(keyring.leave_open(&label())),
    }
}

fn rotate(session: &Session, reason: Option<String>) -> Result<u8> {
    let (_, passphrase) = opened(session)?;
    // The lock is held until the end: of two rotations at once, the later one builds on the earlier one's key file.
    let mut ledger = session.home.ledger(session.wait, "key rotate")?;
    let mut keyring = session.home.keyring(|| Ok(passphrase.clone()))?;
    let registry = Registry::standing(&ledger)?;
    keyring.marking.check_epoch(registry.epoch())?;
    let epoch = keyring.marking.rotate(registry.epoch(), &mut rand::rng());
    // Commit point: the new secret is durable. A crash after leaves one that no epoch on record uses, which is harmless; the
    // other order could leave releases whose marks nobody can derive.
    session.home.replace_keyring(&sealed(&keyring, passphrase.as_deref().map(String::as_str))?)?;
    // Commit point: the epoch has begun.
    let event = Event::KeyRotated { epoch, reason };
    let index = ledger.append(&[Entry::new(now(), operator(), event)], &keyring.signing)?[0];
    ledger.close()?;
    terminal::say(format!("key epoch {epoch} has begun (entry {index}); older copies can still be traced"));
    terminal::warn(
        "no backup holds the new secret yet, and without it later copies can't be traced: dyepack backup",
    );
    terminal::warn(
        "rows that were released before are marked otherwise from now on: whoever gets both can compare them",
    );
    Ok(DONE)
}

fn change_passphrase(session: &Session, none: bool) -> Result<u8> {
    let (_, old) = opened(session)?;
    let new = match none {
        true => None,
        false => {
            let kind = passphrase::NEW_KEYS;
            Some(passphrase::choose_for(kind)?.ok_or_else(|| passphrase::missing(kind, "the keys"))?)
        }
    };
    // A rotation meanwhile must not be undone.
    let ledger = session.home.ledger(session.wait, "key passphrase")?;
    let keyring = session.home.keyring(|| Ok(old.clone()))?;
    session.home.replace_keyring(&sealed(&keyring, new.as_deref().map(String::as_str))?)?;
    ledger.close()?;
    terminal::say(match none {
        true => {
            "the keys have no passphrase now: whoever reads your files (mode 0600) can forge and remove marks"
        }
        false => {
            "the keys are sealed with the new passphrase; copies of the key file still open with the old one"
        }
    });
    Ok(DONE)
}

//! Where a passphrase comes from: the file named in `DYEPACK_PASSPHRASE_FILE`, else a person at the terminal.
//! Never a flag, which others can see in the list of processes, and never a variable, which child processes
//! inherit.

use std::fs;
use std::io::{self, IsTerminal as _};
use std::path::PathBuf;

use zeroize::Zeroizing;

use crate::error::{Class, Error, Reason, Result, said};

/// Names a file whose first line is the passphrase.
const FILE_VARIABLE: &str = "DYEPACK_PASSPHRASE_FILE";

/// Fewer characters than this are guessed in no time, whatever the key derivation.
const SHORTEST: usize = 8;

#[derive(Debug, thiserror::Error)]
enum PassphraseError {
    #[error("could not read the passphrase: {}", said(.0))]
    Unreadable(#[source] io::Error),
    #[error("could not ask for the passphrase: {}", said(.0))]
    NotAsked(#[source] io::Error),
    #[error("the two passphrases differ")]
    Differ,
}

impl Reason for PassphraseError {
    fn class(&self) -> Class {
        match self {
            PassphraseError::Differ => Class::Usage,
            _ => Class::Key,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            PassphraseError::Unreadable(_) => {
                format!("the variable {FILE_VARIABLE} names this file: correct or unset it")
            }
            PassphraseError::NotAsked(_) => {
                format!("put it in a file and name that in {FILE_VARIABLE}")
            }
            PassphraseError::Differ => "nothing was made: try again".into(),
        })
    }
}

/// The passphrase of an existing key file; `None` if nobody can be asked.
pub fn ask() -> Result<Option<Zeroizing<String>>> {
    if let Some(passphrase) = from_file()? {
        return Ok(Some(passphrase));
    }
    if !io::stderr().is_terminal() {
        return Ok(None);
    }
    prompt("Passphrase: ").map(Some)
}

/// A passphrase for a new key file, or an error if nobody can be asked.
pub fn must_choose() -> Result<Zeroizing<String>> {
    choose()?.ok_or_else(|| {
        Error::usage("no passphrase for the keys, and no terminal to ask for one")
            .with_hint("put one in a file and name it in DYEPACK_PASSPHRASE_FILE, or use --no-passphrase")
    })
}

/// A passphrase for a new key file; `None` if nobody can be asked.
pub fn choose() -> Result<Option<Zeroizing<String>>> {
    if let Some(passphrase) = from_file()? {
        return check(passphrase).map(Some);
    }
    if !io::stderr().is_terminal() || !io::stdin().is_terminal() {
        return Ok(None);
    }
    let passphrase = check(prompt("New passphrase: ")?)?;
    if *prompt("Again: ")? != *passphrase {
        return Err(PassphraseError::Differ.into());
    }
    Ok(Some(passphrase))
}

fn check(passphrase: Zeroizing<String>) -> Result<Zeroizing<String>> {
    if passphrase.chars().count() < SHORTEST {
        return Err(Error::usage(format!("the passphrase has fewer than {SHORTEST} characters"))
            .with_hint("a few random words are easy to keep and hard to guess"));
    }
    Ok(passphrase)
}

fn from_file() -> Result<Option<Zeroizing<String>>> {
    let Some(path) = std::env::var_os(FILE_VARIABLE).map(PathBuf::from) else { return Ok(None) };
    let text = fs::read_to_string(&path).map(Zeroizing::new).map_err(|error| {
        Error::from(PassphraseError::Unreadable(error)).in_file(path.display().to_string())
    })?;
    Ok(Some(Zeroizing::new(text.lines().next().unwrap_or_default().to_owned())))
}

fn prompt(question: &str) -> Result<Zeroizing<String>> {
    Ok(Zeroizing::new(rpassword::prompt_password(question).map_err(PassphraseError::NotAsked)?))
}

//! Where a passphrase comes from: the file named in a variable, else a person at the terminal.
//! Never a flag, which others can see in the list of processes, and never a variable, which child processes
//! inherit.

use std::fs;
use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::error::{Class, Error, Reason, Result, said};

/// A passphrase by what it opens.
#[derive(Clone, Copy)]
pub struct Kind {
    /// Names a file whose first line is the passphrase.
    variable: &'static str,
    /// What a person is asked for.
    question: &'static str,
}

/// Of the home's keys.
pub const KEYS: Kind =
    Kind { variable: "DYEPACK_PASSPHRASE_FILE", question: "Passphrase of the home's keys" };

/// Of the keys, from now on.
pub const NEW_KEYS: Kind = Kind { variable: "DYEPACK_NEW_PASSPHRASE_FILE", question: "New passphrase" };

/// Of the key file of somebody who signs. See [`signer`].
const SIGNER: Kind =
    Kind { variable: "DYEPACK_SIGNER_PASSPHRASE_FILE", question: "Passphrase of the signing key" };

/// Of a backup.
pub const BACKUP: Kind =
    Kind { variable: "DYEPACK_BACKUP_PASSPHRASE_FILE", question: "Passphrase of the backup" };

/// Fewer characters than this are guessed in no time, whatever the key derivation.
const SHORTEST: usize = 8;

#[derive(Debug, thiserror::Error)]
enum PassphraseError {
    #[error("could not read the passphrase: {}", said(source))]
    Unreadable { variable: &'static str, source: io::Error },
    #[error("could not ask for the passphrase: {}", said(source))]
    NotAsked { variable: &'static str, source: io::Error },
    #[error("the key file is sealed and no passphrase is at hand")]
    NoneOfSigner,
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
            PassphraseError::Unreadable { variable, .. } => {
                format!("the variable {variable} names this file: correct or unset it")
            }
            PassphraseError::NotAsked { variable, .. } => {
                format!("put it in a file and name that in {variable}")
            }
            PassphraseError::NoneOfSigner => {
                format!("run on a terminal, or put it in a file and name that in {}", SIGNER.variable)
            }
            PassphraseError::Differ => "nothing was made: try again".into(),
        })
    }
}

/// Of the key file of somebody who signs. Operators should not know it, so it has a variable of its own; where that is not
/// set, the one of the home's keys serves for both.
pub fn signer() -> Kind {
    let is_set = |kind: Kind| std::env::var_os(kind.variable).is_some();
    if is_set(KEYS) && !is_set(SIGNER) { Kind { variable: KEYS.variable, ..SIGNER } } else { SIGNER }
}

/// The passphrase of the home's keys; `None` if nobody can be asked.
pub fn ask() -> Result<Option<Zeroizing<String>>> {
    ask_for(KEYS)
}

/// The passphrase of something that exists; `None` if nobody can be asked.
pub fn ask_for(kind: Kind) -> Result<Option<Zeroizing<String>>> {
    ask_about(kind, kind.question)
}

/// The passphrase of a signer's key file. The question names it: the next one may be about the home's keys.
pub fn ask_for_signer(file: &Path) -> Result<Zeroizing<String>> {
    let said = ask_about(signer(), &format!("Passphrase of {}", file.display()))?;
    said.ok_or_else(|| PassphraseError::NoneOfSigner.into())
}

fn ask_about(kind: Kind, question: &str) -> Result<Option<Zeroizing<String>>> {
    if let Some(passphrase) = from_file(kind)? {
        return Ok(Some(passphrase));
    }
    if !io::stderr().is_terminal() {
        return Ok(None);
    }
    prompt(kind, &format!("{question}: ")).map(Some)
}

/// A passphrase for a new key file, or an error if nobody can be asked.
pub fn must_choose(kind: Kind) -> Result<Zeroizing<String>> {
    choose_for(Kind { question: NEW_KEYS.question, ..kind })?.ok_or_else(|| {
        let variable = kind.variable;
        Error::usage("no passphrase for the keys, and no terminal to ask for one")
            .with_hint(format!("put one in a file and name it in {variable}, or use --no-passphrase"))
    })
}

/// A passphrase for something new; `None` if nobody can be asked.
pub fn choose_for(kind: Kind) -> Result<Option<Zeroizing<String>>> {
    if let Some(passphrase) = from_file(kind)? {
        return check(passphrase).map(Some);
    }
    if !io::stderr().is_terminal() || !io::stdin().is_terminal() {
        return Ok(None);
    }
    let passphrase = check(prompt(kind, &format!("{}: ", kind.question))?)?;
    if *prompt(kind, "Again: ")? != *passphrase {
        return Err(PassphraseError::Differ.into());
    }
    Ok(Some(passphrase))
}

/// The error where nobody can be asked.
pub fn missing(kind: Kind, what: &str) -> Error {
    Error::usage(format!("no passphrase for {what}, and no terminal to ask for one"))
        .with_hint(format!("put one in a file and name it in {}", kind.variable))
}

fn check(passphrase: Zeroizing<String>) -> Result<Zeroizing<String>> {
    if passphrase.chars().count() < SHORTEST {
        return Err(Error::usage(format!("the passphrase has fewer than {SHORTEST} characters"))
            .with_hint("a few random words are easy to keep and hard to guess"));
    }
    Ok(passphrase)
}

fn from_file(kind: Kind) -> Result<Option<Zeroizing<String>>> {
    let Some(path) = std::env::var_os(kind.variable).map(PathBuf::from) else { return Ok(None) };
    let text = fs::read_to_string(&path).map(Zeroizing::new).map_err(|source| {
        let error = PassphraseError::Unreadable { variable: kind.variable, source };
        Error::from(error).in_file(path.display().to_string())
    })?;
    Ok(Some(Zeroizing::new(text.lines().next().unwrap_or_default().to_owned())))
}

fn prompt(kind: Kind, question: &str) -> Result<Zeroizing<String>> {
    let not_asked = |source| PassphraseError::NotAsked { variable: kind.variable, source };
    Ok(Zeroizing::new(rpassword::prompt_password(question).map_err(not_asked)?))
}

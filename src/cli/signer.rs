//! `signer new | show`: the key files of others who sign. No home is needed, and none is looked for.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::keys::signer::Signer;
use crate::ledger::{Verifier, cosignature::Witness};

use super::attack::{check_unused, write_private_file};
use super::{DONE, now, passphrase, terminal};

#[derive(Debug, Subcommand)]
pub enum Typed {
    /// Make a key file for somebody who signs, and print the public halves
    New {
        /// Name to sign under, which others see, such as `carol@hospital.example`; no spaces and no `+`
        name: String,
        /// Where the key file goes; one that exists is never replaced
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
        /// Leave the key without a passphrase, readable by your user alone
        #[arg(long)]
        no_passphrase: bool,
    },
    /// Print the public halves of a key file: `verifier` for signatures, `witness` for cosignatures
    Show { file: PathBuf },
}

pub fn run(command: Typed) -> Result<u8> {
    match command {
        Typed::New { name, output, no_passphrase } => new(&name, &output, no_passphrase),
        Typed::Show { file } => {
            terminal::print(public_halves(&open(&file)?)?)?;
            Ok(DONE)
        }
    }
}

/// Opens a signer's key file, asking for its passphrase if it is sealed.
pub fn open(file: &Path) -> Result<Signer> {
    let text = fs::read_to_string(file).map_err(|error| Error::io("read", file, error))?;
    Signer::open(&Zeroizing::new(text), || passphrase::ask_for_signer(file).map(Some))
        .map_err(|error| error.in_file(file.display().to_string()))
}

fn new(name: &str, output: &Path, no_passphrase: bool) -> Result<u8> {
    check_unused(output, false).map_err(|error| error.with_hint("choose another name for the key file"))?;
    let mut rng = rand::rng();
    let signer = Signer::generate(name, &mut rng);
    let halves = public_halves(&signer)?;
    let label = format!("dyepack signing key of {name}, made {}", now());
    let text = Zeroizing::new(if no_passphrase {
        signer.leave_open(&label)
    } else {
        signer.seal(&label, &passphrase::must_choose(passphrase::signer())?, &mut rng)?
    });
    write_private_file(text.as_bytes(), output, false)?;
    terminal::print(halves)?;
    terminal::say(format!("key file made: {}; give away the public halves, keep the file", output.display()));
    if no_passphrase {
        terminal::warn("the key has no passphrase: whoever reads the file (mode 0600) can sign with it");
    }
    Ok(DONE)
}

/// Two lines, each a word and a verifier key.
fn public_halves(signer: &Signer) -> Result<String> {
    let public = signer.key.public();
    let verifier = Verifier::new(&signer.name, &public)?;
    let witness = Witness::new(&signer.name, &public)?;
    Ok(format!("verifier {verifier}\nwitness {witness}\n"))
}

//! `backup` and `restore`.

use std::fs;
use std::path::PathBuf;

use clap::Args;
use rand::Rng as _;

use crate::backup::{self, Order};
use crate::error::{Error, Result};
use crate::keys::SALT_BYTES;
use crate::report::terminal::grouped;
use crate::vault::NONCE_BYTES;

use super::{DONE, Session, now, passphrase, terminal};

#[derive(Debug, Args)]
pub struct Backup {
    /// Where the backup goes
    #[arg(short, long, value_name = "OUT")]
    output: PathBuf,
    /// Leave out the copies in the vault
    #[arg(long)]
    without_vault: bool,
}

#[derive(Debug, Args)]
pub struct Restore {
    /// The backup
    file: PathBuf,
    /// A checkpoint of the ledger that was kept elsewhere: the ledger in the backup must have grown from it
    #[arg(long, value_name = "FILE")]
    since: Option<PathBuf>,
    /// Decrypt it and hash all that is in it; make no home
    #[arg(long, conflicts_with = "since")]
    dry_run: bool,
}

pub fn backup(session: &Session, typed: &Backup) -> Result<u8> {
    session.home.check_exists()?;
    let kind = passphrase::BACKUP;
    let passphrase = passphrase::choose_for(kind)?.ok_or_else(|| passphrase::missing(kind, "the backup"))?;
    let (mut salt, mut nonce) = ([0; SALT_BYTES], [0; NONCE_BYTES]);
    rand::rng().fill_bytes(&mut salt);
    rand::rng().fill_bytes(&mut nonce);
    let time = now();
    let order = Order {
        output: &typed.output,
        passphrase: &passphrase,
        salt,
        nonce,
        vault: !typed.without_vault,
        time: &time,
    };
    let label = backup::write(&session.home, session.wait, &order)?;
    terminal::say(format!(
        "backup of {} entries and {} files written to {}, read again and verified",
        grouped(label.size),
        grouped(label.members),
        typed.output.display()
    ));
    terminal::say("keep it on another machine, and its passphrase elsewhere: a lost key means lost cases");
    Ok(DONE)
}

pub fn restore(session: &Session, typed: &Restore) -> Result<u8> {
    let kind = passphrase::BACKUP;
    let ask = || passphrase::ask_for(kind)?.ok_or_else(|| passphrase::missing(kind, "the backup"));
    if typed.dry_run {
        let label = backup::check(&typed.file, &ask()?)?;
        terminal::say(format!(
            "the backup of {} is whole: {} entries, {} files",
            label.time,
            grouped(label.size),
            grouped(label.members)
        ));
        return Ok(DONE);
    }
    session.home.check_unused()?;
    let since =
        typed.since.as_ref().map(|path| fs::read(path).map_err(|error| Error::io("read", path, error)));
    let since = since.transpose()?;
    let label = backup::restore(&typed.file, &ask()?, &session.home, |ledger| match &since {
        Some(checkpoint) => ledger.check_grew_from(checkpoint),
        None => Ok(()),
    })?;
    terminal::say(format!(
        "home made in {} of the backup of {}; the ledger verifies",
        session.home.root().display(),
        label.time
    ));
    let last = label.last_entry.as_deref().unwrap_or("none");
    let state = format!("{} entries, the last of {last}", grouped(label.size));
    match since {
        Some(_) => terminal::say(format!("its ledger grew from that checkpoint: {state}")),
        None => terminal::warn(format!(
            "what was recorded after the backup is lost: the ledger has {state}. A checkpoint that was kept \
             elsewhere shows how much: --since FILE"
        )),
    }
    if !label.vault {
        terminal::warn("the vault is not in it: originals are found where they were, or not at all");
    }
    Ok(DONE)
}

//! The command line.
//!
//! [`args`] is what was typed; one file a command gives it meaning; [`terminal`] talks to the person. Data
//! and JSON go to standard output, everything else to standard error; the exit code follows from the error's
//! class (DESIGN section 6).

mod approve;
mod approver;
mod args;
mod attack;
mod backup;
mod demo;
mod dispute;
mod doctor;
mod input;
mod key;
mod ledger;
mod originals;
mod passphrase;
mod prune;
mod receipt;
mod recipients;
mod report;
mod setup;
mod signer;
mod stamp;
mod terminal;
mod trace;
mod trial;
mod vault;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser as _;
use etcetera::BaseStrategy as _;

use crate::error::{Error, Result};
use crate::home::Home;
use crate::keys::keyring::Keyring;
use args::{Cli, Command, Global};

/// Done; for `trace`: somebody is named.
const DONE: u8 = 0;

/// `trace` names nobody.
const NOBODY: u8 = 1;

/// Runs the command line `args`, the program's name included, and gives its exit code.
pub fn main(args: impl Iterator<Item = OsString>) -> ExitCode {
    // clap prints usage errors itself and exits with 2, as DESIGN section 6 has it.
    let cli = Cli::parse_from(args);
    match run(cli) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            terminal::complain(&error);
            ExitCode::from(error.exit_code())
        }
    }
}

fn run(cli: Cli) -> Result<u8> {
    let session = || Session::new(&cli.global);
    match cli.command {
        Command::Init { no_passphrase } => setup::init(&session()?, no_passphrase),
        Command::Recipient(command) => recipients::run(&session()?, command),
        Command::Key(command) => key::run(&session()?, command),
        Command::Policy(command) => setup::policy(&session()?, command),
        Command::Stamp(stamp) => stamp::run(&session()?, &stamp),
        Command::Trace(trace) => trace::run(&session()?, &trace),
        Command::Open(open) => dispute::open(&session()?, &open),
        Command::VerifyEvidence(verify) => dispute::verify(&verify),
        Command::Ledger(command) => ledger::run(session, cli.global.lock_timeout, command),
        Command::Attack(typed) => attack::run(session, &typed),
        Command::Trial(trial) => trial::run(session, &trial),
        Command::Vault(command) => vault::run(&session()?, command),
        Command::Signer(command) => signer::run(command),
        Command::Backup(backup) => backup::backup(&session()?, &backup),
        Command::Restore(restore) => backup::restore(&session()?, &restore),
        Command::Doctor(typed) => doctor::run(&session()?, &typed),
        Command::Receipt(command) => receipt::run(session, command),
        Command::Approver(command) => approver::run(&session()?, command),
        Command::Approve(typed) => approve::run(&session()?, typed),
        Command::Approval(command) => approve::approvals(&session()?, &command),
        Command::Demo(demo) => demo::run(&demo),
    }
}

/// What every command needs to know of its surroundings.
struct Session {
    home: Home,
    /// How long to wait for the ledger's lock.
    wait: Duration,
}

impl Session {
    fn new(global: &Global) -> Result<Session> {
        let root = match &global.home {
            Some(root) => root.clone(),
            None => default_home()?,
        };
        Ok(Session { home: Home::new(root), wait: global.lock_timeout })
    }

    fn keyring(&self) -> Result<Keyring> {
        self.home.keyring(passphrase::ask)
    }
}

fn default_home() -> Result<PathBuf> {
    let base = etcetera::choose_base_strategy().map_err(|_| {
        Error::usage("the platform names no data folder").with_hint("name the home with --home")
    })?;
    Ok(base.data_dir().join("dyepack"))
}

/// Now, in UTC to the second, RFC 3339.
fn now() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Who runs this, for the record.
fn operator() -> String {
    ["DYEPACK_OPERATOR", "USER", "LOGNAME", "USERNAME"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
        .unwrap_or_else(login)
}

/// The name that the operating system has for whoever runs this: containers have no variable for it. Some have no name either,
/// and a number is better than nothing.
fn login() -> String {
    if let Some(name) = whoami::username().ok().filter(|name| !name.is_empty()) {
        return name;
    }
    #[cfg(unix)]
    return format!("uid {}", rustix::process::getuid().as_raw());
    #[cfg(not(unix))]
    "unknown".into()
}

//! `trial`: the battery on a table of the owner's, and the board shown.

use std::fs;

use crate::attack::Table;
use crate::error::{Error, Result};
use crate::mark::policy::Policy;
use crate::report::{json, trial as show};
use crate::trial::run::{Setup, Watch};
use crate::trial::{Battery, run as run_battery};

use super::attack::{check_unused, policy_in_force, read_policy, write_file};
use super::input::Input;
use super::stamp::pool;
use super::{DONE, Session, args, terminal};

pub fn run(session: impl FnOnce() -> Result<Session>, args: &args::Trial) -> Result<u8> {
    for output in [&args.html, &args.text].into_iter().flatten() {
        check_unused(output, args.force)?;
    }
    let table = read(args)?;
    let policy: Policy = match (&args.policy, &args.dataset) {
        (Some(path), _) => read_policy(path)?,
        (None, dataset) => policy_in_force(&session()?, dataset.as_deref().unwrap_or_default())?.policy,
    };
    let battery = match &args.battery {
        Some(path) => {
            let text = fs::read_to_string(path).map_err(|error| Error::io("read", path, error))?;
            Battery::parse(&text).map_err(|error| error.in_file(path.display().to_string()))?
        }
        None => Battery::built_in(),
    };
    let setup = Setup {
        policy: &policy,
        table: &table,
        battery: &battery,
        recipients: args.recipients as usize,
        trials: args.trials as usize,
        seed: args.seed,
        rows: args.rows,
        model: args.model,
        reference: args.reference,
        alpha: args.alpha,
    };
    let bar = terminal::counter("trying");
    let progress = |done, all| {
        bar.set_length(all);
        bar.set_position(done);
    };
    let watch = Watch { progress: &progress, interrupted: terminal::interruptible() };
    let board = pool(args.threads)?.install(|| run_battery(&setup, &watch));
    bar.finish_and_clear();
    let board = board.map_err(|error| error.in_data(&args.file.display().to_string()))?;
    if let Some(html) = &args.html {
        write_file(show::html(&board).as_bytes(), html, args.force)?;
    }
    if let Some(text) = &args.text {
        let plain = anstream::adapter::strip_str(&show::text(&board)).to_string();
        write_file(plain.as_bytes(), text, args.force)?;
    }
    let out = if args.json { json::line(&board) + "\n" } else { show::text(&board) };
    terminal::print(out)?;
    Ok(DONE)
}

fn read(args: &args::Trial) -> Result<Table> {
    Input::open(&args.file)?.table(&args.said.said())
}

//! `doctor`.

use std::fmt::Write as _;

use clap::Args;
use jiff::Timestamp;
use serde::Serialize;

use crate::doctor::{self, Finding, State, Visit};
use crate::error::Result;
use crate::report::{json, terminal::plain};

use super::{Session, passphrase, terminal};

#[derive(Debug, Args)]
pub struct Typed {
    /// Remove temporary files, and what entries say was erased or pruned; no other dyepack may be running
    #[arg(long)]
    repair: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub fn run(session: &Session, typed: &Typed) -> Result<u8> {
    session.home.check_exists()?;
    if typed.repair {
        for path in doctor::repair(&session.home, session.wait)? {
            terminal::say(format!("removed {path}"));
        }
    }
    let mut nobody = false;
    let keyring = session.home.keyring(|| {
        let said = passphrase::ask()?;
        nobody = said.is_none();
        Ok(said)
    });
    let visit = Visit {
        home: &session.home,
        keyring: if nobody { None } else { Some(keyring) },
        wait: session.wait,
        now: Timestamp::now(),
    };
    let found = doctor::examine(&visit)?;
    if typed.json {
        #[derive(Serialize)]
        struct Examined<'a> {
            schema: &'static str,
            worst: Option<State>,
            findings: &'a [Finding],
        }
        let worst = found.iter().map(|finding| finding.state).max();
        let examined = Examined { schema: "dyepack.doctor/1", worst, findings: &found };
        terminal::print(json::line(&examined) + "\n")?;
    } else {
        terminal::print(text(&found))?;
    }
    Ok(doctor::exit_code(&found))
}

fn text(found: &[Finding]) -> String {
    let mut out = String::new();
    for Finding { check, state, what, hint, .. } in found {
        let state = match state {
            State::Fine => "fine",
            State::Note => "note",
            State::Warning => "warning",
            State::Broken => "BROKEN",
        };
        let _ = writeln!(out, "{state:<8} {check:<12} {}", plain(what));
        if let Some(hint) = hint {
            let _ = writeln!(out, "{:<21} {}", "", plain(hint));
        }
    }
    out
}

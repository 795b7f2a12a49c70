//! `open` and `verify-evidence`: what one side discloses, and what the other makes of it.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use crate::dispute::check::{self, Checked};
use crate::dispute::exhibit::exhibits;
use crate::dispute::make::{self, Wanted};
use crate::dispute::opening::{LIMIT_BYTES, Opening, sha256_hex};
use crate::error::{Error, Result};
use crate::ledger::{Entry, Event, Verifier};
use crate::report::json;
use crate::report::terminal::{grouped, once_in, plain};

use super::input::Input;
use super::trace::{Traced, check_file, examine, tables};
use super::{DONE, Session, args, now, operator, terminal};

#[derive(Debug, Args)]
pub struct Open {
    /// The release to open
    #[arg(long, value_name = "ID")]
    pub release: String,
    /// The leaked file, or a folder of them
    #[arg(long, value_name = "FILE")]
    pub leak: PathBuf,
    #[command(flatten)]
    pub how: args::HowToTrace,
    /// Disclose the key that places marks, too, so that the leak can be read again by somebody else: whoever has it finds, and
    /// can remove, the marks of all copies of the dataset
    #[arg(long)]
    pub carriers: bool,
    /// Open it although it does not name its recipient, to clear somebody or to show what little it says
    #[arg(long)]
    pub even_if_not_accused: bool,
    /// Where the opening goes
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
}

#[derive(Debug, Args)]
pub struct VerifyEvidence {
    /// The file that `dyepack open` wrote
    pub opening: PathBuf,
    /// Verifier key of the ledger, as it was handed over when the ledger was set up
    #[arg(long, value_name = "KEY")]
    pub vkey: String,
    /// The leak: its hash is compared, and with a disclosed carrier key it is read again
    #[arg(long, value_name = "FILE")]
    pub leak: Option<PathBuf>,
    #[command(flatten)]
    pub said: args::FileSaid,
    /// Print the outcome as JSON on standard output
    #[arg(long)]
    pub json: bool,
}

pub fn open(session: &Session, args: &Open) -> Result<u8> {
    check_file(&args.leak)?;
    check_new(&args.output)?;
    let traced = examine(session, &args.leak, &args.how)?;
    let exhibits = traced.exhibits(&args.leak)?.into_iter().map(|(exhibit, _)| exhibit).collect();
    let Traced { keyring, known, examined } = &traced;
    let mut ledger = session.home.ledger(session.wait, "open")?;
    let wanted = Wanted {
        release: &args.release,
        with_carriers: args.carriers,
        even_if_not_accused: args.even_if_not_accused,
    };
    let traced = make::Traced { secret: &keyring.marking, known, examined, exhibits };
    let opening = make::make(wanted, traced, &ledger)?;
    let text = opening.sign(ledger.verifier(), &keyring.signing)?;

    let folder = args.output.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let fail = |error| Error::io("write", &args.output, error);
    let mut file = tempfile::Builder::new().prefix(".dyepack-").tempfile_in(folder).map_err(fail)?;
    file.write_all(text.as_bytes()).and_then(|()| file.as_file().sync_all()).map_err(fail)?;
    let made = Event::OpeningMade {
        release: opening.release.clone(),
        recipient: opening.recipient.clone(),
        sha256: sha256_hex(text.as_bytes()),
    };
    // Commit point: that secrets were disclosed is on record before the file has its name. A crash from here on leaves an entry
    // of an opening that nobody got.
    ledger.append(&[Entry::new(now(), operator(), made)], &keyring.signing)?;
    ledger.close()?;
    file.persist_noclobber(&args.output).map_err(|error| fail(error.error))?;

    let what = if opening.claim.named { "names" } else { "does not name" };
    let (release, recipient) = (&opening.release, &opening.recipient);
    terminal::say(format!("opened release {release}: it {what} {recipient}"));
    terminal::say(format!("it is in {}, and on record", args.output.display()));
    if args.carriers {
        terminal::warn(
            "the key that places the marks of this dataset is in it: give it to a court's expert alone",
        );
        if opening.carriers.as_ref().is_some_and(|carriers| carriers.tables.is_none()) {
            terminal::warn(
                "the leak was read beside its original, which the expert has not: with --blind it can be \
                 read again",
            );
        }
    }
    Ok(DONE)
}

fn check_new(output: &Path) -> Result<()> {
    if output.symlink_metadata().is_ok() {
        return Err(Error::usage(format!("`{}` exists", output.display()))
            .with_hint("evidence is never overwritten: choose another name"));
    }
    Ok(())
}

pub fn verify(args: &VerifyEvidence) -> Result<u8> {
    let verifier = Verifier::parse(args.vkey.trim())?;
    let fail = |error| Error::io("read", &args.opening, error);
    let length = fs::metadata(&args.opening).map_err(fail)?.len();
    if length > LIMIT_BYTES {
        return Err(Error::usage(format!("`{}` is too long for an opening", args.opening.display()))
            .with_hint("name the file that `dyepack open` wrote"));
    }
    let file = fs::read(&args.opening).map_err(fail)?;
    let name = args.opening.display().to_string();
    let opening = Opening::open(&file, &verifier).map_err(|error| error.in_file(&name))?;
    let checked = check::check(&opening, &verifier).map_err(|error| error.in_file(&name))?;
    let mut leak_read_again = false;
    if let Some(leak) = &args.leak {
        check_file(leak)?;
        let found: Vec<_> = exhibits(leak)?.into_iter().map(|(exhibit, _)| exhibit).collect();
        check::check_exhibits(&opening, &found).map_err(|error| error.in_file(&name))?;
        if opening.carriers.is_some() {
            let tables = tables(leak, Input::of_any(leak)?, &args.said.said())?;
            check::check_leak(&opening, &checked, tables, &verifier).map_err(|error| error.in_file(&name))?;
            leak_read_again = true;
        }
    }
    let outcome = Outcome::of(&opening, &checked, args.leak.is_some(), leak_read_again);
    terminal::print(if args.json { json::line(&outcome) + "\n" } else { outcome.text() })?;
    Ok(DONE)
}

/// What was checked, as `--json` prints it.
#[derive(Serialize)]
struct Outcome<'a> {
    schema: &'static str,
    release: &'a str,
    recipient: &'a str,
    dataset: &'a str,
    recorded: &'a str,
    index: u64,
    size: u64,
    reads: u64,
    positions: u64,
    positions_agreeing: u64,
    decoders: Vec<Decoder>,
    ln_p: f64,
    ln_family_p: f64,
    alpha: f64,
    named: bool,
    recipients_tried: u64,
    readings_tried: u64,
    ln_recipients_allowed: f64,
    leak_is_the_same: bool,
    leak_read_again: bool,
}

#[derive(Serialize)]
struct Decoder {
    decoder: String,
    score: f64,
    ln_p: f64,
}

impl<'a> Outcome<'a> {
    fn of(opening: &'a Opening, checked: &'a Checked, leak_is_the_same: bool, leak_read_again: bool) -> Self {
        let decoder = |outcome: &crate::evidence::alone::Outcome| Decoder {
            decoder: outcome.decoder.name(),
            score: outcome.score,
            ln_p: outcome.ln_p,
        };
        Outcome {
            schema: "dyepack.checked/1",
            release: &checked.release.release,
            recipient: &checked.release.recipient,
            dataset: &checked.release.dataset,
            recorded: &checked.time,
            index: checked.index,
            size: checked.size,
            reads: checked.reads,
            positions: checked.positions,
            positions_agreeing: checked.agreeing,
            decoders: checked.outcomes.iter().map(decoder).collect(),
            ln_p: checked.ln_p,
            ln_family_p: checked.ln_family_p,
            alpha: checked.alpha,
            named: checked.named,
            recipients_tried: opening.tried.recipients,
            readings_tried: opening.tried.readings,
            ln_recipients_allowed: checked.ln_recipients_allowed,
            leak_is_the_same,
            leak_read_again,
        }
    }

    fn text(&self) -> String {
        let mut out = String::new();
        let mut line = |text: String| {
            let _ = writeln!(out, "{text}");
        };
        let (release, recipient) = (plain(self.release), plain(self.recipient));
        let (dataset, recorded) = (plain(self.dataset), self.recorded);
        line(format!(
            "the opening holds: release {release} of {dataset} to {recipient}, recorded {recorded}"
        ));
        line(format!("  entry {} of a signed ledger of {}", self.index, grouped(self.size)));
        line(format!(
            "  {} marks read at {} positions; {} of these agree with the recipient's bits",
            grouped(self.reads),
            grouped(self.positions),
            grouped(self.positions_agreeing)
        ));
        for Decoder { decoder, score, ln_p } in &self.decoders {
            line(format!("  {decoder}: score {score:.3}, ln p {ln_p:.3}"));
        }
        line(format!(
            "  family-wise bound, {} recipients and {} readings tried: ln p {:.3}, alpha {:e}",
            grouped(self.recipients_tried),
            self.readings_tried,
            self.ln_family_p,
            self.alpha
        ));
        line(match self.named {
            true => format!(
                "{recipient} is named: an innocent would be {} at most\n  (and with fewer than 10^{:.0} \
                 recipients tried, it still is)",
                once_in(self.ln_family_p),
                (self.ln_recipients_allowed / std::f64::consts::LN_10).floor()
            ),
            false => format!("{recipient} is not named"),
        });
        line(
            match (self.leak_is_the_same, self.leak_read_again) {
                (_, true) => "the leak is the one that was traced; read again, it says these counts",
                (true, _) => {
                    "the leak is the one that was traced; that it says these counts is the owner's word: no \
                 carrier key is open"
                }
                _ => "that the leak says these counts is the owner's word: it was not looked at",
            }
            .to_owned(),
        );
        out
    }
}

//! `init` and `policy`: what comes before the first copy.

use std::fs;
use std::path::Path;

use data_encoding::HEXLOWER;
use rand::Rng as _;

use crate::error::{Error, Result};
use crate::keys::keyring::Keyring;
use crate::known::stored_policy;
use crate::ledger::{Entry, Event, Registry};
use crate::mark::policy::Policy;
use crate::models;
use crate::stamp::terms::no_policy;
use crate::stamp::{self, engine};
use crate::table::format::kind::{Format, Said};
use crate::table::format::open::open;
use crate::table::format::{parts, source};

use super::args;
use super::input::Input;
use super::{DONE, Session, key, now, operator, passphrase, terminal};

pub fn init(session: &Session, no_passphrase: bool) -> Result<u8> {
    session.home.check_unused()?;
    let mut rng = rand::rng();
    let keyring = Keyring::generate(&mut rng);
    let label = key::label();
    let text = if no_passphrase {
        keyring.leave_open(&label)
    } else {
        keyring.seal(&label, &passphrase::must_choose(passphrase::KEYS)?, &mut rng)?
    };
    let mut random = [0; 8];
    rng.fill_bytes(&mut random);
    // A random name tells the ledgers of two homes apart in every signed checkpoint.
    let origin = format!("dyepack.ledger/{}", HEXLOWER.encode(&random));
    session.home.create(&keyring, &text, &origin)?;
    let ledger = session.home.ledger(session.wait, "init")?;
    terminal::say(format!("home made in {}", session.home.root().display()));
    if no_passphrase {
        terminal::warn(
            "the keys have no passphrase: whoever reads your files (mode 0600) can forge and remove marks",
        );
    }
    terminal::say(format!("verifier key of the ledger, to be kept elsewhere too: {}", ledger.verifier()));
    terminal::say("next: dyepack recipient add ID --name NAME; dyepack policy adopt policy.toml");
    Ok(DONE)
}

pub fn policy(session: &Session, command: args::Policy) -> Result<u8> {
    match command {
        args::Policy::Adopt { file, model, no_model } => adopt(session, &file, model.as_deref(), no_model),
        args::Policy::Show { dataset } => show(session, &dataset),
    }
}

fn adopt(session: &Session, file: &Path, data: Option<&Path>, no_model: bool) -> Result<u8> {
    let bytes = fs::read(file).map_err(|error| Error::io("read", file, error))?;
    let text = String::from_utf8(bytes).map_err(|_| {
        Error::usage(format!("`{}` is not UTF-8 text", file.display()))
            .with_hint("a policy is a TOML file: check the name")
    })?;
    let policy = Policy::parse(&text).map_err(|error| error.in_file(file.display().to_string()))?;
    let keyring = session.keyring()?;
    // Learning takes a while, and the ledger is free meanwhile.
    let learnt = match data {
        Some(data) => Some(learn(session, &keyring, &policy, data)?),
        None => None,
    };
    let mut ledger = session.home.ledger(session.wait, "policy adopt")?;
    let registry = Registry::standing(&ledger)?;
    let before = registry.in_force(policy.name());
    let kept = before.and_then(|adopted| adopted.model.clone()).filter(|_| !no_model);
    let model = learnt.or(kept);
    if before.is_some_and(|adopted| adopted.policy == policy.hash() && adopted.model == model) {
        terminal::say(format!("this policy is in force for {} already", policy.name()));
        return Ok(DONE);
    }
    if let Some(before) = before {
        let mut broken = policy.breaks_with(&stored_policy(&ledger, &before.policy)?);
        if before.model != model {
            broken.push("the model".to_owned());
        }
        warn_of(&broken);
    }
    let slots = policy.slots_after(before.map_or(&[], |adopted| &adopted.slots));
    let event = Event::PolicyAdopted {
        dataset: policy.name().to_owned(),
        policy: ledger.put_blob(text.as_bytes())?,
        level: policy.level(),
        slots,
        model,
    };
    let index = ledger.append(&[Entry::new(now(), operator(), event)], &keyring.signing)?[0];
    ledger.close()?;
    terminal::say(format!("policy for {} is in force (entry {index})", policy.name()));
    Ok(DONE)
}

/// Says what under the new policy is marked otherwise than before.
fn warn_of(broken: &[String]) {
    if !broken.is_empty() {
        terminal::warn(format!(
            "rows that were released before are marked otherwise from now on ({}): whoever gets both can \
             compare them",
            broken.join(", ")
        ));
    }
}

/// Learns a model from a table, keeps it in the home, and gives its name.
fn learn(session: &Session, keyring: &Keyring, policy: &Policy, data: &Path) -> Result<String> {
    let input = Input::of_any(data)?;
    let mut asked = engine::Options::default().asked(policy);
    let table = if data.is_dir() {
        // All files of the folder as one table.
        let (joined, _) = parts::as_csv(data, &asked.said)?;
        asked.said = Said { format: Some(Format::Csv), delimiter: joined.delimiter, ..asked.said };
        source::Input::stream(joined.csv)
    } else {
        input.input
    };
    let model = open(table, &asked)
        .and_then(|opened| stamp::learn::learn(opened.into_table(), policy))
        .map_err(|error| error.in_data(&input.name))?;
    let known: Vec<&str> = model.columns().collect();
    terminal::say(format!("model learnt from {} rows for {}", model.rows(), said(&known)));
    let fine: Vec<&str> =
        policy.columns().map(|(name, _, _)| name).filter(|name| !known.contains(name)).collect();
    if !fine.is_empty() {
        terminal::warn(format!(
            "values of {} hardly ever repeat, so {} marked as without a model",
            fine.join(", "),
            if fine.len() == 1 { "it is" } else { "they are" }
        ));
    }
    models::keep(&session.home.models_dir(), &keyring.marking, &model)
}

/// A list for people.
fn said(columns: &[&str]) -> String {
    if columns.is_empty() { "no column".to_owned() } else { columns.join(", ") }
}

fn show(session: &Session, dataset: &str) -> Result<u8> {
    let ledger = session.home.ledger(session.wait, "policy show")?;
    let registry = Registry::standing(&ledger)?;
    let adopted = registry.in_force(dataset).ok_or_else(|| no_policy(&registry, dataset))?;
    terminal::print(stored_policy(&ledger, &adopted.policy)?.text())?;
    Ok(DONE)
}

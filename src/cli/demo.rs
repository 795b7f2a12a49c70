//! `demo`: the whole story on generated data, in a temporary home.
//!
//! A hospital's table, twenty partners, a copy for each; then 500 shuffled rows of one copy turn up, a column
//! renamed and some cells changed; and the trace says whose they were.

use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::time::Instant;

use rand::rngs::Xoshiro256PlusPlus;
use rand::seq::SliceRandom as _;
use rand::{RngExt as _, SeedableRng as _};

use crate::demo::{DEMO_KEYRING, HOSPITAL_POLICY, hospital};
use crate::error::{Error, Result};
use crate::home::Home;
use crate::keys::keyring::Keyring;
use crate::ledger::{Entry, Event, Recipient};
use crate::mark::policy::Policy;
use crate::models;
use crate::report::terminal as screen;
use crate::stamp::deliver::deliver;
use crate::stamp::engine;
use crate::stamp::order::{Delivery, Order};
use crate::table::format::source::Input;
use crate::trace::{self, Case, Known};

use super::recipients::new_salt;
use super::{DONE, Session, args, now, terminal};

/// Partners, invented.
const PARTNERS: [(&str, &str); 20] = [
    ("acme", "Acme Analytics"),
    ("borealis", "Borealis Insurance"),
    ("cedar", "Cedar Research Institute"),
    ("delta", "Delta Claims Processing"),
    ("elm", "Elm Street Clinics"),
    ("fjord", "Fjord Pharma"),
    ("granite", "Granite Actuaries"),
    ("harbour", "Harbour Registry"),
    ("iris", "Iris Imaging"),
    ("juniper", "Juniper University"),
    ("kestrel", "Kestrel Logistics"),
    ("lumen", "Lumen Diagnostics"),
    ("meadow", "Meadow Care Homes"),
    ("nimbus", "Nimbus Cloud Hosting"),
    ("orchid", "Orchid Fertility"),
    ("pinnacle", "Pinnacle Billing"),
    ("quartz", "Quartz Consulting"),
    ("rowan", "Rowan Public Health"),
    ("sable", "Sable Statistics"),
    ("tundra", "Tundra Telehealth"),
];

/// Rows of the leak.
const LEAKED_ROWS: usize = 500;

/// One leaked cell in this many of the marked amounts is changed.
const CHANGED_ONE_IN: u32 = 10;

pub fn run(args: &args::Demo) -> Result<u8> {
    let folder = tempfile::Builder::new()
        .prefix("dyepack-demo-")
        .tempdir()
        .map_err(|error| Error::io("make a folder in", &std::env::temp_dir(), error))?;
    let interrupted = terminal::interruptible();
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(args.seed);
    let (source, leak) = (folder.path().join("stays.csv"), folder.path().join("leaked.csv"));

    terminal::say(format!("1. a hospital's table of {} stays", screen::grouped(args.rows.into())));
    hospital::write(args.rows.into(), args.seed, BufWriter::new(create(&source)?))
        .map_err(|error| Error::io("write", &source, error))?;

    terminal::say(format!("2. a home with demonstration keys, a policy, and {} partners", PARTNERS.len()));
    let session =
        Session { home: Home::new(folder.path().join("home")), wait: std::time::Duration::from_secs(5) };
    let keyring = set_up(&session)?;

    let started = Instant::now();
    let options = engine::Options { interrupted, ..engine::Options::default() };
    let order = order(&source, folder.path());
    deliver(&session.home, &keyring, session.wait, &order, Input::File(source.clone()), &options)?;
    terminal::say(format!(
        "3. a copy for each partner, stamped and recorded in {:.1} s",
        started.elapsed().as_secs_f64()
    ));

    let (leaker, _) = PARTNERS[rng.random_range(0..PARTNERS.len())];
    fs::write(&leak, leak_of(&copy_for(leaker, folder.path()), &mut rng)?)
        .map_err(|error| Error::io("write", &leak, error))?;
    terminal::say(format!(
        "4. {LEAKED_ROWS} shuffled rows of one copy leak, `cost` renamed to `amount`, one in \
         {CHANGED_ONE_IN} of its values changed"
    ));
    terminal::say("5. dyepack trace leaked.csv\n");

    let models = session.home.models_dir();
    let open_model = |dataset: &str, name: &str| models::open(&models, &keyring.marking, dataset, name);
    let known = Known::from_ledger(&session.home.ledger(session.wait, "demo")?, None, &open_model)?;
    let case = Case {
        secret: &keyring.marking,
        recipients: &known.suspects,
        readings: &known.readings,
        alpha: 1e-6,
    };
    let input = File::open(&leak).map_err(|error| Error::io("open", &leak, error))?;
    let findings = trace::trace(input, "leaked.csv", &case, &trace::Options::default())?;
    terminal::print(screen::report(&findings))?;

    let named =
        findings.accused.iter().any(|accused| accused.recipient == leaker) && findings.accused.len() == 1;
    if !named {
        return Err(Error::usage(format!("the demonstration failed: the leaker was {leaker}")));
    }
    terminal::say(format!("\nThe leaker was indeed {leaker}."));
    if args.keep {
        let kept = folder.keep();
        terminal::say(format!(
            "everything is in {}; try: trace {0}/leaked.csv --home {0}/home",
            kept.display()
        ));
    }
    Ok(DONE)
}

fn create(path: &Path) -> Result<File> {
    File::create(path).map_err(|error| Error::io("make", path, error))
}

/// A home with the demonstration keys, the partners and the policy.
fn set_up(session: &Session) -> Result<Keyring> {
    let keyring = Keyring::open(DEMO_KEYRING, || Ok(None))?;
    session.home.create(&keyring, DEMO_KEYRING, "dyepack.ledger/demo")?;
    let policy = Policy::parse(HOSPITAL_POLICY)?;
    let mut ledger = session.home.ledger(session.wait, "demo")?;
    let adopted = Event::PolicyAdopted {
        dataset: policy.name().to_owned(),
        policy: ledger.put_blob(policy.text().as_bytes())?,
        level: policy.level(),
        slots: policy.slots_after(&[]),
        model: None,
    };
    let registered = PARTNERS.iter().map(|(id, name)| {
        let recipient = Recipient { id: (*id).into(), name: (*name).into(), ..Recipient::default() };
        let recipient = recipient.set_apart(&ledger, &new_salt())?;
        Ok(Event::RecipientRegistered { recipient })
    });
    let registered = registered.collect::<Result<Vec<Event>>>()?;
    let entries: Vec<Entry> =
        std::iter::once(adopted).chain(registered).map(|event| Entry::new(now(), "demo", event)).collect();
    ledger.append(&entries, &keyring.signing)?;
    ledger.close()?;
    Ok(keyring)
}

fn copy_for(id: &str, folder: &Path) -> PathBuf {
    folder.join(format!("stays-for-{id}.csv"))
}

fn order(source: &Path, folder: &Path) -> Order {
    let copy = |(id, _): &(&str, &str)| Delivery {
        to: (*id).into(),
        release: format!("demo-{id}"),
        output: Some(copy_for(id, folder)),
    };
    Order {
        dataset: "stays".into(),
        copies: PARTNERS.iter().map(copy).collect(),
        source_path: Some(source.to_owned()),
        table: None,
        force: false,
        sync: false,
        purpose: Some("demonstration".into()),
        legal_basis: None,
        agreement: None,
        operator: "demo".into(),
        time: now(),
    }
}

/// Some rows of a copy, in another order, as somebody would post them.
fn leak_of(copy: &Path, rng: &mut Xoshiro256PlusPlus) -> Result<Vec<u8>> {
    let fail = |error: csv::Error| Error::usage(format!("could not read the copy: {error}"));
    let mut reader = csv::Reader::from_path(copy).map_err(fail)?;
    let mut header = reader.headers().map_err(fail)?.clone();
    let cost = header.iter().position(|name| name == "cost").expect("the generated table has costs");
    header = header.iter().map(|name| if name == "cost" { "amount" } else { name }).collect();
    let mut rows = reader.records().collect::<Result<Vec<csv::StringRecord>, _>>().map_err(fail)?;
    rows.shuffle(rng);
    rows.truncate(LEAKED_ROWS);

    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(&header).map_err(fail)?;
    for row in rows {
        let changed =
            rng.random_ratio(1, CHANGED_ONE_IN).then(|| format!("{:.2}", rng.random_range(100.0..9000.0)));
        let cell = |i, text| changed.as_deref().filter(|_| i == cost).unwrap_or(text);
        writer.write_record(row.iter().enumerate().map(|(i, text)| cell(i, text))).map_err(fail)?;
    }
    writer.into_inner().map_err(|_| Error::usage("could not write the leak"))
}

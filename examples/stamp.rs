//! Stamps a table for one partner and records the release: what an export pipeline does with every delivery.
//!
//! Run it with `cargo run --example stamp`.

use std::error::Error;
use std::time::Duration;

use dyepack::demo::{HOSPITAL_POLICY, hospital};
use dyepack::home::Home;
use dyepack::keys::keyring::Keyring;
use dyepack::ledger::{Entry, Event, Recipient};
use dyepack::mark::policy::Policy;
use dyepack::stamp::deliver::deliver;
use dyepack::stamp::engine;
use dyepack::stamp::order::{Delivery, Order};
use dyepack::table::format::source::Input;

const NOW: &str = "2026-01-05T09:00:00Z";
const WAIT: Duration = Duration::from_secs(10);

pub fn main() -> Result<(), Box<dyn Error>> {
    // Once: a home with new keys, a policy, a partner.
    let folder = tempfile::tempdir()?;
    let home = Home::new(folder.path().join("home"));
    let keyring = Keyring::generate(&mut rand::rng());
    home.create(&keyring, &keyring.leave_open("example keys"), "example.org/ledger")?;
    let policy = Policy::parse(HOSPITAL_POLICY)?;
    let acme = Recipient { id: "acme".into(), name: "Acme Analytics".into(), ..Recipient::default() };
    let mut ledger = home.ledger(WAIT, "example")?;
    let adopted = Event::PolicyAdopted {
        dataset: policy.name().into(),
        policy: ledger.put_blob(policy.text().as_bytes())?,
        level: policy.level(),
        slots: policy.slots_after(&[]),
        model: None,
    };
    let events = [adopted, Event::RecipientRegistered { recipient: acme }];
    ledger.append(&events.map(|event| Entry::new(NOW, "kim", event)), &keyring.signing)?;
    ledger.close()?;

    // For every delivery: the table in, the marked copy out, one entry in the ledger.
    let mut table = Vec::new();
    hospital::write(1_000, 7, &mut table)?;
    let order = Order {
        dataset: "stays".into(),
        copies: vec![Delivery {
            to: "acme".into(),
            release: "2026-01-acme".into(),
            output: Some(folder.path().join("for-acme.csv")),
        }],
        source_path: None,
        table: None,
        force: false,
        sync: false,
        purpose: Some("research".into()),
        legal_basis: None,
        agreement: None,
        operator: "kim".into(),
        time: NOW.into(),
    };
    let options = engine::Options::default();
    let input = Input::stream(&table[..]);
    let (receipt, _) = deliver(&home, &keyring, WAIT, &order, input, &options)?.remove(0);

    println!("{} rows for {}: {} carriers", receipt.rows, receipt.recipient, receipt.carriers);
    println!("cells changed: {:?}", receipt.cells_changed);
    println!("release {} is entry {} of the ledger", receipt.release, receipt.ledger.index);
    assert_eq!(std::fs::read(folder.path().join("for-acme.csv"))?.len() as u64, receipt.output.bytes);
    Ok(())
}

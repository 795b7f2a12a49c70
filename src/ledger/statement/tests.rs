//! Statements in a ledger: whose keys count when, and what verification says of forged ones.

use std::time::Duration;

use tempfile::TempDir;

use super::{Approval, DeliveryReceipt, Signed};
use crate::keys::secret::SigningKey;
use crate::ledger::entry::{Entry, Event, Facts, Opening, Output, Recipient, Release, Source};
use crate::ledger::{Ledger, Registry, Verifier, verify};

const TIME: &str = "2026-03-01T12:00:00Z";
const ORIGIN: &str = "example.org/ledger";

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32])
}

fn vkey(name: &str, seed: u8) -> String {
    Verifier::new(name, &key(seed).public()).unwrap().to_string()
}

/// Somebody signs an approval.
fn approved(approver: &str, ledger: &str, name: &str, seed: u8) -> Event {
    let approval = Approval {
        ledger: ledger.into(),
        dataset: "stays".into(),
        recipients: vec!["acme".into()],
        rows: Some(1000),
        level: 4,
        until: Some("2026-12-31".parse().unwrap()),
        release: None,
        reason: None,
        time: TIME.into(),
    };
    let note = Signed::sign(approval, name, &key(seed)).unwrap().render();
    Event::Approved { approver: approver.into(), note }
}

/// Somebody signs for a release of `bytes` bytes.
fn attached(release: &str, bytes: u64, seed: u8) -> Event {
    let receipt = DeliveryReceipt { release: release.into(), output: output(bytes), time: TIME.into() };
    let note = Signed::sign(receipt, "acme.example", &key(seed)).unwrap().render();
    Event::ReceiptAttached { release: release.into(), note }
}

fn output(bytes: u64) -> Output {
    Output { bytes, blake3: "ab".repeat(32), sha256: "cd".repeat(32) }
}

/// A ledger with an approver, Carol (key 1), and a recipient, Acme (key 2), who was given `r1`, 9 bytes long.
fn ledger() -> (TempDir, Ledger) {
    let folder = tempfile::tempdir().unwrap();
    Ledger::create(folder.path(), ORIGIN, &key(0)).unwrap();
    let mut ledger = Ledger::open(folder.path(), Duration::ZERO, "test").unwrap();
    let blob = ledger.put_blob(b"blob").unwrap();
    let facts = Facts { vkey: Some(vkey("acme.example", 2)), ..Facts::default() };
    let recipient = Recipient { id: "acme".into(), facts, ..Recipient::default() };
    let opening = Opening {
        release: "r1".into(),
        recipient: "acme".into(),
        policy: blob.clone(),
        ..Opening::default()
    };
    let source = Source { blake3: "ef".repeat(32), ..Source::default() };
    let release = Release { opening, source, output: output(9), sketch: blob, ..Release::default() };
    add(
        &mut ledger,
        [
            Event::ApproverAdded { approver: "carol".into(), vkey: vkey("carol.example", 1) },
            Event::RecipientRegistered { recipient },
            Event::Release(release),
        ],
    );
    (folder, ledger)
}

fn add(ledger: &mut Ledger, events: impl IntoIterator<Item = Event>) {
    let entries: Vec<Entry> = events.into_iter().map(|event| Entry::new(TIME, "kim", event)).collect();
    ledger.append(&entries, &key(0)).unwrap();
}

fn replay(ledger: &Ledger) -> Registry {
    Registry::replay(&ledger.entries().unwrap())
}

#[test]
fn statements_on_record_are_found_and_verify() {
    let (folder, mut ledger) = ledger();
    add(&mut ledger, [approved("carol", ORIGIN, "carol.example", 1), attached("r1", 9, 2)]);
    let registry = replay(&ledger);
    let [on_record] = &registry.approvals[..] else { panic!("one approval") };
    let approval = on_record.claimed().unwrap();
    assert!(on_record.is_signed(&approval) && !on_record.is_void);
    assert_eq!((on_record.index, approval.claimed().rows), (3, Some(1000)));
    let (name, receipt) = registry.receipts["r1"].open().unwrap();
    assert_eq!((name.as_str(), receipt.output.bytes), ("acme.example", 9));
    ledger.close().unwrap();
    verify(folder.path(), Duration::ZERO, None).unwrap();
}

#[test]
fn forged_statements_are_named_by_their_entry() {
    for (forged, what) in [
        (approved("carol", ORIGIN, "carol.example", 3), "not signed by the key of `carol.example`"),
        (approved("carol", ORIGIN, "mallory", 3), "not signed by the key of `carol.example`"),
        (approved("mallory", ORIGIN, "mallory", 3), "`mallory` is no approver"),
        (approved("carol", "example.org/other", "carol.example", 1), "for another ledger"),
        (attached("r1", 9, 3), "not signed by the key of `acme.example`"),
        (attached("r1", 8, 2), "for other bytes than were delivered"),
        (attached("r2", 9, 2), "release `r2`, which is not earlier"),
    ] {
        let (folder, mut ledger) = ledger();
        add(&mut ledger, [forged]);
        let registry = replay(&ledger);
        let counts = registry.approvals.iter().any(|on_record| {
            let approval = on_record.claimed().unwrap();
            on_record.is_signed(&approval) && approval.claimed().ledger == ORIGIN
        });
        assert!(!counts, "{what}");
        ledger.close().unwrap();
        let error = verify(folder.path(), Duration::ZERO, None).unwrap_err();
        assert!(error.is_integrity());
        let said = error.to_string();
        assert!(said.starts_with("entry 3: ") && said.contains(what), "{said}");
    }
}

#[test]
fn a_second_receipt_is_named_and_the_first_counts() {
    let (folder, mut ledger) = ledger();
    add(&mut ledger, [attached("r1", 9, 2), attached("r1", 9, 2)]);
    assert_eq!(replay(&ledger).receipts["r1"].index, 3);
    ledger.close().unwrap();
    let error = verify(folder.path(), Duration::ZERO, None).unwrap_err();
    assert_eq!(error.to_string(), "entry 4: release `r1` was signed for before");
}

#[test]
fn the_keys_of_that_point_count() {
    let (folder, mut ledger) = ledger();
    let changes = Facts { vkey: Some(vkey("acme.example", 5)), ..Facts::default() };
    add(
        &mut ledger,
        [
            approved("carol", ORIGIN, "carol.example", 1),
            attached("r1", 9, 2),
            Event::ApproverRemoved { approver: "carol".into(), reason: None },
            Event::RecipientChanged { recipient: "acme".into(), changes },
        ],
    );
    let registry = replay(&ledger);
    assert!(registry.approvals[0].is_void, "whoever was removed allows nothing more");
    assert!(registry.receipts["r1"].open().is_some(), "the key of that time signed it");
    assert!(registry.signers.approver("carol").is_none());
    let Event::ReceiptAttached { note, .. } = attached("r1", 9, 5) else { unreachable!() };
    assert!(registry.signers.check_receipt("acme", "r1", &note).is_ok());
    let Event::ReceiptAttached { note, .. } = attached("r1", 9, 2) else { unreachable!() };
    let error = registry.signers.check_receipt("acme", "r1", &note).unwrap_err();
    assert!(error.to_string().contains("not signed by the key"), "{error}");

    // Registered again, Carol does not bring back what was approved before.
    add(&mut ledger, [Event::ApproverAdded { approver: "carol".into(), vkey: vkey("carol.example", 1) }]);
    assert!(replay(&ledger).approvals[0].is_void);
    ledger.close().unwrap();
    verify(folder.path(), Duration::ZERO, None).unwrap();
    let mut ledger = Ledger::open(folder.path(), Duration::ZERO, "test").unwrap();
    add(&mut ledger, [Event::ApproverRemoved { approver: "carol".into(), reason: None }]);
    add(&mut ledger, [approved("carol", ORIGIN, "carol.example", 1)]);
    assert_eq!(replay(&ledger).approvals.len(), 1);
    ledger.close().unwrap();
    let error = verify(folder.path(), Duration::ZERO, None).unwrap_err();
    assert_eq!(error.to_string(), "entry 9: `carol` is no approver");
}

#[test]
fn changes_are_taken_over_and_a_suspension_ends() {
    let (_folder, mut ledger) = ledger();
    let changes = Facts {
        agreement: Some("DUA-18".into()),
        agreement_expires: Some("2028-01-31".parse().unwrap()),
        max_level: Some(3),
        country: Some("NO".into()),
        ..Facts::default()
    };
    add(
        &mut ledger,
        [
            Event::RecipientSuspended { recipient: "acme".into(), reason: Some("audit".into()) },
            Event::RecipientChanged { recipient: "acme".into(), changes },
        ],
    );
    let standing = replay(&ledger).recipients["acme"].clone();
    assert!(standing.suspended.is_some() && standing.changed.is_some());
    assert_eq!(
        (standing.recipient.facts.max_level, standing.recipient.facts.country.as_deref()),
        (Some(3), Some("NO"))
    );
    assert_eq!(standing.recipient.facts.vkey, Some(vkey("acme.example", 2)), "what was not said stays");
    add(&mut ledger, [Event::RecipientReinstated { recipient: "acme".into(), reason: None }]);
    let standing = replay(&ledger).recipients["acme"].clone();
    assert_eq!((standing.suspended, standing.reason), (None, None));
    assert!(standing.reinstated.is_some());
}

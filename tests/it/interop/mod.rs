//! The ledger's files in the hands of code that is not ours: crates of Cloudflare's ([`crates`]), and Go's own `sumdb` ([`go`]),
//! which the formats come from. Each reads what we wrote, recomputes it, and checks our proofs; and we read what it signed.

mod crates;
mod go;

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use dyepack::keys::{secret::SigningKey, signer::Signer};
use dyepack::ledger::witness::{Answer, Memory, Shown};
use dyepack::ledger::{Entry, Event, Ledger, cosignature::Witness};
use tempfile::TempDir;

const ORIGIN: &str = "example.org/ledger";
const TIME: &str = "2026-03-01T12:00:00Z";

/// [`TIME`] in seconds since 1970.
const SECONDS: u64 = 1_772_366_400;

/// Entries of the earlier and of the later checkpoint. The later tree has two full tiles, and a second row.
const SIZES: [u64; 2] = [300, 613];

/// An entry in a full tile, and one in the partial one.
const INDEXES: [u64; 2] = [257, 612];

/// A log of [`SIZES`], and what an auditor has of it, in files.
struct Sample {
    folder: TempDir,
    vkey: String,
    witness: String,
}

impl Sample {
    fn new() -> Sample {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("ledger");
        let key = SigningKey::from_seed(&[21; 32]);
        Ledger::create(&dir, ORIGIN, &key).unwrap();
        let mut ledger = Ledger::open(&dir, Duration::ZERO, "test").unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        for (name, range) in [("older", 0..SIZES[0]), ("current", SIZES[0]..SIZES[1])] {
            let entries: Vec<Entry> = range
                .map(|i| Event::RecipientSuspended { recipient: format!("p{i}"), reason: None })
                .map(|event| Entry::new(TIME, "tester", event))
                .collect();
            ledger.append(&entries, &key).unwrap();
            write(name, ledger.checkpoint_text());
        }
        let head = ledger.head(None).unwrap();
        for index in INDEXES {
            let proof = ledger.history().inclusion(index, &head, true).unwrap();
            write(&format!("{index}.tlog-proof"), &proof.render());
        }
        write("request", &ledger.history().consistency(SIZES[0], &head).unwrap().render());

        let signer = Signer { name: "w1.example".into(), key: SigningKey::from_seed(&[22; 32]) };
        let mut memory = Memory::open(&folder.path().join("state.json"), Duration::ZERO).unwrap();
        let answer =
            memory.answer(head.note().as_bytes(), Some(ledger.verifier()), &Shown::Nothing, &signer, TIME);
        let Answer::Cosigned(note) = answer.unwrap() else { panic!("it is the first checkpoint") };
        write("cosigned", &note);
        let vkey = ledger.verifier().to_string();
        let witness = Witness::new(&signer.name, &signer.key.public()).unwrap().to_string();
        Sample { folder, vkey, witness }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }
}

//! Cloudflare's `signed_note` and `tlog_tiles`, which its certificate-transparency logs run on.

use std::fs;
use std::path::PathBuf;

use data_encoding::BASE64;
use dyepack::keys::secret::SigningKey;
use dyepack::ledger::cosignature::Witness;
use dyepack::ledger::note::SignedNote;
use dyepack::ledger::proof::{Consistency, Inclusion};
use dyepack::ledger::tiles::decode_leaves;
use dyepack::ledger::{Verified, Verifier};
use ed25519_dalek::{Signature, VerifyingKey};
use signed_note::{Note, StandardSigner, StandardVerifier, VerifierList};
use tlog_tiles::{
    Checkpoint, Error, Hash, HashReader, Tile, TileHashReader, TileReader, check_record, check_tree,
    prove_record, prove_tree, record_hash, stored_hash_index, tree_hash,
};

use super::{INDEXES, ORIGIN, SECONDS, SIZES, Sample};

/// Tiles of 256, as C2SP cuts a tree.
const HEIGHT: u8 = 8;

/// Our folder as its reader of tiles.
struct Tiles(PathBuf);

impl TileReader for Tiles {
    fn height(&self) -> u8 {
        HEIGHT
    }

    fn read_tiles(&self, tiles: &[Tile]) -> Result<Vec<Vec<u8>>, Error> {
        // Its paths name the height first, which C2SP leaves out.
        let ours = |tile: &Tile| tile.path().replacen("tile/8/", "tile/", 1);
        Ok(tiles.iter().map(|tile| fs::read(self.0.join(ours(tile))).unwrap()).collect())
    }

    fn save_tiles(&self, _: &[Tile], _: &[Vec<u8>]) {}
}

/// `cosignature/v1` as its document has it; the crate leaves this kind to its users.
struct Cosigner {
    name: String,
    id: u32,
    key: VerifyingKey,
}

impl Cosigner {
    fn new(vkey: &str) -> Cosigner {
        let parts: Vec<&str> = vkey.splitn(3, '+').collect();
        let key = BASE64.decode(parts[2].as_bytes()).unwrap();
        assert_eq!(key[0], 4);
        let id = signed_note::key_id(parts[0], &key);
        assert_eq!(format!("{id:08x}"), parts[1]);
        let key = VerifyingKey::from_bytes(key[1..].try_into().unwrap()).unwrap();
        Cosigner { name: parts[0].to_owned(), id, key }
    }
}

impl signed_note::Verifier for Cosigner {
    fn name(&self) -> &str {
        &self.name
    }

    fn key_id(&self) -> u32 {
        self.id
    }

    fn verify(&self, text: &[u8], payload: &[u8]) -> bool {
        let (time, signature) = payload.split_first_chunk::<8>().unwrap();
        let time = u64::from_be_bytes(*time);
        let message = [format!("cosignature/v1\ntime {time}\n").as_bytes(), text].concat();
        time == SECONDS
            && self.key.verify_strict(&message, &Signature::from_slice(signature).unwrap()).is_ok()
    }
}

/// A checkpoint that its own reader of notes and checkpoints accepts.
fn checkpoint(note: &str, vkey: &str) -> Checkpoint {
    let note = Note::from_bytes(note.as_bytes()).unwrap();
    let known = VerifierList::new(vec![Box::new(StandardVerifier::new(vkey).unwrap())]);
    assert_eq!(note.verify(&known).unwrap().0.len(), 1);
    Checkpoint::from_bytes(note.text()).unwrap()
}

fn hashes(lines: &str) -> Vec<Hash> {
    lines.lines().map(|line| Hash::parse_hash(line).unwrap()).collect()
}

#[test]
fn its_reader_finds_the_tree_that_our_checkpoint_signs() {
    let sample = Sample::new();
    let head = checkpoint(&sample.text("current"), &sample.vkey);
    assert_eq!((head.origin(), head.size(), head.extension()), (ORIGIN, SIZES[1], ""));
    let tiles = Tiles(sample.path("ledger/log"));
    // Its reader checks each tile against the root before it gives a hash out of it.
    let reader = TileHashReader::new(head.size(), *head.hash(), &tiles);
    assert!(tree_hash(head.size(), &reader).unwrap() == *head.hash());
    let older = checkpoint(&sample.text("older"), &sample.vkey);
    assert!(tree_hash(older.size(), &reader).unwrap() == *older.hash());

    let mut index = 0;
    for bundle in ["000", "001", "002.p/101"] {
        let bytes = fs::read(sample.path("ledger/log/tile/entries").join(bundle)).unwrap();
        let (leaves, whole) = decode_leaves(&bytes);
        assert!(whole);
        for leaf in leaves {
            let stored = reader.read_hashes(&[stored_hash_index(0, index)]).unwrap();
            assert!(stored[0] == record_hash(leaf), "entry {index}");
            index += 1;
        }
    }
    assert_eq!(index, SIZES[1]);
}

#[test]
fn its_checks_hold_for_our_proofs_and_its_proofs_are_ours() {
    let sample = Sample::new();
    let head = checkpoint(&sample.text("current"), &sample.vkey);
    let older = checkpoint(&sample.text("older"), &sample.vkey);
    let tiles = Tiles(sample.path("ledger/log"));
    let reader = TileHashReader::new(head.size(), *head.hash(), &tiles);
    let verifier = Verifier::parse(&sample.vkey).unwrap();
    for index in INDEXES {
        let text = sample.text(&format!("{index}.tlog-proof"));
        let (lines, note) = text.split_once("\n\n").unwrap();
        let (start, lines) = lines.split_once(&format!("\nindex {index}\n")).unwrap();
        assert!(start.starts_with("c2sp.org/tlog-proof@v1\nextra "));
        assert_eq!(note, sample.text("current"));
        let proof = Inclusion::parse(text.as_bytes()).unwrap();
        let leaf = proof.leaf.clone().unwrap();
        check_record(&hashes(lines), head.size(), *head.hash(), index, record_hash(&leaf)).unwrap();
        assert!(
            check_record(&hashes(lines), head.size(), *head.hash(), index - 1, record_hash(&leaf)).is_err()
        );

        // A proof of the crate's, written by hand into our format, is one that we check.
        let made = prove_record(head.size(), index, &reader).unwrap();
        let made: String = made.iter().map(|hash| format!("{hash}\n")).collect();
        let theirs = format!("c2sp.org/tlog-proof@v1\nindex {index}\n{made}\n{note}");
        Inclusion::parse(theirs.as_bytes()).unwrap().check(&leaf, &verifier).unwrap();
    }
    let text = sample.text("request");
    let (lines, _) = text.split_once("\n\n").unwrap();
    let lines = lines.strip_prefix("old 300\n").unwrap();
    check_tree(&hashes(lines), head.size(), *head.hash(), older.size(), *older.hash()).unwrap();
    let made = prove_tree(head.size(), older.size(), &reader).unwrap();
    let made: String = made.iter().map(|hash| format!("{hash}\n")).collect();
    let theirs = format!("old 300\n{made}\n{}", sample.text("current"));
    let open = |name: &str| Verified::open(sample.text(name).as_bytes(), &verifier).unwrap();
    Consistency::parse(theirs.as_bytes()).unwrap().check(&open("older"), &open("current")).unwrap();
}

#[test]
fn cosignatures_stand_beside_its_signatures() {
    let sample = Sample::new();
    let note = Note::from_bytes(sample.text("cosigned").as_bytes()).unwrap();
    assert_eq!(note.to_bytes(), sample.text("cosigned").into_bytes());
    let known = VerifierList::new(vec![
        Box::new(StandardVerifier::new(&sample.vkey).unwrap()),
        Box::new(Cosigner::new(&sample.witness)),
    ]);
    let (verified, unverified) = note.verify(&known).unwrap();
    assert_eq!((verified.len(), unverified.len()), (2, 0));
}

#[test]
fn what_it_signs_we_read() {
    let (name, seed) = ("other.example/log", [5; 32]);
    let public = SigningKey::from_seed(&seed).public();
    let id = signed_note::key_id(name, &[&[1], &public[..]].concat());
    let secret = format!("PRIVATE+KEY+{name}+{id:08x}+{}", BASE64.encode(&[&[1], &seed[..]].concat()));
    let public = format!("{name}+{id:08x}+{}", BASE64.encode(&[&[1], &public[..]].concat()));
    let verifier = Verifier::parse(&public).unwrap();
    let root = Hash([7; 32]);
    let head = Checkpoint::new(name, 9, root, "").unwrap();
    let mut note = Note::new(&head.to_bytes(), &[]).unwrap();
    note.add_sigs(&[&StandardSigner::new(&secret).unwrap()]).unwrap();
    let read = Verified::open(&note.to_bytes(), &verifier).unwrap();
    assert_eq!((read.origin.as_str(), read.size, read.root), (name, 9, [7; 32]));
    let read = SignedNote::parse(&note.to_bytes()).unwrap();
    assert!(read.open(&verifier).is_ok());
    assert!(Witness::parse(&public).is_err(), "it does not cosign");
}

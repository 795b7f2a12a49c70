//! Proofs as files: that an entry is in a tree, and that one tree begins with another.
//!
//! **Idea.** Both end with the signed checkpoint of the tree that they lead to, so each can be checked without the log. The
//! first is a C2SP tlog-proof: a heading, the entry's number, the hashes, an empty line, the checkpoint. The second is what
//! C2SP tlog-witness sends to a witness: `old`, the smaller size, the hashes, an empty line, the checkpoint.
//!
//! **Invariant.** Both are canonical: rendering gives the bytes that were parsed.
//!
//! Sources: C2SP tlog-proof, <https://c2sp.org/tlog-proof>; tlog-witness, <https://c2sp.org/tlog-witness>, `add-checkpoint`.

use std::fmt::Write as _;

use data_encoding::BASE64;

use super::{
    checkpoint::{Checkpoint, Verified},
    cosignature::Quorum,
    merkle::{self, Hash, leaf_hash},
    note::{NOTE_LIMIT_BYTES, SignedNote, Verifier},
    reason::Reason,
    tiles::LEAF_LIMIT_BYTES,
};
use crate::error::Result;

const HEADING: &str = "c2sp.org/tlog-proof@v1";

/// Most hashes in a proof: a tree of 64-bit size is 64 levels high.
const HASHES_LIMIT: usize = 64;

/// Longest proof read, in bytes: a note, an entry in base64, and hashes of 45 bytes a line.
pub const PROOF_LIMIT_BYTES: u64 = NOTE_LIMIT_BYTES + 2 * LEAF_LIMIT_BYTES as u64 + 45 * HASHES_LIMIT as u64;

/// That an entry is in the tree of a checkpoint. Nothing of it has been checked yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inclusion {
    /// The entry's number, from 0.
    pub index: u64,
    /// The entry's own bytes, if they come along. The format leaves them open and unsigned; [`check`](Self::check) is what
    /// makes them sure.
    pub leaf: Option<Vec<u8>>,
    pub(super) hashes: Vec<Hash>,
    pub(super) note: String,
}

impl Inclusion {
    /// Reads a `.tlog-proof`.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let (head, note) = halves(bytes)?;
        let mut lines = head.lines();
        if lines.next() != Some(HEADING) {
            return Err(Reason::Proof("it does not begin with `c2sp.org/tlog-proof@v1`").into());
        }
        let mut line = lines.next().unwrap_or_default();
        let mut leaf = None;
        if let Some(extra) = line.strip_prefix("extra ") {
            let decoded = BASE64.decode(extra.as_bytes());
            leaf = Some(decoded.map_err(|_| Reason::Proof("what follows `extra` is not base64"))?);
            line = lines.next().unwrap_or_default();
        }
        let index = line.strip_prefix("index ").and_then(|number| number.parse().ok());
        let index = index.ok_or(Reason::Proof("it names no `index`"))?;
        let proof = Inclusion { index, leaf, hashes: hashes(lines)?, note: note.to_owned() };
        canonical(proof, bytes, Self::render)
    }

    /// The text of a `.tlog-proof`.
    pub fn render(&self) -> String {
        let mut text = format!("{HEADING}\n");
        if let Some(leaf) = &self.leaf {
            let _ = writeln!(text, "extra {}", BASE64.encode(leaf));
        }
        let _ = writeln!(text, "index {}", self.index);
        text + &rendered(&self.hashes) + "\n" + &self.note
    }

    /// Checks the checkpoint's signature, and that `leaf` is entry [`index`](Self::index) of its tree.
    ///
    /// # Errors
    /// `Integrity` if it does not hold.
    pub fn check(&self, leaf: &[u8], verifier: &Verifier) -> Result<Verified<Checkpoint>> {
        let checkpoint = Verified::open(self.note.as_bytes(), verifier)?;
        let hash = leaf_hash(leaf);
        if merkle::verify_inclusion(&hash, self.index, checkpoint.size, &self.hashes, &checkpoint.root) {
            Ok(checkpoint)
        } else {
            Err(Reason::ProofFails.into())
        }
    }

    /// Who of these witnesses cosigned the checkpoint, and when, in seconds since 1970.
    ///
    /// # Errors
    /// `Integrity` if they are fewer than the quorum, or if a line of one of them does not hold.
    pub fn check_witnessed(&self, quorum: &Quorum) -> Result<Vec<(String, u64)>> {
        quorum.check()?;
        let note = SignedNote::parse(self.note.as_bytes())?;
        let mut cosigned = Vec::new();
        for witness in quorum.keys() {
            cosigned.extend(witness.cosigned(&note)?.map(|time| (witness.name().to_owned(), time)));
        }
        if cosigned.len() < quorum.quorum as usize {
            return Err(Reason::NoQuorum { met: cosigned.len(), quorum: quorum.quorum }.into());
        }
        Ok(cosigned)
    }
}

/// That the tree of a checkpoint begins with a smaller one. Nothing of it has been checked yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consistency {
    /// Entries of the smaller tree.
    pub old: u64,
    pub(super) hashes: Vec<Hash>,
    pub(super) note: String,
}

impl Consistency {
    /// Reads the body of an `add-checkpoint` request.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let (head, note) = halves(bytes)?;
        let mut lines = head.lines();
        let old = lines.next().and_then(|line| line.strip_prefix("old ")?.parse().ok());
        let old = old.ok_or(Reason::Proof("it does not begin with `old` and a size"))?;
        let proof = Consistency { old, hashes: hashes(lines)?, note: note.to_owned() };
        canonical(proof, bytes, Self::render)
    }

    /// Whether a file is meant to be one: a checkpoint begins with its origin instead.
    pub fn is_meant(bytes: &[u8]) -> bool {
        bytes.starts_with(b"old ")
    }

    /// The body of an `add-checkpoint` request.
    pub fn render(&self) -> String {
        format!("old {}\n{}\n{}", self.old, rendered(&self.hashes), self.note)
    }

    /// The larger tree's checkpoint as it was signed, unchecked.
    pub fn note(&self) -> &str {
        &self.note
    }

    /// Checks that the tree of `new` begins with the tree of `old`.
    ///
    /// # Errors
    /// `Usage` if the proof is of another size than `old`, `Integrity` if it does not hold. The latter is no proof of a fork:
    /// anybody can make a proof that does not hold.
    pub fn check(&self, old: &Checkpoint, new: &Checkpoint) -> Result<()> {
        if self.old != old.size {
            return Err(Reason::OtherProof { old: old.size, proof: self.old }.into());
        }
        if merkle::verify_consistency(old.size, new.size, &old.root, &new.root, &self.hashes) {
            Ok(())
        } else {
            Err(Reason::ProofFails.into())
        }
    }
}

/// The lines before the first empty line with the line end of the last, and the checkpoint behind it.
fn halves(bytes: &[u8]) -> Result<(&str, &str), Reason> {
    if bytes.len() as u64 > PROOF_LIMIT_BYTES {
        return Err(Reason::Proof("longer than a proof can be"));
    }
    let text = str::from_utf8(bytes).map_err(|_| Reason::Proof("not UTF-8"))?;
    text.split_once("\n\n").ok_or(Reason::Proof("no empty line before the checkpoint"))
}

fn hashes<'a>(lines: impl Iterator<Item = &'a str>) -> Result<Vec<Hash>, Reason> {
    let mut hashes = Vec::new();
    for line in lines {
        let hash = BASE64.decode(line.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok());
        hashes.push(hash.ok_or(Reason::Proof("a hash is not 32 bytes of base64"))?);
        if hashes.len() > HASHES_LIMIT {
            return Err(Reason::Proof("more hashes than a tree has levels"));
        }
    }
    Ok(hashes)
}

fn rendered(hashes: &[Hash]) -> String {
    hashes.iter().map(|hash| BASE64.encode(hash) + "\n").collect()
}

fn canonical<P>(proof: P, bytes: &[u8], render: fn(&P) -> String) -> Result<P> {
    if render(&proof).as_bytes() == bytes {
        Ok(proof)
    } else {
        Err(Reason::Proof("not in canonical form").into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::{secret::SigningKey, signer::Signer};
    use crate::ledger::cosignature::{Witness, cosign};
    use crate::ledger::merkle::{Nodes, root_of};

    /// The example of C2SP tlog-proof; its signature lines are cut short there, and stand here as those of tlog-cosignature.
    const EXAMPLE: &str = "c2sp.org/tlog-proof@v1\n\
        extra YWdlLXYxLjIuMS1kYXJ3aW4tYXJtNjQudGFyLmd6kYXJ3aW4tYXJ\n\
        index 73894\n\
        gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=\n\
        B95lDa8R83lS8n0eG+o0buTxRKQTYFi//1U8anccXmA=\n\
        EKNzoDWG8LGC0Yp9o+sv3qllpMP9uHQ9B20KNL+Q1zs=\n\
        RoopEkOdqkYqMB4MJXrbt/hMjOxsVn0IrWjpz1ZMMes=\n\
        AHCioX9nLjsrse6YhjRRmk1WUEirVOLLRoOQ6vfO5vk=\n\n\
        example.com/fancylog\n109482\nsFodV/vSp5O8n9a8QpW6PRY97tfOSW5bsc2Xl/EQi08=\n\n\
        — witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n";

    /// The example request of C2SP tlog-witness.
    const REQUEST: &str = "old 20852014\n\
        PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=\n\
        jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=\n\
        5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=\n\
        /6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=\n\n\
        example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n\
        — example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n";

    struct Leaves(Vec<Hash>);

    impl Nodes for Leaves {
        fn node(&self, level: u8, index: u64) -> Result<Hash> {
            let first = (index << level) as usize;
            Ok(root_of(&self.0[first..first + (1 << level)]))
        }
    }

    #[test]
    fn the_c2sp_examples_read_back() {
        let proof = Inclusion::parse(EXAMPLE.as_bytes()).unwrap();
        assert_eq!((proof.index, proof.hashes.len(), proof.leaf.as_ref().unwrap().len()), (73_894, 5, 39));
        assert_eq!(proof.render(), EXAMPLE);
        assert!(SignedNote::parse(proof.note.as_bytes()).is_ok());
        let request = Consistency::parse(REQUEST.as_bytes()).unwrap();
        assert_eq!((request.old, request.hashes.len()), (20_852_014, 4));
        assert_eq!(request.render(), REQUEST);
        assert!(Consistency::is_meant(REQUEST.as_bytes()) && !Consistency::is_meant(EXAMPLE.as_bytes()));
    }

    #[test]
    fn every_bit_of_a_proof_counts() {
        let signer = SigningKey::from_seed(&[4; 32]);
        let verifier = Verifier::new("example.org/l", &signer.public()).unwrap();
        let leaves = Leaves((0..11_u64).map(|i| leaf_hash(&i.to_be_bytes())).collect());
        let head = |size| Checkpoint {
            origin: "example.org/l".into(),
            size,
            root: merkle::root(&leaves, size).unwrap(),
        };
        let new = head(11).sign(&signer).unwrap();
        let leaf = 4_u64.to_be_bytes();
        let proof = Inclusion {
            index: 4,
            leaf: Some(leaf.to_vec()),
            hashes: merkle::inclusion_proof(&leaves, 4, 11).unwrap(),
            note: new.note().to_owned(),
        };
        let text = proof.render();
        assert_eq!(Inclusion::parse(text.as_bytes()).unwrap(), proof);
        assert_eq!(proof.check(&leaf, &verifier).unwrap(), new);
        assert!(proof.check(&5_u64.to_be_bytes(), &verifier).is_err());
        for bit in 0..8 * text.len() {
            let mut bent = text.clone().into_bytes();
            bent[bit / 8] ^= 1 << (bit % 8);
            let checked =
                Inclusion::parse(&bent).and_then(|p| p.check(p.leaf.as_deref().unwrap_or(&leaf), &verifier));
            assert!(checked.is_err_and(|e| e.is_integrity()), "bit {bit}");
        }

        let witness = Signer { name: "w.example".into(), key: SigningKey::from_seed(&[5; 32]) };
        let key = Witness::new("w.example", &witness.key.public()).unwrap().to_string();
        let quorum = Quorum { quorum: 1, witnesses: vec![key] };
        assert!(proof.check_witnessed(&quorum).is_err_and(|e| e.is_integrity()));
        let mut note = SignedNote::parse(new.note().as_bytes()).unwrap();
        cosign(&mut note, &witness, 99).unwrap();
        let proof = Inclusion { note: note.render(), ..proof };
        assert_eq!(proof.check_witnessed(&quorum).unwrap(), [("w.example".to_owned(), 99)]);

        let bare = Inclusion { leaf: None, ..proof };
        assert!(!bare.render().contains("extra"));
        assert_eq!(Inclusion::parse(bare.render().as_bytes()).unwrap(), bare);

        let hashes = merkle::consistency_proof(&leaves, 6, 11).unwrap();
        let grown = Consistency { old: 6, hashes, note: new.note().to_owned() };
        assert_eq!(Consistency::parse(grown.render().as_bytes()).unwrap(), grown);
        grown.check(&head(6), &new).unwrap();
        assert!(grown.check(&head(7), &new).is_err_and(|e| !e.is_integrity()));
        let forged = Checkpoint { root: [1; 32], ..head(6) };
        assert!(grown.check(&forged, &new).is_err_and(|e| e.is_integrity()));
    }

    #[test]
    fn what_is_not_to_the_letter_is_refused() {
        for (from, to) in [
            ("@v1", "@v2"),
            ("index 73894", "index 073894"),
            ("index 73894", "index"),
            ("index 73894", "index +73894"),
            ("extra YWdl", "extra  YWdl"),
            ("gSKy", "gSK"),
            ("=\n\nexample", "=\nexample"),
        ] {
            assert!(EXAMPLE.contains(from));
            assert!(Inclusion::parse(EXAMPLE.replacen(from, to, 1).as_bytes()).is_err(), "{to}");
        }
        assert!(Consistency::parse(REQUEST.replace("old 2", "old 02").as_bytes()).is_err());
        let long = format!("old 1\n{}\nx\n", format!("{}\n", BASE64.encode(&[0; 32])).repeat(65));
        assert!(Consistency::parse(long.as_bytes()).is_err());
    }
}

//! Cosignatures: what a witness says of a checkpoint.
//!
//! **Idea.** A witness signs the text of somebody else's checkpoint, with a heading and the time, after it has seen that the
//! tree grew from the one that it signed before. The signature is one more line of the note: eight big-endian bytes of the
//! time in seconds since 1970, then 64 of Ed25519. The key's algorithm byte is 0x04, so its id differs from that of the same
//! key under 0x01.
//!
//! Source: C2SP tlog-cosignature, <https://c2sp.org/tlog-cosignature> (the Ed25519 type, `cosignature/v1`).

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde::{Deserialize, Serialize};

use super::{
    note::{SignedNote, Verifier},
    reason::Reason,
};
use crate::{
    error::{Error, Result},
    keys::signer::Signer,
};

/// The algorithm byte of timestamped Ed25519 cosignatures.
const COSIGNATURE: u8 = 4;

/// The public key of a witness, with the name that it cosigns under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witness(Verifier);

impl Witness {
    /// Names a 32-byte Ed25519 public key. The name is not empty and has no white space and no `+`.
    pub fn new(name: &str, public: &[u8; 32]) -> Result<Self> {
        Verifier::of_algorithm(COSIGNATURE, name, public).map(Witness)
    }

    /// Reads `name+hex8+base64(0x04 || public key)`, as [`Display`](fmt::Display) writes it.
    pub fn parse(text: &str) -> Result<Self> {
        Verifier::parse_as(COSIGNATURE, text).map(Witness)
    }

    /// The name that it cosigns under.
    pub fn name(&self) -> &str {
        self.0.name()
    }

    /// The key, as other verifiers compare it.
    pub(super) fn verifier(&self) -> &Verifier {
        &self.0
    }

    /// When this witness cosigned the note, in seconds since 1970, if it did; of several times the last.
    ///
    /// # Errors
    /// `Integrity` if a line bears its name and key id and does not hold.
    pub fn cosigned(&self, note: &SignedNote) -> Result<Option<u64>> {
        let mut last = None;
        for payload in note.signatures_of(&self.0) {
            let (time, signature) = cut(payload).ok_or(Reason::Signature)?;
            let message = message(time, note.unchecked_text());
            if !self.0.verifies(message.as_bytes(), signature) {
                return Err(Reason::Signature.into());
            }
            last = last.max(Some(time));
        }
        Ok(last)
    }

    /// Takes over this witness's cosignature of the same text, unless `note` has a later one; whether it did. The line in
    /// `from` must hold, see [`cosigned`](Self::cosigned).
    pub(super) fn carry(&self, from: &SignedNote, note: &mut SignedNote) -> Result<bool> {
        let new = self.cosigned(from)?;
        if new.is_none() || new <= self.cosigned(note)? {
            return Ok(false);
        }
        let lines = from.signatures_of(&self.0);
        let newest = lines.max_by_key(|payload| cut(payload).map(|(time, _)| time));
        newest.into_iter().for_each(|payload| note.set_signature(&self.0, payload));
        Ok(true)
    }
}

impl fmt::Display for Witness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Who is asked to cosign, and how many must have done so.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quorum {
    /// How many of them make a checkpoint a witnessed one.
    pub quorum: u32,
    /// Their keys, see [`Witness::parse`]. If there are none, nobody is asked.
    pub witnesses: Vec<String>,
}

impl Quorum {
    /// The keys. One that can't be read counts for nothing.
    pub fn keys(&self) -> Vec<Witness> {
        self.witnesses.iter().filter_map(|text| Witness::parse(text).ok()).collect()
    }

    /// Whether so many of them cosigned the note.
    pub fn is_met_by(&self, note: &SignedNote) -> bool {
        let cosigned =
            self.keys().into_iter().filter(|key| matches!(key.cosigned(note), Ok(Some(_)))).count();
        self.quorum > 0 && cosigned >= self.quorum as usize
    }

    /// Refuses what could not be met, or could be met by one witness alone that is named twice.
    pub(super) fn check(&self) -> Result<()> {
        let bad = |what: &str, hint| Err(Error::from(Reason::BadEntry(what.to_owned())).with_hint(hint));
        let keys = self.witnesses.iter().map(|text| Witness::parse(text)).collect::<Result<Vec<_>>>()?;
        let names: BTreeSet<_> = keys.iter().map(Witness::name).collect();
        let publics: BTreeSet<_> = keys.iter().map(|key| key.0.public()).collect();
        if names.len() < keys.len() || publics.len() < keys.len() {
            return bad("it names a witness twice", "each needs a name and a key of its own");
        }
        if self.quorum as usize > keys.len() || (self.quorum == 0 && !keys.is_empty()) {
            return bad(
                "its quorum is not between 1 and the number of witnesses",
                "name more witnesses, or a `--quorum` that those named can meet",
            );
        }
        Ok(())
    }
}

/// Who was asked to cosign in the course of a ledger, by the number of the entry that says so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Quorums(BTreeMap<u64, Quorum>);

impl Quorums {
    /// Takes over what entry `index` says.
    pub(super) fn insert(&mut self, index: u64, quorum: Quorum) {
        self.0.insert(index, quorum);
    }

    /// Whose cosignatures a checkpoint of `size` entries needs: what the last of these entries that speaks of it says. The tree
    /// itself names its witnesses, so a later change leaves an earlier checkpoint as witnessed as it was.
    pub fn at(&self, size: u64) -> Option<&Quorum> {
        self.0.range(..size).next_back().map(|(_, quorum)| quorum)
    }

    /// Whether a checkpoint of `size` entries with these signatures is witnessed.
    pub fn are_met_by(&self, size: u64, note: &SignedNote) -> bool {
        self.at(size).is_some_and(|quorum| quorum.is_met_by(note))
    }

    /// All witnesses that were ever asked, once each.
    pub fn witnesses(&self) -> Vec<Witness> {
        let mut all: Vec<Witness> = Vec::new();
        for key in self.0.values().flat_map(Quorum::keys) {
            if !all.contains(&key) {
                all.push(key);
            }
        }
        all
    }
}

/// Adds the signer's cosignature to a note, as of `time` in seconds since 1970. Whether the tree grew from the last one that the
/// signer saw is for [`super::witness`] to say.
pub(super) fn cosign(note: &mut SignedNote, signer: &Signer, time: u64) -> Result<()> {
    let witness = Witness::new(&signer.name, &signer.key.public())?;
    let signature = signer.key.sign(message(time, note.unchecked_text()).as_bytes());
    note.set_signature(&witness.0, &[&time.to_be_bytes()[..], &signature].concat());
    Ok(())
}

/// What is signed.
fn message(time: u64, text: &str) -> String {
    format!("cosignature/v1\ntime {time}\n{text}")
}

/// Time and signature of a line; the time is at most 2^63 - 1.
fn cut(payload: &[u8]) -> Option<(u64, &[u8; 64])> {
    let (time, signature) = payload.split_first_chunk::<8>()?;
    let time = u64::from_be_bytes(*time);
    Some((time, signature.try_into().ok()?)).filter(|_| i64::try_from(time).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::secret::SigningKey;

    /// A checkpoint of a public log of the certificate-transparency ecosystem, cosigned by public witnesses.
    const ARCHE: &str = "arche2025h1.staging.ct.transparency.dev\n1432088532\n\
        U7WM79jrzyhGZ5/GUBTpM7NzwdyfFx61t3RovgcC4Ro=\n\n\
        — arche2025h1.staging.ct.transparency.dev ui8GwCF1+kWqZrxGdhj4aX3gcw7XUlXQQabg/27lefwhUkzbC3NygNI75MdhL1bfTW9g8Ei59RA23oHP7Ry1k3ZFWwQ=\n\
        — remora.n621.de 2net5wAAAABqEiEgPlfF3V06o0Y+fHM+J5J9s27wgxxcOVSpZ/2g/KSiXCg9DEZI+aVCIobWX9sXTynk5XeU/zZ0WBxtqB0DrAWfBw==\n\
        — witness.stagemole.eu Z/euoAAAAABqEiEgw0i+7g2ENfDAWHmtRzCfKTHSDwYDJA2NmKeGi9Y8FtEyOUvVr+AJmIY/2TUFucgKi7lI7cUiOvKFYe/TmN9DAg==\n";
    const ARCHE_KEY: &str =
        "arche2025h1.staging.ct.transparency.dev+ba2f06c0+AU0vHmlGCS/PdN8b2OaGmKprLI8HKM+dJ472xgFYh15f";
    const REMORA: &str = "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2";

    fn note() -> SignedNote {
        SignedNote::parse(ARCHE.as_bytes()).unwrap()
    }

    #[test]
    fn a_cosignature_of_a_public_witness_holds() {
        assert!(note().open(&Verifier::parse(ARCHE_KEY).unwrap()).is_ok());
        let remora = Witness::parse(REMORA).unwrap();
        assert_eq!(remora.to_string(), REMORA);
        assert_eq!(remora.cosigned(&note()).unwrap(), Some(0x6a12_2120));
        assert!(Witness::parse(ARCHE_KEY).is_err() && Verifier::parse(REMORA).is_err());
        let line = ARCHE.find("— remora").unwrap();
        let end = line + ARCHE[line..].find('\n').unwrap();
        for at in (0..ARCHE.find("\n\n").unwrap()).chain(line..end) {
            let mut bent = ARCHE.as_bytes().to_vec();
            bent[at] ^= 1;
            if let Ok(note) = SignedNote::parse(&bent) {
                assert!(!matches!(remora.cosigned(&note), Ok(Some(_))), "byte {at}");
            }
        }
    }

    /// The example of C2SP tlog-cosignature, which comes without keys.
    #[test]
    fn the_c2sp_example_says_when() {
        let line = "jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==";
        let payload = data_encoding::BASE64.decode(line.as_bytes()).unwrap();
        assert_eq!(cut(&payload[4..]).unwrap().0, 1_679_315_147);
        let text = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
        assert_eq!(message(1_679_315_147, text), format!("cosignature/v1\ntime 1679315147\n{text}"));
    }

    #[test]
    fn a_quorum_counts_each_witness_once() {
        let signers = [1, 2, 3]
            .map(|seed| Signer { name: format!("w{seed}.example"), key: SigningKey::from_seed(&[seed; 32]) });
        let keys = signers.each_ref().map(|s| Witness::new(&s.name, &s.key.public()).unwrap().to_string());
        let quorum = Quorum { quorum: 2, witnesses: keys.to_vec() };
        quorum.check().unwrap();
        let mut cosigned = note();
        for (signer, is_met) in [(&signers[0], false), (&signers[0], false), (&signers[2], true)] {
            cosign(&mut cosigned, signer, 7).unwrap();
            assert_eq!(quorum.is_met_by(&cosigned), is_met);
        }
        let other_name = Witness::new("w9.example", &signers[0].key.public()).unwrap().to_string();
        for (quorum, witnesses) in [
            (4, keys.to_vec()),
            (0, keys.to_vec()),
            (1, vec![keys[0].clone(), keys[0].clone()]),
            (1, vec![keys[0].clone(), other_name]),
            (1, vec!["w".to_owned()]),
            (1, Vec::new()),
        ] {
            assert!(Quorum { quorum, witnesses }.check().is_err());
        }
        let nobody = Quorum::default();
        nobody.check().unwrap();
        assert!(!nobody.is_met_by(&cosigned));
    }

    #[test]
    fn every_bit_of_our_own_counts_and_the_last_time_stays() {
        let signer = Signer { name: "w.example".into(), key: SigningKey::from_seed(&[8; 32]) };
        let witness = Witness::new("w.example", &signer.key.public()).unwrap();
        let (mut early, mut late) = (note(), note());
        assert_eq!(witness.cosigned(&early).unwrap(), None);
        cosign(&mut early, &signer, 100).unwrap();
        cosign(&mut late, &signer, 200).unwrap();
        assert_eq!(witness.cosigned(&early).unwrap(), Some(100));
        let payload = early.signatures_of(&witness.0).next().unwrap().to_vec();
        for bit in 0..8 * payload.len() {
            let mut bent = payload.clone();
            bent[bit / 8] ^= 1 << (bit % 8);
            let mut note = note();
            note.set_signature(&witness.0, &bent);
            assert!(witness.cosigned(&note).is_err(), "bit {bit}");
        }
        let mut kept = note();
        for (from, is_newer) in [(&early, true), (&late, true), (&early, false), (&note(), false)] {
            assert_eq!(witness.carry(from, &mut kept).unwrap(), is_newer);
        }
        assert_eq!(witness.cosigned(&kept).unwrap(), Some(200));
        assert_eq!(kept.signature_count(), note().signature_count() + 1);
    }
}

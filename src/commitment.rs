//! Commitments: what binds the owner, before a copy is delivered, to the secrets that it was made with.
//!
//! A release entry holds three hashes ([`Commitment`]): of the recipient's codeword, of the biases of the code, and of the key
//! that places marks. In a dispute some of them are opened, so that a stranger sees that nothing was fitted to the leak. The
//! salts are derived from the marking secret, so nothing is stored and nothing can be lost apart from it.
//!
//! * **Codeword**: SHA-256 of a domain, dataset, recipient, epoch, length, 32 bytes of salt, and the bits.
//! * **Biases**: the root of a Merkle tree (RFC 6962) whose leaf `j` is a domain, `j`, the bias, and a salt of its own. So some
//!   positions can be shown while the others stay hidden. It is the same for all recipients of a dataset and epoch.
//! * **Carriers**: SHA-256 of a domain, dataset, epoch, salt and the carrier key.
//!
//! The bytes stand in `manual/dispute.md`, with the argument that this binds and hides.

use data_encoding::HEXLOWER;
use rayon::prelude::*;
use sha2::{Digest as _, Sha256};

use crate::keys::prf::{DerivedKey, Purpose};
use crate::keys::secret::MarkingSecret;
use crate::ledger::entry::Commitment;
use crate::ledger::merkle::{self, Hash, leaf_hash};
use crate::mark::code::{Code, Codeword, codeword_key};

/// The scheme that a commitment names.
pub const SCHEME: &str = "dyepack.commitment/1";

const CODEWORD_DOMAIN: &[u8] = b"dyepack.commitment/1 codeword\n";
const CARRIERS_DOMAIN: &[u8] = b"dyepack.commitment/1 carriers\n";

/// Short, so that a leaf is one block of SHA-256.
const BIAS_DOMAIN: &[u8] = b"dyepack bias/1\n";

/// Leaves that one thread hashes to a subtree.
const SUBTREE_LEAVES: usize = 1 << 12;

/// 32 bytes that only the owner can derive.
pub type Salt = [u8; 32];

/// What commitments are about: one marking of a dataset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subject<'a> {
    /// Dataset name.
    pub dataset: &'a str,
    /// Key epoch.
    pub epoch: u32,
    /// Positions of the code.
    pub code_length: u32,
}

/// The commitments for some recipients of one marking, in their order. What they share is computed once.
pub fn commit(secret: &MarkingSecret, subject: Subject, recipients: &[&str]) -> Vec<Commitment> {
    let Subject { dataset, epoch, code_length } = subject;
    let code = Code::new(secret, dataset, epoch, code_length);
    let biases = HEXLOWER.encode(&root_of(&bias_leaves(&code, &bias_salts(secret, subject))));
    let (salt, key) = carriers(secret, subject);
    let carriers = HEXLOWER.encode(&carriers_hash(subject, &salt, &key.disclose()));
    let of_one = |recipient: &&str| {
        let (salt, codeword) = codeword(secret, subject, &code, recipient);
        Commitment {
            scheme: SCHEME.to_owned(),
            code_length,
            codeword: HEXLOWER.encode(&codeword_hash(subject, recipient, &salt, &pack(&codeword))),
            biases: biases.clone(),
            carriers: carriers.clone(),
        }
    };
    recipients.par_iter().map(of_one).collect()
}

/// What opens the commitment to a codeword.
pub fn codeword(secret: &MarkingSecret, subject: Subject, code: &Code, recipient: &str) -> (Salt, Codeword) {
    let Subject { dataset, epoch, .. } = subject;
    let salt = DerivedKey::new(secret, Purpose::CodewordSalt, dataset, epoch, Some(recipient));
    (first_bytes(&salt), code.codeword(&codeword_key(secret, dataset, epoch, recipient)))
}

/// What opens the commitment to the carrier key.
pub fn carriers(secret: &MarkingSecret, subject: Subject) -> (Salt, DerivedKey) {
    let derived = |purpose| DerivedKey::new(secret, purpose, subject.dataset, subject.epoch, None);
    (first_bytes(&derived(Purpose::CarrierSalt)), derived(Purpose::Carrier))
}

/// The salts of all biases.
pub fn bias_salts(secret: &MarkingSecret, subject: Subject) -> Vec<Salt> {
    let Subject { dataset, epoch, code_length } = subject;
    let mut salts = vec![[0; 32]; code_length as usize];
    DerivedKey::new(secret, Purpose::BiasSalt, dataset, epoch, None).stream().fill(salts.as_flattened_mut());
    salts
}

/// The hashes of all leaves of the tree of biases.
pub fn bias_leaves(code: &Code, salts: &[Salt]) -> Vec<Hash> {
    let leaf = |(position, salt): (usize, &Salt)| {
        let position = position as u32;
        bias_leaf(position, code.threshold(position), salt)
    };
    salts.par_iter().enumerate().with_min_len(SUBTREE_LEAVES).map(leaf).collect()
}

/// The root of the tree over these leaves.
pub fn root_of(leaves: &[Hash]) -> Hash {
    // Subtrees of a power of two are subtrees of the whole, so their roots add up to its root.
    let subtrees: Vec<Hash> = leaves.par_chunks(SUBTREE_LEAVES).map(merkle::root_of).collect();
    merkle::root_of(&subtrees)
}

/// The hash of one leaf of the tree of biases; `threshold` is the bias times 2^16.
pub fn bias_leaf(position: u32, threshold: u16, salt: &Salt) -> Hash {
    let mut leaf = [0; BIAS_DOMAIN.len() + 4 + 2 + 32];
    let parts = [BIAS_DOMAIN, &position.to_be_bytes(), &threshold.to_be_bytes(), salt];
    let mut rest = &mut leaf[..];
    for part in parts {
        let (here, after) = rest.split_at_mut(part.len());
        here.copy_from_slice(part);
        rest = after;
    }
    leaf_hash(&leaf)
}

/// The commitment to the codeword whose bits are packed as [`pack`] does.
pub fn codeword_hash(subject: Subject, recipient: &str, salt: &Salt, bits: &[u8]) -> Hash {
    let hash = named(CODEWORD_DOMAIN, &[subject.dataset, recipient]);
    let hash = hash.chain_update(subject.epoch.to_be_bytes()).chain_update(subject.code_length.to_be_bytes());
    hash.chain_update(salt).chain_update(bits).finalize().into()
}

/// The commitment to a carrier key.
pub fn carriers_hash(subject: Subject, salt: &Salt, key: &[u8; 32]) -> Hash {
    let hash = named(CARRIERS_DOMAIN, &[subject.dataset]).chain_update(subject.epoch.to_be_bytes());
    hash.chain_update(salt).chain_update(key).finalize().into()
}

/// The bits of a codeword, eight a byte: position `j` is bit `j % 8`, from the lowest, of byte `j / 8`.
pub fn pack(codeword: &Codeword) -> Vec<u8> {
    let mut bytes = vec![0; codeword.len().div_ceil(8)];
    for position in 0..codeword.len() as u32 {
        bytes[position as usize / 8] |= u8::from(codeword.bit(position)) << (position % 8);
    }
    bytes
}

/// The bit of a packed codeword at a position that it has.
pub fn bit(packed: &[u8], position: u32) -> bool {
    packed[position as usize / 8] >> (position % 8) & 1 == 1
}

/// A hash that has begun with the domain and the names, each after its length in four bytes.
fn named(domain: &[u8], names: &[&str]) -> Sha256 {
    names.iter().fold(Sha256::new_with_prefix(domain), |hash, name| {
        hash.chain_update((name.len() as u32).to_be_bytes()).chain_update(name)
    })
}

fn first_bytes(key: &DerivedKey) -> Salt {
    let mut salt = [0; 32];
    key.stream().fill(&mut salt);
    salt
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUBJECT: Subject = Subject { dataset: "encounters", epoch: 1, code_length: 1_024 };

    fn secret() -> MarkingSecret {
        MarkingSecret::from_bytes([5; 32])
    }

    fn commitment(subject: Subject, recipient: &str) -> Commitment {
        commit(&secret(), subject, &[recipient]).remove(0)
    }

    #[test]
    fn what_all_recipients_share_is_shared_and_nothing_else() {
        let [acme, bob] = &commit(&secret(), SUBJECT, &["acme", "bob"])[..] else { panic!("two of them") };
        assert_eq!((&acme.biases, &acme.carriers), (&bob.biases, &bob.carriers));
        assert_ne!(acme.codeword, bob.codeword);
        assert_eq!(*acme, commitment(SUBJECT, "acme"), "a second copy says the same");
        for other in [
            Subject { dataset: "claims", ..SUBJECT },
            Subject { epoch: 2, ..SUBJECT },
            Subject { code_length: 2_048, ..SUBJECT },
        ] {
            let other = commitment(other, "acme");
            assert_ne!(acme.codeword, other.codeword);
            assert_ne!(acme.biases, other.biases);
        }
        assert_ne!(acme.carriers, commitment(Subject { epoch: 2, ..SUBJECT }, "acme").carriers);
    }

    #[test]
    fn a_commitment_opens_with_what_was_committed_to() {
        let made = commitment(SUBJECT, "acme");
        let code = Code::new(&secret(), SUBJECT.dataset, SUBJECT.epoch, SUBJECT.code_length);
        let (salt, codeword) = codeword(&secret(), SUBJECT, &code, "acme");
        let packed = pack(&codeword);
        assert!((0..1_024).all(|j| bit(&packed, j) == codeword.bit(j)));
        assert_eq!(HEXLOWER.encode(&codeword_hash(SUBJECT, "acme", &salt, &packed)), made.codeword);
        let (salt, key) = carriers(&secret(), SUBJECT);
        assert_eq!(HEXLOWER.encode(&carriers_hash(SUBJECT, &salt, &key.disclose())), made.carriers);
    }

    #[test]
    fn every_bit_of_what_is_opened_counts() {
        let code = Code::new(&secret(), SUBJECT.dataset, SUBJECT.epoch, SUBJECT.code_length);
        let (salt, codeword) = codeword(&secret(), SUBJECT, &code, "acme");
        let packed = pack(&codeword);
        let right = codeword_hash(SUBJECT, "acme", &salt, &packed);
        for flipped in 0..8 * packed.len() {
            let mut other = packed.clone();
            other[flipped / 8] ^= 1 << (flipped % 8);
            assert_ne!(codeword_hash(SUBJECT, "acme", &salt, &other), right);
        }
        let leaf = bias_leaf(7, 655, &salt);
        for flipped in 0..256 {
            let mut other = salt;
            other[flipped / 8] ^= 1 << (flipped % 8);
            assert_ne!(codeword_hash(SUBJECT, "acme", &other, &packed), right);
            assert_ne!(bias_leaf(7, 655, &other), leaf);
            assert_ne!(carriers_hash(SUBJECT, &other, &salt), carriers_hash(SUBJECT, &salt, &salt));
            assert_ne!(carriers_hash(SUBJECT, &salt, &other), carriers_hash(SUBJECT, &salt, &salt));
        }
        for flipped in 0..16 {
            assert_ne!(bias_leaf(7, 655 ^ 1 << flipped, &salt), leaf);
            assert_ne!(bias_leaf(7 ^ 1 << flipped, 655, &salt), leaf);
        }
        // What follows a name can't pass for its end.
        let moved = Subject { dataset: "encounter", ..SUBJECT };
        assert_ne!(codeword_hash(moved, "sacme", &salt, &packed), right);
    }

    /// The bytes are part of the format.
    #[test]
    fn the_hashes_are_those_of_plain_concatenations() {
        let (salt, bits) = ([9; 32], [0xa5; 128]);
        let plain = [
            &b"dyepack.commitment/1 codeword\n\x00\x00\x00\x0aencounters\x00\x00\x00\x04acme"[..],
            &[0, 0, 0, 1, 0, 0, 4, 0],
            &salt,
            &bits,
        ];
        assert_eq!(codeword_hash(SUBJECT, "acme", &salt, &bits)[..], Sha256::digest(plain.concat())[..]);
        let plain = [
            &b"dyepack.commitment/1 carriers\n\x00\x00\x00\x0aencounters"[..],
            &[0, 0, 0, 1],
            &salt,
            &[7; 32],
        ];
        assert_eq!(carriers_hash(SUBJECT, &salt, &[7; 32])[..], Sha256::digest(plain.concat())[..]);
        let plain = [&b"\0dyepack bias/1\n"[..], &[0, 0, 1, 2], &[0x80, 1], &salt];
        assert_eq!(bias_leaf(258, 0x8001, &salt)[..], Sha256::digest(plain.concat())[..]);
    }

    #[test]
    fn the_root_of_parts_is_the_root() {
        for count in [1, 1_024, SUBTREE_LEAVES, 3 * SUBTREE_LEAVES + 5] {
            let leaves: Vec<Hash> = (0..count as u32).map(|j| bias_leaf(j, 1, &[0; 32])).collect();
            assert_eq!(root_of(&leaves), merkle::root_of(&leaves), "{count}");
        }
    }
}

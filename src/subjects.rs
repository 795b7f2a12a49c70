//! Whose data a release holds: a set of keyed hashes, in which one person can be looked up and nobody can be read.
//!
//! The policy names the column with the id of the data subject. Of each row the canonical form of that cell (the same as of a key
//! cell, so spellings that are one key are one subject) is hashed under a key that hangs on the secret and its epoch, but not on
//! the dataset: a subject is found in whatever was released of it. Whoever has the set without the secret learns how many
//! subjects it has, and how many of them are also in another set; not who they are.
//!
//! Eight bytes of a hash are kept. A set of `n` subjects holds a stranger's hash with a chance of `n / 2^64`: with ten million
//! subjects, once in two trillion look-ups.

use crate::error::{Class, Reason, Result};
use crate::keys::prf::{DerivedKey, Purpose};
use crate::keys::secret::MarkingSecret;
use crate::table::value;

/// What a stored set begins with: two words, as everything after it is in words.
const MAGIC: [Word; 2] = [*b"dyepack.", *b"subject1"];

/// The magic and the number of hashes.
const HEAD_WORDS: usize = MAGIC.len() + 1;

/// A set is sorted when so many new hashes have come, or a quarter of those that there are.
const FEWEST_NEW: usize = 1 << 16;

/// Eight bytes of a hash, or a number, big-endian: so words compare as the numbers do.
type Word = [u8; 8];

#[derive(Debug, thiserror::Error)]
enum SubjectsError {
    #[error("a stored set of subjects can't be read: {0}")]
    Malformed(&'static str),
}

impl Reason for SubjectsError {
    fn class(&self) -> Class {
        Class::Integrity
    }
}

/// Whether a cell says that there is no subject: it is empty, or spells "no value".
pub fn is_nobody(cell: &[u8]) -> bool {
    value::is_missing(cell)
}

/// The hash of one subject under one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subject(Word);

/// Hashes the ids of subjects.
pub struct Hasher {
    key: DerivedKey,
}

impl Hasher {
    /// The hasher of all datasets in a key epoch.
    pub fn new(secret: &MarkingSecret, epoch: u32) -> Hasher {
        Hasher { key: DerivedKey::new(secret, Purpose::Subject, "", epoch, None) }
    }

    /// The subject of a cell; `None` if the cell says that there is none. `buffer` is scratch.
    pub fn subject(&self, cell: &[u8], buffer: &mut Vec<u8>) -> Option<Subject> {
        if is_nobody(cell) {
            return None;
        }
        buffer.clear();
        value::identity(cell, buffer);
        let mut word = Word::default();
        self.key.extend(buffer, &mut word);
        Some(Subject(word))
    }
}

/// Gathers the subjects of a table, or of one table after another.
///
/// Memory: 8 bytes for each distinct subject, and for a quarter more or 65,536 hashes that are not sorted in yet.
#[derive(Default)]
pub struct Collector {
    /// The first `sorted` are in order and distinct.
    words: Vec<Word>,
    sorted: usize,
}

impl Collector {
    /// Adds subjects, some of which may be known, and leaves none in `batch`.
    pub fn add(&mut self, batch: &mut Vec<Subject>) {
        let limit = self.sorted + FEWEST_NEW.max(self.sorted / 4);
        // What is needed until the next sorting; vectors would double.
        self.words.reserve_exact((limit + batch.len()).saturating_sub(self.words.len()));
        self.words.extend(batch.drain(..).map(|subject| subject.0));
        if self.words.len() >= limit {
            self.sort();
        }
    }

    fn sort(&mut self) {
        self.words.sort_unstable();
        self.words.dedup();
        self.sorted = self.words.len();
    }

    /// The set.
    pub fn finish(mut self) -> Subjects {
        self.sort();
        let count = (self.words.len() as u64).to_be_bytes();
        self.words.reserve_exact(HEAD_WORDS);
        self.words.splice(0..0, MAGIC.into_iter().chain([count]));
        Subjects { words: self.words }
    }
}

/// The subjects of a release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subjects {
    /// The stored form: magic, count, and then the hashes, sorted and distinct.
    words: Vec<Word>,
}

impl Subjects {
    /// The stored form; see `formats.md`.
    pub fn as_bytes(&self) -> &[u8] {
        self.words.as_flattened()
    }

    /// Reads the stored form.
    ///
    /// # Errors
    /// `Integrity` if it is no set: a look-up in it could miss somebody.
    pub fn from_bytes(bytes: &[u8]) -> Result<Subjects> {
        let malformed = |what| Err(SubjectsError::Malformed(what).into());
        let (words, rest) = bytes.as_chunks::<8>();
        if !rest.is_empty() || words.len() < HEAD_WORDS || words[..MAGIC.len()] != MAGIC {
            return malformed("its beginning is unknown, or its end is missing");
        }
        let (head, hashes) = words.split_at(HEAD_WORDS);
        if u64::from_be_bytes(head[HEAD_WORDS - 1]) != hashes.len() as u64 {
            return malformed("it does not have as many hashes as it says");
        }
        if !hashes.is_sorted_by(|a, b| a < b) {
            return malformed("its hashes are not in order");
        }
        Ok(Subjects { words: words.to_vec() })
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.words.len() - HEAD_WORDS
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether it has this one.
    pub fn contains(&self, subject: Subject) -> bool {
        self.words[HEAD_WORDS..].binary_search(&subject.0).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hasher(epoch: u32) -> Hasher {
        Hasher::new(&MarkingSecret::from_bytes([9; 32]), epoch)
    }

    fn subject(id: &str) -> Subject {
        hasher(1).subject(id.as_bytes(), &mut Vec::new()).unwrap()
    }

    fn set(ids: &[&str]) -> Subjects {
        let mut collector = Collector::default();
        collector.add(&mut ids.iter().map(|id| subject(id)).collect());
        collector.finish()
    }

    #[test]
    fn spellings_of_one_key_are_one_subject() {
        for other in ["P-17", " p-17 ", "Ｐ-１７"] {
            assert_eq!(subject(other), subject("p-17"), "{other}");
        }
        assert_eq!(subject("00012"), subject("12.0"));
        assert_ne!(subject("12"), subject("13"));
        assert_ne!(hasher(2).subject(b"12", &mut Vec::new()), Some(subject("12")), "epochs differ");
        for nothing in ["", "  ", "NA", "null", "-"] {
            assert_eq!(hasher(1).subject(nothing.as_bytes(), &mut Vec::new()), None, "{nothing:?}");
        }
    }

    #[test]
    fn the_stored_form_is_magic_count_and_sorted_hashes() {
        let set = set(&["b", "a", "b", "c"]);
        let bytes = set.as_bytes();
        assert_eq!(&bytes[..16], b"dyepack.subject1");
        assert_eq!(bytes[16..24], 3_u64.to_be_bytes());
        let hashes: Vec<u64> =
            bytes[24..].chunks(8).map(|word| u64::from_be_bytes(word.try_into().unwrap())).collect();
        assert!(hashes.len() == 3 && hashes.is_sorted());
        assert_eq!(Subjects::from_bytes(bytes).unwrap(), set);
        assert_eq!(Subjects::from_bytes(Collector::default().finish().as_bytes()).unwrap().len(), 0);
    }

    #[test]
    fn who_is_in_it_is_found_and_nobody_else() {
        let ids: Vec<String> = (0..500).map(|i| format!("p{i}")).collect();
        let set = set(&ids.iter().map(String::as_str).collect::<Vec<_>>());
        assert!(ids.iter().all(|id| set.contains(subject(id))));
        assert!((500..2_000).all(|i| !set.contains(subject(&format!("p{i}")))));
    }

    #[test]
    fn the_order_and_the_parts_make_no_difference() {
        // Several times what is sorted at once, with repeats between the parts.
        let word = |i: u64| Subject((i.wrapping_mul(0x9e37_79b9_7f4a_7c15) % 200_000).to_be_bytes());
        let (mut parts, mut whole) = (Collector::default(), Collector::default());
        for part in 0..90 {
            parts.add(&mut (part * 4_000..(part + 1) * 4_000).map(word).collect());
        }
        whole.add(&mut (0..360_000).rev().map(word).collect());
        let distinct: std::collections::BTreeSet<Word> = (0..360_000).map(|i| word(i).0).collect();
        let (parts, whole) = (parts.finish(), whole.finish());
        assert!(parts == whole && parts.words[HEAD_WORDS..].iter().eq(&distinct));
    }

    #[test]
    fn repeats_take_no_memory() {
        let mut collector = Collector::default();
        for _ in 0..100 {
            collector.add(&mut (0..10_000_u64).map(|i| Subject(i.to_be_bytes())).collect());
        }
        assert!(collector.words.capacity() < 3 * FEWEST_NEW, "{}", collector.words.capacity());
        assert_eq!(collector.finish().len(), 10_000);
    }

    #[test]
    fn what_is_no_set_is_refused() {
        let set = set(&["a", "b", "c"]);
        let good = set.as_bytes();
        let mut bad =
            vec![good[..good.len() - 1].to_vec(), good[..good.len() - 8].to_vec(), good[8..].to_vec()];
        bad.extend([Vec::new(), good[..16].to_vec(), [good, &[0; 8]].concat()]);
        let mut swapped = good.to_vec();
        swapped[24..40].rotate_left(8);
        bad.push(swapped);
        let mut twice = good.to_vec();
        twice.copy_within(24..32, 32);
        bad.push(twice);
        for bytes in bad {
            assert!(Subjects::from_bytes(&bytes).unwrap_err().is_integrity());
        }
    }
}

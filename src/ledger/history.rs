//! A log and its past: which earlier heads it grew from, and the proofs of it.
//!
//! **Idea.** Every tree that the log ever had is the beginning of the one that stands in the files, so an earlier head is right
//! if its root can be computed from them. A head that was signed by the log's key and is not right is a [`Fork`]: one key has
//! signed two histories, and the two notes together prove it to everybody.
//!
//! [`Published`] is the folder `log/` in somebody else's hands, checked with the verifier key alone.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use super::{
    checkpoint::{Checkpoint, Verified},
    entry,
    log::{CHECKPOINT_FILE, Ledger, read_checkpoint},
    merkle,
    note::Verifier,
    proof::{Consistency, Inclusion},
    reason::Reason,
    tree::Tree,
    verify::Seen,
};
use crate::error::{Error, Result};

/// Two heads that one key signed, of which one is not the beginning of the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fork {
    /// The head that was held before.
    pub ours: Verified<Checkpoint>,
    /// The head that turned up.
    pub theirs: Verified<Checkpoint>,
    /// The held tree lacks entries that the other one has: it was put back to an older state. Whether the two agree as far as
    /// both go can't be told from it.
    pub is_loss: bool,
}

impl Fork {
    /// The fork as an error, of class `Integrity`.
    pub fn error(&self) -> Error {
        if self.is_loss {
            return Reason::Lost { held: self.ours.size, signed: self.theirs.size }.into();
        }
        Reason::Forked.into()
    }
}

/// A head with the tree that it signs.
pub struct History<'a> {
    /// The signed head.
    pub head: &'a Verified<Checkpoint>,
    pub(super) tree: &'a Tree,
}

impl History<'_> {
    /// Whether the tree begins with the tree of `earlier`. One that has more entries is never a beginning.
    ///
    /// # Errors
    /// `Integrity` if the files are not those of the head's tree; then nothing is known of `earlier`.
    pub fn contains(&self, earlier: &Checkpoint) -> Result<bool> {
        let (size, head) = (earlier.size, self.head);
        if size > head.size || earlier.origin != head.origin {
            return Ok(false);
        }
        let root = merkle::root(self.tree, size)?;
        let proof = merkle::consistency_proof(self.tree, size, head.size)?;
        if !merkle::verify_consistency(size, head.size, &root, &head.root, &proof) {
            return Err(Reason::Root.into());
        }
        Ok(root == earlier.root)
    }

    /// The fork with a head that the log did not grow from; `None` if it did.
    pub fn fork_with(&self, theirs: &Verified<Checkpoint>) -> Result<Option<Fork>> {
        if self.contains(theirs)? {
            return Ok(None);
        }
        let is_loss = theirs.size > self.head.size;
        Ok(Some(Fork { ours: self.head.clone(), theirs: theirs.clone(), is_loss }))
    }

    /// Refuses a head that the log did not grow from.
    pub fn check_contains(&self, earlier: &Verified<Checkpoint>) -> Result<()> {
        self.fork_with(earlier)?.map_or(Ok(()), |fork| Err(fork.error()))
    }

    /// The proof that the tree of `new`, which this history must contain, begins with the tree of `old` entries.
    pub fn consistency(&self, old: u64, new: &Verified<Checkpoint>) -> Result<Consistency> {
        self.check_contains(new)?;
        if old > new.size {
            return Err(Reason::NoPrefix { old, size: new.size }.into());
        }
        let hashes = merkle::consistency_proof(self.tree, old, new.size)?;
        Ok(Consistency { old, hashes, note: new.note().to_owned() })
    }

    /// The proof that entry `index` is in the tree of `head`, which this history must contain. `with_leaf` puts the entry's
    /// bytes into it.
    pub fn inclusion(&self, index: u64, head: &Verified<Checkpoint>, with_leaf: bool) -> Result<Inclusion> {
        if index >= head.size {
            return Err(Reason::NoEntry { index, size: head.size }.into());
        }
        self.check_contains(head)?;
        let (leaf, hash) = self.tree.leaf(index)?;
        let hashes = merkle::inclusion_proof(self.tree, index, head.size)?;
        if !merkle::verify_inclusion(&hash, index, head.size, &hashes, &head.root) {
            let what = "it is not in the tree that the checkpoint signs".to_owned();
            return Err(Reason::Entry { index, what }.into());
        }
        Ok(Inclusion { index, leaf: with_leaf.then_some(leaf), hashes, note: head.note().to_owned() })
    }
}

impl Ledger {
    /// The ledger's log and its past.
    pub fn history(&self) -> History<'_> {
        History { head: &self.checkpoint, tree: &self.tree }
    }
}

/// The folder `log/` of a ledger, or a copy of it: `checkpoint` and `tile/`, as they are published. Nothing is written.
pub struct Published {
    verifier: Verifier,
    head: Verified<Checkpoint>,
    tree: Tree,
}

/// What was checked of a published log, and found right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishedVerification {
    /// Number of entries.
    pub size: u64,
    /// How many of them were pruned: their hashes alone are there.
    pub pruned: u64,
    /// Root of the tree, 64 hex digits.
    pub root_hex: String,
    /// Entries by kind; those of later versions under `unknown`.
    pub kinds: BTreeMap<String, u64>,
}

impl Published {
    /// Opens the log in `folder`: checks the checkpoint's signature, and that the tiles' right edge gives its root.
    pub fn open(folder: &Path, verifier: Verifier) -> Result<Published> {
        let head = read_checkpoint(&folder.join(CHECKPOINT_FILE), |bytes| Verified::open(bytes, &verifier))?;
        let tree = Tree::published(PathBuf::from(folder), head.size);
        if tree.root()? != head.root {
            return Err(Reason::Root.into());
        }
        Ok(Published { verifier, head, tree })
    }

    /// The key that the log is signed with.
    pub fn verifier(&self) -> &Verifier {
        &self.verifier
    }

    /// The log and its past.
    pub fn history(&self) -> History<'_> {
        History { head: &self.head, tree: &self.tree }
    }

    /// Checks every entry: its bytes against the tree, its form, its signature, and what it says of earlier ones. The first
    /// one that is wrong is named. Policies and sketches, which are not published, are left out.
    pub fn verify(&self) -> Result<PublishedVerification> {
        let mut seen = Seen::default();
        let read = |leaf: &[u8]| entry::read_signed(leaf, &self.verifier);
        self.tree.walk(&self.head.root, read, |index, entry| {
            seen.check(index, entry, &self.verifier, None, None)
                .map_err(|what| Reason::Entry { index, what }.into())
        })?;
        seen.check_missing()?;
        seen.prunings.check_published(&self.tree, self.head.size)?;
        let pruned = self.head.size - seen.entries;
        Ok(PublishedVerification {
            pruned,
            size: self.head.size,
            root_hex: self.head.root_hex(),
            kinds: seen.kinds,
        })
    }
}

//! The ledger: an append-only, signed record of every release, that an auditor checks with somebody else's tool.
//!
//! **Idea.** The entries are the leaves of a Merkle tree (RFC 6962). Its root is signed as a C2SP checkpoint, and the
//! tree is kept on disk as C2SP tlog-tiles, so that the folder `log/` can be published as it is. The tiles are the
//! evidence; sled is an index over them that can be rebuilt at any time.
//!
//! Files of a ledger folder:
//!
//! | path | what |
//! | --- | --- |
//! | `ledger.vkey` | the verifier key, which makes the folder a ledger |
//! | `log/checkpoint`, `log/tile/…` | the published log |
//! | `blob/<blake3>` | policy texts, sketches and recipients' names, by hash |
//! | `heads/`, `forks/` | checkpoints with cosignatures and timestamps; heads of other histories |
//! | `kept/<bundle>` | what is left of a pruned bundle of entries |
//! | `index/`, `index.seal` | sled, and the digest of its files at the last clean close |
//! | `stage` | an append under way, durable but not yet spread over the other files |
//! | `lock` | held by the one process that has the ledger open |
//!
//! **Invariants.**
//! * Bytes are hashed and signed as stored, never a re-serialisation.
//! * Every stored text is canonical: what was parsed, rendered again, gives the stored bytes.
//! * Nothing is read that the signed root does not cover; sled only says where to look.
//! * No clock, no randomness and no secret is in here: times and origin are arguments.
//!
//! Bottom up: [`merkle`] hashes, [`note`] and [`checkpoint`] sign, [`tiles`] and `tree` store, [`entry`] says what is
//! recorded, `blobs`, `store`, `seal`, `index`, `stage` and `lock` hold the rest, [`log`] is the ledger, and
//! [`mod@verify`] checks all of it, [`statement`] is what others sign, and [`registry`] what the entries add up to. What has to
//! be forgotten goes in [`personal`] and [`prune`].
//!
//! For others: [`cosignature`] and [`proof`] are what witnesses sign and auditors check, [`history`] knows an earlier head from
//! a fork, [`heads`] keeps what was cosigned and timestamped ([`timestamp`]), and [`witness`] is the other side.
//!
//! Sources: RFC 6962 section 2.1; C2SP [signed-note], [tlog-checkpoint] and [tlog-tiles].
//!
//! [signed-note]: https://c2sp.org/signed-note
//! [tlog-checkpoint]: https://c2sp.org/tlog-checkpoint
//! [tlog-tiles]: https://c2sp.org/tlog-tiles

mod append;
mod blobs;
pub mod checkpoint;
pub mod cosignature;
pub mod day;
mod disk;
pub mod entry;
pub mod heads;
pub mod history;
mod index;
mod lock;
pub mod log;
pub mod merkle;
pub mod note;
pub mod personal;
pub mod proof;
pub mod prune;
mod reason;
pub mod registry;
mod seal;
mod stage;
pub mod statement;
mod store;
pub mod subset;
#[cfg(test)]
mod tests;
pub mod tiles;
pub mod timestamp;
mod tree;
pub mod verify;
pub mod witness;

pub use checkpoint::{Checkpoint, Verified};
pub use day::Day;
pub use entry::{Entry, Event, Facts, Output, Recipient, Release, Source};
pub use log::{Ledger, Recorded, reindex};
pub use note::Verifier;
pub use registry::Registry;
pub use verify::{Verification, verify};

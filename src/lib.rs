//! Marks every copy of a dataset that leaves the house, so that a leaked copy names the partner it was given to.
//!
//! The owner of a table gives copies to several *recipients*. [`stamp`] makes a copy for each: a few cells, chosen by a
//! secret key, are moved by the smallest step that the dataset's [policy](mark::policy) allows, so that together they spell
//! the recipient's own codeword. When rows of some copy turn up, [`mod@trace`] reads the codeword back and says whose copy it
//! was, with a proven bound on the probability of naming an innocent recipient. The [`ledger`] keeps, signed, what was given
//! to whom.
//!
//! The evidence identifies a copy, not a person.
//!
//! # Stamp and trace in memory
//!
//! ```
//! use dyepack::demo::{DEMO_KEYRING, HOSPITAL_POLICY, hospital};
//! use dyepack::evidence::verdict::Verdict;
//! use dyepack::keys::keyring::Keyring;
//! use dyepack::mark::policy::Policy;
//! use dyepack::stamp::engine::{self, Marking};
//! use dyepack::trace::{self, Case, Reading, Suspect};
//!
//! let keys = Keyring::open(DEMO_KEYRING, || Ok(None))?; // public keys, for demonstrations alone
//! let policy = Policy::parse(HOSPITAL_POLICY)?;
//! let mut table = Vec::new();
//! hospital::write(1_000, 7, &mut table)?;
//!
//! let marking = Marking { secret: &keys.marking, policy: &policy, slots: &[], epoch: 1, recipients: &["acme"], model: None };
//! let mut copy = Vec::new();
//! let stamped = engine::stamp(&table[..], &mut copy, &marking, &Default::default())?;
//!
//! let leak: Vec<u8> = copy.split_inclusive(|&byte| byte == b'\n').take(501).flatten().copied().collect();
//! let releases = vec![stamped.known_as("2026-01-acme", "acme", "2026-01-05T09:00:00Z")];
//! let readings = [Reading { policy, slots: Vec::new(), epoch: 1, releases, model: None }];
//! let suspects = ["acme", "borealis", "cedar"].map(|id| Suspect { id: id.into(), name: None });
//! let case = Case { secret: &keys.marking, recipients: &suspects, readings: &readings, alpha: 1e-6 };
//! let findings = trace::trace(&leak[..], "leak.csv", &case, &Default::default())?;
//!
//! assert_eq!(findings.verdict, Verdict::Identified);
//! assert_eq!(findings.accused[0].recipient, "acme");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! That leaves out the ledger. An export pipeline calls [`stamp::deliver::deliver`] on a [`home::Home`] instead, which
//! records every release before it is delivered; `examples/stamp.rs` shows it.
//!
//! # Where things are
//!
//! Nouns are folders, verbs are files; a module uses only what stands above it here.
//!
//! | modules | what they are |
//! | --- | --- |
//! | [`error`] | one error type, from which exit codes follow |
//! | [`keys`], [`table`] | secrets and what is derived from them; cells, values and file formats |
//! | [`mark`], [`sketch`], [`ledger`] | policy, channels and code; keyed samples of tables; the signed record |
//! | [`subjects`] | whose data a release holds, as keyed hashes |
//! | [`vault`], [`store`] | sealed copies of what was stamped; files in object stores |
//! | [`leak`], [`evidence`] | reading whatever turned up; from bits to a bound |
//! | [`home`], [`models`], [`known`] | a folder of keys and ledger; its models; what is on record when a leak turns up |
//! | `query` | the ledger as a table that can be asked; with the feature `polars`, as the reports of `report::compliance` |
//! | [`commitment`] | hashes that bind the owner before delivery |
//! | [`stamp`], [`mod@trace`] | a file in and a copy out; a leak in and findings out |
//! | [`backup`], [`doctor`] | a home in one sealed file; a home looked over |
//! | [`dispute`] | openings for an expert, and the evidence of a trace in a folder |
//! | [`attack`], [`trial`] | what is done to copies before they turn up; how often the right one is named all the same |
//! | [`report`], [`cli`], [`demo`] | findings for people and programs; the command; generated data |
//!
//! # Manual
//!
//! [`manual::design`] explains how it works and why so, [`manual::threats`] who may attack and with what success,
//! [`manual::limits`] what defeats a mark and what few rows can't show, [`manual::calibration`] how the
//! bound was measured, [`manual::releases`] what a copy needs before it goes out and what a receipt proves,
//! [`manual::tables`] which files are read and written, [`manual::operation`] keys, backups and retention,
//! [`manual::audit`] how somebody else checks a ledger, [`manual::compliance`] which rule's question is answered by which report,
//! [`manual::formats`] every file of a home and every line of JSON,
//! [`manual::dispute`] how an accusation is checked, and what is opened for that.

// Module pages speak of their private neighbours; with `--document-private-items` these links lead somewhere.
#![allow(rustdoc::private_intra_doc_links)]

pub mod attack;
pub mod backup;
pub mod cli;
pub mod commitment;
pub mod demo;
pub mod dispute;
pub mod doctor;
pub mod error;
pub mod evidence;
pub mod home;
pub mod keys;
pub mod known;
pub mod leak;
pub mod ledger;
pub mod manual;
pub mod mark;
pub mod models;
#[cfg(feature = "polars")]
pub mod query;
pub mod report;
pub mod sketch;
pub mod stamp;
pub mod store;
pub mod subjects;
pub mod table;
pub mod trace;
pub mod trial;
pub mod vault;

pub use error::{Error, Result};

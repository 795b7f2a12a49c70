//! Object stores: files behind the urls `s3://`, `gs://` and `az://`.
//!
//! [`Address`] is such a url, and holds nothing that is secret: credentials and endpoints come from the environment, by the
//! names that the `object_store` crate documents for each store. The rest needs the cargo feature `object-store`, since it
//! brings an HTTP client, TLS and an asynchronous runtime; without it an address is an error that names the feature.
//!
//! * [`open`] reads an object piece by piece, and notices when it changes meanwhile.
//! * [`folder`] fetches the objects below an address one after another, as if they were the members of an archive.
//! * [`Upload`] is sent in parts that nobody sees, and becomes an object in one step, or never.
//!
//! The library below is asynchronous. Waiting for it is in one file, `remote/bridge.rs`; everything else is plain calls.

#[cfg(not(feature = "object-store"))]
mod absent;
mod address;
mod reason;
#[cfg(feature = "object-store")]
mod remote;

#[cfg(not(feature = "object-store"))]
use absent as remote;

pub use address::{Address, local};
pub use remote::{Folder, Object, Upload, check_writable, folder, open};

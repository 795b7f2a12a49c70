//! Stores as they are reached over the network.

mod bridge;
mod client;
mod folder;
mod read;
mod upload;

pub use folder::{Folder, folder};
pub use read::{Object, open};
pub use upload::{Upload, check_writable};

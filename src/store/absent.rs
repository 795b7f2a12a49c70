//! In place of stores, where they were left out of the build: [`Address::of`] gives no address, so nothing here is ever reached
//! with one, and says why if it is.

use std::fs::File;
use std::io::{self, Read};
use std::sync::atomic::AtomicBool;

use crate::error::Result;
use crate::table::format::archive::Limits;
use crate::table::format::parts::Line;

use super::address::Address;
use super::reason::StoreReason;

/// An object that is read. There is none.
pub enum Object {}

/// The objects below an address. There are none.
pub enum Folder {}

/// A file on its way to a store. There is none.
pub enum Upload {}

fn absent<T>(address: &Address) -> Result<T> {
    Err(StoreReason::Absent(address.to_string()).into())
}

/// Says that stores were left out.
pub fn open(address: &Address) -> Result<Object> {
    absent(address)
}

/// Says that stores were left out.
pub fn folder(address: &Address, _: Limits, _: &'static AtomicBool) -> Result<Folder> {
    absent(address)
}

/// Says that stores were left out.
pub fn check_writable(address: &Address, _: bool) -> Result<()> {
    absent(address)
}

impl Object {
    /// Its length in bytes.
    pub fn size(&self) -> u64 {
        match *self {}
    }
}

impl Read for Object {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        match *self {}
    }
}

impl Iterator for Folder {
    type Item = Result<(Line, File)>;

    fn next(&mut self) -> Option<Result<(Line, File)>> {
        match *self {}
    }
}

impl Upload {
    /// Says that stores were left out.
    pub fn send(address: &Address, _: &File, _: bool, _: &AtomicBool) -> Result<Upload> {
        absent(address)
    }

    /// Makes it an object.
    pub fn complete(self) -> Result<()> {
        match self {}
    }
}

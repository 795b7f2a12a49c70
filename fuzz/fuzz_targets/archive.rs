//! Fuzzes the reader of archive.

#![no_main]

dyepack_fuzz::target!("archive");

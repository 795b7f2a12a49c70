//! Fuzzes the reader of sqlite.

#![no_main]

dyepack_fuzz::target!("sqlite");

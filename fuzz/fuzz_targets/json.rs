//! Fuzzes the reader of json.

#![no_main]

dyepack_fuzz::target!("json");

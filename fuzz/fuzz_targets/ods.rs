//! Fuzzes the reader of ods.

#![no_main]

dyepack_fuzz::target!("ods");

//! Fuzzes the reader of csv.

#![no_main]

dyepack_fuzz::target!("csv");

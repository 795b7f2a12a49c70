//! Fuzzes the reader of xlsx.

#![no_main]

dyepack_fuzz::target!("xlsx");

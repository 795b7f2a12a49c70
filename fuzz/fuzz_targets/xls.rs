//! Fuzzes the reader of xls.

#![no_main]

dyepack_fuzz::target!("xls");

//! Fuzzes the reader of xlsb.

#![no_main]

dyepack_fuzz::target!("xlsb");

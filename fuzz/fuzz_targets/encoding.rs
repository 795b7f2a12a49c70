//! Fuzzes the reader of encoding.

#![no_main]

dyepack_fuzz::target!("encoding");

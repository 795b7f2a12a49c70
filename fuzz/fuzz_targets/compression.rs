//! Fuzzes the reader of compression.

#![no_main]

dyepack_fuzz::target!("compression");

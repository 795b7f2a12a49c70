//! Fuzzes the reader of arrow.

#![no_main]

dyepack_fuzz::target!("arrow");

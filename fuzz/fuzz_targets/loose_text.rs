//! Fuzzes the reader of loose text.

#![no_main]

dyepack_fuzz::target!("loose text");

//! Fuzzes the reader of sql.

#![no_main]

dyepack_fuzz::target!("sql");

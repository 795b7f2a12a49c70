//! Fuzzes the reader of parquet.

#![no_main]

dyepack_fuzz::target!("parquet");

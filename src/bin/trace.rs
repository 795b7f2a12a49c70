//! The command `trace`: short for `dyepack trace`, for whoever is woken at three in the morning.

use std::ffi::OsString;
use std::process::ExitCode;

fn main() -> ExitCode {
    let own = [OsString::from("dyepack"), OsString::from("trace")];
    dyepack::cli::main(own.into_iter().chain(std::env::args_os().skip(1)))
}

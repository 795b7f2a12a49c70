//! The command `dyepack`. See the library's [`dyepack::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    dyepack::cli::main(std::env::args_os())
}

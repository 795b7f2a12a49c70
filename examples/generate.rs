//! Writes the generated hospital table to standard output: `generate ROWS [SEED]`.

use std::io::{self, BufWriter, Write};

use dyepack::demo::hospital;

fn main() -> io::Result<()> {
    run(std::env::args().skip(1), io::stdout().lock())
}

/// 1,000 rows of seed 1 unless the arguments say otherwise.
pub fn run(arguments: impl Iterator<Item = String>, out: impl Write) -> io::Result<()> {
    let mut numbers = arguments.map(|text| text.parse::<u64>().expect("ROWS and SEED are numbers"));
    let rows = numbers.next().unwrap_or(1_000);
    hospital::write(rows, numbers.next().unwrap_or(1), BufWriter::new(out))
}

//! Writes the generated hospital table to standard output: `generate ROWS [SEED]`.

use std::io::{self, BufWriter};

fn main() -> io::Result<()> {
    let mut numbers =
        std::env::args().skip(1).map(|text| text.parse::<u64>().expect("ROWS and SEED are numbers"));
    let rows = numbers.next().unwrap_or(1_000);
    dyepack::demo::hospital::write(rows, numbers.next().unwrap_or(1), BufWriter::new(io::stdout().lock()))
}

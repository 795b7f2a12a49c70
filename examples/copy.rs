//! The alternatives that stamping and tracing are measured against, as whole processes: `copy csv IN OUT` is the plain
//! single-threaded read-and-write loop of the `csv` crate, `copy read IN` its read loop. Run by `benches/speed.sh`.

use std::error::Error;
use std::fs::File;

use csv::{ByteRecord, ReaderBuilder, WriterBuilder};

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    run(&args.iter().map(String::as_str).collect::<Vec<_>>())
}

pub fn run(args: &[&str]) -> Result<(), Box<dyn Error>> {
    let open = |path: &str| -> Result<_, Box<dyn Error>> {
        Ok(ReaderBuilder::new().has_headers(false).from_reader(File::open(path)?))
    };
    let mut record = ByteRecord::new();
    match *args {
        ["csv", input, output] => {
            let mut reader = open(input)?;
            let mut writer = WriterBuilder::new().from_writer(File::create(output)?);
            while reader.read_byte_record(&mut record)? {
                writer.write_byte_record(&record)?;
            }
            writer.flush()?;
        }
        ["read", input] => {
            let mut reader = open(input)?;
            let mut fields = 0;
            while reader.read_byte_record(&mut record)? {
                fields += record.len();
            }
            println!("{fields} fields");
        }
        _ => return Err("usage: copy csv IN OUT | copy read IN".into()),
    }
    Ok(())
}

//! How the leak is written.

use super::reason::AttackReason;
use super::{Attack, Table};
use crate::error::Result;

/// What was asked of the file, to be done at the end.
pub(super) struct Writing {
    csv: csv::WriterBuilder,
    is_windows: bool,
    is_cut: bool,
    no_header: bool,
}

impl Default for Writing {
    fn default() -> Writing {
        let mut csv = csv::WriterBuilder::new();
        csv.flexible(true);
        Writing { csv, is_windows: false, is_cut: false, no_header: false }
    }
}

impl Writing {
    /// Takes note of an attack on the file; false if it is one on the table.
    pub(super) fn notes(&mut self, attack: &Attack) -> Result<bool> {
        match attack {
            Attack::Delimiter { byte } => {
                let byte = u8::try_from(*byte).ok().filter(|byte| byte.is_ascii());
                let byte = byte.filter(|byte| !matches!(byte, b'"' | b'\r' | b'\n'));
                self.csv.delimiter(byte.ok_or(AttackReason::Delimiter)?);
            }
            Attack::QuoteAll => drop(self.csv.quote_style(csv::QuoteStyle::Always)),
            Attack::Windows => {
                self.is_windows = true;
                self.csv.terminator(csv::Terminator::CRLF);
            }
            Attack::CutOff => self.is_cut = true,
            Attack::NoHeader => self.no_header = true,
            _ => return Ok(false),
        }
        Ok(true)
    }

    pub(super) fn write(&self, table: &Table) -> Vec<u8> {
        let mut bytes = if self.is_windows { b"\xef\xbb\xbf".to_vec() } else { Vec::new() };
        let mut writer = self.csv.from_writer(&mut bytes);
        let header = (!self.no_header).then(|| csv::StringRecord::from(table.header.clone()));
        for row in header.iter().chain(&table.rows) {
            writer.write_record(row).expect("memory takes everything");
        }
        drop(writer);
        if self.is_cut {
            let last = table.rows.last().map_or(0, |row| row.as_slice().len());
            bytes.truncate(bytes.len() - last / 2);
        }
        bytes
    }
}

//! `ledger report` and `ledger export`: what they mean.

use std::fs::File;
use std::io::{self, IsTerminal as _, Read, Write as _};
use std::path::Path;

use jiff::{Timestamp, tz::TimeZone};
use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::query::{Format, Frame};
use crate::report::compliance::{
    self, Document, Period, Record, Scope, accounting, article30, disclosures, fhir, look_up, ocsf,
};

use super::super::attack::{check_unused, write_file};
use super::super::{DONE, Session, now, terminal};
use super::{Days, DocumentFormat, EventFormat, Export, ExportFormat, Form, Place, Report};

/// The longest id that is read.
const ID_LIMIT_BYTES: u64 = 1 << 12;

/// Makes a report.
pub fn report(session: &Session, report: Report) -> Result<u8> {
    match report {
        Report::Recipient { id, days, form } => {
            let record = read(session, &form.place)?;
            if !record.knows_recipient(&id) {
                return Err(Error::usage(format!("recipient `{id}` is not registered"))
                    .with_hint("see `dyepack recipient list`"));
            }
            show(&disclosures(&record, &Scope::Recipient(id), days.period()?), &form)
        }
        Report::Dataset { name, days, form } => {
            let record = read(session, &form.place)?;
            if !record.knows_dataset(&name) {
                return Err(Error::usage(format!("no policy was adopted for dataset `{name}`"))
                    .with_hint("see `dyepack ledger list`"));
            }
            show(&disclosures(&record, &Scope::Dataset(name), days.period()?), &form)
        }
        Report::Period { from, to, form } => {
            let period = Days { from: Some(from), to: Some(to) }.period()?;
            show(&disclosures(&read(session, &form.place)?, &Scope::All, period), &form)
        }
        Report::Article30 { days, form } => {
            show(&article30(&read(session, &form.place)?, days.period()?), &form)
        }
        Report::Subject { id_file, to, each, form } => {
            form.place.check()?;
            let keyring = session.keyring()?;
            let id = subject_id(id_file.as_deref())?;
            let ledger = session.home.ledger(session.wait, "ledger report")?;
            let record = Record::read(&ledger, &now())?;
            let to = to.unwrap_or_else(|| Timestamp::now().to_zoned(TimeZone::UTC).date());
            let contained = look_up(&ledger, &keyring.marking, &id).ok_or_else(|| {
                Error::usage("the id says that there is nobody: it is empty, or a word for no value")
                    .with_hint("write the id as it stands in the column that the policy names as `subject`")
            })?;
            let document = accounting(&record, Period::accounting_before(to), each, contained);
            show(&document, &form)
        }
        Report::Events { format, days, place } => {
            let record = read(session, &place)?;
            let period = days.period()?;
            let events = match format {
                EventFormat::Fhir => fhir::fhir(&record, period),
                EventFormat::Ocsf => ocsf::ocsf(&record, period),
            };
            put(events.as_bytes(), &place)
        }
    }
}

/// Writes all entries as a table.
pub fn export(session: &Session, export: &Export) -> Result<u8> {
    export.place.check()?;
    let frame = Frame::of(&session.home.ledger(session.wait, "ledger export")?)?;
    let format = match export.format {
        ExportFormat::Parquet => Format::Parquet,
        ExportFormat::Csv => Format::Csv,
        ExportFormat::Ndjson => Format::Ndjson,
    };
    let mut out = Vec::new();
    frame.write(format, &mut out)?;
    put(&out, &export.place)
}

fn read(session: &Session, place: &Place) -> Result<Record> {
    place.check()?;
    Record::read(&session.home.ledger(session.wait, "ledger report")?, &now())
}

fn show(document: &Document, form: &Form) -> Result<u8> {
    let out = match form.format {
        DocumentFormat::Text => compliance::text(document),
        DocumentFormat::Csv => compliance::csv(document),
        DocumentFormat::Json => compliance::json(document) + "\n",
        DocumentFormat::Html => compliance::html(document) + "\n",
    };
    // Also beside a file: whoever made it should know, not only whoever reads it.
    for gap in &document.gaps {
        terminal::warn(format!("incomplete: {gap}"));
    }
    put(out.as_bytes(), &form.place)
}

fn put(bytes: &[u8], place: &Place) -> Result<u8> {
    match &place.output {
        Some(output) => write_file(bytes, output, place.force)?,
        None => {
            let mut out = io::stdout().lock();
            let written = out.write_all(bytes).and_then(|()| out.flush());
            match written {
                // Whoever reads us has seen enough.
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
                other => other.map_err(Error::standard_output)?,
            }
        }
    }
    Ok(DONE)
}

impl Place {
    /// Refuses before anything is read.
    fn check(&self) -> Result<()> {
        self.output.as_ref().map_or(Ok(()), |output| check_unused(output, self.force))
    }
}

impl Days {
    fn period(&self) -> Result<Period> {
        let Days { from, to } = *self;
        if matches!((from, to), (Some(from), Some(to)) if from > to) {
            return Err(Error::usage("--from is after --to").with_hint("swap them"));
        }
        Ok(Period { from, to })
    }
}

/// The one line of a file, or of standard input. No message repeats it.
fn subject_id(file: Option<&Path>) -> Result<Zeroizing<Vec<u8>>> {
    let mut text = Zeroizing::new(Vec::new());
    match file {
        Some(path) => {
            let file = File::open(path).map_err(|error| Error::io("open", path, error))?;
            let read = file.take(ID_LIMIT_BYTES + 1).read_to_end(&mut text);
            read.map_err(|error| Error::io("read", path, error))?;
        }
        None => {
            if io::stdin().is_terminal() {
                terminal::say("the subject's id, then Enter and Ctrl-D:");
            }
            let read = io::stdin().lock().take(ID_LIMIT_BYTES + 1).read_to_end(&mut text);
            read.map_err(|error| Error::io("read", Path::new("standard input"), error))?;
        }
    }
    if text.len() as u64 > ID_LIMIT_BYTES {
        return Err(Error::usage("the id is longer than 4 KiB").with_hint("write the id alone into the file"));
    }
    let line = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&text);
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if line.contains(&b'\n') {
        return Err(Error::usage("there is more than one line where one id should be")
            .with_hint("an accounting is about one person: ask for one id at a time"));
    }
    Ok(Zeroizing::new(line.to_vec()))
}

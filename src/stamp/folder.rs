//! A folder of many files as one release.
//!
//! 1. All files are opened once: each must fit the policy, and then it is known which columns there are.
//! 2. The marked files go to a temporary folder beside the output, one for each recipient, with the same names within.
//! 3. The ledger commits the releases: the hash of the list of files stands where a file's hash would. *Durable from here.*
//! 4. The temporary folders take the outputs' names.
//!
//! What a crash leaves, and what stamping again does, is as for a file; see [`deliver`](super::deliver). The files are one table:
//! one sketch, one copy in the vault, one count. They are taken in the order of their names.

use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tempfile::TempDir;

use crate::error::{Class, Error, Reason, Result};
use crate::home::Home;
use crate::keys::keyring::Keyring;
use crate::mark::policy::Policy;
use crate::store::Address;
use crate::table::format::digest::Written;
use crate::table::format::open::{Opened, open};
use crate::table::format::parts::hive::{self, Constant};
use crate::table::format::parts::{Columns, Leaf, Line, Listing, Manifest};
use crate::table::format::source::Input;
use crate::vault::{self, Deposit};

use super::deliver::recorded_hint;
use super::engine::{self, Marking, Options, Stamped, Stamping};
use super::gates::Rows;
use super::order::{Delivery, Order};
use super::outputs::{check_twice, folder_of};
use super::receipt::Receipt;
use super::recording::Recording;
use super::terms::Terms;

#[derive(Debug, thiserror::Error)]
enum FolderError {
    #[error("the policy marks `{0}`, which stands in the names of folders")]
    Marked(String),
    #[error("the file has no column `{column}`, but the path above the folder has `{folder}`")]
    Above { column: String, folder: String },
    #[error("`{0}` exists")]
    Exists(String),
    #[error("the output `{0}` is within the input")]
    Within(String),
    #[error("the folder of the output `{0}` does not exist")]
    NoPlace(String),
    #[error("a folder can't go to standard output")]
    Stream,
    #[error("a folder can't go to `{0}`")]
    Store(String),
    #[error("--force does not replace folders")]
    Force,
    #[error("files came or went while the folder was stamped")]
    Changed,
}

impl Reason for FolderError {
    fn class(&self) -> Class {
        match self {
            FolderError::Changed => Class::Io,
            _ => Class::Usage,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            FolderError::Marked(_) => {
                "a name is the same in every copy: use the column as key or identity, or write it into the \
                 files"
            }
            FolderError::Above { .. } => "stamp the folder above, or write the column into the files",
            FolderError::Exists(_) => {
                "a folder is never replaced: choose another name, or take it away first"
            }
            FolderError::Force => "take the old folder away, and leave --force away",
            FolderError::Within(_) => "the input is never changed: choose another place",
            FolderError::NoPlace(_) => "make it first, or choose another place",
            FolderError::Stream => "name a folder with `-o`, or put the files into an archive afterwards",
            FolderError::Store(_) => {
                "name a folder on the disk with `-o`, and copy it to the store afterwards"
            }
            FolderError::Changed => "wait until whoever writes it has finished",
        };
        Some(hint.to_owned())
    }
}

/// Refuses an order that can't be carried out with a folder, before anything is looked at.
///
/// # Errors
/// If an output is standard output, exists, or lies in the source; if outputs are to be replaced.
pub fn check_order(order: &Order) -> Result<()> {
    check_twice(order)?;
    if order.force {
        return Err(FolderError::Force.into());
    }
    for copy in &order.copies {
        let output = copy.output.as_deref().ok_or(FolderError::Stream)?;
        let (name, place) = (output.display().to_string(), folder_of(output));
        if Address::is_like(output) {
            return Err(FolderError::Store(name).into());
        }
        // A link counts, also one that leads nowhere: it is a name that is taken.
        if output.symlink_metadata().is_ok() {
            return Err(FolderError::Exists(name).into());
        }
        let place = place.canonicalize().map_err(|_| FolderError::NoPlace(name.clone()))?;
        let source = order.source_path.as_ref().and_then(|source| source.canonicalize().ok());
        if source.is_some_and(|source| place.starts_with(source)) {
            return Err(FolderError::Within(name).into());
        }
    }
    Ok(())
}

/// Stamps the files of a folder as ordered, records the releases and names the outputs. Gives a receipt for each copy.
/// `order.source_path` is the folder, `listing` its files.
///
/// # Errors
/// As [`deliver`](super::deliver::deliver).
///
/// # Panics
/// If the order has no source path.
pub fn deliver_folder(
    home: &Home,
    keyring: &Keyring,
    wait: Duration,
    order: &Order,
    listing: &Listing,
    options: &Options,
) -> Result<Vec<(Receipt, Stamped)>> {
    check_order(order)?;
    let source = order.source_path.as_deref().expect("a folder has a path");
    let ledger = home.ledger(wait, "stamp")?;
    let terms = Terms::look_up(&ledger, &order.dataset, order.copies.iter().map(|copy| copy.to.as_str()))?;
    drop(ledger);
    Recording { home, keyring, wait, order, terms: &terms }.admit(Rows::NotYet)?;
    let terms = terms.open_model(home, keyring)?;
    let folders = order.copies.iter().map(temporary).collect::<Result<Vec<_>>>()?;
    let recording = Recording { home, keyring, wait, order, terms: &terms };
    let mut deposit = recording.begin_copy()?;
    let recipients = terms.recipients();
    let marking = terms.marking(keyring, &recipients);
    let writer =
        Writer { outputs: folders.iter().map(|folder| Some(folder.path())).collect(), sync: order.sync };
    let (stamped, format) = stamp(source, listing, &marking, options, deposit.as_mut(), &writer)?;

    let receipts = recording.commit(&stamped, format, deposit, recording.commitments(), |ledger| {
        check_order(order)?;
        recording.admit_again(ledger, Rows::Counted(stamped[0].rows))
    })?;

    for (copy, folder) in order.copies.iter().zip(folders) {
        publish(folder, copy).map_err(|error| error.with_hint(recorded_hint(copy)))?;
    }
    Ok(receipts.into_iter().zip(stamped).collect())
}

/// Marks the files of a folder, and writes nothing. Gives the counts for each recipient.
///
/// # Errors
/// If they don't fit the policy, or can't be read.
pub fn try_folder(
    source: &Path,
    listing: &Listing,
    marking: &Marking,
    options: &Options,
) -> Result<Vec<Stamped>> {
    let writer = Writer { outputs: vec![None; marking.recipients.len()], sync: false };
    stamp(source, listing, marking, options, None, &writer).map(|(stamped, _)| stamped)
}

/// Marks all files; gives what was made, and the name of the format.
fn stamp(
    source: &Path,
    listing: &Listing,
    marking: &Marking,
    options: &Options,
    mut deposit: Option<&mut Deposit>,
    writer: &Writer,
) -> Result<(Vec<Stamped>, &'static str)> {
    let layout = Layout::of(source, listing, marking, options, deposit.is_some())?;
    let names = layout.columns.names().to_vec();
    let kept = deposit.is_some().then_some(layout.kept);
    let mut stamping = Stamping::new(marking, names, kept, deposit.take())?;
    let mut lists = Lists::new(marking.recipients.len());
    let mut done = 0;
    for part in &listing.parts {
        let constants = hive::constants(&part.name);
        let mut opened = open_part(part, &constants, marking.policy, options)?;
        opened.arrange(layout.columns.names(), &constants);
        let progress = |now: u64| (options.progress)(done + now.min(part.bytes));
        let options = Options { progress: &progress, said: options.said.clone(), ..*options };
        // The list has a hash more than a source is given otherwise; it is taken meanwhile.
        let (marked, read) = rayon::join(
            || writer.files(part).and_then(|files| stamping.add(opened, files, &options)),
            || listed(part, options.interrupted),
        );
        let (((_, blake3), written), read) = (marked.map_err(|error| part.named(error))?, read?);
        if read.blake3_hex() != blake3 {
            return Err(part.named(FolderError::Changed.into()));
        }
        writer.end(part)?;
        lists.add(read, &written);
        done += part.bytes;
    }
    for empty in &listing.empty {
        writer.files(empty)?;
        writer.end(empty)?;
        lists.add_empty(&empty.name);
    }
    if Listing::of(source)? != *listing {
        return Err(Error::from(FolderError::Changed).in_data(&source.display().to_string()));
    }
    writer.end_all()?;
    Ok((lists.finish(stamping), layout.format))
}

/// The line of a part in the list of what was read.
fn listed(part: &Leaf, interrupted: &AtomicBool) -> Result<Line> {
    let file = File::open(&part.path);
    let read = file.and_then(|file| Line::of(&part.name, Stoppable { file, interrupted }));
    read.map_err(|error| Error::io("read", &part.path, error))
}

/// A file whose reading ends when somebody has asked to stop.
struct Stoppable<'a> {
    file: File,
    interrupted: &'a AtomicBool,
}

impl Read for Stoppable<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.interrupted.load(Ordering::Relaxed) {
            return Err(io::Error::other("interrupted"));
        }
        self.file.read(buffer)
    }
}

/// Opens a part. What stands in the names of folders it need not have.
fn open_part(
    part: &Leaf,
    constants: &[Constant],
    policy: &Policy,
    options: &Options,
) -> Result<Opened<'static>> {
    let mut asked = options.asked(policy);
    asked.columns.retain(|column| constants.iter().all(|constant| constant.name != *column));
    open(Input::File(part.path.clone()), &asked).map_err(|error| part.named(error))
}

/// What all parts have in common.
struct Layout {
    columns: Columns,
    /// Those that go into the vault.
    kept: vault::Columns,
    format: &'static str,
}

impl Layout {
    /// Opens every part, and checks that it fits the policy.
    fn of(
        source: &Path,
        listing: &Listing,
        marking: &Marking,
        options: &Options,
        keeps: bool,
    ) -> Result<Layout> {
        let mut layout =
            Layout { columns: Columns::default(), kept: vault::Columns::default(), format: "mixed" };
        let above = hive::around_inside(source);
        for (number, part) in listing.parts.iter().enumerate() {
            options.check_interrupted()?;
            let constants = hive::constants(&part.name);
            let mut opened = open_part(part, &constants, marking.policy, options)?;
            let names = opened.with_constants(&constants);
            check_constants(marking.policy, opened.columns(), &names, &above)
                .and_then(|()| engine::check(marking, &names))
                .map_err(|error| part.named(foreign_hint(error, opened.columns())))?;
            let before = layout.columns.add(&names);
            let names = layout.columns.names();
            if keeps && names.len() > before {
                opened.arrange(names, &constants);
                let needed = engine::needed(marking);
                let chosen = layout.kept.choose_more(names, before, needed, |see| opened.peek(see));
                chosen.map_err(|error| part.named(error))?;
            }
            let format = opened.format().name();
            match number {
                0 => layout.format = format,
                _ if layout.format != format => layout.format = "mixed",
                _ => {}
            }
        }
        Ok(layout)
    }
}

/// A file of one column is rather no table at all.
fn foreign_hint(error: Error, columns: &[String]) -> Error {
    match columns {
        [_] => {
            error.with_hint("every file below the folder must be a table of the dataset: take others away")
        }
        _ => error,
    }
}

/// Refuses marks in what is no cell. `own` are the columns of a file, `names` those with what its path says.
fn check_constants(policy: &Policy, own: &[String], names: &[String], above: &[Constant]) -> Result<()> {
    let constants = &names[own.len()..];
    if let Some((marked, ..)) = policy.columns().find(|(name, ..)| constants.iter().any(|c| c == name)) {
        return Err(FolderError::Marked(marked.to_owned()).into());
    }
    let missing =
        |constant: &&Constant| policy.names_column(&constant.name) && !names.contains(&constant.name);
    match above.iter().find(missing) {
        Some(Constant { name, value }) => {
            Err(FolderError::Above { column: name.clone(), folder: format!("{name}={value}") }.into())
        }
        None => Ok(()),
    }
}

/// Where the files go.
struct Writer<'a> {
    /// A folder for each copy; `None` for one that is not written.
    outputs: Vec<Option<&'a Path>>,
    sync: bool,
}

impl Writer<'_> {
    /// A file for each copy.
    fn files(&self, part: &Leaf) -> Result<Vec<Box<dyn Write + Send>>> {
        let file = |output: &Option<&Path>| {
            let Some(output) = output else { return Ok(Box::new(io::sink()) as Box<dyn Write + Send>) };
            let path = output.join(&part.name);
            let made =
                path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| File::create_new(&path));
            let made = made.map_err(|error| Error::io("make", &path, error))?;
            Ok(Box::new(BufWriter::with_capacity(1 << 16, made)) as Box<dyn Write + Send>)
        };
        self.outputs.iter().map(file).collect()
    }

    /// Ends the files of a part.
    fn end(&self, part: &Leaf) -> Result<()> {
        let mut outputs = self.outputs.iter().flatten().filter(|_| self.sync);
        outputs.try_for_each(|output| sync(&output.join(&part.name)))
    }

    /// Ends the folders.
    fn end_all(&self) -> Result<()> {
        let mut outputs = self.outputs.iter().flatten().filter(|_| self.sync && cfg!(unix));
        outputs.try_for_each(|output| sync_folders(output))
    }
}

fn sync(path: &Path) -> Result<()> {
    File::open(path).and_then(|file| file.sync_all()).map_err(|error| Error::io("flush", path, error))
}

fn sync_folders(folder: &Path) -> Result<()> {
    for entry in fs::read_dir(folder).map_err(|error| Error::io("look into", folder, error))? {
        let path = entry.map_err(|error| Error::io("look into", folder, error))?.path();
        if path.is_dir() {
            sync_folders(&path)?;
        }
    }
    sync(folder)
}

/// The lists of what was read and written.
struct Lists {
    source: Vec<Line>,
    /// One for each copy.
    outputs: Vec<Vec<Line>>,
}

impl Lists {
    fn new(copies: usize) -> Lists {
        Lists { source: Vec::new(), outputs: vec![Vec::new(); copies] }
    }

    fn add(&mut self, read: Line, written: &[Written]) {
        for (lines, written) in self.outputs.iter_mut().zip(written) {
            lines.push(Line::new(&read.name, written));
        }
        self.source.push(read);
    }

    fn add_empty(&mut self, name: &str) {
        let line = Line::empty(name);
        self.outputs.iter_mut().for_each(|lines| lines.push(line.clone()));
        self.source.push(line);
    }

    fn finish(self, stamping: Stamping) -> Vec<Stamped> {
        let source = Manifest::new(self.source);
        let outputs: Vec<Manifest> = self.outputs.into_iter().map(Manifest::new).collect();
        let read = source.sealed();
        let written = outputs.iter().map(Manifest::sealed).collect();
        let mut stamped = stamping.finish((read.bytes, read.blake3), written);
        let source = Arc::new(source);
        for (stamped, output) in stamped.iter_mut().zip(outputs) {
            stamped.parts = Some((source.clone(), output));
        }
        stamped
    }
}

/// A temporary folder for a copy, removed with all that is in it unless it is published.
fn temporary(copy: &Delivery) -> Result<TempDir> {
    let place = copy.output.as_deref().map_or(Path::new("."), folder_of);
    let mut builder = tempfile::Builder::new();
    builder.prefix(".dyepack-").suffix(".tmp");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        builder.permissions(fs::Permissions::from_mode(0o777));
    }
    builder.tempdir_in(place).map_err(|error| Error::io("make a folder in", place, error))
}

/// Gives the copy its name.
fn publish(folder: TempDir, copy: &Delivery) -> Result<()> {
    let Some(output) = &copy.output else { return Err(FolderError::Stream.into()) };
    // A file system renames onto an empty folder, which is somebody else's all the same.
    if output.symlink_metadata().is_ok() {
        return Err(FolderError::Exists(output.display().to_string()).into());
    }
    fs::rename(folder.path(), output).map_err(|error| Error::io("name the output", output, error))?;
    // It is the output now, and no longer to be removed.
    let _ = folder.keep();
    // The name, too, survives a power cut. Not every file system can flush a folder, and none needs to for
    // correctness.
    let _ = sync(folder_of(output));
    Ok(())
}

//! A file, an object of a store or standard input, as the commands read it.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

use crate::attack::Table;
use crate::error::{Error, Result};
use crate::store::{self, Address};
use crate::table::format::digest::SourceBytes;
use crate::table::format::found::Found;
use crate::table::format::kind::Said;
use crate::table::format::reason::read_failed;
use crate::table::format::{open, parts, source};

use super::terminal;

/// Names standard input or output.
pub const STREAM: &str = "-";

/// What messages call it.
const STANDARD_INPUT: &str = "standard input";

/// Bytes that are read from a stream at once, and how many such pieces may wait: enough for a fast pipe.
const PIECE_BYTES: usize = 256 << 10;
const PIECES: usize = 4;

/// How long Ctrl-C may go unnoticed while a pipe says nothing.
const LOOK_UP: Duration = Duration::from_millis(50);

/// A file, an object of a store or standard input.
pub struct Input {
    pub input: source::Input<'static>,
    /// As the user named it.
    pub path: String,
    /// What messages call it.
    pub name: String,
    /// Its length, 0 if it is not known.
    pub bytes: u64,
}

impl Input {
    pub fn open(path: &Path) -> Result<Input> {
        if path.is_dir() || Address::of(path)?.is_some_and(|address| address.is_folder()) {
            return Err(Error::usage(format!("`{}` is a folder", path.display())).with_hint("name one file"));
        }
        Input::of_any(path)
    }

    /// The same, where a folder will do.
    pub fn of_any(path: &Path) -> Result<Input> {
        let name = path.display().to_string();
        if path == Path::new(STREAM) {
            let input = source::Input::stream(Piped::new(io::stdin(), terminal::interruptible()));
            return Ok(Input { input, path: name, name: STANDARD_INPUT.into(), bytes: 0 });
        }
        if let Some(address) = Address::of(path)? {
            // The objects of a folder are opened one by one.
            let (mut input, mut bytes) = (source::Input::File(path.to_owned()), 0);
            if !address.is_folder() {
                let object = store::open(&address)?;
                bytes = object.size();
                input = source::Input::stream(Piped::new(object, terminal::interruptible()));
            }
            return Ok(Input { input, path: name.clone(), name, bytes });
        }
        let file = File::open(path).map_err(|error| Error::io("open", path, error))?;
        let metadata = file.metadata().map_err(|error| Error::io("read", path, error))?;
        let bytes = if metadata.is_file() { metadata.len() } else { 0 };
        let input = source::Input::File(path.to_owned());
        Ok(Input { input, path: name.clone(), name, bytes })
    }

    /// Its table as CSV text, whatever its format. CSV stays as it is.
    pub fn csv(self, said: &Said) -> Result<(Found<'static>, Box<dyn SourceBytes>)> {
        open::as_csv(self.input, said).map_err(|error| error.in_data(&self.name))
    }

    /// The same, with the columns that stand in the names of folders around it.
    pub fn csv_around(self, said: &Said) -> Result<(Found<'static>, Box<dyn SourceBytes>)> {
        let around = match &self.input {
            source::Input::File(path) if !path.is_dir() => parts::around(path, said)?,
            _ => None,
        };
        let (found, bytes) = self.csv(said)?;
        Ok((around.unwrap_or(found), bytes))
    }

    /// The same, in memory, to be attacked.
    pub fn table(self, said: &Said) -> Result<Table> {
        let name = self.name.clone();
        let (mut found, _) = self.csv(said)?;
        let mut bytes = Vec::new();
        let read = found.csv.read_to_end(&mut bytes).map_err(read_failed);
        read.map_err(|error| error.in_data(&name))?;
        Table::read(&bytes, found.delimiter).map_err(|error| error.in_file(name))
    }
}

/// A stream that a thread of its own reads: a read that waits for a silent pipe can't be ended, but it can be
/// left behind.
struct Piped {
    pieces: Receiver<io::Result<Vec<u8>>>,
    piece: Vec<u8>,
    used: usize,
    interrupted: &'static AtomicBool,
}

impl Piped {
    fn new(mut stream: impl Read + Send + 'static, interrupted: &'static AtomicBool) -> Piped {
        let (give, pieces) = sync_channel(PIECES);
        thread::spawn(move || {
            loop {
                let mut piece = vec![0; PIECE_BYTES];
                let read = match stream.read(&mut piece) {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    Ok(0) => return,
                    Ok(length) => {
                        piece.truncate(length);
                        Ok(piece)
                    }
                    Err(error) => Err(error),
                };
                let failed = read.is_err();
                if give.send(read).is_err() || failed {
                    return;
                }
            }
        });
        Piped { pieces, piece: Vec::new(), used: 0, interrupted }
    }
}

impl Read for Piped {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.used == self.piece.len() {
            match self.pieces.recv_timeout(LOOK_UP) {
                Ok(piece) => (self.piece, self.used) = (piece?, 0),
                Err(RecvTimeoutError::Disconnected) => return Ok(0),
                Err(RecvTimeoutError::Timeout) if self.interrupted.load(Ordering::Relaxed) => {
                    return Err(io::Error::other("interrupted"));
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
        let length = buffer.len().min(self.piece.len() - self.used);
        buffer[..length].copy_from_slice(&self.piece[self.used..self.used + length]);
        self.used += length;
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static NEVER: AtomicBool = AtomicBool::new(false);
    static AT_ONCE: AtomicBool = AtomicBool::new(true);

    #[test]
    fn what_goes_in_comes_out() {
        let bytes: Vec<u8> = (0..3 * PIECE_BYTES + 17).map(|i| (i % 251) as u8).collect();
        let mut out = Vec::new();
        Piped::new(io::Cursor::new(bytes.clone()), &NEVER).read_to_end(&mut out).unwrap();
        assert_eq!(out, bytes);
    }

    #[test]
    fn a_failure_comes_out_too_and_an_interrupt_ends_the_wait() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("the line went dead"))
            }
        }
        let error = Piped::new(Broken, &NEVER).read(&mut [0]).unwrap_err();
        assert_eq!(error.to_string(), "the line went dead");

        struct Silent;
        impl Read for Silent {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                thread::sleep(Duration::from_secs(60));
                Ok(0)
            }
        }
        let error = Piped::new(Silent, &AT_ONCE).read(&mut [0]).unwrap_err();
        assert_eq!(error.to_string(), "interrupted");
    }
}

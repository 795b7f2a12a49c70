//! Where the bytes of a file come from: a stream that is read once, or a file for formats that look here and there.

use std::fs::{File, Metadata};
use std::io::{self, Read, Seek as _};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::error::{Class, Error, Reason, Result};

use super::digest::{Hashing, Passed, SourceBytes};
use super::reason::read_failed;

/// Bytes that are read at once from the disk.
const PIECE_BYTES: usize = 1 << 18;

#[derive(Debug, thiserror::Error)]
enum SourceReason {
    #[error("the file changed while it was read")]
    Changed,
}

impl Reason for SourceReason {
    fn class(&self) -> Class {
        Class::Io
    }

    fn hint(&self) -> Option<String> {
        Some("wait until whoever writes it has finished".into())
    }
}

/// Bytes that are read once, in order.
pub type Stream<'a> = Box<dyn Read + Send + 'a>;

/// Where a file comes from.
pub enum Input<'a> {
    /// From a pipe, or from memory. For a format that is read here and there it is put into a temporary file first.
    Stream(Stream<'a>),
    /// From the disk.
    File(PathBuf),
}

impl<'a> Input<'a> {
    /// What `reader` gives.
    pub fn stream(reader: impl Read + Send + 'a) -> Input<'a> {
        Input::Stream(Box::new(reader))
    }
}

/// Bytes of which the first may be looked at before they are taken.
pub struct Source<'a> {
    head: Vec<u8>,
    rest: Stream<'a>,
    /// The file that these bytes are.
    origin: Option<Origin>,
}

/// A file that is there already.
enum Origin {
    /// Under a name.
    Path(PathBuf),
    /// Without one.
    Open(File),
}

impl<'a> Source<'a> {
    /// Opens an input. Also gives what counts and hashes its bytes.
    ///
    /// # Errors
    /// If the file can't be opened.
    pub fn open(input: Input<'a>) -> Result<(Source<'a>, Box<dyn SourceBytes + 'a>)> {
        match input {
            Input::Stream(stream) => Ok(Source::of_stream(stream)),
            // A pipe has a path too, and is read once all the same.
            Input::File(path) if path.is_file() => {
                let (stream, bytes) = OnDisk::open(&path)?;
                let source = Source { origin: Some(Origin::Path(path)), ..Source::of(stream) };
                Ok((source, Box::new(bytes)))
            }
            Input::File(path) => {
                let file = File::open(&path).map_err(|error| Error::io("open", &path, error))?;
                Ok(Source::of_stream(Box::new(file)))
            }
        }
    }

    /// The same for a stream, which can always be opened.
    pub fn of_stream(stream: Stream<'a>) -> (Source<'a>, Box<dyn SourceBytes + 'a>) {
        let stream = Hashing::new(stream);
        let bytes = Box::new(stream.passed());
        (Source::of(stream), bytes)
    }

    /// What `stream` gives.
    pub fn of(stream: impl Read + Send + 'a) -> Source<'a> {
        Source { head: Vec::new(), rest: Box::new(stream), origin: None }
    }

    /// What is in an open file, from its start.
    ///
    /// # Errors
    /// If it can't be read.
    pub fn of_file(mut file: File) -> Result<Source<'a>> {
        file.rewind().map_err(read_failed)?;
        let stream = file.try_clone().map_err(read_failed)?;
        Ok(Source { origin: Some(Origin::Open(file)), ..Source::of(stream) })
    }

    /// The first bytes, as many as asked for if the file has them.
    pub fn peek(&mut self, bytes: usize) -> Result<&[u8]> {
        let missing = bytes.saturating_sub(self.head.len()) as u64;
        (&mut self.rest).take(missing).read_to_end(&mut self.head).map_err(read_failed)?;
        Ok(&self.head[..bytes.min(self.head.len())])
    }

    /// All the bytes.
    pub fn into_stream(self) -> Stream<'a> {
        Box::new(io::Cursor::new(self.head).chain(self.rest))
    }

    /// All the bytes, in a file, from its start.
    ///
    /// # Errors
    /// If they can't be read, or not be put into a temporary file.
    pub fn into_file(mut self) -> Result<File> {
        match self.origin.take() {
            Some(Origin::Path(path)) => File::open(&path).map_err(|error| Error::io("open", &path, error)),
            Some(Origin::Open(mut file)) => {
                // The stream has moved the place that both read at.
                file.rewind().map_err(read_failed)?;
                Ok(file)
            }
            None => {
                let mut file = tempfile::tempfile().map_err(no_room)?;
                io::copy(&mut self.into_stream(), &mut file).map_err(read_failed)?;
                file.rewind().map_err(read_failed)?;
                Ok(file)
            }
        }
    }

    /// All the bytes, in a file that has a path.
    ///
    /// # Errors
    /// As [`into_file`](Self::into_file).
    pub fn into_path(mut self) -> Result<Kept> {
        if let Some(Origin::Path(path)) = self.origin {
            return Ok(Kept::at(path));
        }
        self.origin = None;
        let mut file = NamedTempFile::new().map_err(no_room)?;
        io::copy(&mut self.into_stream(), file.as_file_mut()).map_err(read_failed)?;
        Ok(Kept { path: file.path().to_owned(), temporary: Some(file) })
    }
}

fn no_room(error: io::Error) -> Error {
    Error::io("make a file in", &std::env::temp_dir(), error)
}

/// A file that is on the disk for as long as this is kept.
pub struct Kept {
    path: PathBuf,
    /// Removes the file.
    #[expect(dead_code, reason = "it is there to be dropped")]
    temporary: Option<NamedTempFile>,
}

impl Kept {
    /// A file that somebody else keeps.
    pub fn at(path: impl Into<PathBuf>) -> Kept {
        Kept { path: path.into(), temporary: None }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// A file on the disk, as it was when it was opened.
struct OnDisk {
    path: PathBuf,
    was: Metadata,
    passed: Passed,
}

impl OnDisk {
    fn open(path: &Path) -> Result<(Hashing<File>, OnDisk)> {
        let failed = |error| Error::io("open", path, error);
        let file = File::open(path).map_err(failed)?;
        let was = file.metadata().map_err(failed)?;
        let stream = Hashing::new(file);
        let passed = stream.passed();
        Ok((stream, OnDisk { path: path.to_owned(), was, passed }))
    }
}

impl SourceBytes for OnDisk {
    fn so_far(&self) -> u64 {
        self.passed.bytes()
    }

    fn finish(&self) -> Result<(u64, String)> {
        let (mut stream, now) = OnDisk::open(&self.path)?;
        if now.was.len() != self.was.len() || now.was.modified().ok() != self.was.modified().ok() {
            return Err(SourceReason::Changed.into());
        }
        if self.passed.bytes() < self.was.len() {
            // It was read here and there, or not to its end.
            let mut piece = vec![0; PIECE_BYTES];
            while stream.read(&mut piece).map_err(read_failed)? > 0 {}
            return now.passed.finish();
        }
        self.passed.finish()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn file_of(bytes: &[u8]) -> NamedTempFile {
        let mut file = NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    #[test]
    fn what_was_looked_at_stays_to_be_read() {
        let (mut source, bytes) = Source::open(Input::stream(&b"abcdef"[..])).unwrap();
        assert_eq!(source.peek(2).unwrap(), b"ab");
        assert_eq!(source.peek(4).unwrap(), b"abcd");
        assert_eq!(source.peek(99).unwrap(), b"abcdef");
        let mut all = String::new();
        source.into_stream().read_to_string(&mut all).unwrap();
        assert_eq!(all, "abcdef");
        assert_eq!(bytes.finish().unwrap(), (6, blake3::hash(b"abcdef").to_hex().to_string()));
    }

    #[test]
    fn a_stream_becomes_a_temporary_file_that_goes_with_its_owner() {
        let (mut source, bytes) = Source::open(Input::stream(&b"abcdef"[..])).unwrap();
        source.peek(3).unwrap();
        let kept = source.into_path().unwrap();
        let path = kept.path().to_owned();
        assert_eq!(std::fs::read(&path).unwrap(), b"abcdef");
        assert_eq!(bytes.finish().unwrap().0, 6);
        drop(kept);
        assert!(!path.exists());
    }

    #[test]
    fn a_file_that_was_not_read_whole_is_hashed_at_the_end() {
        let file = file_of(b"abcdef");
        let (mut source, bytes) = Source::open(Input::File(file.path().to_owned())).unwrap();
        source.peek(3).unwrap();
        let kept = source.into_path().unwrap();
        assert_eq!(kept.path(), file.path());
        assert_eq!(bytes.finish().unwrap(), (6, blake3::hash(b"abcdef").to_hex().to_string()));
        drop(kept);
        assert!(file.path().exists());
    }

    #[test]
    fn a_file_is_given_from_its_start() {
        for path in [true, false] {
            let file = file_of(b"abcdef");
            let mut source = match path {
                true => Source::open(Input::File(file.path().to_owned())).unwrap().0,
                false => Source::of_file(file.reopen().unwrap()).unwrap(),
            };
            source.peek(3).unwrap();
            let mut all = String::new();
            source.into_file().unwrap().read_to_string(&mut all).unwrap();
            assert_eq!(all, "abcdef");
        }
    }

    #[test]
    fn a_file_that_grows_meanwhile_is_an_error() {
        let mut file = file_of(b"abcdef");
        let (source, bytes) = Source::open(Input::File(file.path().to_owned())).unwrap();
        source.into_stream().read_to_end(&mut Vec::new()).unwrap();
        file.write_all(b"g").unwrap();
        let error = bytes.finish().unwrap_err();
        assert_eq!(error.to_string(), "the file changed while it was read");
    }
}

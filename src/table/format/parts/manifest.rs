//! Lists of files with their hashes: what many files have instead of one hash.
//!
//! Text in UTF-8: the line `dyepack.parts/1`, then for each file a line of its SHA-256 and its BLAKE3 in lower-case hex, its
//! length in bytes and its name from the folder on, with one space between; sorted by name, byte by byte. No name has a line end,
//! so that a list says one thing only.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use data_encoding::HEXLOWER;
use sha2::{Digest as _, Sha256};

use crate::error::{Error, Result};
use crate::table::format::digest::{Sealing, Written};

use super::reason::PartsReason;

const SCHEMA: &str = "dyepack.parts/1";

/// A file of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// From the folder on, with `/` between folders.
    pub name: String,
    /// Length.
    pub bytes: u64,
    /// BLAKE3.
    pub blake3: [u8; 32],
    /// SHA-256.
    pub sha256: [u8; 32],
}

impl Line {
    /// The line of a file that was written.
    ///
    /// # Panics
    /// If the hashes are not hexadecimal.
    pub fn new(name: &str, written: &Written) -> Line {
        let hash = |hex: &str| hash(hex).expect("hashes are written so");
        let (blake3, sha256) = (hash(&written.blake3), hash(&written.sha256));
        Line { name: name.to_owned(), bytes: written.bytes, blake3, sha256 }
    }

    /// The line of the file at `path`, read to its end.
    ///
    /// # Errors
    /// If it can't be read.
    pub fn of_file(name: &str, path: &Path) -> Result<Line> {
        let read = File::open(path).and_then(|file| Line::of(name, file));
        read.map_err(|error| Error::io("read", path, error))
    }

    /// The line of a file with the bytes that `reader` gives.
    ///
    /// # Errors
    /// If it can't be read.
    pub fn of(name: &str, mut reader: impl Read) -> io::Result<Line> {
        let mut sealing = Sealing::new(io::sink());
        io::copy(&mut reader, &mut sealing)?;
        Ok(Line::new(name, &sealing.finish()?))
    }

    /// The line of a file without a byte.
    pub fn empty(name: &str) -> Line {
        let (blake3, sha256) = (blake3::hash(b"").into(), Sha256::digest(b"").into());
        Line { name: name.to_owned(), bytes: 0, blake3, sha256 }
    }

    /// Its BLAKE3 in hex.
    pub fn blake3_hex(&self) -> String {
        HEXLOWER.encode(&self.blake3)
    }
}

/// A list of files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest(Vec<Line>);

impl Manifest {
    /// Of these files.
    pub fn new(mut lines: Vec<Line>) -> Manifest {
        lines.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        Manifest(lines)
    }

    /// Reads a stored one.
    ///
    /// # Errors
    /// If it is none, or not sorted.
    pub fn parse(bytes: &[u8]) -> Result<Manifest> {
        let lines = || {
            let mut lines = std::str::from_utf8(bytes).ok()?.strip_suffix('\n')?.split('\n');
            let is_ours = lines.next()? == SCHEMA;
            let lines: Vec<Line> = lines.map(line).collect::<Option<_>>()?;
            (is_ours && lines.is_sorted_by(|a, b| a.name < b.name)).then_some(lines)
        };
        Ok(Manifest(lines().ok_or(PartsReason::Manifest)?))
    }

    /// As it is stored.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut text = format!("{SCHEMA}\n");
        for Line { name, bytes, blake3, sha256 } in &self.0 {
            let (sha256, blake3) = (HEXLOWER.encode(sha256), HEXLOWER.encode(blake3));
            text += &format!("{sha256} {blake3} {bytes} {name}\n");
        }
        text.into_bytes()
    }

    /// The files, sorted by name.
    pub fn lines(&self) -> &[Line] {
        &self.0
    }

    /// Length of all files together, and the hashes of the list.
    pub fn sealed(&self) -> Written {
        let text = self.to_bytes();
        Written {
            bytes: self.0.iter().map(|line| line.bytes).sum(),
            blake3: blake3::hash(&text).to_hex().to_string(),
            sha256: HEXLOWER.encode(&Sha256::digest(&text)),
        }
    }
}

fn line(text: &str) -> Option<Line> {
    let mut members = text.splitn(4, ' ');
    let (sha256, blake3) = (hash(members.next()?)?, hash(members.next()?)?);
    let (bytes, name) = (members.next()?.parse().ok()?, members.next()?);
    Some(Line { name: name.to_owned(), bytes, blake3, sha256 })
}

fn hash(hex: &str) -> Option<[u8; 32]> {
    HEXLOWER.decode(hex.as_bytes()).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(name: &str, text: &[u8]) -> Line {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("file"), text).unwrap();
        Line::of_file(name, &folder.path().join("file")).unwrap()
    }

    #[test]
    fn the_list_is_sorted_text_and_reads_back() {
        let manifest =
            Manifest::new(vec![listed("b c=1/x y", b"abc"), listed("a-b", b""), listed("a/b", b"")]);
        let text = String::from_utf8(manifest.to_bytes()).unwrap();
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 \
                     af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262 0";
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad \
                   6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85 3 b c=1/x y";
        assert_eq!(text, format!("dyepack.parts/1\n{empty} a-b\n{empty} a/b\n{abc}\n"));
        assert_eq!(Manifest::parse(text.as_bytes()).unwrap(), manifest);
        let sealed = manifest.sealed();
        assert_eq!((sealed.bytes, sealed.blake3), (3, blake3::hash(text.as_bytes()).to_hex().to_string()));
    }

    #[test]
    fn what_is_no_list_is_refused() {
        let text =
            String::from_utf8(Manifest::new(vec![listed("a", b"1"), listed("b", b"2")]).to_bytes()).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        for bad in [
            String::new(),
            text.trim_end().to_owned(),
            text.replace("parts/1", "parts/2"),
            [lines[0], lines[2], lines[1], ""].join("\n"),
            [lines[0], lines[1], lines[1], ""].join("\n"),
            text.replace(" 1 a", " one a"),
            text.replacen("6b", "6B", 1),
        ] {
            assert!(Manifest::parse(bad.as_bytes()).is_err(), "{bad}");
        }
        assert!(Manifest::parse(text.as_bytes()).is_ok());
    }
}

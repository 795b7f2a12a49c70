//! A sealed file: chunks that can't be changed, cut off, moved or taken from another file unnoticed.
//!
//! ```text
//! "dyepack.vault/1\n"   16 bytes: what it is a file of
//! salt                  of the key, where the kind of file has one; the vault has none
//! nonce                 19 random bytes
//! chunk 0, 1, ..        64 KiB of the body (the last one less), each with a tag of 16 bytes
//! label                 the stream's last chunk, with its tag
//! length                of the label with its tag, u32, little-endian
//! ```
//!
//! Chunks and label are one STREAM: each is sealed with XChaCha20-Poly1305 under the nonce, its number (u32, big-endian) and a
//! byte that is 1 for the label alone. So the label, which is written last and tells what is in the body, opens only behind
//! exactly as many chunks as were written. It can be read without them. The length decides nothing: a wrong one shows bytes
//! that do not open.
//!
//! Source: Hoang, Reyhanitabar, Rogaway and Vizar, "Online authenticated-encryption and its nonce-reuse misuse-resistance"
//! (2015), section 7; draft-irtf-cfrg-xchacha.

use std::fs::File;
use std::io::{self, Read, Seek as _, SeekFrom, Write};

use aead_stream::{NewStream as _, StreamBE32, StreamPrimitive as _};
use chacha20poly1305::XChaCha20Poly1305;

use super::reason::Fault;

/// Random bytes that a sealed file needs: what STREAM leaves of XChaCha20's 24.
pub const NONCE_BYTES: usize = 19;

/// What a file of the vault begins with.
pub(super) const VAULT: Kind = Kind { magic: b"dyepack.vault/1\n", salt_bytes: 0 };

/// What kind of file it is. Every chunk is sealed for it.
#[derive(Clone, Copy)]
pub(crate) struct Kind {
    /// What it begins with.
    pub(crate) magic: &'static [u8],
    /// Length of the key's salt.
    pub(crate) salt_bytes: usize,
}

impl Kind {
    fn head_bytes(self) -> usize {
        self.magic.len() + self.salt_bytes + NONCE_BYTES
    }
}

/// Small enough to wait in memory, large enough that tags and calls cost nothing (libsodium and age use as much).
const CHUNK_BYTES: usize = 1 << 16;

const TAG_BYTES: usize = 16;
const SEALED_BYTES: u64 = (CHUNK_BYTES + TAG_BYTES) as u64;

const LENGTH_BYTES: usize = 4;

/// The longest label that is read: names of columns have as much room in it as in the header that they come from.
const LABEL_LIMIT_BYTES: u32 = 64 << 20;

type Stream = StreamBE32<XChaCha20Poly1305>;

fn stream(cipher: XChaCha20Poly1305, nonce: &[u8; NONCE_BYTES]) -> Stream {
    Stream::from_aead(cipher, nonce.into())
}

/// Seals what is written to it.
pub(crate) struct Sealer<W> {
    kind: Kind,
    out: W,
    stream: Stream,
    chunk: Vec<u8>,
    /// Chunks sealed.
    sealed: u32,
}

impl<W: Write> Sealer<W> {
    /// Begins a file. A nonce must never serve twice under one key; `salt` is what the key was made with.
    pub(crate) fn new(
        mut out: W,
        kind: Kind,
        salt: &[u8],
        cipher: XChaCha20Poly1305,
        nonce: &[u8; NONCE_BYTES],
    ) -> io::Result<Self> {
        assert_eq!(salt.len(), kind.salt_bytes, "a kind of file has one length of salt");
        out.write_all(&[kind.magic, salt, nonce].concat())?;
        Ok(Sealer { kind, out, stream: stream(cipher, nonce), chunk: Vec::new(), sealed: 0 })
    }

    /// Ends the file with its label.
    pub(crate) fn finish(mut self, label: &[u8]) -> io::Result<W> {
        if !self.chunk.is_empty() {
            self.seal(false)?;
        }
        self.chunk.extend_from_slice(label);
        let length = (label.len() + TAG_BYTES) as u64;
        let length = u32::try_from(length).ok().filter(|length| *length <= LABEL_LIMIT_BYTES);
        let length = length.ok_or_else(|| io::Error::other("the label is too long"))?;
        self.seal(true)?;
        self.out.write_all(&length.to_le_bytes())?;
        Ok(self.out)
    }

    fn seal(&mut self, is_last: bool) -> io::Result<()> {
        let sealed = self.stream.encrypt_in_place(self.sealed, is_last, self.kind.magic, &mut self.chunk);
        // A counter of 32 bits is enough for 256 TiB.
        let next = self.sealed.checked_add(1).filter(|_| sealed.is_ok());
        self.sealed = next.ok_or_else(|| io::Error::other("the copy can't be sealed"))?;
        self.out.write_all(&self.chunk)?;
        self.chunk.clear();
        Ok(())
    }
}

impl<W: Write> Write for Sealer<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let length = bytes.len().min(CHUNK_BYTES - self.chunk.len());
        self.chunk.extend_from_slice(&bytes[..length]);
        if self.chunk.len() == CHUNK_BYTES {
            self.seal(false)?;
        }
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// A sealed file: its label, and its body to be read.
pub(crate) struct Opened {
    pub(crate) label: Vec<u8>,
    pub(crate) body: Body,
}

/// Opens a sealed file and its label. `cipher` is asked for with the salt.
pub(crate) fn open<E: From<Fault>>(
    mut file: File,
    kind: Kind,
    cipher: impl FnOnce(&[u8]) -> Result<XChaCha20Poly1305, E>,
) -> Result<Opened, E> {
    let fail = |error| E::from(Fault::Io(error));
    let mut head = vec![0; kind.head_bytes()];
    let whole = file.metadata().map_err(fail)?.len();
    if whole < (head.len() + LENGTH_BYTES) as u64 {
        return Err(Fault::Short.into());
    }
    file.rewind().and_then(|()| file.read_exact(&mut head)).map_err(fail)?;
    let parts = head.strip_prefix(kind.magic).and_then(|rest| rest.split_at_checked(kind.salt_bytes));
    let (salt, nonce) = parts.ok_or(Fault::Foreign)?;
    let nonce = nonce.first_chunk().ok_or(Fault::Foreign)?;
    let stream = stream(cipher(salt)?, nonce);
    Ok(unseal(file, kind, whole, stream)?)
}

fn unseal(mut file: File, kind: Kind, whole: u64, stream: Stream) -> Result<Opened, Fault> {
    let head_bytes = kind.head_bytes() as u64;
    let mut length = [0; LENGTH_BYTES];

    file.seek(SeekFrom::End(-(LENGTH_BYTES as i64)))?;
    file.read_exact(&mut length)?;
    let length = u32::from_le_bytes(length);
    let body_bytes = whole - head_bytes - LENGTH_BYTES as u64;
    let body_bytes = body_bytes.checked_sub(length.into()).filter(|_| length <= LABEL_LIMIT_BYTES);
    let body_bytes = body_bytes.ok_or(Fault::Unsealed)?;
    let chunks = u32::try_from(body_bytes.div_ceil(SEALED_BYTES)).map_err(|_| Fault::Unsealed)?;
    file.seek(SeekFrom::Start(head_bytes + body_bytes))?;
    let mut label = vec![0; length as usize];
    file.read_exact(&mut label)?;
    stream.decrypt_in_place(chunks, true, kind.magic, &mut label).map_err(|_| Fault::Unsealed)?;

    file.seek(SeekFrom::Start(head_bytes))?;
    Ok(Opened {
        label,
        body: Body { kind, file, stream, opened: 0, left: body_bytes, chunk: Vec::new(), used: 0 },
    })
}

/// Reads the body, chunk by chunk; what does not open is an error that holds a [`Fault`].
pub(crate) struct Body {
    kind: Kind,
    file: File,
    stream: Stream,
    /// Chunks opened.
    opened: u32,
    /// Sealed bytes that are not read yet.
    left: u64,
    chunk: Vec<u8>,
    used: usize,
}

impl Body {
    fn next_chunk(&mut self) -> io::Result<()> {
        let length = self.left.min(SEALED_BYTES);
        (self.left, self.used) = (self.left - length, 0);
        self.chunk.resize(length as usize, 0);
        self.file.read_exact(&mut self.chunk)?;
        let opened = self.stream.decrypt_in_place(self.opened, false, self.kind.magic, &mut self.chunk);
        if opened.is_err() {
            self.chunk.clear();
            return Err(io::Error::other(Fault::Unsealed));
        }
        self.opened += 1;
        Ok(())
    }
}

impl Read for Body {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.used == self.chunk.len() && self.left > 0 {
            self.next_chunk()?;
        }
        let length = buffer.len().min(self.chunk.len() - self.used);
        buffer[..length].copy_from_slice(&self.chunk[self.used..self.used + length]);
        self.used += length;
        Ok(length)
    }
}

//! The pieces of a file or stream, in order: record batches, and everything else as bytes to be copied.
//!
//! The directory of a file is compared with its size before it is used: messages lie before the footer and don't overlap.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::sync::Arc;

use arrow_ipc::convert::try_fb_to_schema;
use arrow_ipc::reader::read_dictionary;
use arrow_ipc::{Block, Footer, root_as_footer};
use arrow_schema::Schema;

use crate::error::Result;
use crate::table::format::reason::read_failed;

use super::batch::Dictionaries;
use super::message::{Message, guarded, is_batch, read_bytes};
use super::reason::ArrowReason;

/// Begins and ends a file.
pub(super) const MAGIC: &[u8] = b"ARROW1";

/// Bytes between batches that are copied at once.
const PIECE_BYTES: u64 = 1 << 20;

/// A part of a file.
pub(super) enum Piece {
    /// To be copied.
    Bytes(Vec<u8>),
    /// A dictionary of a stream, to be copied. Those of a file are known from the start.
    Dictionary { bytes: Vec<u8>, id: i64, is_delta: bool },
    /// A batch of rows, where it stands, and the dictionaries that its columns use.
    Batch { message: Message, place: u64, dictionaries: Arc<Dictionaries> },
}

/// How a batch of a copy differs from the one at `place` in the file.
pub(super) struct Move {
    pub place: u64,
    /// Dictionaries before it that the file has not: the bytes of their metadata and of their bodies.
    pub inserted: Vec<(u64, u64)>,
    pub old_bytes: u64,
    pub new_bytes: u64,
}

impl Move {
    fn inserted_bytes(&self) -> u64 {
        self.inserted.iter().map(|(head, body)| head + body).sum()
    }
}

/// Where something at `place` in the file begins in a copy, if these batches are moved that stand before it.
fn moved(place: u64, before: &[Move]) -> u64 {
    before.iter().fold(place, |at, moved| {
        at.wrapping_add(moved.inserted_bytes()).wrapping_add(moved.new_bytes).wrapping_sub(moved.old_bytes)
    })
}

/// Gives pieces.
pub(super) enum Feed {
    File(FileFeed),
    Stream(StreamFeed),
}

impl Feed {
    /// The next piece. The footer of a file is no piece.
    pub fn next_piece(&mut self) -> Result<Option<Piece>> {
        match self {
            Feed::File(file) => file.next_piece(),
            Feed::Stream(stream) => stream.next_piece(),
        }
    }

    /// What comes after all pieces, in a copy with these batches moved.
    pub fn tail(&self, moves: &[Move]) -> Result<Vec<u8>> {
        match self {
            Feed::File(file) => file.footer_with(moves),
            Feed::Stream(_) => Ok(Vec::new()),
        }
    }
}

fn schema(schema: Option<arrow_ipc::Schema<'_>>) -> Result<Arc<Schema>> {
    let schema = schema.ok_or(ArrowReason::Schema)?;
    if !schema.endianness().equals_to_target_endianness() {
        return Err(ArrowReason::Endianness.into());
    }
    Ok(Arc::new(guarded(|| try_fb_to_schema(schema)).ok_or(ArrowReason::Schema)?))
}

fn add_dictionary(message: &Message, schema: &Schema, dictionaries: &mut Dictionaries) -> Result<()> {
    let metadata = message.metadata()?;
    let dictionary = metadata.header_as_dictionary_batch().ok_or(ArrowReason::Message)?;
    message.check(dictionary.data().ok_or(ArrowReason::Message)?)?;
    let version = metadata.version();
    let read = guarded(|| read_dictionary(&message.body, dictionary, schema, dictionaries, &version));
    Ok(read.ok_or(ArrowReason::Decode)?)
}

/// A file, by its footer.
pub(super) struct FileFeed {
    file: BufReader<File>,
    /// Where the next piece begins.
    at: u64,
    /// Where the footer begins.
    end: u64,
    /// The footer, its length and the magic bytes after it.
    footer: Vec<u8>,
    batches: VecDeque<Span>,
    dictionaries: Arc<Dictionaries>,
}

/// Where a message is.
#[derive(Clone, Copy)]
struct Span {
    start: u64,
    head_bytes: u64,
    body_bytes: u64,
}

impl Span {
    fn of(block: &Block) -> Result<Span> {
        match (block.offset().try_into(), block.metaDataLength().try_into(), block.bodyLength().try_into()) {
            (Ok(start), Ok(head_bytes), Ok(body_bytes)) => Ok(Span { start, head_bytes, body_bytes }),
            _ => Err(ArrowReason::Directory.into()),
        }
    }

    fn end(&self) -> u64 {
        self.start.saturating_add(self.head_bytes).saturating_add(self.body_bytes)
    }
}

/// The bytes of the footer's length and the magic after it.
const TRAILER_BYTES: u64 = 10;

fn footer_of(bytes: &[u8]) -> Result<Footer<'_>> {
    let footer = &bytes[..bytes.len() - TRAILER_BYTES as usize];
    root_as_footer(footer).map_err(|_| ArrowReason::Footer.into())
}

impl FileFeed {
    /// Reads the footer and the dictionaries.
    pub fn open(file: File) -> Result<(Arc<Schema>, FileFeed)> {
        let length = file.metadata().map_err(read_failed)?.len();
        let mut file = BufReader::new(file);
        let (end, footer) = read_footer(&mut file, length)?;
        let directory = footer_of(&footer)?;
        let schema = schema(directory.schema())?;
        let spans = directory.recordBatches().into_iter().flatten().map(Span::of);
        let batches = spans.collect::<Result<Vec<_>>>()?;
        let spans = directory.dictionaries().into_iter().flatten().map(Span::of);
        let stored = spans.collect::<Result<Vec<_>>>()?;
        check_spans(&batches, &stored, end)?;
        file.rewind().map_err(read_failed)?;
        let (at, batches) = (0, batches.into());
        let mut feed = FileFeed { file, at, end, footer: Vec::new(), batches, dictionaries: Arc::default() };
        let mut dictionaries = Dictionaries::new();
        for span in stored {
            feed.file.seek(SeekFrom::Start(span.start)).map_err(read_failed)?;
            add_dictionary(&feed.message(span)?, &schema, &mut dictionaries)?;
        }
        feed.file.rewind().map_err(read_failed)?;
        feed.dictionaries = Arc::new(dictionaries);
        feed.footer = footer;
        Ok((schema, feed))
    }

    /// Reads the message that stands where the file is now.
    fn message(&mut self, span: Span) -> Result<Message> {
        let head = read_bytes(&mut self.file, span.head_bytes)?;
        let body_bytes = super::message::body_bytes(&head)?;
        if body_bytes != span.body_bytes {
            return Err(ArrowReason::Directory.into());
        }
        let body = arrow_buffer::Buffer::from_vec(read_bytes(&mut self.file, body_bytes)?);
        Ok(Message { head, body })
    }

    fn next_piece(&mut self) -> Result<Option<Piece>> {
        let place = self.at;
        let next = self.batches.front().map_or(self.end, |span| span.start);
        if place < next {
            let bytes = read_bytes(&mut self.file, PIECE_BYTES.min(next - place))?;
            self.at += bytes.len() as u64;
            return Ok(Some(Piece::Bytes(bytes)));
        }
        let Some(span) = self.batches.pop_front() else { return Ok(None) };
        let message = self.message(span)?;
        if !is_batch(&message)? {
            return Err(ArrowReason::Directory.into());
        }
        self.at = span.end();
        Ok(Some(Piece::Batch { message, place, dictionaries: self.dictionaries.clone() }))
    }

    /// The footer with the places and lengths that the messages have in a copy.
    fn footer_with(&self, moves: &[Move]) -> Result<Vec<u8>> {
        let directory = footer_of(&self.footer)?;
        let mut copy = self.footer.clone();
        for blocks in [directory.dictionaries(), directory.recordBatches()].into_iter().flatten() {
            let table = blocks.bytes().as_ptr() as usize - self.footer.as_ptr() as usize;
            for (number, block) in blocks.iter().enumerate() {
                let place = block.offset() as u64;
                let before = &moves[..moves.partition_point(|moved| moved.place < place)];
                let own = moves.get(before.len()).filter(|moved| moved.place == place);
                let start = moved(place, before).wrapping_add(own.map_or(0, Move::inserted_bytes));
                let body = own.map_or(block.bodyLength() as u64, |moved| moved.new_bytes);
                let at = table + BLOCK_BYTES * number;
                copy[at..at + 8].copy_from_slice(&start.to_le_bytes());
                copy[at + 16..at + 24].copy_from_slice(&body.to_le_bytes());
            }
        }
        let inserted = inserted(moves);
        if inserted.is_empty() { Ok(copy) } else { with_dictionaries(copy, &inserted) }
    }
}

/// The places of all dictionaries that were inserted.
fn inserted(moves: &[Move]) -> Vec<Block> {
    let (mut blocks, mut shift) = (Vec::new(), 0_u64);
    for moved in moves {
        let mut at = moved.place.wrapping_add(shift);
        for &(head, body) in &moved.inserted {
            blocks.push(Block::new(at as i64, head as i32, body as i64));
            at = at.wrapping_add(head + body);
        }
        shift = shift
            .wrapping_add(moved.inserted_bytes())
            .wrapping_add(moved.new_bytes)
            .wrapping_sub(moved.old_bytes);
    }
    blocks
}

/// The footer with more dictionaries. Their list is written anew at its end, and the table says that it is there.
fn with_dictionaries(mut footer: Vec<u8>, inserted: &[Block]) -> Result<Vec<u8>> {
    let directory = footer_of(&footer)?;
    let field = directory._tab.vtable().get(Footer::VT_DICTIONARIES);
    let old = directory.dictionaries().filter(|_| field != 0).ok_or(ArrowReason::Encode)?;
    let list = old.bytes()[..BLOCK_BYTES * old.len()].to_vec();
    let (at, number) = (directory._tab.loc() + usize::from(field), old.len() + inserted.len());
    let magic = footer.split_off(footer.len() - MAGIC.len());
    footer.truncate(footer.len() - 4);
    // Blocks begin at a multiple of 8, after their number of 4 bytes.
    footer.resize((footer.len() + 4).next_multiple_of(8) - 4, 0);
    let start = footer.len();
    footer.extend((number as u32).to_le_bytes());
    footer.extend(list);
    inserted.iter().for_each(|block| footer.extend(block.0));
    footer[at..at + 4].copy_from_slice(&((start - at) as u32).to_le_bytes());
    let length = i32::try_from(footer.len()).map_err(|_| ArrowReason::Encode)?;
    footer.extend(length.to_le_bytes());
    footer.extend(magic);
    Ok(footer)
}

/// A place in the footer: where, the length of the metadata, 4 bytes of padding, the length of the body.
const BLOCK_BYTES: usize = size_of::<Block>();

fn read_footer(file: &mut BufReader<File>, length: u64) -> Result<(u64, Vec<u8>)> {
    let trailer = length.checked_sub(TRAILER_BYTES).ok_or(ArrowReason::Footer)?;
    file.seek(SeekFrom::Start(trailer)).map_err(read_failed)?;
    let bytes = read_bytes(file, TRAILER_BYTES)?;
    let claim =
        bytes.first_chunk().copied().map(i32::from_le_bytes).and_then(|claim| u64::try_from(claim).ok());
    let start = claim.and_then(|claim| trailer.checked_sub(claim)).filter(|_| bytes.ends_with(MAGIC));
    let start = start.ok_or(ArrowReason::Footer)?;
    file.seek(SeekFrom::Start(start)).map_err(read_failed)?;
    Ok((start, read_bytes(file, length - start)?))
}

fn check_spans(batches: &[Span], dictionaries: &[Span], end: u64) -> Result<()> {
    let mut all = [batches, dictionaries].concat();
    all.sort_by_key(|span| span.start);
    let apart = all.windows(2).all(|pair| pair[0].end() <= pair[1].start);
    let inside = all.iter().all(|span| span.end() <= end);
    // Batches in another order than the footer's can't be passed in one go.
    let ordered = batches.is_sorted_by_key(|span| span.start);
    if apart && inside && ordered { Ok(()) } else { Err(ArrowReason::Directory.into()) }
}

/// A stream.
pub(super) struct StreamFeed {
    reader: Box<dyn Read + Send>,
    schema: Arc<Schema>,
    /// The message of the schema, until it is given.
    first: Option<Vec<u8>>,
    dictionaries: Arc<Dictionaries>,
    ended: bool,
}

impl StreamFeed {
    /// Reads the schema.
    pub fn open(mut reader: Box<dyn Read + Send>) -> Result<(Arc<Schema>, StreamFeed)> {
        let message = Message::read(&mut reader, &mut Vec::new())?.ok_or(ArrowReason::Schema)?;
        let schema = schema(message.metadata()?.header_as_schema())?;
        let first = Some([&message.head, message.body.as_slice()].concat());
        let dictionaries = Arc::default();
        Ok((schema.clone(), StreamFeed { reader, schema, first, dictionaries, ended: false }))
    }

    fn next_piece(&mut self) -> Result<Option<Piece>> {
        if let Some(first) = self.first.take() {
            return Ok(Some(Piece::Bytes(first)));
        }
        if self.ended {
            let mut rest = Vec::new();
            (&mut self.reader).take(PIECE_BYTES).read_to_end(&mut rest).map_err(read_failed)?;
            return Ok((!rest.is_empty()).then_some(Piece::Bytes(rest)));
        }
        let mut end = Vec::new();
        let Some(message) = Message::read(&mut self.reader, &mut end)? else {
            self.ended = true;
            return Ok((!end.is_empty()).then_some(Piece::Bytes(end)));
        };
        if is_batch(&message)? {
            let dictionaries = self.dictionaries.clone();
            return Ok(Some(Piece::Batch { message, place: 0, dictionaries }));
        }
        let bytes = [&message.head, message.body.as_slice()].concat();
        let Some(dictionary) = message.metadata()?.header_as_dictionary_batch() else {
            return Ok(Some(Piece::Bytes(bytes)));
        };
        add_dictionary(&message, &self.schema, Arc::make_mut(&mut self.dictionaries))?;
        Ok(Some(Piece::Dictionary { bytes, id: dictionary.id(), is_delta: dictionary.isDelta() }))
    }
}

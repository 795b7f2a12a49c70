//! The file: its directory, checked, and the bytes of its column chunks.
//!
//! Everything that the directory claims is compared with the size of the file before it is used: chunks lie within the file,
//! and together are no longer than it. A panic in the library, which crafted bytes can cause, is an error here.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};

use parquet::errors::ParquetError;
use parquet::file::metadata::{
    ColumnChunkMetaData, PageIndexPolicy, ParquetMetaData, ParquetMetaDataOptions, ParquetMetaDataReader,
    RowGroupMetaData,
};

use crate::error::Result;
use crate::table::format::reason::read_failed;

use super::reason::ParquetReason;

/// An open file and its directory.
pub(super) struct ParquetFile {
    file: Mutex<File>,
    pub metadata: ParquetMetaData,
    length_bytes: u64,
}

/// Calls the library; a panic is an error as the one it returns.
pub(super) fn guarded<T>(call: impl FnOnce() -> Result<T, ParquetError>) -> Option<T> {
    catch_unwind(AssertUnwindSafe(call)).ok()?.ok()
}

impl ParquetFile {
    /// Reads the directory at the end of the file.
    pub fn open(file: File) -> Result<ParquetFile> {
        let length_bytes = file.metadata().map_err(read_failed)?.len();
        let metadata = guarded(|| directory_reader().parse_and_finish(&file)).ok_or(ParquetReason::Footer)?;
        let file = ParquetFile { file: Mutex::new(file), metadata, length_bytes };
        file.check()?;
        Ok(file)
    }

    fn check(&self) -> Result<()> {
        let mut chunks_bytes = 0_u64;
        for group in self.metadata.row_groups() {
            if group.num_rows() < 0 || group.num_columns() != group.schema_descr().num_columns() {
                return Err(ParquetReason::Directory.into());
            }
            for chunk in group.columns() {
                check_chunk(group, chunk)?;
                let range = self.chunk(chunk)?;
                chunks_bytes = chunks_bytes.saturating_add(range.end - range.start);
            }
        }
        if chunks_bytes > self.length_bytes { Err(ParquetReason::Directory.into()) } else { Ok(()) }
    }

    /// Where a chunk stands.
    pub fn chunk(&self, chunk: &ColumnChunkMetaData) -> Result<Range<u64>> {
        self.range(start_of(chunk), chunk.compressed_size())
    }

    /// A range of the file, if the file has it.
    pub fn range(&self, start: i64, length: i64) -> Result<Range<u64>> {
        let (start, length) = match (u64::try_from(start), u64::try_from(length)) {
            (Ok(start), Ok(length)) => (start, length),
            _ => return Err(ParquetReason::Directory.into()),
        };
        match start.checked_add(length) {
            Some(end) if end <= self.length_bytes => Ok(start..end),
            _ => Err(ParquetReason::Directory.into()),
        }
    }

    /// Reads the range into `buffer`, which is exactly as long.
    pub fn read(&self, start: u64, buffer: &mut [u8]) -> Result<()> {
        // One position is shared by all who read; the lock is held until the bytes are there.
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(start)).and_then(|_| file.read_exact(buffer)).map_err(read_failed)
    }

    /// The bytes of a chunk.
    pub fn chunk_bytes(&self, chunk: &ColumnChunkMetaData) -> Result<Vec<u8>> {
        let range = self.chunk(chunk)?;
        let mut bytes = vec![0; (range.end - range.start) as usize];
        self.read(range.start, &mut bytes)?;
        Ok(bytes)
    }

    /// Reads the page indexes too, if the file has any that can be read.
    pub fn load_page_indexes(&mut self) {
        let file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let with_indexes = guarded(|| {
            let mut reader = ParquetMetaDataReader::new_with_metadata(self.metadata.clone())
                .with_page_index_policy(PageIndexPolicy::Optional);
            reader.read_page_indexes(&*file)?;
            reader.finish()
        });
        drop(file);
        if let Some(metadata) = with_indexes {
            self.metadata = metadata;
        }
    }
}

/// A reader that keeps all the directory says; left to itself, the library sums up which encodings pages have.
fn directory_reader() -> ParquetMetaDataReader {
    let options = ParquetMetaDataOptions::new().with_encoding_stats_as_mask(false);
    ParquetMetaDataReader::new().with_metadata_options(Some(options))
}

/// Where the chunk's first page stands. Some writers give 0 as the place of a dictionary that isn't there.
pub(super) fn start_of(chunk: &ColumnChunkMetaData) -> i64 {
    match chunk.dictionary_page_offset() {
        Some(dictionary) if dictionary > 0 && dictionary < chunk.data_page_offset() => dictionary,
        _ => chunk.data_page_offset(),
    }
}

fn check_chunk(group: &RowGroupMetaData, chunk: &ColumnChunkMetaData) -> Result<()> {
    if chunk.file_path().is_some() {
        return Err(ParquetReason::Elsewhere.into());
    }
    let flat = chunk.column_descr().max_rep_level() == 0;
    if flat && chunk.num_values() != group.num_rows() {
        return Err(ParquetReason::Directory.into());
    }
    Ok(())
}

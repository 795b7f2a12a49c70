//! Dictionaries that grow: values that a copy needs and that the original's dictionaries lack.
//!
//! They are appended by delta dictionaries, right before the batch that is the first to use them. Streams and files may hold
//! such deltas (a file may not replace a dictionary), and nothing that was written before them changes. A value that was
//! added is kept in mind by the copy it was added to, so that each is added once.
//!
//! Source: <https://arrow.apache.org/docs/format/Columnar.html#dictionary-messages>.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::types::Int64Type;
use arrow_array::{
    Array, ArrayRef, DictionaryArray, Int64Array, LargeStringArray, RecordBatch, StringArray,
    StringViewArray, make_array, new_empty_array,
};
use arrow_buffer::Buffer;
use arrow_ipc::writer::{DictionaryHandling, IpcWriteOptions, StreamWriter};
use arrow_schema::ArrowError;

use crate::error::Result;

use super::leaf::{Form, Keys, Leaf};
use super::message::{Message, guarded};
use super::reason::ArrowReason;

/// Bytes of the values added to one dictionary, 256 MiB: ten million marks, and more than readers like to keep.
const MAX_ADDED_BYTES: usize = 1 << 28;

/// What was added to the dictionaries of one copy.
#[derive(Default)]
pub(super) struct Growth {
    by_id: HashMap<i64, Added>,
}

/// What was added to one dictionary.
#[derive(Default)]
struct Added {
    /// Their numbers, from 0.
    numbers: HashMap<Vec<u8>, usize>,
    /// Those that were not written yet.
    unwritten: Vec<Vec<u8>>,
    bytes: usize,
}

impl Growth {
    /// The number of a value that the dictionary lacks, which has `length` without those that were added.
    pub fn number(
        &mut self,
        keys: Keys,
        length: usize,
        value: &[u8],
    ) -> std::result::Result<usize, ArrowReason> {
        let added = self.by_id.entry(keys.id).or_default();
        if let Some(number) = added.numbers.get(value) {
            return Ok(length + number);
        }
        let number = length + added.numbers.len();
        added.bytes += value.len();
        if number as u128 > keys.largest() || added.bytes > MAX_ADDED_BYTES {
            return Err(ArrowReason::FullDictionary { values: number });
        }
        added.numbers.insert(value.to_vec(), added.numbers.len());
        added.unwritten.push(value.to_vec());
        Ok(number)
    }

    /// The original exchanges a dictionary, or lets it grow itself; what was added to it is gone then, or in the way.
    pub fn passed(&mut self, id: i64, is_delta: bool) -> Result<()> {
        match self.by_id.remove(&id) {
            Some(added) if is_delta && !added.numbers.is_empty() => Err(ArrowReason::Grows.into()),
            _ => Ok(()),
        }
    }

    /// The messages that append what was not written yet.
    pub fn messages(&mut self, leaves: &[Leaf]) -> Result<Vec<Message>> {
        let mut messages = Vec::new();
        for leaf in leaves {
            let Some(keys) = leaf.keys else { continue };
            let added = self.by_id.get_mut(&keys.id).map(|added| std::mem::take(&mut added.unwritten));
            let Some(values) = added.filter(|values| !values.is_empty()) else { continue };
            let written = guarded(|| delta(leaf, &values)).ok_or(ArrowReason::Encode)?;
            messages.push(last_delta(&written, keys.id)?);
        }
        Ok(messages)
    }
}

/// An array of the values of a leaf's dictionary.
fn array(leaf: &Leaf, values: &[&[u8]]) -> std::result::Result<ArrayRef, ArrowError> {
    let texts = values.iter().map(|value| std::str::from_utf8(value).unwrap_or_default());
    Ok(match leaf.form {
        Form::Text { width: 4 } => Arc::new(StringArray::from_iter_values(texts)),
        Form::Text { .. } => Arc::new(LargeStringArray::from_iter_values(texts)),
        Form::View => Arc::new(StringViewArray::from_iter_values(texts)),
        _ => {
            let data = new_empty_array(&leaf.stored).to_data().into_builder().align_buffers(true);
            make_array(data.len(values.len()).buffers(vec![Buffer::from_vec(values.concat())]).build()?)
        }
    })
}

/// A stream in which the second dictionary grows by these values. The library has no function for one message, and numbers
/// dictionaries itself; in this stream the one that grows has a number that isn't 0, and so a place in the message.
fn delta(leaf: &Leaf, values: &[Vec<u8>]) -> std::result::Result<Vec<u8>, ArrowError> {
    let values: Vec<&[u8]> = values.iter().map(Vec::as_slice).collect();
    let batch = |values: &[&[u8]]| {
        let column = |values| {
            let dictionary =
                DictionaryArray::<Int64Type>::try_new(Int64Array::from(Vec::<i64>::new()), values)?;
            Ok::<ArrayRef, ArrowError>(Arc::new(dictionary))
        };
        RecordBatch::try_from_iter([("0", column(array(leaf, &[])?)?), ("1", column(array(leaf, values)?)?)])
    };
    let before = batch(&values[..1])?;
    let options = IpcWriteOptions::default().with_dictionary_handling(DictionaryHandling::Delta);
    let mut writer = StreamWriter::try_new_with_options(Vec::new(), &before.schema(), options)?;
    writer.write(&before)?;
    writer.write(&batch(&[&values[..1], &values].concat())?)?;
    writer.into_inner()
}

/// The delta in such a stream, with the number of another dictionary.
fn last_delta(mut stream: &[u8], id: i64) -> Result<Message> {
    let mut end = Vec::new();
    while let Some(mut message) = Message::read(&mut stream, &mut end)? {
        let metadata = message.metadata()?;
        let Some(dictionary) =
            metadata.header_as_dictionary_batch().filter(|dictionary| dictionary.isDelta())
        else {
            continue;
        };
        let field = dictionary._tab.vtable().get(arrow_ipc::DictionaryBatch::VT_ID);
        if field == 0 {
            break;
        }
        let at = message.place(dictionary._tab.loc(), field);
        message.head[at..at + 8].copy_from_slice(&id.to_le_bytes());
        return Ok(message);
    }
    Err(ArrowReason::Encode.into())
}

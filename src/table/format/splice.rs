//! Edits to a block, and the copy that has them put in.
//!
//! Formats whose records are text are never written anew: an edit replaces a range of bytes, and every byte
//! outside of all ranges is copied as it is. The texts of all edits share one buffer, because an allocation per
//! edited cell would cost more than finding the cell.

use std::ops::Range;

/// Replacements in one block, in the order of their places. Reuse one value for all blocks.
#[derive(Clone, Debug, Default)]
pub struct Edits {
    list: Vec<Edit>,
    text: Vec<u8>,
}

#[derive(Clone, Debug)]
struct Edit {
    range: Range<usize>,
    /// End of the new text in `Edits::text`; it starts where the previous one ends.
    text_end: usize,
}

impl Edits {
    /// Removes all edits and keeps the memory.
    pub fn clear(&mut self) {
        self.list.clear();
        self.text.clear();
    }

    /// Number of edits.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Adds the replacement of `range` by `text`.
    ///
    /// # Panics
    /// If `range` starts before the end of the last edit, or is backwards: the order is the caller's doing, not
    /// the data's.
    pub fn push(&mut self, range: Range<usize>, text: &[u8]) {
        self.push_with(range, |out| out.extend_from_slice(text));
    }

    /// As [`push`](Self::push), with the text appended by `write`.
    pub(super) fn push_with(&mut self, range: Range<usize>, write: impl FnOnce(&mut Vec<u8>)) {
        let after = self.list.last().map_or(0, |edit| edit.range.end);
        assert!(after <= range.start && range.start <= range.end, "edits are in order and don't overlap");
        write(&mut self.text);
        self.list.push(Edit { range, text_end: self.text.len() });
    }

    /// All edits in order: the range of the block, and the new text.
    pub fn iter(&self) -> impl Iterator<Item = (Range<usize>, &[u8])> {
        let mut start = 0;
        self.list.iter().map(move |edit| {
            let text = &self.text[start..edit.text_end];
            start = edit.text_end;
            (edit.range.clone(), text)
        })
    }
}

/// Appends `block` to `out` with the edits put in.
///
/// # Panics
/// If an edit reaches beyond the block.
pub fn splice(block: &[u8], edits: &Edits, out: &mut Vec<u8>) {
    out.reserve(block.len() + edits.text.len());
    let mut copied = 0;
    for (range, text) in edits.iter() {
        out.extend_from_slice(&block[copied..range.start]);
        out.extend_from_slice(text);
        copied = range.end;
    }
    out.extend_from_slice(&block[copied..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spliced(block: &[u8], edits: &[(Range<usize>, &[u8])]) -> Vec<u8> {
        let mut list = Edits::default();
        for (range, text) in edits {
            list.push(range.clone(), text);
        }
        let mut out = Vec::new();
        splice(block, &list, &mut out);
        out
    }

    #[test]
    fn edits_replace_their_ranges_and_nothing_else() {
        assert_eq!(spliced(b"a,b\n", &[]), b"a,b\n");
        assert_eq!(spliced(b"a,b\n", &[(0..1, b"xyz"), (2..3, b"")]), b"xyz,\n");
        assert_eq!(spliced(b"ab", &[(0..0, b"<"), (1..1, b"|"), (2..2, b">")]), b"<a|b>");
    }

    #[test]
    #[should_panic(expected = "in order")]
    fn edits_out_of_order_are_a_mistake_of_the_caller() {
        spliced(b"abc", &[(1..2, b"x"), (0..1, b"y")]);
    }
}

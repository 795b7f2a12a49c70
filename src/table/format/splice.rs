//! Edits to a block, and the copy that has them put in.
//!
//! Formats whose records are text are never written anew: an edit replaces a range of bytes, and every byte
//! outside of all ranges is copied as it is. The texts of all edits share one buffer, because an allocation per
//! edited cell would cost more than finding the cell. Edits may be pushed in any order: in some formats each row has an
//! order of its own.

use std::ops::Range;

/// Replacements in one block. Reuse one value for all blocks.
#[derive(Clone, Debug, Default)]
pub struct Edits {
    list: Vec<Edit>,
    text: Vec<u8>,
}

#[derive(Clone, Debug)]
struct Edit {
    range: Range<usize>,
    /// Where the new text stands in `Edits::text`.
    text: Range<usize>,
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

    /// Adds the replacement of `range` by `text`. Ranges must not overlap.
    pub fn push(&mut self, range: Range<usize>, text: &[u8]) {
        self.push_with(range, |out| out.extend_from_slice(text));
    }

    /// As [`push`](Self::push), with the text appended by `write`.
    pub(super) fn push_with(&mut self, range: Range<usize>, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.text.len();
        write(&mut self.text);
        self.list.push(Edit { range, text: start..self.text.len() });
    }
}

/// Appends `block` to `out` with the edits put in, and puts the edits in order.
///
/// # Panics
/// If edits overlap or reach beyond the block: that is the caller's doing, not the data's.
pub fn splice(block: &[u8], edits: &mut Edits, out: &mut Vec<u8>) {
    out.reserve(block.len() + edits.text.len());
    edits.list.sort_by_key(|edit| edit.range.start);
    let mut copied = 0;
    for edit in &edits.list {
        out.extend_from_slice(&block[copied..edit.range.start]);
        out.extend_from_slice(&edits.text[edit.text.clone()]);
        copied = edit.range.end;
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
        splice(block, &mut list, &mut out);
        out
    }

    #[test]
    fn edits_replace_their_ranges_and_nothing_else() {
        assert_eq!(spliced(b"a,b\n", &[]), b"a,b\n");
        assert_eq!(spliced(b"a,b\n", &[(0..1, b"xyz"), (2..3, b"")]), b"xyz,\n");
        assert_eq!(spliced(b"ab", &[(0..0, b"<"), (1..1, b"|"), (2..2, b">")]), b"<a|b>");
        assert_eq!(spliced(b"abc", &[(1..2, b"x"), (0..1, b"y")]), b"yxc");
    }

    #[test]
    #[should_panic]
    fn edits_that_overlap_are_a_mistake_of_the_caller() {
        spliced(b"abc", &[(0..2, b"x"), (1..3, b"y")]);
    }
}

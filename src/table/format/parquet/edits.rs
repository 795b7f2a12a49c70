//! The edits to one column of one row group, for one copy.

/// Rows and new texts, in the order of the rows.
#[derive(Default)]
pub(super) struct ColumnEdits {
    rows: Vec<u32>,
    /// Where each text ends.
    ends: Vec<usize>,
    text: String,
}

impl ColumnEdits {
    /// Adds an edit.
    pub fn push(&mut self, row: u32, text: &str) {
        self.rows.push(row);
        self.text.push_str(text);
        self.ends.push(self.text.len());
    }

    /// Adds the edits of later rows.
    pub fn append(&mut self, other: &ColumnEdits) {
        let before = self.text.len();
        self.rows.extend(&other.rows);
        self.ends.extend(other.ends.iter().map(|end| end + before));
        self.text.push_str(&other.text);
    }

    /// Removes all edits and keeps the memory.
    pub fn clear(&mut self) {
        self.rows.clear();
        self.ends.clear();
        self.text.clear();
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Rows and their new texts.
    pub fn iter(&self) -> impl Iterator<Item = (usize, &str)> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        let texts = starts.zip(&self.ends).map(|(start, &end)| &self.text[start..end]);
        self.rows.iter().map(|&row| row as usize).zip(texts)
    }
}

//! The XML of a sheet, as bytes: tags, and where cells stand.
//!
//! A sheet is never parsed into anything but ranges, because all of it that isn't edited is copied as it is. What spreadsheet
//! programs don't write inside the grid is refused: comments, CDATA and instructions, in which a tag would be no tag.

use std::ops::Range;

use memchr::{memchr, memchr2, memchr3};

use super::reason::XlsxReason;

type Result<T> = std::result::Result<T, XlsxReason>;

/// Columns of the largest grid.
pub(super) const MAX_COLUMNS: usize = 16_384;

/// How deep elements that mean nothing here may stand in each other.
const MAX_DEPTH: usize = 64;

/// A tag.
#[derive(Clone, Debug)]
pub(super) struct Tag {
    /// From `<` to behind `>`.
    pub range: Range<usize>,
    /// The name with its prefix.
    pub name: Range<usize>,
    pub kind: TagKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TagKind {
    Open,
    Empty,
    Close,
}

impl Tag {
    /// The name without its prefix.
    pub fn local<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        let name = &bytes[self.name.clone()];
        memchr(b':', name).map_or(name, |colon| &name[colon + 1..])
    }

    /// Calls `see` with the name and the range of the value of each attribute.
    pub fn attributes<'a>(&self, bytes: &'a [u8], mut see: impl FnMut(&'a [u8], Range<usize>)) -> Result<()> {
        let mut at = self.name.end;
        let end = self.range.end - 1;
        loop {
            while at < end && (is_space(bytes[at]) || bytes[at] == b'/') {
                at += 1;
            }
            if at >= end {
                return Ok(());
            }
            let equals = at + memchr(b'=', &bytes[at..end]).ok_or(XlsxReason::Syntax)?;
            let name = bytes[at..equals].trim_ascii_end();
            let mut open = equals + 1;
            while open < end && is_space(bytes[open]) {
                open += 1;
            }
            let quote = bytes[open];
            if open >= end || !matches!(quote, b'"' | b'\'') {
                return Err(XlsxReason::Syntax);
            }
            let close = open + 1 + memchr(quote, &bytes[open + 1..end]).ok_or(XlsxReason::Syntax)?;
            see(name, open + 1..close);
            at = close + 1;
        }
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// The next tag from `at` on; nothing if there is none, or not all of it.
pub(super) fn next_tag(bytes: &[u8], at: usize) -> Result<Option<Tag>> {
    let Some(start) = memchr(b'<', &bytes[at..]).map(|found| at + found) else { return Ok(None) };
    let (kind, name_start) = match bytes.get(start + 1) {
        None => return Ok(None),
        Some(b'!' | b'?') => return Err(XlsxReason::Syntax),
        Some(b'/') => (TagKind::Close, start + 2),
        Some(_) => (TagKind::Open, start + 1),
    };
    let Some(end) = tag_end(bytes, name_start)? else { return Ok(None) };
    let is_name = |byte: &u8| !is_space(*byte) && !matches!(byte, b'/' | b'>');
    let name_end = name_start + bytes[name_start..end].iter().take_while(|byte| is_name(byte)).count();
    let kind = match kind {
        TagKind::Open if bytes[end - 2] == b'/' => TagKind::Empty,
        kind => kind,
    };
    Ok(Some(Tag { range: start..end, name: name_start..name_end, kind }))
}

/// Behind the `>` that ends the tag, which is none within quotes.
fn tag_end(bytes: &[u8], mut at: usize) -> Result<Option<usize>> {
    loop {
        let Some(found) = memchr3(b'>', b'"', b'\'', &bytes[at..]) else { return Ok(None) };
        if memchr(b'<', &bytes[at..at + found]).is_some() {
            return Err(XlsxReason::Syntax);
        }
        at += found;
        if bytes[at] == b'>' {
            return Ok(Some(at + 1));
        }
        let Some(closing) = memchr2(bytes[at], b'<', &bytes[at + 1..]) else { return Ok(None) };
        at += 1 + closing;
        if bytes[at] == b'<' {
            return Err(XlsxReason::Syntax);
        }
        at += 1;
    }
}

/// How a cell's value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Number,
    SharedText,
    InlineText,
    Text,
    Bool,
    Error,
    IsoDate,
}

/// Where a cell stands.
#[derive(Clone, Debug)]
pub(super) struct Cell {
    pub form: Form,
    pub style: usize,
    /// The value of its attribute `t`; empty if it has none.
    pub type_name: Range<usize>,
    /// The element with its value, `<v>…</v>` or `<is>…</is>`, and what is in it. Empty if it has none.
    pub element: Range<usize>,
    pub content: Range<usize>,
    pub is_formula: bool,
}

/// The cells of one row, by column from the table's first.
#[derive(Debug, Default)]
pub(super) struct Cells {
    list: Vec<Option<Cell>>,
    is_blank: bool,
}

impl Cells {
    /// The cell in a column.
    pub fn cell(&self, column: usize) -> Option<&Cell> {
        self.list.get(column)?.as_ref()
    }

    /// Whether no cell of the row has a value.
    pub fn is_blank(&self) -> bool {
        self.is_blank
    }

    /// The columns that have a cell.
    pub fn columns(&self) -> impl Iterator<Item = usize> {
        self.list.iter().enumerate().filter(|(_, cell)| cell.is_some()).map(|(column, _)| column)
    }

    /// Reads the row that begins with `row`, and the `columns` that belong to the table. Gives where it ends; nothing if that
    /// isn't here.
    pub fn read(&mut self, bytes: &[u8], row: &Tag, columns: &Range<usize>) -> Result<Option<usize>> {
        self.list.clear();
        self.is_blank = true;
        if row.kind == TagKind::Empty {
            return Ok(Some(row.range.end));
        }
        let (mut at, mut column) = (row.range.end, 0);
        loop {
            let Some(tag) = next_tag(bytes, at)? else { return Ok(None) };
            at = match (tag.kind, tag.local(bytes)) {
                (TagKind::Close, b"row") => return Ok(Some(tag.range.end)),
                (TagKind::Close, _) | (_, b"row") => return Err(XlsxReason::Syntax),
                (TagKind::Open | TagKind::Empty, b"c") => {
                    let (cell, its_column) = open_cell(bytes, &tag, column)?;
                    column = its_column + 1;
                    let Some((cell, end)) = read_cell(bytes, &tag, cell)? else { return Ok(None) };
                    if columns.contains(&its_column) && !cell.element.is_empty() {
                        self.put(its_column - columns.start, cell)?;
                    }
                    end
                }
                _ => {
                    let Some(end) = skip(bytes, &tag)? else { return Ok(None) };
                    end
                }
            };
        }
    }

    fn put(&mut self, column: usize, cell: Cell) -> Result<()> {
        if self.list.len() <= column {
            self.list.resize(column + 1, None);
        }
        self.is_blank &= cell.content.is_empty();
        match self.list[column].replace(cell) {
            Some(_) => Err(XlsxReason::Twice),
            None => Ok(()),
        }
    }
}

/// What a cell's tag says, and its column; `next` if it doesn't say that.
fn open_cell(bytes: &[u8], tag: &Tag, next: usize) -> Result<(Cell, usize)> {
    let (mut column, mut style, mut type_name) = (Some(next), 0, 0..0);
    tag.attributes(bytes, |name, value| match name {
        b"r" => column = column_of(&bytes[value]),
        b"s" => style = number(&bytes[value]).unwrap_or(0),
        b"t" => type_name = value,
        _ => {}
    })?;
    let form = match &bytes[type_name.clone()] {
        b"" | b"n" => Form::Number,
        b"s" => Form::SharedText,
        b"inlineStr" => Form::InlineText,
        b"str" => Form::Text,
        b"b" => Form::Bool,
        b"e" => Form::Error,
        b"d" => Form::IsoDate,
        _ => return Err(XlsxReason::Syntax),
    };
    let column = column.filter(|&column| column < MAX_COLUMNS).ok_or(XlsxReason::Syntax)?;
    Ok((Cell { form, style, type_name, element: 0..0, content: 0..0, is_formula: false }, column))
}

/// What stands in a cell, and where it ends.
fn read_cell(bytes: &[u8], open: &Tag, mut cell: Cell) -> Result<Option<(Cell, usize)>> {
    let mut at = open.range.end;
    if open.kind == TagKind::Empty {
        return Ok(Some((cell, at)));
    }
    loop {
        let Some(tag) = next_tag(bytes, at)? else { return Ok(None) };
        let name = tag.local(bytes);
        if tag.kind == TagKind::Close {
            return if name == b"c" { Ok(Some((cell, tag.range.end))) } else { Err(XlsxReason::Syntax) };
        }
        let Some(end) = skip(bytes, &tag)? else { return Ok(None) };
        let holds = if cell.form == Form::InlineText { b"is".as_slice() } else { b"v" };
        if name == b"f" {
            cell.is_formula = true;
        } else if name == holds && tag.kind == TagKind::Open {
            if !cell.element.is_empty() {
                return Err(XlsxReason::Syntax);
            }
            // The closing tag begins at the last `<`: attributes hold none.
            let close = memchr::memrchr(b'<', &bytes[..end]).unwrap_or(end);
            (cell.element, cell.content) = (tag.range.start..end, tag.range.end..close);
            if name == b"v" && memchr(b'<', &bytes[cell.content.clone()]).is_some() {
                return Err(XlsxReason::Syntax);
            }
        }
        at = end;
    }
}

/// Where the element ends that begins with `open`.
pub(super) fn skip(bytes: &[u8], open: &Tag) -> Result<Option<usize>> {
    let (mut at, mut depth) = (open.range.end, usize::from(open.kind == TagKind::Open));
    let mut last = open.name.clone();
    while depth > 0 {
        let Some(tag) = next_tag(bytes, at)? else { return Ok(None) };
        at = tag.range.end;
        match tag.kind {
            TagKind::Open => depth += 1,
            TagKind::Close => depth -= 1,
            TagKind::Empty => {}
        }
        last = tag.name;
        if depth > MAX_DEPTH {
            return Err(XlsxReason::Syntax);
        }
    }
    if bytes[last] == bytes[open.name.clone()] { Ok(Some(at)) } else { Err(XlsxReason::Syntax) }
}

/// The column of `C5`, from 0.
fn column_of(reference: &[u8]) -> Option<usize> {
    let letters = reference.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    let rest = &reference[letters..];
    let is_known = matches!(letters, 1..=3) && !rest.is_empty() && rest.iter().all(u8::is_ascii_digit);
    let add = |sum: usize, letter: &u8| sum * 26 + usize::from(letter.to_ascii_uppercase() - b'A') + 1;
    is_known.then(|| reference[..letters].iter().fold(0, add) - 1)
}

/// A number of a few digits.
pub(super) fn number(digits: &[u8]) -> Option<usize> {
    let is_number = matches!(digits.len(), 1..=9) && digits.iter().all(u8::is_ascii_digit);
    is_number.then(|| digits.iter().fold(0, |sum, digit| sum * 10 + usize::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(row: &str) -> Result<Vec<(usize, String)>> {
        let mut cells = Cells::default();
        let tag = next_tag(row.as_bytes(), 0)?.unwrap();
        let end = cells.read(row.as_bytes(), &tag, &(0..MAX_COLUMNS))?;
        assert_eq!(end, Some(row.len()));
        let text = |column| row[cells.cell(column).unwrap().content.clone()].to_owned();
        Ok(cells.columns().map(|column| (column, text(column))).collect())
    }

    #[test]
    fn cells_stand_where_they_say_or_after_the_one_before() {
        let row = "<x:row r=\"1\"><x:c r='B1' s=\"3\"><x:v>1</x:v></x:c><x:c><x:f>A1>2</x:f>\
        <x:v>2</x:v></x:c>\
            <x:c r=\"AA1\" t = \"inlineStr\"><x:is><x:t>q</x:t></x:is></x:c><x:c/><x:c r=\"XFD9\">\
            <x:v>z</x:v></x:c></x:row>";
        let expected = [(1, "1"), (2, "2"), (26, "<x:t>q</x:t>"), (MAX_COLUMNS - 1, "z")];
        assert_eq!(read(row).unwrap(), expected.map(|(column, text)| (column, text.to_owned())));
        assert!(read("<row/>").unwrap().is_empty());
    }

    #[test]
    fn what_no_program_writes_is_refused() {
        let broken = [
            "<row><!-- <c/> --></row>",
            "<row><c r=\"XFE1\"/></row>",
            "<row><c r=\"1\"/></row>",
            "<row><c r=\"A\"/></row>",
            "<row><c r=\"A1\"><v>1</v></c><c r=\"A1\"><v>1</v></c></row>",
            "<row><c><v>1</v><v>2</v></c></row>",
            "<row><c><v>1</is></c></row>",
            "<row><c><v><a/></v></c></row>",
            "<row><c t=\"q\"/></row>",
            "<row><c r/></row>",
            "<row><c r=/></row>",
            "<row><c r=x/></row>",
            "<row></c></row>",
            "<row><row></row></row>",
            "<row><c \"<\"/></row>",
        ];
        for row in broken {
            assert!(read(row).is_err(), "{row}");
        }
    }
}

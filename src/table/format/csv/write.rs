//! Records as CSV text of our own: commas, line feeds, quotes where they are needed.

/// Appends one record to `out`.
pub fn write_record(cells: impl ExactSizeIterator<Item = impl AsRef<[u8]>>, out: &mut Vec<u8>) {
    // An empty line would be no record.
    let is_single = cells.len() == 1;
    for (i, cell) in cells.enumerate() {
        if i > 0 {
            out.push(b',');
        }
        let cell = cell.as_ref();
        let is_special = |byte: &u8| matches!(byte, b',' | b'"' | b'\n' | b'\r');
        let needs_quotes = cell.iter().any(is_special) || is_single && cell.is_empty();
        if !needs_quotes {
            out.extend_from_slice(cell);
            continue;
        }
        out.push(b'"');
        for part in cell.split_inclusive(|&byte| byte == b'"') {
            out.extend_from_slice(part);
            if part.ends_with(b"\"") {
                out.push(b'"');
            }
        }
        out.push(b'"');
    }
    out.push(b'\n');
}

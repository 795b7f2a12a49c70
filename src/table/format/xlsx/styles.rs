//! Which number formats show dates and times.
//!
//! A cell names an entry of the style table, the entry a number format: one of those that everybody knows (ECMA-376 part 1,
//! 18.8.30), or one whose code the workbook gives.

use std::collections::HashMap;

use super::serial::Shown;
use super::xml::{self, Node};

/// Entries of a style table: programs stop at 64 Ki.
const MAX_STYLES: usize = 1 << 18;

/// What each entry of a style table shows.
pub(super) fn read(part: &str) -> Option<Vec<Shown>> {
    let (mut codes, mut styles, mut is_in_cells) = (HashMap::new(), Vec::new(), false);
    xml::nodes(part, |node| {
        match node {
            Node::Open("cellXfs", _) => is_in_cells = true,
            Node::Close("cellXfs") => is_in_cells = false,
            Node::Open("numFmt", tag) => {
                if let (Some(id), Some(code)) =
                    (xml::number(tag, "numFmtId"), xml::attribute(tag, "formatCode"))
                {
                    codes.insert(id, of_code(&code));
                }
            }
            Node::Open("xf", tag) if is_in_cells && styles.len() < MAX_STYLES => {
                styles.push(xml::number(tag, "numFmtId").unwrap_or(0));
            }
            _ => {}
        }
        true
    })?;
    // A workbook may give known numbers a code of its own.
    Some(styles.iter().map(|id| codes.get(id).copied().unwrap_or_else(|| of_number(*id))).collect())
}

/// What the number format shows that everybody knows by this number.
pub(in crate::table::format) fn of_number(id: u32) -> Shown {
    match id {
        // Those from 27 on are dates in East Asia, and are used nowhere else.
        14..=17 | 27..=31 | 36 | 50..=54 | 57..=58 => Shown::Date,
        18..=21 | 32..=35 | 45 | 47 | 55..=56 => Shown::Time,
        22 => Shown::Moment,
        46 => Shown::Elapsed,
        _ => Shown::Number,
    }
}

/// What a code shows, by its first section: the one for positive numbers.
pub(in crate::table::format) fn of_code(code: &str) -> Shown {
    let (mut has_date, mut has_time) = (false, false);
    // The last letter of a field, to tell minutes from months; and whether months are still in doubt.
    let (mut last, mut is_in_doubt) = (' ', false);
    let mut rest = code.chars();
    while let Some(letter) = rest.next() {
        match letter.to_ascii_lowercase() {
            ';' => break,
            '[' => {
                let inside: String = rest.by_ref().take_while(|&c| c != ']').collect();
                if !inside.is_empty() && inside.chars().all(|c| "hmsHMS".contains(c)) {
                    return Shown::Elapsed;
                }
            }
            // AM/PM, which is no month.
            'a' => {
                if rest.as_str().to_ascii_lowercase().starts_with("m/pm") {
                    rest.nth("m/pm".len() - 1);
                    has_time = true;
                }
            }
            'y' | 'd' => (has_date, last) = (true, 'd'),
            'h' => (has_time, last) = (true, 'h'),
            's' => (has_time, is_in_doubt, last) = (true, false, 's'),
            'm' if last == 'h' || last == 'm' => {}
            'm' => {
                has_date |= is_in_doubt;
                (is_in_doubt, last) = (true, 'm');
            }
            letter => skip_literal(letter, &mut rest),
        }
    }
    match (has_date || is_in_doubt, has_time) {
        (true, true) => Shown::Moment,
        (true, false) => Shown::Date,
        (false, true) => Shown::Time,
        (false, false) => Shown::Number,
    }
}

/// Passes over what is shown as it is after this letter.
fn skip_literal(letter: char, rest: &mut std::str::Chars<'_>) {
    match letter {
        '"' => {
            rest.find(|&c| c == '"');
        }
        '\\' | '_' | '*' => {
            rest.next();
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_shows_what_its_letters_say_outside_quotes_and_brackets() {
        let cases = [
            ("General", Shown::Number),
            ("0.00E+00", Shown::Number),
            ("#,##0.00\\ \"days\";[Red]-0", Shown::Number),
            ("0\\d", Shown::Number),
            ("[Red]0_d", Shown::Number),
            ("[$-407]dd/mm/yyyy;@", Shown::Date),
            ("mmm", Shown::Date),
            ("yyyy-mm-dd", Shown::Date),
            ("yyyy\\-mm\\-dd\\Thh:mm:ss", Shown::Moment),
            ("d.m.yy h:mm AM/PM", Shown::Moment),
            ("mm/yyyy h:mm", Shown::Moment),
            ("h:mm AM/PM", Shown::Time),
            ("mm:ss.0", Shown::Time),
            ("hh:mm", Shown::Time),
            ("[h]:mm", Shown::Elapsed),
            ("\"", Shown::Number),
            ("[", Shown::Number),
            ("\\", Shown::Number),
        ];
        for (code, shown) in cases {
            assert_eq!(of_code(code), shown, "{code}");
        }
    }

    #[test]
    fn cells_name_styles_and_styles_name_formats() {
        let part = "<styleSheet>\
            <numFmts><numFmt numFmtId=\"164\" formatCode=\"yyyy&quot;x&quot;\"/></numFmts>\
            <cellStyleXfs><xf numFmtId=\"14\"/></cellStyleXfs>\
            <cellXfs><xf numFmtId=\"0\"/><xf numFmtId=\"164\"><x/></xf><xf numFmtId=\"22\"/></cellXfs>\
            </styleSheet>";
        assert_eq!(read(part).unwrap(), [Shown::Number, Shown::Date, Shown::Moment]);
    }
}

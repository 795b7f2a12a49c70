//! Names of members, fit for a terminal.

use crate::table::format::encoding::text_of;

/// The most characters of a name, as file systems have it. Of a longer one, the end tells most.
const MAX_CHARACTERS: usize = 255;

/// A name as it is shown: no character that moves the cursor or turns the text around.
pub(crate) fn shown(raw: &[u8]) -> String {
    // Four bytes for each character, and nobody gains by more.
    let text = text_of(&raw[raw.len().saturating_sub(8 * MAX_CHARACTERS)..]);
    let count = text.chars().count();
    let kept = text.chars().skip(count.saturating_sub(MAX_CHARACTERS));
    kept.map(|c| if is_harmless(c) { c } else { '\u{fffd}' }).collect()
}

fn is_harmless(c: char) -> bool {
    // What has no width, turns the direction, or ends a line.
    let is_format = matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}');
    !c.is_control() && !is_format && c != '\u{feff}'
}

/// Whether it is a file that systems hide, or put beside files of people.
pub(crate) fn is_hidden(name: &str) -> bool {
    let base = name.rsplit(['/', '\\']).next().unwrap_or(name);
    base.starts_with('.') || name.starts_with("__MACOSX/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_fit_for_a_terminal() {
        assert_eq!(shown(b"../a\x1b[2J\n.csv"), "../a\u{fffd}[2J\u{fffd}.csv");
        assert_eq!(shown("a\u{202e}vsc.exe".as_bytes()), "a\u{fffd}vsc.exe");
        let chinese = "住院患者信息.csv";
        assert_eq!(shown(&encoding_rs::GBK.encode(chinese).0), chinese);
        let long = shown(&[&b"x".repeat(100_000)[..], b"/a.csv"].concat());
        assert!(long.ends_with("x/a.csv") && long.chars().count() == MAX_CHARACTERS);
    }

    #[test]
    fn notes_of_systems_are_hidden() {
        assert!(is_hidden(".DS_Store") && is_hidden("a/._b.csv") && is_hidden("__MACOSX/a/b.csv"));
        assert!(!is_hidden("./a.csv") && !is_hidden(".hidden/a.csv"));
    }
}

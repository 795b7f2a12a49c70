//! Numbers, lists and lines as people read them.

/// `once in 10^38` for a natural log of a probability; never says less than the bound allows.
pub fn once_in(ln_p: f64) -> String {
    let digits = -ln_p / std::f64::consts::LN_10;
    // Rounding down the exponent, or the count, errs towards innocence; the epsilon undoes the logarithm's
    // own error.
    if digits >= 9.0 {
        format!("once in 10^{}", (digits + 1e-9).floor())
    } else {
        let times = (-ln_p).exp() * (1.0 + 1e-9);
        if times < 100.0 {
            format!("once in {:.1}", (times * 10.0).floor() / 10.0)
        } else {
            format!("once in {}", grouped(times as u64))
        }
    }
}

/// `12,345`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `99.5 %`; all and nothing are said only of all and nothing.
pub(super) fn share(share: f64) -> String {
    match share {
        _ if share >= 1.0 => "100 %".into(),
        _ if share > 0.999 => "more than 99.9 %".into(),
        _ if share <= 0.0 => "0 %".into(),
        _ if share < 0.001 => "less than 0.1 %".into(),
        _ => format!("{:.1} %", 100.0 * share),
    }
}

/// `about 99.5 %`; a share that is said as a bound is no nearer than that.
pub(super) fn about(part: f64) -> String {
    let said = share(part);
    if said.contains(" than ") { said } else { format!("about {said}") }
}

/// `a, b and c`.
fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<String> = names.map(plain).collect();
    match names.as_slice() {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}

/// `a, b, c and 7 more`.
pub(super) fn and_more<'a>(names: impl Iterator<Item = &'a str>, shown: usize) -> String {
    let names: Vec<&str> = names.collect();
    // One more name takes no more room than the words for it.
    if names.len() <= shown + 1 {
        return list(names.into_iter());
    }
    let first: Vec<String> = names[..shown].iter().map(|name| plain(name)).collect();
    format!("{} and {} more", first.join(", "), names.len() - shown)
}

/// The same of as many names as fit into `columns` columns, and of `most` at most; of one, if not even that fits.
pub(super) fn that_fit(names: &[String], most: usize, columns: usize) -> String {
    let some = |shown| and_more(names.iter().map(String::as_str), shown);
    (1..=most).rev().map(some).find(|text| width(text) <= columns).unwrap_or_else(|| some(1))
}

/// Text without anything that steers a terminal: control and formatting characters become escapes such as
/// `\u{1b}`.
pub fn plain(text: &str) -> String {
    // Marks that reorder or hide text are no control characters, and as misleading.
    let is_hidden = |c: char| {
        let code = c as u32;
        matches!(code, 0xad | 0x61c | 0x200b..=0x200f | 0x2028..=0x202e | 0x2060..=0x206f | 0xfeff)
    };
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() || is_hidden(c) { out.extend(c.escape_unicode()) } else { out.push(c) }
    }
    out
}

/// Columns that a character takes. East Asian ones take two.
fn columns_of(c: char) -> usize {
    match c as u32 {
        0x1100..=0x115f | 0x2e80..=0xa4cf | 0xac00..=0xd7a3 | 0xf900..=0xfaff => 2,
        0xfe30..=0xfe6f | 0xff00..=0xff60 | 0xffe0..=0xffe6 | 0x1f300..=0x1faff | 0x20000..=0x3fffd => 2,
        _ => 1,
    }
}

/// Columns that a plain text takes.
pub(super) fn width(text: &str) -> usize {
    text.chars().map(columns_of).sum()
}

/// Plain text of at most `columns` columns: what is too long ends in `…`.
pub(super) fn shorten(text: &str, columns: usize) -> String {
    let text = plain(text);
    if width(&text) <= columns {
        return text;
    }
    let mut room = columns - 1;
    let fits = |c: &char| {
        let fits = columns_of(*c) <= room;
        room = room.saturating_sub(columns_of(*c));
        fits
    };
    let kept: String = text.chars().take_while(fits).collect();
    kept + "…"
}

/// The same, keeping the end.
pub(super) fn shorten_start(text: &str, columns: usize) -> String {
    let backwards: String = plain(text).chars().rev().collect();
    shorten(&backwards, columns).chars().rev().collect()
}

/// Breaks a text into lines of at most `columns` columns, at spaces.
pub(super) fn wrap(text: &str, columns: usize) -> String {
    let (mut out, mut used) = (String::new(), 0);
    for word in text.split(' ') {
        let word = shorten(word, columns);
        let needed = width(&word);
        if used > 0 && used + 1 + needed > columns {
            out.push('\n');
            used = 0;
        } else if used > 0 {
            out.push(' ');
            used += 1;
        }
        out.push_str(&word);
        used += needed;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_are_said_without_exaggeration() {
        assert_eq!(once_in(1e-6f64.ln()), "once in 1,000,000");
        assert_eq!(once_in(-88.1), "once in 10^38");
        assert_eq!(once_in(-(10f64.ln()) * 37.99), "once in 10^37");
        assert_eq!(once_in(0.5f64.ln()), "once in 2.0");
        assert_eq!(once_in((1.0 / 2.999f64).ln()), "once in 2.9");
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(grouped(12), "12");
    }

    #[test]
    fn shares_are_whole_only_when_they_are() {
        let said = [1.0, 0.99999, 0.5, 0.0001, 0.0].map(share);
        assert_eq!(said, ["100 %", "more than 99.9 %", "50.0 %", "less than 0.1 %", "0 %"]);
    }

    #[test]
    fn a_bound_is_not_said_to_be_about_right() {
        assert_eq!([0.5, 0.0001].map(about), ["about 50.0 %", "less than 0.1 %"]);
    }

    #[test]
    fn lists_end_in_words() {
        assert_eq!(list(["a"].into_iter()), "a");
        assert_eq!(and_more(["a", "b", "c", "d"].into_iter(), 3), "a, b, c and d");
        assert_eq!(and_more(["a", "b", "c", "d", "e"].into_iter(), 3), "a, b, c and 2 more");
        let names = ["a", "b", "c", "d", "e"].map(str::to_owned);
        let fit = [99, 18, 13, 1].map(|columns| that_fit(&names, 6, columns));
        assert_eq!(fit, ["a, b, c, d and e", "a, b, c, d and e", "a and 4 more", "a and 4 more"]);
    }

    #[test]
    fn nothing_steers_the_terminal_or_leaves_the_line() {
        assert_eq!(plain("a\u{1b}[2Jb\u{202e}\n"), "a\\u{1b}[2Jb\\u{202e}\\u{a}");
        assert_eq!(shorten("abcdef", 6), "abcdef");
        assert_eq!(shorten("abcdefg", 6), "abcde…");
        assert_eq!(shorten("数据数据", 6), "数据…");
        assert_eq!(shorten_start("/a/long/path.csv", 9), "…path.csv");
        assert_eq!(wrap("one two three", 8), "one two\nthree");
    }
}

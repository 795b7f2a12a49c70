//! Names of columns, and the paths that they stand for.
//!
//! A member at the top is called by its plain name. What is nested is called by its path: `$.period.start`,
//! `$.name[0].family`; a name that a path can't hold plainly is quoted: `$['a.b'].c`, with `\'` and `\\` inside.

use super::reason::JsonReason;

/// One step into a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Member(Vec<u8>),
    Item(usize),
}

/// The path of a column.
pub(super) fn parse(name: &str) -> Result<Vec<Step>, JsonReason> {
    if !name.starts_with("$.") && !name.starts_with("$[") {
        return Ok(vec![Step::Member(name.into())]);
    }
    let mut rest = &name[1..];
    let mut steps = Vec::new();
    while !rest.is_empty() {
        let (step, after) = step(rest).ok_or_else(|| JsonReason::Path(name.to_owned()))?;
        steps.push(step);
        rest = after;
    }
    Ok(steps)
}

/// The first step, and what follows it.
fn step(path: &str) -> Option<(Step, &str)> {
    if let Some(plain) = path.strip_prefix('.') {
        let end = plain.find(['.', '[']).unwrap_or(plain.len());
        return (end > 0).then(|| (Step::Member(plain[..end].into()), &plain[end..]));
    }
    let inside = path.strip_prefix('[')?;
    let Some(quoted) = inside.strip_prefix('\'') else {
        let (digits, after) = inside.split_once(']')?;
        let is_plain = digits.bytes().all(|byte| byte.is_ascii_digit());
        return is_plain.then(|| digits.parse().ok())?.map(|index| (Step::Item(index), after));
    };
    let (mut member, mut characters) = (String::new(), quoted.char_indices());
    loop {
        match characters.next()? {
            (_, '\\') => member.push(characters.next()?.1),
            (at, '\'') => return Some((Step::Member(member.into()), quoted[at + 1..].strip_prefix(']')?)),
            (_, character) => member.push(character),
        }
    }
}

/// The name of the column at a path.
pub(super) fn name(steps: &[Step]) -> String {
    if let [Step::Member(member)] = steps
        && !member.starts_with(b"$.")
        && !member.starts_with(b"$[")
    {
        return String::from_utf8_lossy(member).into_owned();
    }
    let mut name = "$".to_owned();
    for step in steps {
        match step {
            Step::Item(index) => name += &format!("[{index}]"),
            Step::Member(member) => push_member(&String::from_utf8_lossy(member), &mut name),
        }
    }
    name
}

fn push_member(member: &str, name: &mut String) {
    let is_special = |c: char| matches!(c, '.' | '[' | ']' | '\'' | '"' | '\\') || c.is_control();
    if !member.is_empty() && !member.contains(is_special) {
        name.push('.');
        name.push_str(member);
        return;
    }
    name.push_str("['");
    for character in member.chars() {
        if matches!(character, '\'' | '\\') {
            name.push('\\');
        }
        name.push(character);
    }
    name.push_str("']");
}

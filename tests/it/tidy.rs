//! How the code must look, as a test. Each rule is a function from a file to its faults, and is tried on a
//! bad snippet below.

use std::fs;
use std::path::Path;

/// The modules of `src`, floor by floor (DESIGN section 5). A module imports from lower floors and from
/// itself.
const FLOORS: [&[&str]; 8] = [
    &["error"],
    &["keys", "table"],
    &["mark", "ledger", "sketch", "subjects", "vault", "store"],
    &["leak", "evidence", "home", "models", "known", "query", "commitment"],
    &["stamp", "trace", "attack", "demo", "backup"],
    &["trial", "doctor", "dispute"],
    &["report"],
    &["cli"],
];

/// What holds no code.
const MANUAL: &str = "manual";

/// What the crate's root re-exports of the lowest floor.
const ROOT_NAMES: [&str; 2] = ["Error", "Result"];

/// From this floor on the clock may be read and randomness drawn.
const CLOCK_FLOOR: usize = 4;

const LONGEST_FILE_LINES: usize = 600;
const LONGEST_LINE_CHARS: usize = 110;

/// Comments are prose, and a little wider lines of it read well.
const LONGEST_COMMENT_CHARS: usize = 130;

/// A word of this length is a hash, a key or an address, which nobody can break.
const LONG_WORD_CHARS: usize = 60;

/// Files that may say `unsafe`: one call of a function that the processor is known to have.
const UNSAFE_FILES: [&str; 1] = ["src/table/format/csv/scan.rs"];

/// A Rust file.
struct Source {
    /// Below the package's folder, with `/`.
    path: String,
    text: String,
    /// Without comments, literals and tests, line by line.
    code: Vec<String>,
}

impl Source {
    fn new(path: &str, text: &str) -> Source {
        Source { path: path.to_owned(), text: text.to_owned(), code: code_of(text) }
    }

    /// The module of `src` that it belongs to.
    fn module(&self) -> Option<&str> {
        let below = self.path.strip_prefix("src/")?;
        let module = below.split('/').next()?.trim_end_matches(".rs");
        (!matches!(module, "lib" | "main" | "bin" | MANUAL)).then_some(module)
    }

    fn floor(&self) -> Option<usize> {
        floor_of(self.module()?)
    }

    /// A file of tests alone, beside the code that it tests.
    fn is_test(&self) -> bool {
        let name = self.path.rsplit('/').next().unwrap_or_default();
        !self.path.starts_with("src/") || matches!(name, "tests.rs" | "refusals.rs" | "fidelity.rs")
    }

    /// Faults: the lines of code in which `is_wrong` finds something.
    fn lines(&self, is_wrong: impl Fn(&str) -> Option<String>) -> Vec<String> {
        let faults = self.code.iter().enumerate();
        faults.filter_map(|(i, line)| Some(format!("{}:{}: {}", self.path, i + 1, is_wrong(line)?))).collect()
    }
}

fn floor_of(module: &str) -> Option<usize> {
    FLOORS.iter().position(|modules| modules.contains(&module))
}

/// The code of a file, with its line numbers kept: comments and literals are blanked, `#[cfg(test)]` items
/// left out.
fn code_of(text: &str) -> Vec<String> {
    let blanked = blank(text);
    let mut code = Vec::new();
    let mut lines = blanked.lines().peekable();
    while let Some(line) = lines.next() {
        if line.trim() != "#[cfg(test)]" {
            code.push(line.to_owned());
            continue;
        }
        // The item ends with a `;`, or with its closing brace at the indent of the attribute.
        let indent = line.len() - line.trim_start().len();
        code.push(String::new());
        for line in lines.by_ref() {
            code.push(String::new());
            let is_closing = line.starts_with(&(" ".repeat(indent) + "}"));
            if is_closing || line.trim_end().ends_with(';') && line.len() - line.trim_start().len() == indent
            {
                break;
            }
        }
    }
    code
}

/// Replaces what stands in comments and literals by spaces.
fn blank(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = literal_or_comment(rest);
        if length == 0 {
            out.push(first);
            rest = &rest[first.len_utf8()..];
        } else {
            out.extend(rest[..length].chars().map(|c| if c == '\n' { c } else { ' ' }));
            rest = &rest[length..];
        }
        // A word is taken whole, so that the `r` of `for"` does not begin a raw string.
        if first.is_alphanumeric() || first == '_' {
            let word = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            if length == 0 {
                out.push_str(&rest[..word]);
                rest = &rest[word..];
            }
        }
    }
    out
}

/// The length of the comment or literal that `text` begins with, or 0.
fn literal_or_comment(text: &str) -> usize {
    let until =
        |start: usize, end: &str| text[start..].find(end).map_or(text.len(), |at| start + at + end.len());
    if text.starts_with("//") {
        return text.find('\n').unwrap_or(text.len());
    }
    if text.starts_with("/*") {
        return until(2, "*/");
    }
    let raw = text.trim_start_matches(['b', 'r']);
    let prefix = text.len() - raw.len();
    let hashes = raw.len() - raw.trim_start_matches('#').len();
    if (1..=2).contains(&prefix) && text[..prefix].ends_with('r') && raw[hashes..].starts_with('"') {
        return until(prefix + hashes + 1, &("\"".to_owned() + &"#".repeat(hashes)));
    }
    if text.starts_with('"') || text.starts_with("b\"") {
        return quoted(text, '"');
    }
    // A quote that closes after one character or one escape is a character; otherwise it is a lifetime.
    let inner = text.strip_prefix('\'').map(|inner| inner.chars());
    match inner.map(|mut inner| (inner.next(), inner.next())) {
        Some((Some('\\'), _)) => quoted(text, '\''),
        Some((Some(c), Some('\''))) => 2 + c.len_utf8(),
        _ => 0,
    }
}

/// The length of a literal with escapes.
fn quoted(text: &str, quote: char) -> usize {
    let start = text.find(quote).unwrap_or(0) + 1;
    let mut escaped = false;
    for (at, c) in text[start..].char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if c == quote => return start + at + 1,
            _ => {}
        }
    }
    text.len()
}

/// The top-level modules that a file names: `crate::a::…`, `crate::{a::…, b}`, and `super::` up to the root.
fn imports(source: &Source) -> Vec<String> {
    let code = source.code.join("\n");
    let mut found = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let is_whole = !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
        if is_whole && !code[..at].ends_with('$') {
            found.extend(first_names(&code[at + "crate::".len()..]));
        }
    }
    let below = source.path.trim_start_matches("src/").trim_end_matches(".rs").trim_end_matches("/mod");
    let climb = "super::".repeat(below.split('/').count());
    for (at, _) in code.match_indices(&climb) {
        found.extend(first_names(&code[at + climb.len()..]));
    }
    found
}

/// The first name of a path, or of each path of a group.
fn first_names(path: &str) -> Vec<String> {
    let name =
        |text: &str| text.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let Some(group) = path.strip_prefix('{') else { return vec![name(path)] };
    let (mut names, mut depth, mut start) = (Vec::new(), 0, 0);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' | '}' if depth == 0 => {
                names.push(name(&group[start..at]));
                start = at + 1;
                if c == '}' {
                    break;
                }
            }
            _ => {}
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

fn imports_go_down(source: &Source) -> Vec<String> {
    let Some(module) = source.module() else { return Vec::new() };
    if source.is_test() {
        return Vec::new();
    }
    let Some(floor) = floor_of(module) else {
        return vec![format!("{}: module `{module}` stands on no floor of the table", source.path)];
    };
    imports(source)
        .into_iter()
        .filter(|name| name != module && !ROOT_NAMES.contains(&name.as_str()))
        .filter(|name| floor_of(name).is_none_or(|other| other >= floor))
        .map(|name| format!("{}: `{module}` (floor {floor}) imports `{name}`", source.path))
        .collect()
}

fn nothing_is_left_undone(source: &Source) -> Vec<String> {
    // Put together here, so that this file does not hold what it looks for.
    let words =
        [concat!("to", "do!"), concat!("unimple", "mented!"), concat!("db", "g!"), concat!("#[ig", "nore")];
    let found = source.text.lines().enumerate();
    found
        .filter(|(_, line)| words.iter().any(|word| line.contains(word)))
        .map(|(i, line)| format!("{}:{}: {}", source.path, i + 1, line.trim()))
        .collect()
}

fn has_word(line: &str, word: &str) -> bool {
    line.split(|c: char| !c.is_alphanumeric() && c != '_').any(|found| found == word)
}

fn nothing_is_unsafe(source: &Source) -> Vec<String> {
    if UNSAFE_FILES.contains(&source.path.as_str()) {
        return Vec::new();
    }
    source.lines(|line| has_word(line, "unsafe").then(|| "unsafe".to_owned()))
}

fn secrets_stay_with_the_keys(source: &Source) -> Vec<String> {
    if source.module().is_none_or(|module| module == "keys") {
        return Vec::new();
    }
    source.lines(|line| {
        line.contains("expose").then(|| "a secret's bytes are seen outside of `keys`".to_owned())
    })
}

fn the_ledger_knows_no_marks(source: &Source) -> Vec<String> {
    if source.module() != Some("ledger") {
        return Vec::new();
    }
    let is_wrong = |line: &str| line.contains("mark::") || line.to_lowercase().contains("watermark");
    let lines = source.text.lines().enumerate().filter(|(_, line)| is_wrong(line));
    lines.map(|(i, _)| format!("{}:{}: the ledger speaks of marks", source.path, i + 1)).collect()
}

/// What builds for minutes stays behind one door, and so behind one feature.
fn only_queries_name_polars(source: &Source) -> Vec<String> {
    if source.module().is_none_or(|module| module == "query") {
        return Vec::new();
    }
    source.lines(|line| has_word(line, "polars").then(|| "polars is named outside of `query`".to_owned()))
}

fn time_and_chance_come_from_above(source: &Source) -> Vec<String> {
    if source.is_test() || source.floor().is_none_or(|floor| floor >= CLOCK_FLOOR) {
        return Vec::new();
    }
    let calls = ["SystemTime", "Instant::now", "Timestamp::now", "rand::rng("];
    source.lines(|line| calls.into_iter().find(|call| line.contains(call)).map(str::to_owned))
}

fn files_and_lines_are_short(source: &Source) -> Vec<String> {
    let lines = source.text.lines().count();
    let too_long = !source.is_test() && lines > LONGEST_FILE_LINES;
    let file = too_long.then(|| format!("{}: {lines} lines", source.path));
    let wide = source.text.lines().enumerate().filter(|(_, line)| is_wide(line));
    file.into_iter().chain(wide.map(|(i, _)| format!("{}:{}: a long line", source.path, i + 1))).collect()
}

fn is_wide(line: &str) -> bool {
    let is_comment = line.trim_start().starts_with("//");
    let limit = if is_comment { LONGEST_COMMENT_CHARS } else { LONGEST_LINE_CHARS };
    let breaks = line.split(' ').all(|word| word.chars().count() < LONG_WORD_CHARS);
    line.chars().count() > limit && breaks
}

fn a_module_says_what_it_is(source: &Source) -> Vec<String> {
    if source.text.starts_with("//!") {
        Vec::new()
    } else {
        vec![format!("{}: no `//!` at its start", source.path)]
    }
}

fn no_machine_is_named(path: &str, text: &str) -> Vec<String> {
    let folders =
        [concat!("/wo", "rk/"), concat!("/tm", "p/"), concat!("/ro", "ot/"), concat!("/Us", "ers/")];
    let lines = text.lines().enumerate();
    lines
        .filter(|(_, line)| folders.iter().any(|folder| line.contains(folder)))
        .map(|(i, _)| format!("{path}:{}: a path of some machine", i + 1))
        .collect()
}

/// From a file to its faults.
type Rule = fn(&Source) -> Vec<String>;

/// All the rules for Rust files.
const RULES: [Rule; 9] = [
    imports_go_down,
    nothing_is_left_undone,
    nothing_is_unsafe,
    secrets_stay_with_the_keys,
    the_ledger_knows_no_marks,
    only_queries_name_polars,
    time_and_chance_come_from_above,
    files_and_lines_are_short,
    a_module_says_what_it_is,
];

/// Every file below a folder of the package, by its path, except what git does not keep.
fn files_below(folder: &Path, root: &Path, out: &mut Vec<(String, Vec<u8>)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let below = path.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/");
        if matches!(below.as_str(), "target" | ".git" | "Cargo.lock") {
            continue;
        }
        if path.is_dir() {
            files_below(&path, root, out);
        } else {
            out.push((below, fs::read(&path).unwrap()));
        }
    }
}

fn files() -> Vec<(String, Vec<u8>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    files_below(root, root, &mut files);
    files
}

#[track_caller]
fn none(faults: Vec<String>) {
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn the_code_keeps_the_rules() {
    let sources: Vec<Source> = files()
        .into_iter()
        .filter(|(path, _)| path.ends_with(".rs"))
        .map(|(path, bytes)| Source::new(&path, &String::from_utf8(bytes).unwrap()))
        .collect();
    assert!(sources.len() > 80, "{}", sources.len());
    none(RULES.iter().flat_map(|rule| sources.iter().flat_map(rule)).collect());
}

#[test]
fn every_module_stands_on_a_floor_and_every_floor_is_there() {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).unwrap();
    let declared = text.lines().filter_map(|line| line.trim().strip_prefix("pub mod ")?.strip_suffix(';'));
    let mut declared: Vec<&str> = declared.collect();
    let mut listed: Vec<&str> = [&FLOORS.concat()[..], &[MANUAL]].concat();
    declared.sort_unstable();
    listed.sort_unstable();
    assert_eq!(declared, listed);
}

#[test]
fn no_file_names_a_machine() {
    let files = files();
    let texts = files.iter().filter_map(|(path, bytes)| Some((path, str::from_utf8(bytes).ok()?)));
    none(texts.flat_map(|(path, text)| no_machine_is_named(path, text)).collect());
}

#[test]
fn every_example_policy_parses() {
    let policies: Vec<(String, Vec<u8>)> =
        files().into_iter().filter(|(path, _)| path.starts_with("examples/policies/")).collect();
    assert!(policies.len() >= 3);
    for (path, bytes) in policies {
        let text = String::from_utf8(bytes).unwrap();
        if let Err(error) = dyepack::mark::policy::Policy::parse(&text) {
            panic!("{path}: {error}");
        }
    }
}

/// Whether a rule finds fault with a file of this text.
fn finds(rule: Rule, path: &str, text: &str) -> bool {
    !rule(&Source::new(path, text)).is_empty()
}

#[test]
fn imports_upwards_are_found() {
    for (path, text) in [
        ("src/ledger/log.rs", "use crate::stamp::engine;\n"),
        ("src/ledger/log.rs", "use crate::mark::code;\n"),
        ("src/mark/code.rs", "use crate::{\n    error::Result,\n    evidence::{score, tail},\n};\n"),
        ("src/keys/prf.rs", "fn a() { crate::cli::main() }\n"),
        ("src/keys/prf.rs", "use super::super::table;\n"),
        ("src/home.rs", "use super::report;\n"),
        ("src/novel.rs", "use crate::error::Error;\n"),
    ] {
        assert!(finds(imports_go_down, path, text), "{path}: {text}");
    }
    for (path, text) in [
        ("src/ledger/log.rs", "use crate::{error::Result, keys::{prf, secret}};\nuse super::tree;\n"),
        ("src/mark/code.rs", "use crate::Result;\n// crate::cli\nconst A: &str = \"crate::cli\";\n"),
        ("src/mark/code.rs", "use crate::mark::code;\n\n#[cfg(test)]\nmod tests {\n    use crate::cli;\n}\n"),
        ("src/mark/code.rs", "#[cfg(test)]\nuse crate::cli;\nuse crate::keys::prf;\n"),
        ("src/lib.rs", "pub use crate::cli;\n"),
    ] {
        assert!(!finds(imports_go_down, path, text), "{path}: {text}");
    }
}

#[test]
fn bad_snippets_are_found() {
    let long = "//! A.\n".to_owned() + &"\n".repeat(LONGEST_FILE_LINES);
    let wide = "//! ".to_owned() + &"x ".repeat(LONGEST_COMMENT_CHARS / 2);
    let wide_code = "let x = ".to_owned() + &"1 + ".repeat(LONGEST_LINE_CHARS / 4) + "1;";
    let undone = ["fn a() { ", concat!("to", "do!"), "() }"].concat();
    let rules: [(Rule, &str, &str); 12] = [
        (nothing_is_left_undone, "tests/it/a.rs", &undone),
        (nothing_is_unsafe, "src/keys/prf.rs", "fn a() { unsafe { b() } }"),
        (secrets_stay_with_the_keys, "src/mark/code.rs", "let a = secret.expose();"),
        (the_ledger_knows_no_marks, "src/ledger/log.rs", "/// The watermark."),
        (the_ledger_knows_no_marks, "src/ledger/log.rs", "use crate::mark::code;"),
        (only_queries_name_polars, "src/report/json.rs", "use polars::prelude::DataFrame;"),
        (time_and_chance_come_from_above, "src/leak/intake.rs", "let now = std::time::Instant::now();"),
        (time_and_chance_come_from_above, "src/ledger/log.rs", "let mut rng = rand::rng();"),
        (files_and_lines_are_short, "src/leak/intake.rs", &long),
        (files_and_lines_are_short, "src/leak/intake.rs", &wide),
        (files_and_lines_are_short, "src/leak/intake.rs", &wide_code),
        (a_module_says_what_it_is, "src/leak/intake.rs", "use std::fs;"),
    ];
    for (rule, path, text) in rules {
        assert!(finds(rule, path, text), "{path}: {text}");
    }
    assert!(!no_machine_is_named("a.md", &["see ", concat!("/wo", "rk/"), "a"].concat()).is_empty());
}

#[test]
fn good_snippets_are_left_alone() {
    let rules: [(Rule, &str, &str); 6] = [
        (
            nothing_is_unsafe,
            "src/keys/prf.rs",
            "// unsafe\nlet a = \"unsafe\"; let unsafely = r#\"unsafe\"#;",
        ),
        (secrets_stay_with_the_keys, "src/keys/prf.rs", "let a = secret.expose();"),
        (the_ledger_knows_no_marks, "src/mark/code.rs", "/// The watermark."),
        (only_queries_name_polars, "src/report/mod.rs", "#[cfg(feature = \"polars\")]\npub mod compliance;"),
        (time_and_chance_come_from_above, "src/cli/mod.rs", "let now = Timestamp::now();"),
        (files_and_lines_are_short, "src/ledger/tests.rs", &"\n".repeat(2 * LONGEST_FILE_LINES)),
    ];
    for (rule, path, text) in rules {
        assert!(!finds(rule, path, text), "{path}: {text}");
    }
    let code = code_of("let a = 'x'; let b: &'static str = \"\\\"//\"; // c\nlet d = b'\"';\nfor\"e\"");
    assert_eq!(
        code.join("\n").split_whitespace().collect::<Vec<_>>().join(" "),
        "let a = ; let b: &'static str = ; let d = b ; for"
    );
}

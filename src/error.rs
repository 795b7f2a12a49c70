//! One error type for the whole crate.
//!
//! An [`Error`] is opaque. Inside, it is a *reason* (a small private enum in the folder that raises it), a
//! [`Class`] from which the exit code follows, an optional [`Place`] (file, row, column) and an optional
//! hint. `Display` prints what happened and where; [`Error::hint`] says what to do about it.
//!
//! Invariant: no error ever carries a value of the data. It names the place, never the content, because error
//! messages end up in logs and a health record must not.

use std::{fmt, io, path::Path};

/// What kind of failure this is; the command's exit code follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// The command was asked for something that makes no sense (exit 2).
    Usage,
    /// The input data can't be read as asked (exit 2).
    Data,
    /// The operating system said no (exit 2).
    Io,
    /// A rule of the policy or the recipient's standing forbids it (exit 3).
    Policy,
    /// Stored bytes are not what was signed (exit 4).
    Integrity,
    /// A key is missing or can't be unlocked (exit 5).
    Key,
}

impl Class {
    /// The command's exit code for this class (DESIGN section 6).
    pub fn exit_code(self) -> u8 {
        match self {
            Class::Usage | Class::Data | Class::Io => 2,
            Class::Policy => 3,
            Class::Integrity => 4,
            Class::Key => 5,
        }
    }
}

/// Where in a file something happened. Rows count from 1 and do not count the header line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The file as the user named it.
    pub file: Option<String>,
    /// Data row, 1-based, the header not counted.
    pub row: Option<u64>,
    /// Column name as in the header.
    pub column: Option<String>,
    /// Line and column of a text file such as a policy, both 1-based.
    pub line_column: Option<(usize, usize)>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        if let Some(file) = &self.file {
            match self.line_column {
                Some((line, column)) => parts.push(format!("{file}:{line}:{column}")),
                None => parts.push(file.clone()),
            }
        } else if let Some((line, column)) = self.line_column {
            parts.push(format!("line {line}, column {column}"));
        }
        if let Some(row) = self.row {
            parts.push(format!("row {row}"));
        }
        if let Some(column) = &self.column {
            parts.push(format!("column `{column}`"));
        }
        f.write_str(&parts.join(", "))
    }
}

/// A reason that a folder can give. Its `Display` is the `error:` line: lower case, no full stop, no data
/// values.
pub(crate) trait Reason: std::error::Error + Send + Sync + 'static {
    /// The class that decides the exit code.
    fn class(&self) -> Class;

    /// The `hint:` line: what the reader can do now.
    fn hint(&self) -> Option<String> {
        None
    }
}

/// The crate's error. See the [module page](self).
pub struct Error(Box<Inner>);

struct Inner {
    class: Class,
    place: Place,
    hint: Option<String>,
    reason: Box<dyn std::error::Error + Send + Sync>,
}

/// The crate's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl<R: Reason> From<R> for Error {
    fn from(reason: R) -> Self {
        Error(Box::new(Inner {
            class: reason.class(),
            place: Place::default(),
            hint: reason.hint(),
            reason: Box::new(reason),
        }))
    }
}

impl Error {
    /// An error about arguments, for the command and for callers of the library.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::plain(Class::Usage, message)
    }

    /// An error of the operating system while doing `what` (an infinitive: `"read"`) to `path`.
    pub(crate) fn io(what: &str, path: &Path, source: io::Error) -> Self {
        let mut error =
            Self::plain(Class::Io, format!("could not {what} `{}`: {}", path.display(), said(&source)));
        error.0.hint = io_hint(source.kind()).map(str::to_owned);
        error
    }

    /// An error of standard output.
    pub(crate) fn standard_output(source: io::Error) -> Self {
        Self::plain(Class::Io, format!("could not write to standard output: {}", said(&source)))
    }

    fn plain(class: Class, message: impl Into<String>) -> Self {
        let reason: Box<dyn std::error::Error + Send + Sync> = message.into().into();
        Error(Box::new(Inner { class, place: Place::default(), hint: None, reason }))
    }

    /// Names the data that was read, and drops a position in the policy: nobody typed the policy's name.
    #[must_use]
    pub(crate) fn in_data(mut self, file: &str) -> Self {
        if self.0.place.file.is_none() {
            self.0.place.line_column = None;
        }
        self.in_file(file)
    }

    /// Adds or replaces the hint.
    #[must_use]
    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// Names the file, unless a lower floor already did.
    #[must_use]
    pub(crate) fn in_file(mut self, file: impl Into<String>) -> Self {
        self.0.place.file.get_or_insert(file.into());
        self
    }

    /// Names the archive or folder around the file.
    #[must_use]
    pub(crate) fn within(mut self, place: &str) -> Self {
        self.0.place.file = Some(match self.0.place.file {
            Some(file) => format!("{place}/{file}"),
            None => place.to_owned(),
        });
        self
    }

    /// Names the data row (1-based), unless a lower floor already did.
    #[must_use]
    pub(crate) fn at_row(mut self, row: u64) -> Self {
        self.0.place.row.get_or_insert(row);
        self
    }

    /// Names the column, unless a lower floor already did.
    #[must_use]
    pub(crate) fn at_column(mut self, column: impl Into<String>) -> Self {
        self.0.place.column.get_or_insert(column.into());
        self
    }

    /// Moves the data row by as many rows as came before: a block counts its rows from 1.
    #[must_use]
    pub(crate) fn after_rows(mut self, rows: u64) -> Self {
        if let Some(row) = &mut self.0.place.row {
            *row = row.saturating_add(rows);
        }
        self
    }

    /// Names the line and column of a text file (both 1-based), unless a lower floor already did.
    #[must_use]
    pub(crate) fn at_line(mut self, line: usize, column: usize) -> Self {
        self.0.place.line_column.get_or_insert((line, column));
        self
    }

    /// The class that decides the exit code.
    pub fn class(&self) -> Class {
        self.0.class
    }

    /// Where it happened.
    pub fn place(&self) -> &Place {
        &self.0.place
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// A policy or a recipient's standing forbids it.
    pub fn is_policy(&self) -> bool {
        self.0.class == Class::Policy
    }

    /// Stored evidence is damaged or forged.
    pub fn is_integrity(&self) -> bool {
        self.0.class == Class::Integrity
    }

    /// A key is missing or locked.
    pub fn is_key(&self) -> bool {
        self.0.class == Class::Key
    }

    /// The command's exit code for this error (DESIGN section 6).
    pub fn exit_code(&self) -> u8 {
        self.0.class.exit_code()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = self.0.place.to_string();
        if !place.is_empty() {
            write!(f, "{place}: ")?;
        }
        write!(f, "{}", self.0.reason)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Error({:?}: {self})", self.0.class)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.reason.source()
    }
}

/// What the system said, without its number: `No such file or directory`.
pub(crate) fn said(source: &io::Error) -> String {
    let text = source.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_owned()
}

fn io_hint(kind: io::ErrorKind) -> Option<&'static str> {
    use io::ErrorKind as Kind;
    Some(match kind {
        Kind::NotFound => "check the name",
        Kind::PermissionDenied => "check who may read and write there",
        Kind::ReadOnlyFilesystem => "choose a place that can be written to",
        Kind::StorageFull | Kind::QuotaExceeded => "make room, or choose another place",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_reads_place_first_and_keeps_the_innermost_place() {
        let error = Error::usage("row has 3 fields, the header has 4")
            .in_file("a.csv")
            .at_row(7)
            .in_file("outer.csv")
            .with_hint("look at row 7");
        assert_eq!(error.to_string(), "a.csv, row 7: row has 3 fields, the header has 4");
        assert_eq!(error.hint(), Some("look at row 7"));
        assert_eq!(error.exit_code(), 2);
    }

    #[test]
    fn what_the_system_says_comes_without_its_number_and_with_a_hint() {
        let error = Error::io("open", Path::new("a.csv"), io::Error::from_raw_os_error(2));
        assert_eq!(error.to_string(), "could not open `a.csv`: No such file or directory");
        assert_eq!(error.hint(), Some("check the name"));
    }

    #[test]
    fn a_line_of_the_policy_is_no_line_of_the_data() {
        let error = Error::usage("the file has no column `Id`").at_line(4, 8).in_data("a.csv");
        assert_eq!(error.to_string(), "a.csv: the file has no column `Id`");
        let error = Error::usage("unknown key `x`").at_line(4, 8).in_file("policy.toml").in_data("a.csv");
        assert_eq!(error.to_string(), "policy.toml:4:8: unknown key `x`");
    }
}

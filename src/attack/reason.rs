//! What an attack was not told, or was told wrongly.

use crate::error::{Class, Error, Reason, Result};

#[derive(Debug, thiserror::Error)]
pub(super) enum AttackReason {
    #[error("the table has no column `{name}`")]
    NoColumn { name: String, columns: Vec<String> },
    #[error("a share must lie between 0 and 1")]
    NoShare,
    #[error("`{0}` is no number of rows")]
    BadAmount(String),
    #[error("nothing says which columns identify rows")]
    NoKey,
    #[error("this attack has to know which columns are marked")]
    NoPolicy,
    #[error("this strategy has to know what cells say, as only the owner does")]
    NoOracle,
    #[error("this takes at least two copies")]
    OneCopy,
    #[error("the copies do not have the same columns")]
    OtherColumns,
    #[error("the copies do not have the same number of rows")]
    OtherRows,
    #[error("the shares do not fit the copies")]
    Shares { shares: usize, copies: usize },
    #[error("fields can't be separated by that character")]
    Delimiter,
    #[error("the width of a band must be at least 1")]
    NoWidth,
    #[error("the row has another number of fields than the header")]
    Width,
    #[error("the table is no text in UTF-8")]
    NoText,
    #[error("the table has no header")]
    Empty,
    #[error("{0}")]
    Toml(String),
}

impl Reason for AttackReason {
    fn class(&self) -> Class {
        match self {
            AttackReason::Width | AttackReason::NoText | AttackReason::Empty => Class::Data,
            _ => Class::Usage,
        }
    }

    fn hint(&self) -> Option<String> {
        use AttackReason as R;
        let hint = match self {
            R::NoColumn { columns, .. } => return Some(format!("its columns: {}", columns.join(", "))),
            R::NoShare => "a fifth is 0.2",
            R::BadAmount(_) => "write a whole number, or a share such as 2%",
            R::NoKey => "name them with --columns, or the policy with --policy",
            R::NoPolicy => "name the policy with --policy",
            R::NoOracle => "name the dataset with --dataset, so that the keys in the home tell",
            R::OneCopy => "name the copies of several partners",
            R::OtherColumns => "name copies of one dataset, as they were delivered",
            R::OtherRows => "name the column that tells rows apart with --key",
            R::Shares { shares, copies } => {
                return Some(format!("there are {copies} copies and {shares} shares, which may add up to 1"));
            }
            R::Delimiter => "use one ASCII character that is no quote and no line end",
            R::NoWidth => "--width 10 makes 40-49 of 43",
            R::Width => "an attack takes clean tables, as they are delivered",
            R::NoText => "convert it to UTF-8 first",
            R::Empty => "name a table with a header and rows",
            R::Toml(_) => "an attack is { do = \"subset\", rows = 200 }; `dyepack attack --help` lists them",
        };
        Some(hint.to_owned())
    }
}

/// A share, if it is one.
pub(super) fn share(share: f64) -> Result<f64> {
    if (0.0..=1.0).contains(&share) { Ok(share) } else { Err(AttackReason::NoShare.into()) }
}

/// What is wrong in a file of attacks, and where.
pub(crate) fn toml(text: &str, error: &toml::de::Error) -> Error {
    let said = error.message().lines().next().unwrap_or("this is no TOML").to_owned();
    let failed = Error::from(AttackReason::Toml(said));
    let Some(span) = error.span() else { return failed };
    let before = text.get(..span.start).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |line| line.chars().count()) + 1;
    failed.at_line(line, column)
}

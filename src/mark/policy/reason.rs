//! Why a policy is refused. Positions are added where the reason is raised.
//!
//! A group's value or a bound is never quoted, although it stands in the policy and not in the data: the line and
//! column show it, and the message may be logged.

use crate::error::{Class, Reason};

/// The reasons of `mark/policy` and of the channels that it builds.
#[derive(Debug, thiserror::Error)]
pub(in crate::mark) enum PolicyReason {
    #[error("this is not TOML: {message}")]
    BadToml { message: String },
    #[error("the policy has no section [dataset]")]
    NoDataset,
    #[error("unknown key `{key}` in {section}")]
    UnknownKey { key: String, section: String, hint: String },
    #[error("{section} has no `{key}`")]
    MissingKey { key: String, section: String },
    #[error("`{key}` must be {expected}, not {found}")]
    WrongType { key: String, expected: &'static str, found: &'static str },
    #[error("unknown channel `{channel}`")]
    UnknownChannel { channel: String, hint: String },
    #[error("`{key}` does not fit the channel `{channel}`")]
    KeyDoesNotFit { key: String, channel: &'static str, takes: String },

    #[error("`quantum` must be greater than zero")]
    ZeroQuantum,
    #[error("`max_change` is smaller than `quantum`, so nothing could ever be marked")]
    MaxChangeBelowQuantum,
    #[error("`quantum` of a `date` must be whole days")]
    QuantumNoWholeDays,
    #[error("`{key}` is no span of time")]
    BadSpan { key: String },
    #[error("`{key}` is no date")]
    BadDate { key: String },
    #[error("`min` is above `max`")]
    MinAboveMax,
    #[error("unknown order `{order}`")]
    UnknownOrder { order: String },

    #[error("`groups` is empty")]
    NoGroups,
    #[error("a group is empty")]
    EmptyGroup,
    #[error("a group has one value only")]
    LonelyGroup,
    #[error("a group has more than 256 values")]
    LargeGroup,
    #[error("this value stands in the groups twice")]
    DuplicateValue,
    #[error("this value means that nothing is known")]
    MissingInGroup,

    #[error("`rate` must be greater than 0 and at most 1")]
    RateOutOfRange,
    #[error("`{key}` must be 1, 2, 3, 4 or 5")]
    BadLevel { key: &'static str },
    #[error("`{key}` must be a whole number from 0")]
    BadRows { key: &'static str },
    #[error("`agreement` must be \"required\" or \"optional\"")]
    BadAgreement,
    #[error("`country` must be two capital letters")]
    BadCountry,
    #[error("`country` and `approve_rows_abroad` belong together")]
    HalfABorder,
    #[error("`code_length` must be a power of two from 1024 to 65536")]
    BadCodeLength,
    #[error("`colluders` must be a whole number from 1 to 1000")]
    BadColluders,
    #[error("`{name}` is not a name for a dataset")]
    BadName { name: String },
    #[error("[dataset] has both `key` and `identity`")]
    KeyAndIdentity,
    #[error("[dataset] has neither `key` nor `identity`")]
    NoKey,
    #[error("`{key}` names no column")]
    EmptyKey { key: &'static str },
    #[error("`{column}` is named twice")]
    NamedTwice { column: String },
    #[error("column `{column}` identifies rows and is marked too")]
    MarkedKey { column: String },
    #[error("column `{column}` names the data subject and is marked too")]
    MarkedSubject { column: String },
    #[error("column `{column}` can't be compared with itself")]
    OrderWithItself { column: String },
    #[error("`{key}` compares `{column}` with `{other}`, which has the channel `{channel}`")]
    OrderAcrossKinds { key: &'static str, column: String, other: String, channel: &'static str },
    #[error("the policy marks no column")]
    NothingMarked,
}

impl Reason for PolicyReason {
    fn class(&self) -> Class {
        Class::Usage
    }

    fn hint(&self) -> Option<String> {
        use PolicyReason as R;
        let hint = match self {
            R::BadToml { .. } => "text needs quotes, lists need [ ] and sections look like [column.NAME]",
            R::NoDataset => "begin with [dataset], its name and its key",
            R::UnknownKey { hint, .. } | R::UnknownChannel { hint, .. } => hint,
            R::MissingKey { key, section } => {
                return Some(format!("add a line `{key} = ..` under {section}"));
            }
            R::WrongType { expected, .. } => return Some(format!("write {expected}")),
            R::KeyDoesNotFit { takes, .. } => takes,
            R::ZeroQuantum => "the quantum is the smallest step that a mark takes, such as 0.01 or \"1s\"",
            R::MaxChangeBelowQuantum => "raise `max_change` to at least the quantum, or leave it out",
            R::QuantumNoWholeDays => "write \"1d\" or \"7d\", or use the channel `datetime`",
            R::BadSpan { .. } => "write a whole number and a unit: \"1s\", \"15m\", \"1h\" or \"30d\"",
            R::BadDate { .. } => "write \"2021-08-23\" or \"2021-08-23T03:26:50Z\"",
            R::MinAboveMax => "swap them; for dates the defaults are 1800-01-01 and 2199-12-31",
            R::UnknownOrder { .. } => "write \"day-first\" for dd/mm/yyyy or \"month-first\" for mm/dd/yyyy",
            R::NoGroups | R::EmptyGroup => "list values that mean nearly the same: groups = [[\"a\", \"b\"]]",
            R::LonelyGroup => "a value without a neighbour can't be marked: leave it out",
            R::LargeGroup => "split it: values of a group must mean nearly the same",
            R::DuplicateValue => "letter case, width and white space make no difference here",
            R::MissingInGroup => "cells such as NA, None and ? are never marked: leave it out",
            R::RateOutOfRange => "the rate is the share of cells that carry a mark: 0.10 is one in ten",
            R::BadLevel { .. } => "the data level of GB/T 39725-2020, section 6.2",
            R::BadRows { .. } => "a copy of more rows than this needs an approval; 0 is any copy",
            R::BadAgreement => "leave it out for \"optional\"",
            R::BadCountry => "the owner's country as in ISO 3166-1: country = \"CN\"",
            R::HalfABorder => {
                "say which country you are in, and how many rows may leave it without an approval"
            }
            R::BadCodeLength => "leave it out for 65536, which suits all but tiny datasets",
            R::BadColluders => "how many leakers together you want to resist, 1 to 1,000; leave it out for 5",
            R::BadName { .. } => {
                "use up to 64 of a-z, 0-9, `.`, `_` and `-`, beginning with a letter or digit"
            }
            R::KeyAndIdentity => "keep `key` when its columns tell every row apart, else `identity`",
            R::NoKey => "add key = [\"..\"] with the columns that tell rows apart, or identity = [..]",
            R::EmptyKey { key: "subject" } => "name the column with the id of the person whom a row is about",
            R::EmptyKey { .. } => "name the columns that tell rows apart",
            R::NamedTwice { .. } => "name it once",
            R::MarkedKey { .. } => "a mark would change the row's identity: mark another column",
            R::MarkedSubject { .. } => "a mark would make one person another: mark another column",
            R::OrderWithItself { .. } => "name another column, or use `min` and `max`",
            R::OrderAcrossKinds { .. } => "compare numbers with numbers and dates with dates",
            R::NothingMarked => "add a section [column.NAME] with a channel",
        };
        Some(hint.to_owned())
    }
}

/// Why a policy does not fit a table.
#[derive(Debug, thiserror::Error)]
pub(in crate::mark) enum PlanReason {
    #[error("the file has no column `{column}`")]
    MissingColumn { column: String, closest: Option<String> },
    #[error("the file has more than one column `{column}`")]
    AmbiguousColumn { column: String },
}

impl Reason for PlanReason {
    fn class(&self) -> Class {
        Class::Data
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            PlanReason::MissingColumn { closest: Some(closest), .. } => format!("did you mean `{closest}`?"),
            PlanReason::MissingColumn { closest: None, .. } => {
                "check that the file belongs to this dataset; if it holds several tables, \
                 name one with --table"
                    .to_owned()
            }
            PlanReason::AmbiguousColumn { .. } => "rename one of them".to_owned(),
        })
    }
}

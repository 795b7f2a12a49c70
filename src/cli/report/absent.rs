//! What a dyepack says that was built without polars.

use crate::error::{Error, Result};

use super::super::Session;
use super::{Export, Report};

/// Says that there are no reports.
pub fn report(_: &Session, _: Report) -> Result<u8> {
    Err(absent("reports on"))
}

/// Says that there are no exports.
pub fn export(_: &Session, _: &Export) -> Result<u8> {
    Err(absent("exports of"))
}

fn absent(what: &str) -> Error {
    Error::usage(format!("this dyepack was built without {what} the ledger"))
        .with_hint("build it with the cargo feature `polars`, which is on unless it is turned off")
}

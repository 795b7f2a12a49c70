//! Why an object can't be read or written. Names are urls without secrets; what a store or the network said is cut down to what
//! can hold none.

use crate::error::{Class, Reason};

use super::address::Scheme;

#[derive(Debug, thiserror::Error)]
#[cfg_attr(not(feature = "object-store"), expect(dead_code, reason = "most need a store"))]
pub(super) enum StoreReason {
    #[error("`{0}`: this dyepack was built without object stores")]
    Absent(String),
    #[error("the url `{0}` has a user, a query or a fragment")]
    Extra(String),
    #[error("the url that begins with `{0}` names no bucket")]
    NoBucket(&'static str),
    #[error("the url `{0}` names no object")]
    NoObject(String),
    #[error("`{0}` exists")]
    Exists(String),
    // These are said of a place, which names the url.
    #[error("there is no such object")]
    Gone,
    #[error("there is nothing below it")]
    Empty,
    #[error("the object changed while it was read")]
    Changed,
    #[error("there are more than {max_objects} objects below it")]
    Many { max_objects: u64 },
    #[error("the objects below it are more than {max_bytes} bytes")]
    Large { max_bytes: u64 },
    #[error("interrupted")]
    Interrupted,
    #[error("the store refuses access")]
    Refused(Scheme),
    #[error("could not {what}: {said}")]
    Failed { what: &'static str, said: String, scheme: Scheme },
}

impl Reason for StoreReason {
    fn class(&self) -> Class {
        match self {
            StoreReason::Absent(_)
            | StoreReason::Extra(_)
            | StoreReason::NoBucket(_)
            | StoreReason::NoObject(_)
            | StoreReason::Exists(_) => Class::Usage,
            StoreReason::Empty | StoreReason::Many { .. } | StoreReason::Large { .. } => Class::Data,
            _ => Class::Io,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(
            match self {
                StoreReason::Absent(_) => "install it with `--features object-store`",
                StoreReason::Extra(_) => {
                    "credentials come from the environment; in a name `?` is written %3F and `#` %23"
                }
                StoreReason::NoBucket(_) => "write it as `s3://BUCKET/NAME`",
                StoreReason::NoObject(_) => "name an object in it; a folder can only be traced",
                StoreReason::Exists(_) => "choose another name, or replace it with --force",
                StoreReason::Gone => "check the name; that of a folder ends with `/`",
                StoreReason::Empty => "check the name",
                StoreReason::Changed => "wait until whoever writes it has finished",
                StoreReason::Many { .. } | StoreReason::Large { .. } => "name a folder further in",
                StoreReason::Interrupted => return None,
                StoreReason::Refused(scheme) | StoreReason::Failed { scheme, .. } => {
                    return Some(variables(*scheme));
                }
            }
            .into(),
        )
    }
}

/// Where credentials and endpoint are looked for.
fn variables(scheme: Scheme) -> String {
    let names = match scheme {
        Scheme::S3 => {
            "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_REGION, AWS_ENDPOINT_URL"
        }
        Scheme::Gs => "GOOGLE_APPLICATION_CREDENTIALS, GOOGLE_SERVICE_ACCOUNT",
        Scheme::Az => "AZURE_STORAGE_ACCOUNT_NAME, AZURE_STORAGE_ACCOUNT_KEY, AZURE_STORAGE_SAS_TOKEN",
    };
    format!("access is taken from the environment: {names}")
}

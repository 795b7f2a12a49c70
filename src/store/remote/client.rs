//! A store, as the environment says how to reach it.

use std::env;
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::multipart::MultipartStore;
use object_store::path::Path;
use object_store::{
    BackoffConfig, ClientOptions, Error as Store, HeaderMap, HeaderValue, ObjectStore, RetryConfig,
};

use crate::error::{Error, Result};
use crate::store::address::{Address, Scheme};
use crate::store::reason::StoreReason;

use super::bridge::{self, Why};

/// How often a request is tried again, and for how long: some seconds of an outage are waited out, and a wrong endpoint is not
/// waited for.
const MAX_RETRIES: usize = 5;
const RETRY_TIMEOUT: Duration = Duration::from_secs(60);

/// Characters of what a store or the network said that are repeated.
const MAX_SAID: usize = 120;

/// A store and a place in it.
#[derive(Clone)]
pub(super) struct Client {
    pub(super) objects: Arc<dyn ObjectStore>,
    /// The same store, part by part.
    pub(super) parts: Arc<dyn MultipartStore>,
    /// Likewise, but completes an upload only if there is no object of its name: where the store can do that.
    pub(super) only_new: Option<Arc<dyn MultipartStore>>,
    pub(super) path: Path,
    name: String,
    scheme: Scheme,
}

impl Client {
    pub(super) fn new(address: &Address) -> Result<Client> {
        let (name, scheme) = (address.to_string(), address.scheme);
        let failed = |error: Store| failure("reach the store", &name, scheme, Why::Store(error));
        let path = Path::from_url_path(&address.key).map_err(|error| failed(error.into()))?;
        let bucket = &address.bucket;
        let retry = RetryConfig {
            max_retries: MAX_RETRIES,
            retry_timeout: RETRY_TIMEOUT,
            backoff: BackoffConfig::default(),
        };
        let of = |objects, parts, only_new| Client {
            objects,
            parts,
            only_new,
            path: path.clone(),
            name: name.clone(),
            scheme,
        };
        Ok(match scheme {
            Scheme::S3 => {
                let builder = AmazonS3Builder::from_env().with_bucket_name(bucket).with_retry(retry);
                let store = Arc::new(builder.clone().build().map_err(failed)?);
                let only_new = only_new(builder).transpose().map_err(failed)?;
                of(store.clone(), store, only_new)
            }
            Scheme::Gs => {
                let builder = GoogleCloudStorageBuilder::from_env().with_bucket_name(bucket);
                let store = Arc::new(builder.with_retry(retry).build().map_err(failed)?);
                of(store.clone(), store, None)
            }
            Scheme::Az => {
                let builder = MicrosoftAzureBuilder::from_env().with_container_name(bucket);
                let store = Arc::new(builder.with_retry(retry).build().map_err(failed)?);
                of(store.clone(), store, None)
            }
        })
    }

    /// Waits for what the store is asked to do; `what` is an infinitive.
    pub(super) fn wait<T>(
        &self,
        what: &'static str,
        future: impl Future<Output = object_store::Result<T>>,
    ) -> Result<T> {
        bridge::wait(future, |why| failure(what, &self.name, self.scheme, why))
    }

    /// The url, for messages.
    pub(super) fn name(&self) -> String {
        self.name.clone()
    }

    /// An error about this place.
    pub(super) fn error(&self, reason: StoreReason) -> Error {
        Error::from(reason).in_file(&self.name)
    }

    /// The same store at another place, that messages call `name`.
    pub(super) fn at(&self, path: Path, name: &str) -> Client {
        Client { path, name: name.to_owned(), ..self.clone() }
    }
}

/// S3 takes `If-None-Match: *` when an upload is completed. The library has no call for that; what it adds to all requests of a
/// client it signs and sends with this one too. Whoever says `AWS_CONDITIONAL_PUT=disabled` has a store that knows no conditions.
fn only_new(builder: AmazonS3Builder) -> Option<object_store::Result<Arc<dyn MultipartStore>>> {
    let condition = builder.get_config_value(&AmazonS3ConfigKey::ConditionalPut);
    if condition.is_some_and(|condition| condition.eq_ignore_ascii_case("disabled")) {
        return None;
    }
    let mut headers = HeaderMap::new();
    headers.insert("if-none-match", HeaderValue::from_static("*"));
    let mut options = ClientOptions::new().with_default_headers(headers);
    for (name, value) in env::vars_os() {
        let (Some(name), Some(value)) = (name.to_str(), value.to_str()) else { continue };
        let key = name.starts_with("AWS_").then(|| name.to_ascii_lowercase().parse());
        if let Some(Ok(AmazonS3ConfigKey::Client(key))) = key {
            options = options.with_config(key, value);
        }
    }
    let built = builder.with_client_options(options).build();
    Some(built.map(|store| Arc::new(store) as Arc<dyn MultipartStore>))
}

/// What an error means, without what the store quotes in it.
fn failure(what: &'static str, name: &str, scheme: Scheme, why: Why<Store>) -> Error {
    let reason = match why {
        Why::Store(Store::AlreadyExists { .. }) => return StoreReason::Exists(name.to_owned()).into(),
        Why::Store(Store::NotFound { .. }) => StoreReason::Gone,
        Why::Store(Store::Precondition { .. } | Store::NotModified { .. }) => StoreReason::Changed,
        Why::Store(Store::PermissionDenied { .. } | Store::Unauthenticated { .. }) => {
            StoreReason::Refused(scheme)
        }
        Why::Store(error) => StoreReason::Failed { what, said: said(&error), scheme },
        Why::Runtime(said) => StoreReason::Failed { what, said: said.to_owned(), scheme },
    };
    Error::from(reason).in_file(name)
}

/// The innermost reason, in one short line. A status comes without its body, and nothing with a url in it is repeated: it might
/// be signed.
fn said(error: &Store) -> String {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    let text = innermost.to_string();
    let text = match text.split_once("status code: ") {
        Some((_, status)) => status.split(": ").next().unwrap_or(status),
        None => text.lines().next().unwrap_or_default(),
    };
    let text = text.split(" (os error").next().unwrap_or(text);
    if text.contains("://") || text.is_empty() {
        return "the store did not answer as it should".into();
    }
    text.chars().take(MAX_SAID).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_store_quotes_is_not_repeated() {
        for (text, shown) in [
            ("Server returned non-2xx status code: 400 Bad Request: <Key>SECRET</Key>", "400 Bad Request"),
            ("Connection refused (os error 111)", "Connection refused"),
            ("GET https://a.example/b?sig=SECRET failed", "the store did not answer as it should"),
            ("two\nSECRET lines", "two"),
        ] {
            let error = Store::Generic { store: "S3", source: text.into() };
            assert_eq!(said(&error), shown);
        }
    }
}

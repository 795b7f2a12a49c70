//! Urls as they are typed.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use crate::error::Result;

use super::reason::StoreReason;

/// The kinds of stores, by what their urls begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Amazon S3, and what speaks its protocol.
    S3,
    /// Google Cloud Storage.
    Gs,
    /// Azure Blob Storage.
    Az,
}

const SCHEMES: [(&str, Scheme); 3] = [("s3://", Scheme::S3), ("gs://", Scheme::Gs), ("az://", Scheme::Az)];

/// The url of an object, or of all objects below a name that ends with `/`. `Display` shows it as it was typed: it holds no user,
/// no query and no token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    url: String,
    pub(super) scheme: Scheme,
    /// Bucket, or container.
    pub(super) bucket: String,
    /// What follows it, with `%` escapes.
    pub(super) key: String,
}

impl Address {
    /// The address that `name` is, if it is one.
    ///
    /// # Errors
    /// If it holds what might be secret, names no bucket, or stores were left out of this build.
    pub fn of(name: &Path) -> Result<Option<Address>> {
        let Some((url, begin, scheme)) = split(name) else { return Ok(None) };
        let address = Address::parse(url, begin, scheme)?;
        if cfg!(not(feature = "object-store")) {
            return Err(StoreReason::Absent(address.url).into());
        }
        Ok(Some(address))
    }

    fn parse(url: &str, begin: &'static str, scheme: Scheme) -> Result<Address> {
        let rest = &url[begin.len()..];
        let (authority, key) = rest.split_once('/').unwrap_or((rest, ""));
        let is_bucket = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '$');
        if rest.contains(['?', '#']) || authority.contains('@') {
            // What is shown is what no secret can be in.
            let (bucket, key) = (after(authority, '@'), before(key));
            return Err(StoreReason::Extra(format!("{begin}{}/{key}", before(bucket))).into());
        }
        if authority.is_empty() || !authority.chars().all(is_bucket) {
            return Err(StoreReason::NoBucket(begin).into());
        }
        Ok(Address { url: url.to_owned(), scheme, bucket: authority.to_owned(), key: key.to_owned() })
    }

    /// Whether a name has the form of an address, be it a good one or not.
    pub fn is_like(name: &Path) -> bool {
        split(name).is_some()
    }

    /// Whether it stands for all objects below it.
    pub fn is_folder(&self) -> bool {
        self.key.is_empty() || self.key.ends_with('/')
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url)
    }
}

fn split(name: &Path) -> Option<(&str, &'static str, Scheme)> {
    let url = name.to_str()?;
    SCHEMES.iter().find(|(begin, _)| url.starts_with(begin)).map(|&(begin, scheme)| (url, begin, scheme))
}

fn after(text: &str, sign: char) -> &str {
    text.rsplit(sign).next().unwrap_or(text)
}

fn before(text: &str) -> &str {
    text.split(['?', '#']).next().unwrap_or(text)
}

/// The path that a `file://` url of this machine stands for. Any other name is itself.
pub fn local(name: OsString) -> PathBuf {
    let path = name.to_str().and_then(|url| url.strip_prefix("file://")).map(|rest| {
        let rest = rest.strip_prefix("localhost").unwrap_or(rest);
        // Of `/C:/a.csv`, Windows wants `C:/a.csv`.
        let has_drive = cfg!(windows) && rest.as_bytes().get(2) == Some(&b':');
        if has_drive { &rest[1..] } else { rest }
    });
    match path.filter(|path| cfg!(windows) || path.starts_with('/')).and_then(unescaped) {
        Some(path) => PathBuf::from(path),
        None => PathBuf::from(name),
    }
}

/// With each `%` and its two hexadecimal digits replaced by the byte that they are.
fn unescaped(path: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut parts = path.split('%');
    bytes.extend_from_slice(parts.next()?.as_bytes());
    for part in parts {
        let digits = part.get(..2).filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        bytes.extend_from_slice(&part.as_bytes()[2..]);
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(url: &str) -> Result<Address> {
        let (url, begin, scheme) = split(Path::new(url)).expect("it is an address");
        Address::parse(url, begin, scheme)
    }

    #[test]
    fn an_address_has_a_bucket_and_a_key() {
        let address = parsed("s3://exports/2024/a%20b.csv").unwrap();
        assert_eq!((address.bucket.as_str(), address.key.as_str()), ("exports", "2024/a%20b.csv"));
        assert_eq!(address.to_string(), "s3://exports/2024/a%20b.csv");
        assert!(!address.is_folder());
        for folder in ["gs://exports", "gs://exports/", "az://exports/2024/"] {
            assert!(parsed(folder).unwrap().is_folder(), "{folder}");
        }
        for name in ["a.csv", "s3:/a.csv", "S3/a.csv", "https://exports.example/a.csv", "-"] {
            assert!(!Address::is_like(Path::new(name)), "{name}");
        }
    }

    #[test]
    fn what_might_be_secret_is_refused_and_not_repeated() {
        for url in [
            "s3://AKIDSECRET:SECRET@exports/a.csv",
            "az://exports/a.csv?sv=2022&sig=SECRET",
            "az://exports?sig=SECRET/a.csv",
            "az://SECRET@exports/a.csv#SECRET",
            "gs://exports/a.csv#SECRET",
            "s3://SECRET?a@b/c",
        ] {
            let error = parsed(url).unwrap_err();
            let said = format!("{error} {:?} {error:?}", error.hint());
            assert!(said.contains("the url") && !said.contains("SECRET"), "{said}");
        }
        for url in ["s3://", "s3:///a.csv", "s3://ex ports/a.csv"] {
            assert!(parsed(url).unwrap_err().to_string().contains("names no bucket"), "{url}");
        }
    }

    #[cfg(not(feature = "object-store"))]
    #[test]
    fn without_the_feature_an_address_is_an_error_that_names_it() {
        let error = Address::of(Path::new("s3://exports/a.csv")).unwrap_err();
        assert_eq!(error.to_string(), "`s3://exports/a.csv`: this dyepack was built without object stores");
        assert_eq!(error.hint(), Some("install it with `--features object-store`"));
    }

    #[cfg(unix)]
    #[test]
    fn a_file_url_is_a_path() {
        let of = |name: &str| local(name.into()).to_str().unwrap().to_owned();
        assert_eq!(of("file:///data/a%20b%E4%BD%8F.csv"), "/data/a b住.csv");
        assert_eq!(of("file://localhost/data/a.csv"), "/data/a.csv");
        for name in ["a%20b.csv", "file://elsewhere/a.csv", "file:///a%2.csv", "file:///%ff", "-"] {
            assert_eq!(of(name), name);
        }
    }
}

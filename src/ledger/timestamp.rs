//! RFC 3161 timestamps: a third party's word that a checkpoint existed at a time.
//!
//! **Idea.** The ledger asks for a token over the SHA-256 of a checkpoint with the ledger's own signature alone, which is the
//! same bytes for ever. What comes back is kept beside the checkpoint.
//!
//! **What is not checked here.** That the token is over this checkpoint and what time it names is read from it; the authority's
//! signature and certificates are left to `openssl ts -verify`, which every auditor has. Of the crates, `sigstore-tsa` knows
//! elliptic curves alone and `cryptographic-message-syntax` no chain of certificates (2026), and half a check would pass for a
//! whole one.
//!
//! Source: RFC 3161 sections 2.4.1, 2.4.2; the token is RFC 5652 signed data.

use der::{
    AnyRef, Decode as _, Reader as _, SliceReader, Tag, TagNumber, Tagged as _, asn1::ObjectIdentifier,
};

use super::reason::Reason;
use crate::error::Result;

/// Longest answer read, in bytes; one with its certificates has about 6 kB.
pub const ANSWER_LIMIT_BYTES: u64 = 256 * 1024;

const SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");
const TST_INFO: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.1.4");
const SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");

/// A request of version 1, up to the hash: SEQUENCE, version, SEQUENCE, SHA-256 without parameters, OCTET STRING of 32.
const BEFORE_HASH: [u8; 24] = [
    0x30, 0x39, 0x02, 0x01, 0x01, 0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03,
    0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20,
];

/// And behind it: the certificate is to come along.
const BEHIND_HASH: [u8; 3] = [0x01, 0x01, 0xff];

/// What a token says, if its signature holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stated {
    /// SHA-256 of what was timestamped.
    pub sha256: [u8; 32],
    /// When, RFC 3339 in UTC.
    pub time: String,
}

/// The request for a timestamp over a SHA-256 hash, in DER: what `openssl ts -query -digest … -cert -no_nonce` makes.
pub fn request(sha256: &[u8; 32]) -> Vec<u8> {
    [&BEFORE_HASH[..], sha256, &BEHIND_HASH].concat()
}

/// Reads an authority's answer, or the token out of one. No signature is checked.
///
/// # Errors
/// `Data` if it is neither, if the authority refused, or if the hash is not SHA-256.
pub fn read(bytes: &[u8]) -> Result<Stated> {
    if bytes.len() as u64 > ANSWER_LIMIT_BYTES {
        return Err(Reason::Timestamp("it is too long").into());
    }
    let info = info(bytes).map_err(|_| Reason::Timestamp("it is no answer of a timestamp authority"))?;
    Ok(info?)
}

/// The outer error is of the form, the inner one of the content.
fn info(bytes: &[u8]) -> der::Result<Result<Stated, Reason>> {
    let mut outer = open(&mut SliceReader::new(bytes)?, Tag::Sequence)?;
    let mut token = if Tag::peek(&outer)? == Tag::Sequence {
        let mut status = open(&mut outer, Tag::Sequence)?;
        if !matches!(open(&mut status, Tag::Integer)?.read_slice(1u8.into())?, [0 | 1]) {
            return Ok(Err(Reason::Timestamp("the authority refused")));
        }
        open(&mut outer, Tag::Sequence)?
    } else {
        outer
    };
    if ObjectIdentifier::decode(&mut token)? != SIGNED_DATA {
        return Ok(Err(Reason::Timestamp("it is not signed")));
    }
    let mut signed = open(&mut open(&mut token, content())?, Tag::Sequence)?;
    open(&mut signed, Tag::Integer)?;
    open(&mut signed, Tag::Set)?;
    let mut inside = open(&mut signed, Tag::Sequence)?;
    if ObjectIdentifier::decode(&mut inside)? != TST_INFO {
        return Ok(Err(Reason::Timestamp("what was signed is no timestamp")));
    }
    let mut octets = open(&mut open(&mut inside, content())?, Tag::OctetString)?;
    let mut info = open(&mut octets, Tag::Sequence)?;
    open(&mut info, Tag::Integer)?;
    open(&mut info, Tag::ObjectIdentifier)?;
    let mut imprint = open(&mut info, Tag::Sequence)?;
    if ObjectIdentifier::decode(&mut open(&mut imprint, Tag::Sequence)?)? != SHA256 {
        return Ok(Err(Reason::Timestamp("its hash is not SHA-256")));
    }
    let hash = open(&mut imprint, Tag::OctetString)?;
    let sha256 = rest(hash)?.try_into();
    open(&mut info, Tag::Integer)?;
    let time = rest(open(&mut info, Tag::GeneralizedTime)?)?;
    Ok(match (sha256, readable(time)) {
        (Ok(sha256), Some(time)) => Ok(Stated { sha256, time }),
        _ => Err(Reason::Timestamp("its hash or its time is no such thing")),
    })
}

/// What is inside of the next element, which must have this tag.
fn open<'a>(reader: &mut SliceReader<'a>, tag: Tag) -> der::Result<SliceReader<'a>> {
    let element = AnyRef::decode(reader)?;
    if element.tag() != tag {
        return Err(der::ErrorKind::TagUnexpected { expected: Some(tag), actual: element.tag() }.into());
    }
    SliceReader::new(element.value())
}

fn rest<'a>(mut reader: SliceReader<'a>) -> der::Result<&'a [u8]> {
    let length = reader.remaining_len();
    reader.read_slice(length)
}

/// `[0] EXPLICIT`, in which CMS wraps contents.
fn content() -> Tag {
    Tag::ContextSpecific { constructed: true, number: TagNumber(0) }
}

/// `20260301120000.5Z` as `2026-03-01T12:00:00.5Z`. The `der` crate's own type knows no fractions, which RFC 3161 allows.
fn readable(time: &[u8]) -> Option<String> {
    let time = str::from_utf8(time).ok()?.strip_suffix('Z')?;
    let (whole, fraction) = time.split_once('.').map_or((time, None), |(whole, part)| (whole, Some(part)));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if whole.len() != 14 || !digits(whole) || !fraction.is_none_or(|part| !part.is_empty() && digits(part)) {
        return None;
    }
    let (date, clock) = (&whole[..8], &whole[8..]);
    let fraction = fraction.map(|part| format!(".{part}")).unwrap_or_default();
    let text = format!(
        "{}-{}-{}T{}:{}:{}{fraction}Z",
        &date[..4],
        &date[4..6],
        &date[6..],
        &clock[..2],
        &clock[2..4],
        &clock[4..]
    );
    text.parse::<jiff::Timestamp>().is_ok().then_some(text)
}

#[cfg(test)]
pub(super) mod tests {
    use data_encoding::HEXLOWER_PERMISSIVE;

    use super::*;

    /// An answer by `openssl ts -reply` over `abc`, from the tests of RustCrypto's `x509-tsp`.
    const ANSWER: &str = "3082028430030201003082027B06092A864886F70D010702A082026C30820268020103310F300D060960864801650304020105003081C9060B2A864886F70D0109100104A081B90481B63081B302010106042A0304013031300D060960864801650304020105000420BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD020104180F32303233303630373131323632365A300A020101800201F48101640101FF0208314CFCE4E0651827A048A4463044310B30090603550406130255533113301106035504080C0A536F6D652D5374617465310D300B060355040A0C04546573743111300F06035504030C0854657374205453413182018430820180020101305C3044310B30090603550406130255533113301106035504080C0A536F6D652D5374617465310D300B060355040A0C04546573743111300F06035504030C08546573742054534102146A0DCC59137C11D1C2B092042B4BC51C0D634D24300D06096086480165030402010500A08198301A06092A864886F70D010903310D060B2A864886F70D0109100104301C06092A864886F70D010905310F170D3233303630373131323632365A302B060B2A864886F70D010910020C311C301A3018301604142F36B1B52456F5AC3A1CA09794AE3D0D64AD38C2302F06092A864886F70D01090431220420BAF4CCF82E9B5B3956EADCC87346B407684F26D82B68D0E7DE0D31EA79AF648C300A06082A8648CE3D0403020467306502305A6E1C175B20A93FAB25D14CC5F5A2836D726D6D4A964B66FFBFFCE46276A96475F1408728B3385DCA37C2BA46BE17E1023100C46B7F08D03409A8ECCFD7637765412C3C5EC050E0D39CF48F0F5015950342CB18D8434FF331BA4463C086297C37D07B";

    /// SHA-256 of `abc`, FIPS 180-4.
    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    fn bytes(hex: &str) -> Vec<u8> {
        HEXLOWER_PERMISSIVE.decode(hex.as_bytes()).unwrap()
    }

    fn abc() -> [u8; 32] {
        bytes(ABC).try_into().unwrap()
    }

    /// The answer with another hash, so that it is over what a test has; its signature no longer holds.
    pub(in crate::ledger) fn answer_over(sha256: &[u8; 32]) -> Vec<u8> {
        let mut answer = bytes(ANSWER);
        let at = answer.windows(32).position(|part| part == abc()).unwrap();
        answer[at..at + 32].copy_from_slice(sha256);
        answer
    }

    #[test]
    fn an_answer_and_its_token_are_read() {
        let answer = bytes(ANSWER);
        let stated = Stated { sha256: abc(), time: "2023-06-07T11:26:26Z".into() };
        assert_eq!(read(&answer).unwrap(), stated);
        // The token stands behind the header of the answer and its status.
        assert_eq!(read(&answer[9..]).unwrap(), stated);
        let mut refused = answer.clone();
        refused[8] = 2;
        assert!(read(&refused).unwrap_err().to_string().ends_with("the authority refused"));
    }

    #[test]
    fn hostile_answers_are_errors() {
        let answer = bytes(ANSWER);
        for end in 0..answer.len() {
            assert!(read(&answer[..end]).is_err(), "cut at {end}");
        }
        for at in 0..answer.len() {
            for mask in [0x01, 0x80, 0xff] {
                let mut bent = answer.clone();
                bent[at] ^= mask;
                // What the token does not say is not read; nothing panics.
                let _ = read(&bent);
            }
        }
    }

    #[test]
    fn the_request_is_as_openssl_makes_it() {
        let expected = format!("30390201013031300d060960864801650304020105000420{ABC}0101ff");
        assert_eq!(request(&abc()), bytes(&expected));
    }

    #[test]
    fn times_with_and_without_fractions() {
        assert_eq!(readable(b"20260301120000Z").as_deref(), Some("2026-03-01T12:00:00Z"));
        assert_eq!(readable(b"20260301120000.25Z").as_deref(), Some("2026-03-01T12:00:00.25Z"));
        for wrong in ["20260301120000", "2026030112000Z", "20261301120000Z", "20260301120000.Z", "x"] {
            assert_eq!(readable(wrong.as_bytes()), None, "{wrong}");
        }
    }
}

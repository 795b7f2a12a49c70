//! One stored value: its text, and the value that a new text says.

use std::borrow::Cow;

use parquet::data_type::{
    BoolType, ByteArray, ByteArrayType, DataType, DoubleType, FixedLenByteArray, FixedLenByteArrayType,
    FloatType, Int32Type, Int64Type, Int96, Int96Type,
};

use crate::table::format::typed::{Unit, Whole, core, float, with_core};

use super::leaf::Form;

/// A physical type whose values can be cells.
pub(super) trait Stored: DataType {
    /// What the value says.
    fn text(value: &Self::T, form: Form) -> Cow<'_, [u8]>;

    /// The value that says `text` in the place of `old`, if the type can hold it.
    fn parse(text: &str, form: Form, old: &Self::T) -> Option<Self::T>;
}

fn whole<'a>(kind: Whole, value: i128) -> Cow<'a, [u8]> {
    let mut text = Vec::with_capacity(24);
    kind.write(value, &mut text);
    Cow::Owned(text)
}

impl Stored for BoolType {
    fn text(value: &bool, _: Form) -> Cow<'_, [u8]> {
        Cow::Borrowed(if *value { b"true" } else { b"false" })
    }

    fn parse(text: &str, _: Form, _: &bool) -> Option<bool> {
        Whole::Bool.parse(text).map(|value| value == 1)
    }
}

/// Integers of both sizes: an unsigned one is stored as the signed one of the same bits.
macro_rules! stored_integer {
    ($stored:ty, $signed:ty, $unsigned:ty) => {
        impl Stored for $stored {
            fn text(value: &$signed, form: Form) -> Cow<'_, [u8]> {
                match form {
                    Form::Whole(kind @ Whole::UInt(_)) => whole(kind, i128::from(*value as $unsigned)),
                    Form::Whole(kind) => whole(kind, i128::from(*value)),
                    _ => Cow::Borrowed(b""),
                }
            }

            fn parse(text: &str, form: Form, _: &$signed) -> Option<$signed> {
                match form {
                    Form::Whole(kind @ Whole::UInt(_)) => {
                        <$unsigned>::try_from(kind.parse(text)?).ok().map(|value| value as $signed)
                    }
                    Form::Whole(kind) => kind.parse(text)?.try_into().ok(),
                    _ => None,
                }
            }
        }
    };
}

stored_integer!(Int32Type, i32, u32);
stored_integer!(Int64Type, i64, u64);

impl Stored for Int96Type {
    fn text(value: &Int96, _: Form) -> Cow<'_, [u8]> {
        const JULIAN_DAY_OF_EPOCH: i128 = 2_440_588;
        const DAY_NANOS: i128 = 86_400_000_000_000;
        let [low, high, day] = *value.data() else { return Cow::Borrowed(b"") };
        let nanos = i128::from((u64::from(high) << 32 | u64::from(low)) as i64);
        let count = (i128::from(day as i32) - JULIAN_DAY_OF_EPOCH) * DAY_NANOS + nanos;
        whole(Whole::Moment { unit: Unit::Nano, zoned: false }, count)
    }

    fn parse(_: &str, _: Form, _: &Int96) -> Option<Int96> {
        None
    }
}

macro_rules! stored_float {
    ($stored:ty, $value:ty) => {
        impl Stored for $stored {
            fn text(value: &$value, _: Form) -> Cow<'_, [u8]> {
                let mut text = Vec::with_capacity(24);
                float::write(*value, &mut text);
                Cow::Owned(text)
            }

            fn parse(text: &str, _: Form, _: &$value) -> Option<$value> {
                float::parse(text)
            }
        }
    };
}

stored_float!(FloatType, f32);
stored_float!(DoubleType, f64);

impl Stored for ByteArrayType {
    fn text(value: &ByteArray, form: Form) -> Cow<'_, [u8]> {
        match form {
            Form::Whole(kind) => bytes_text(kind, value.data()),
            _ => Cow::Borrowed(core(value.data())),
        }
    }

    fn parse(text: &str, form: Form, old: &ByteArray) -> Option<ByteArray> {
        Some(match form {
            Form::Whole(kind) => {
                let bytes = kind.parse(text)?.to_be_bytes();
                // As few bytes as keep the sign.
                let spare = (0..15).take_while(|&at| {
                    let extends = if bytes[at + 1] >> 7 == 1 { 0xff } else { 0 };
                    bytes[at] == extends
                });
                bytes[spare.count()..].to_vec().into()
            }
            _ => with_core(old.data(), text).into(),
        })
    }
}

impl Stored for FixedLenByteArrayType {
    fn text(value: &FixedLenByteArray, form: Form) -> Cow<'_, [u8]> {
        match form {
            Form::Whole(kind) => bytes_text(kind, value.data()),
            _ => Cow::Borrowed(b""),
        }
    }

    fn parse(text: &str, form: Form, old: &FixedLenByteArray) -> Option<FixedLenByteArray> {
        let Form::Whole(kind) = form else { return None };
        let value = kind.parse(text)?;
        let bytes = value.to_be_bytes();
        let bytes = bytes[16_usize.checked_sub(old.data().len())?..].to_vec();
        (big_endian(&bytes) == Some(value)).then(|| bytes.into())
    }
}

fn bytes_text<'a>(kind: Whole, bytes: &[u8]) -> Cow<'a, [u8]> {
    big_endian(bytes).map_or(Cow::Borrowed(b""), |value| whole(kind, value))
}

/// The integer of up to 128 bits that these bytes hold, the most significant first.
fn big_endian(bytes: &[u8]) -> Option<i128> {
    let negative = bytes.first()? >> 7 == 1;
    let mut whole = [if negative { 0xff } else { 0 }; 16];
    whole[16_usize.checked_sub(bytes.len())?..].copy_from_slice(bytes);
    Some(i128::from_be_bytes(whole))
}

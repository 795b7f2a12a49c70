//! Every kind of value, there and back.

use proptest::prelude::*;

use super::*;

fn text(kind: Whole, value: i128) -> String {
    let mut out = Vec::new();
    kind.write(value, &mut out);
    String::from_utf8(out).unwrap()
}

fn moment(unit: Unit, zoned: bool) -> Whole {
    Whole::Moment { unit, zoned }
}

#[test]
fn values_are_written_as_people_write_them() {
    let decimal = Whole::Decimal { precision: 10, scale: 2 };
    let cases = [
        (Whole::Bool, 1, "true"),
        (Whole::Int(8), -128, "-128"),
        (Whole::UInt(64), u64::MAX.into(), "18446744073709551615"),
        (decimal, -5, "-0.05"),
        (decimal, 1230, "12.30"),
        (Whole::Decimal { precision: 3, scale: 0 }, 7, "7"),
        (Whole::Date, 19_753, "2024-01-31"),
        (Whole::Time(Unit::Milli), 37_230_000, "10:20:30"),
        (Whole::Time(Unit::Nano), 1, "00:00:00.000000001"),
        (moment(Unit::Second, false), 1_706_696_430, "2024-01-31T10:20:30"),
        (moment(Unit::Micro, true), 1_706_696_430_500_000, "2024-01-31T10:20:30.5Z"),
        (moment(Unit::Milli, false), -1, "1969-12-31T23:59:59.999"),
        (Whole::Uuid, 0x0123_4567_89ab_cdef_0123_4567_89ab_cdef, "01234567-89ab-cdef-0123-456789abcdef"),
    ];
    for (kind, value, expected) in cases {
        assert_eq!(text(kind, value), expected);
        assert_eq!(kind.parse(expected), Some(value), "{expected}");
    }
}

#[test]
fn a_text_that_the_type_cannot_hold_is_no_value() {
    let decimal = Whole::Decimal { precision: 4, scale: 2 };
    let none = [
        (Whole::Int(8), "128"),
        (Whole::UInt(8), "-1"),
        (Whole::UInt(8), ""),
        (Whole::Int(32), "1.5"),
        (Whole::Int(32), "+1"),
        (Whole::Int(64), "1e3"),
        (decimal, "1.234"),
        (decimal, "100.00"),
        (decimal, "-"),
        (decimal, "1.-2"),
        (decimal, ".5"),
        (Whole::Bool, "yes"),
        (Whole::Date, "2023-02-29"),
        (Whole::Date, "2023-02-2é"),
        (Whole::Date, "31.01.2024"),
        (Whole::Time(Unit::Milli), "10:20:30.0005"),
        (Whole::Time(Unit::Milli), "24:00:00"),
        (moment(Unit::Second, false), "2024-01-31T10:20:30Z"),
        (moment(Unit::Second, true), "2024-01-31T10:20:30"),
        (moment(Unit::Nano, true), "9999-01-31T10:20:30Z"),
        (Whole::Uuid, "01234567-89ab-cdef-0123-456789abcdeg"),
        (Whole::Uuid, "0123456789abcdef0123456789abcdef"),
    ];
    for (kind, text) in none {
        assert_eq!(kind.parse(text), None, "{kind:?} {text}");
    }
    assert_eq!(decimal.parse("1.2"), Some(120));
    assert_eq!(decimal.parse("1.2300"), Some(123));
}

#[test]
fn floats_are_the_shortest_plain_decimal() {
    let written = |value: f64| {
        let mut out = Vec::new();
        float::write(value, &mut out);
        String::from_utf8(out).unwrap()
    };
    let cases = [
        (0.1, "0.1"),
        (5.0, "5"),
        (-0.0, "-0"),
        (1e-7, "0.0000001"),
        (1e-8, "1e-8"),
        (1e20, "100000000000000000000"),
        (1e21, "1e21"),
    ];
    for (value, expected) in cases {
        assert_eq!(written(value), expected);
        assert_eq!(float::parse::<f64>(expected).map(f64::to_bits), Some(value.to_bits()), "{expected}");
    }
    assert_eq!(float::parse::<f64>("5.10"), Some(5.1));
    assert_eq!(float::parse::<f32>("0.1"), Some(0.1));
    for none in ["", "NaN", "inf", "x", "9007199254740993", "1e400", "1.00000000000000005e0"] {
        assert_eq!(float::parse::<f64>(none), None, "{none}");
    }
    assert_eq!(float::parse::<f32>("16777217"), None);
}

#[test]
fn more_digits_than_a_float_has_stand_for_the_nearest_one() {
    // 0.07 times 48.428571428571425, and a hundredth more: no number of 64 bits is written like that.
    assert_eq!(float::parse::<f64>("3.3899999999999997"), Some(3.389_999_999_999_999_7));
    assert_eq!(float::parse::<f64>("3.3999999999999997"), Some(3.4));
    assert_eq!(
        float::parse::<f64>("-0.000000000000000012345678901234567"),
        Some(-1.234_567_890_123_456_7e-17)
    );
    assert_eq!(float::parse::<f32>("0.31000001"), Some(0.31));
    assert_eq!(float::parse::<f32>("12345.678912"), None, "neighbours are too far apart");
}

#[test]
fn spaces_around_a_text_stay() {
    assert_eq!(core(b"  a b "), b"a b");
    assert_eq!(with_core(b"  a b ", "c"), b"  c ");
    assert_eq!(with_core(b"   ", "c"), b"   c");
}

proptest! {
    #[test]
    fn what_is_written_reads_back(value: i64, float: f64, bits: u128) {
        let kinds = [
            Whole::Int(64),
            Whole::Decimal { precision: MAX_PRECISION, scale: 7 },
        ];
        for kind in kinds {
            prop_assert_eq!(kind.parse(&text(kind, value.into())), Some(value.into()));
        }
        prop_assert_eq!(Whole::Uuid.parse(&text(Whole::Uuid, bits as i128)), Some(bits as i128));
        for unit in [Unit::Second, Unit::Milli, Unit::Micro, Unit::Nano] {
            let kind = moment(unit, true);
            // Years of four digits only.
            let back = kind.parse(&text(kind, value.into()));
            prop_assert!(back.is_none() || back == Some(value.into()));
            let small = i128::from(value % 200_000_000_000);
            prop_assert!(unit == Unit::Second || kind.parse(&text(kind, small)) == Some(small));
        }
        let mut out = Vec::new();
        float::write(float, &mut out);
        let back = float::parse::<f64>(str::from_utf8(&out).unwrap());
        prop_assert_eq!(back.map(f64::to_bits), float.is_finite().then_some(float.to_bits()));
    }

    #[test]
    fn numbers_are_written_as_the_standard_library_does(
        digits in -2_000_000_000_000_000_000_i64..2_000_000_000_000_000_000,
        fewer in 0_u32..19,
        decimals in 0_i32..8,
    ) {
        let whole = digits / 10_i64.pow(fewer);
        prop_assert_eq!(text(Whole::Int(64), whole.into()), whole.to_string());
        let (kind, large) = (Whole::Decimal { precision: MAX_PRECISION, scale: 0 }, i128::from(digits) << 60);
        prop_assert_eq!(text(kind, large), large.to_string());
        let float = whole as f64 / 10_f64.powi(decimals);
        let mut out = Vec::new();
        float::write(float, &mut out);
        prop_assert_eq!(String::from_utf8(out).unwrap(), float.to_string());
    }

    #[test]
    fn no_text_panics(text in ".{0,40}") {
        let kinds = [
            Whole::Bool, Whole::Int(8), Whole::UInt(64), Whole::Date, Whole::Uuid, Whole::Time(Unit::Micro),
            moment(Unit::Nano, true), Whole::Decimal { precision: 5, scale: 2 },
        ];
        for kind in kinds {
            let _ = kind.parse(&text);
        }
        let _ = float::parse::<f32>(&text);
    }
}

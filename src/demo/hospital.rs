//! A hospital's table of stays, generated from a seed: plausible, plentiful, and nobody's.
//!
//! Twelve columns of the usual kinds (ids, times, codes, measurements, money), about 100 bytes a row. Costs follow the length
//! of the stay, diagnoses belong to their wards, measurements to ages, so that sketches and channels meet data with structure.

use std::io::{self, Write};

use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};

/// Wards, each with the ICD-10 codes that are treated there.
const WARDS: [(&str, [&str; 6]); 6] = [
    ("cardiology", ["I21.4", "I25.1", "I48.0", "I50.1", "I10", "I35.0"]),
    ("surgery", ["K35.8", "K40.9", "K80.1", "S72.0", "C18.7", "K56.6"]),
    ("internal medicine", ["J18.9", "E11.9", "N39.0", "A41.9", "J44.1", "K92.2"]),
    ("orthopaedics", ["M16.1", "M17.1", "S82.1", "M51.2", "S42.2", "M75.1"]),
    ("neurology", ["I63.9", "G40.9", "G35", "G20", "G45.9", "G43.9"]),
    ("obstetrics", ["O80", "O82", "O42.9", "O34.2", "O70.1", "O24.4"]),
];

/// The table's header.
pub const COLUMNS: [&str; 12] = [
    "stay_id",
    "patient_id",
    "admitted",
    "discharged",
    "ward",
    "diagnosis",
    "age",
    "sex",
    "heart_rate",
    "creatinine",
    "cost",
    "copay",
];

/// 2023-01-01T00:00:00Z, in minutes since the epoch.
const FIRST_MINUTE: i64 = 27_876_960;
const MINUTES_OF_THREE_YEARS: i64 = 3 * 365 * 24 * 60;

/// Writes `rows` stays as CSV. The same seed gives the same bytes.
pub fn write(rows: u64, seed: u64, out: impl Write) -> io::Result<()> {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut csv = csv::WriterBuilder::new().from_writer(out);
    csv.write_record(COLUMNS)?;
    for row in 0..rows {
        csv.write_record(stay(row, &mut rng))?;
    }
    csv.flush()
}

fn stay(row: u64, rng: &mut Xoshiro256PlusPlus) -> [String; 12] {
    let (ward, diagnoses) = WARDS[rng.random_range(0..WARDS.len())];
    // Products of uniform draws: many short stays, a few long ones; early codes of a ward are the frequent ones.
    let diagnosis = diagnoses[(rng.random::<f64>() * rng.random::<f64>() * 6.0) as usize];
    let hours = 6.0 + 400.0 * rng.random::<f64>().powi(3);
    let admitted = FIRST_MINUTE + rng.random_range(0..MINUTES_OF_THREE_YEARS);
    let discharged = admitted + (hours * 60.0) as i64 + rng.random_range(0..240);
    let age = if ward == "obstetrics" { rng.random_range(18..45) } else { rng.random_range(1..98) };
    let sex = if ward == "obstetrics" || rng.random_bool(0.5) { "F" } else { "M" };
    let heart_rate = 60 + rng.random_range(0..40) + if age < 12 { 25 } else { 0 };
    let creatinine = 0.5 + 0.8 * rng.random::<f64>() + f64::from(age) * 0.004;
    let cost = 350.0 + hours * (28.0 + 20.0 * rng.random::<f64>());
    let copay = cost * if rng.random_bool(0.3) { 0.0 } else { rng.random_range(5..20) as f64 / 100.0 };
    [
        format!("S{:09}", 100_000_000 + row * 7 + rng.random_range(0..7)),
        format!("P{:07}", rng.random_range(0..4_000_000)),
        time(admitted),
        time(discharged),
        ward.to_owned(),
        diagnosis.to_owned(),
        age.to_string(),
        sex.to_owned(),
        heart_rate.to_string(),
        format!("{creatinine:.2}"),
        format!("{cost:.2}"),
        format!("{copay:.2}"),
    ]
}

fn time(minutes: i64) -> String {
    let instant = jiff::Timestamp::from_second(minutes * 60).expect("a time of the 2020s");
    instant.strftime("%Y-%m-%d %H:%M").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_table() {
        let table = |seed| {
            let mut out = Vec::new();
            write(50, seed, &mut out).unwrap();
            String::from_utf8(out).unwrap()
        };
        assert_eq!(table(1), table(1));
        assert_ne!(table(1), table(2));
        assert_eq!(table(1).lines().count(), 51);
        let first = table(1).lines().nth(1).unwrap().to_owned();
        assert_eq!(first.split(',').count(), 12, "{first}");
        assert!(first.split(',').nth(2).unwrap().starts_with("202"), "{first}");
    }
}

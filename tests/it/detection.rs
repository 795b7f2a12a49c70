//! Small versions of the detection figures; `benches/detection.rs` has the large ones.

use dyepack::attack::{Attack, Strategy};
use dyepack::demo::HOSPITAL_POLICY;
use rand::RngExt as _;

use crate::distortion::WARDS_POLICY;
use crate::lab::{self, DIABETIC, ENCOUNTERS, Lab, Rng, Table, seeded, trials};
use crate::trials::{Outcome, collusion, single};

/// 95 of 100 are asked for; of a few trials one may fail.
fn assert_mostly_right(outcomes: &[Outcome]) {
    let named = outcomes.iter().filter(|outcome| outcome.right > 0).count();
    assert_eq!(outcomes.iter().map(|outcome| outcome.wrong).sum::<usize>(), 0, "innocents: {outcomes:?}");
    assert!(named + 1 + outcomes.len() / 20 >= outcomes.len(), "{named} of {}: {outcomes:?}", outcomes.len());
}

fn name_200_rows(policy: &str, table: &Table, rng: &mut Rng) {
    let lab = Lab::new(policy, &table.sample(table.rows.len().min(5_000), rng), 100, rng);
    let outcomes: Vec<Outcome> = (0..trials(15))
        .map(|_| single(&lab, &table.sample(200, rng), &[Attack::Shuffle], 1e-6, rng))
        .collect();
    assert_mostly_right(&outcomes);
}

#[test]
fn two_hundred_rows_of_a_hospital_name_the_partner() {
    let rng = &mut seeded("detection/hospital");
    name_200_rows(HOSPITAL_POLICY, &lab::hospital(3_000, 1), rng);
}

#[test]
fn two_hundred_rows_of_encounters_name_the_partner() {
    let Some(table) = lab::shared(ENCOUNTERS.1) else { return };
    name_200_rows(ENCOUNTERS.0, &table, &mut seeded("detection/encounters"));
}

#[test]
fn two_hundred_rows_of_diabetic_data_name_the_partner() {
    let Some(table) = lab::shared(DIABETIC.1) else { return };
    name_200_rows(DIABETIC.0, &table, &mut seeded("detection/diabetic_data"));
}

#[test]
fn a_leaker_who_randomises_is_named_from_more_rows() {
    let rng = &mut seeded("detection/randomised");
    let table = lab::hospital(2_500, 2);
    let lab = Lab::new(HOSPITAL_POLICY, &table, 100, rng);
    // About 0.37 carriers a row: 200 carriers, and 500.
    for (rows, share) in [(600, 0.2), (1_400, 0.5)] {
        let attacks = [Attack::Randomise { share }, Attack::Shuffle];
        let outcomes: Vec<Outcome> =
            (0..trials(8)).map(|_| single(&lab, &table.sample(rows, rng), &attacks, 1e-6, rng)).collect();
        assert_mostly_right(&outcomes);
    }
}

#[test]
fn three_colluders_do_not_all_get_away() {
    let rng = &mut seeded("detection/colluders");
    let table = lab::hospital(5_500, 3);
    let lab = Lab::new(HOSPITAL_POLICY, &table, 100, rng);
    let strategies = [Strategy::Interleave, Strategy::Majority, Strategy::Minority, Strategy::Coin];
    let outcomes: Vec<Outcome> =
        strategies.into_iter().map(|strategy| collusion(&lab, &table, 3, strategy, 1e-6, rng)).collect();
    assert_mostly_right(&outcomes);
}

#[test]
fn only_what_is_said_counts() {
    let rng = &mut seeded("detection/repeats");
    let table = lab::hospital(1_500, 4);
    let lab = Lab::new(HOSPITAL_POLICY, &table, 20, rng);
    let copy = lab.copy("partner-00007", &table.sample(300, rng));
    let mut evidence = |attacks: &[Attack]| {
        let leak = lab.leak(copy.clone(), attacks, rng);
        let findings = lab.trace(&leak, 1e-6);
        let accused: Vec<String> =
            findings.accused.iter().map(|a| format!("{} {:?}", a.recipient, a.ln_family_p)).collect();
        (findings.evidence.carriers_read, accused)
    };
    let once = evidence(&[]);
    assert!(once.1[0].starts_with("partner-00007"), "{once:?}");
    for attacks in [
        &[Attack::DuplicateRows { share: 1.0 }, Attack::Shuffle][..],
        &[Attack::ReorderColumns, Attack::QuoteAll, Attack::Delimiter { byte: '|' }],
        &[Attack::UpperCaseHeader, Attack::ExtraColumns, Attack::Windows],
    ] {
        assert_eq!(evidence(attacks), once, "{attacks:?}");
    }
}

#[test]
fn the_dataset_is_found_among_several_of_one_table() {
    let rng = &mut seeded("detection/datasets");
    let table = lab::hospital(1_500, 5);
    for (policy, other) in [(HOSPITAL_POLICY, WARDS_POLICY), (WARDS_POLICY, HOSPITAL_POLICY)] {
        let mut lab = Lab::new(policy, &table, 50, rng);
        lab.join(other, &table);
        let rows = lab.copy("partner-00031", &table.sample(400, rng));
        let findings = lab.trace(&rows.to_csv(), 1e-6);
        let accused: Vec<&str> = findings.accused.iter().map(|a| a.recipient.as_str()).collect();
        assert_eq!(accused, ["partner-00031"]);
        assert_eq!(findings.dataset.as_deref(), Some(lab.policy().name()));
        assert_eq!(findings.evidence.readings_tried, 2, "both readings are paid for");
    }
}

#[test]
fn the_power_that_is_reported_is_the_share_that_is_named() {
    let rng = &mut seeded("detection/power");
    let table = lab::hospital(1_500, 6);
    let lab = Lab::new(HOSPITAL_POLICY, &table, 100, rng);
    let (mut named, mut expected, mut variance) = (0.0, 0.0, 0.0);
    for _ in 0..trials(40) {
        let leak = lab.copy("partner-00042", &table.sample(rng.random_range(100..220), rng));
        let findings = lab.trace(&leak.to_csv(), 1e-6);
        let power = findings.evidence.power;
        named += f64::from(u8::from(!findings.accused.is_empty()));
        expected += power;
        variance += power * (1.0 - power);
    }
    println!("named {named}, expected {expected:.1}, standard deviation {:.1}", variance.sqrt());
    // A normal approximation: a twentieth is granted on top of chance.
    let tolerance = 4.0 * variance.sqrt() + 0.05 * trials(40) as f64;
    assert!((named - expected).abs() <= tolerance, "named {named}, expected {expected:.1}");
}

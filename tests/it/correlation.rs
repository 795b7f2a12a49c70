//! The correlation attack on a table whose columns depend on each other, against marks with and without a model.

use std::sync::Arc;

use dyepack::attack::correlate::{Joints, Knowledge, Spread, correlate};
use dyepack::evidence::verdict::Verdict;
use dyepack::stamp::engine::Options;

use crate::lab::{self, Lab, Table, recipient, seeded};
use crate::survival::Survival;

const POLICY: &str = include_str!("../../testdata/policies/correlated.toml");

/// The share of all cells that Ji, Ayday and Yilmaz's attacker changes.
const BUDGET: f64 = 0.14;

fn tables() -> (Table, Table) {
    let columns = ["stay_id", "ward", "diagnosis", "age", "sex", "heart_rate"];
    (lab::hospital(8_000, 11).project(&columns), lab::hospital(8_000, 12).project(&columns))
}

#[test]
fn nine_of_ten_carriers_survive_where_the_model_says_what_occurs() {
    let rng = &mut seeded("correlation/survival");
    let (released, sample) = tables();
    let mut lab = Lab::new(POLICY, &released.with_rows(Vec::new()), 20, rng);
    let prior = Joints::learn(&sample.rows, Knowledge::Sample);
    let mut shares = Vec::new();
    for with_model in [false, true] {
        lab.model = with_model.then(|| Arc::new(lab::learn(&released.to_csv()[..], lab.policy())));
        let copy = lab.copy(&recipient(3), &released);
        let survival = Survival::new(&lab, &released, &copy);
        let mut leak = copy.clone();
        correlate(&mut leak.rows, &prior, BUDGET, Spread::EachColumn, rng);
        let share = survival.share(&leak, |_| true);
        let of_changed = survival.share(&leak, |carrier| carrier.is_changed);
        let carriers = survival.carriers.len();
        println!("model {with_model}: {share:.3} of {carriers} carriers, {of_changed:.3} of the changed");
        assert!(carriers > 1_000);
        shares.push((share, of_changed));
    }
    assert!(shares[0].1 < 0.7, "without a model the changed carriers are found: {shares:?}");
    assert!(shares[1].0 >= 0.9 && shares[1].1 >= 0.9, "{shares:?}");
}

/// A trace of a copy that was marked by a model and attacked, read with the model's doubts and without.
#[test]
fn reading_with_the_model_beats_reading_without() {
    let rng = &mut seeded("correlation/trace");
    let (released, sample) = tables();
    let mut lab = Lab::new(POLICY, &released, 20, rng);
    lab.model = Some(Arc::new(lab::learn(&released.to_csv()[..], lab.policy())));
    let mut leak = lab.copy(&recipient(3), &released.sample(3_000, rng));
    let prior = Joints::learn(&sample.rows, Knowledge::Sample);
    correlate(&mut leak.rows, &prior, BUDGET, Spread::Anywhere, rng);
    let mut bounds = Vec::new();
    for with_model in [false, true] {
        lab.read_with_model(with_model);
        let findings = lab.trace(&leak.to_csv(), 1e-6);
        let best = findings.candidates.first().expect("candidates");
        println!("model {with_model}: ln p {:.1}, {:?}", best.ln_family_p, findings.verdict);
        assert!(findings.accused.iter().all(|accused| accused.recipient == recipient(3)));
        bounds.push(best.ln_family_p);
        if with_model {
            assert_eq!(findings.verdict, Verdict::Identified);
        }
    }
    assert!(bounds[1] < bounds[0] - 5.0, "{bounds:?}");
}

#[test]
fn carriers_are_the_same_for_all_recipients_and_releases() {
    let rng = &mut seeded("correlation/carriers");
    let (released, _) = tables();
    let released = released.sample(2_000, rng);
    let mut lab = Lab::new(POLICY, &released.with_rows(Vec::new()), 1, rng);
    lab.model = Some(Arc::new(lab::learn(&released.to_csv()[..], lab.policy())));
    let (copy, stamped) = lab.stamp("acme", &released.to_csv(), &Options::default());
    let (_, other) = lab.stamp("borealis", &released.to_csv(), &Options::default());
    assert_eq!(stamped.carriers, other.carriers);
    assert_ne!(stamped.output.blake3, other.output.blake3);
    // Rows are marked the same in another file, whatever stands beside them.
    let later = released.sample(500, rng);
    let again = lab.copy("acme", &later);
    let copy = lab::parse(&copy);
    for (row, marked) in later.rows.iter().zip(&again.rows) {
        let before = released.rows.iter().position(|found| found == row).expect("a row of both");
        assert_eq!(&copy.rows[before], marked);
    }
}

#[test]
fn a_file_without_what_the_model_looks_at_is_refused() {
    use dyepack::keys::secret::MarkingSecret;
    use dyepack::stamp::engine::{self, Marking};

    let (released, _) = tables();
    let policy = dyepack::mark::policy::Policy::parse(POLICY).expect("a policy");
    let model = lab::learn(&released.to_csv()[..], &policy);
    let without = released.project(&["stay_id", "ward", "diagnosis", "age", "heart_rate"]);
    let secret = MarkingSecret::from_bytes([1; 32]);
    let marking = Marking {
        secret: &secret,
        policy: &policy,
        slots: &[],
        epoch: 1,
        recipients: &["acme"],
        model: Some(&model),
    };
    let refused =
        engine::stamp(&without.to_csv()[..], Vec::new(), &marking, &Options::default()).unwrap_err();
    assert_eq!(refused.to_string(), "the file has no column `sex`, which the dataset's model looks at");
    assert_eq!(refused.exit_code(), 2);
}

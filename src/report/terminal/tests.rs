//! Each verdict as the tired person reads it.

use super::*;
use crate::leak::Damage;
use crate::leak::columns::ColumnMatch;
use crate::leak::intake::DamageKind;
use crate::leak::repair::{Noise, Repair, Spelling, Undo, Unit};
use crate::trace::findings::{
    CandidateSummary, EvidenceSummary, FoundBySummary, GuiltBasis, GuiltSummary, IdenticalRelease,
    LeakSummary, Makeup, ReferenceSummary, Share, Skipped, Unreadable,
};

fn found(verdict: Verdict) -> Findings {
    Findings {
        schema: "dyepack.trace/1",
        verdict,
        alpha: 1e-6,
        dataset: Some("encounters".into()),
        leak: LeakSummary {
            path: "leaked.csv".into(),
            format: "csv".into(),
            delimiter: Some(",".into()),
            tables: Vec::new(),
            skipped: Vec::new(),
            bytes: 1000,
            rows: 200,
            blake3: "0123456789abcdef".repeat(4),
            damage: Vec::new(),
        },
        accused: Vec::new(),
        candidates: vec![candidate("acme", -88.1), candidate("bob", 0.0)],
        evidence: EvidenceSummary {
            carriers_read: 98,
            positions_read: 98,
            rows_aligned: 200,
            power: 0.9999,
            recipients_tried: 2,
            decoders_tried: 4,
            readings_tried: 1,
            ..EvidenceSummary::default()
        },
        similarity: Some(Share { share: 1.0, standard_error: 0.0, compared: 200 }),
        releases: Vec::new(),
        guilt: Vec::new(),
        guilt_basis: None,
        identical_releases: Vec::new(),
        identical_sources: Vec::new(),
        unreadable: Vec::new(),
        columns: Vec::new(),
        columns_missing: Vec::new(),
        reference: None,
        makeup: None,
        source_map: Vec::new(),
    }
}

fn candidate(recipient: &str, ln_family_p: f64) -> CandidateSummary {
    let decoder = "symmetric".into();
    CandidateSummary { recipient: recipient.into(), decoder, score: 1.0, ln_p: ln_family_p, ln_family_p }
}

fn accused(recipient: &str, ln_family_p: Option<f64>) -> Accused {
    Accused {
        recipient: recipient.into(),
        name: Some("Acme Analytics".into()),
        dataset: Some("encounters".into()),
        key_epoch: Some(1),
        ln_family_p,
        found_by: None,
        share: None,
        releases: vec![ReleaseMatch {
            release: format!("r-{recipient}"),
            recipient: recipient.into(),
            time: "2026-11-22T08:00:00Z".into(),
            containment: Some(1.0),
            standard_error: Some(0.0),
            receipt: None,
        }],
    }
}

fn identical(recipient: &str, marked: bool) -> IdenticalRelease {
    let (release, dataset) = (format!("r-{recipient}"), "encounters".into());
    IdenticalRelease { release, recipient: recipient.into(), dataset, parts: Vec::new(), marked }
}

/// The report without styles, its line breaks within sentences undone.
fn words(findings: &Findings) -> String {
    let text = anstream::adapter::strip_str(&report(findings)).to_string();
    assert!(text.lines().count() <= 24, "{text}");
    assert!(text.lines().all(|line| words::width(line) <= WIDTH), "{text}");
    text.replace('\n', " ")
}

#[test]
fn identified_says_who_how_sure_and_that_it_is_a_copy() {
    let text = words(&Findings { accused: vec![accused("acme", Some(-88.1))], ..found(Verdict::Identified) });
    assert!(
        text.starts_with("IDENTIFIED  acme (Acme Analytics) The file has the marks of a copy of"),
        "{text}"
    );
    for part in [
        "a copy of encounters that was given to acme. An innocent partner",
        "less than once in 10^38 (all comparisons counted; the limit is once in 1,000,000)",
        "r-acme to acme on 2026-11-22: holds 100 % of its rows",
        "98 marked cells read",
        "more than 99.9 % of cases",
        "Runner-up  bob: no better than chance",
        "A copy was identified, not a person",
        "dyepack ledger show r-acme",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn the_least_sure_of_several_sets_the_bound() {
    let many = vec![accused("acme", Some(-88.1)), accused("bob", Some(-20.0))];
    let text = words(&Findings { accused: many, ..found(Verdict::Identified) });
    assert!(text.contains("copies of encounters that were given to the 2 partners named"), "{text}");
    assert!(text.contains("less than once in 485,165,195 ("), "{text}");
}

#[test]
fn exact_says_whether_the_marks_agree() {
    let sure = Findings {
        accused: vec![accused("acme", Some(-88.1))],
        identical_releases: vec![identical("acme", true)],
        ..found(Verdict::Exact)
    };
    let text = words(&sure);
    assert!(
        text.contains("byte for byte, release r-acme, given to acme alone. Its marks say the same."),
        "{text}"
    );
    assert!(!text.contains("could have made"), "{text}");

    // Too few marks: whether the bound is missing or above the limit, the report must not claim it.
    for ln_family_p in [None, Some(-3.0)] {
        let mut few = sure.clone();
        few.accused[0].ln_family_p = ln_family_p;
        few.evidence.carriers_read = 5;
        let text = words(&few);
        assert!(
            text.contains("Its marks alone would not name anybody: with 5 marked cells read, another"),
            "{text}"
        );
        assert!(text.contains("could have made the same bytes by changing a few cells"), "{text}");
        assert!(!text.contains("innocent partner would"), "{text}");
    }
}

#[test]
fn inconclusive_says_why() {
    let with = |change: &dyn Fn(&mut Findings)| {
        let mut findings = found(Verdict::Inconclusive);
        findings.candidates[0].ln_family_p = 0.0;
        change(&mut findings);
        words(&findings)
    };
    for (read, said) in
        [(9, "Only 9 marked cells can be read; it takes about 80"), (98, "98 marked cells can")]
    {
        let text = with(&|findings| {
            (findings.evidence.power, findings.evidence.carriers_read) = (0.1, read);
        });
        assert!(text.contains(said), "{text}");
        assert!(text.contains("More rows of the same leak would help."), "{text}");
    }

    let text = with(&|findings| {
        (findings.evidence.power, findings.evidence.carriers_read) = (0.0, 0);
        findings.columns_missing = vec!["START".into()];
    });
    assert!(text.contains("None of their marked cells can be read"), "{text}");
    assert!(text.contains("and so would the missing columns"), "{text}");
    assert!(!text.contains("Closest"), "{text}");

    let text = with(&|_| ());
    assert!(text.contains("enough to name an untouched copy, and they fit no partner well enough"), "{text}");
    assert!(!text.contains("More rows"), "more rows of an unmarked file do not help: {text}");

    let text = with(&|findings| findings.identical_sources = vec!["r-acme".into()]);
    assert!(
        text.contains("byte for byte, the unmarked encounters from which release r-acme was made"),
        "{text}"
    );

    let text = with(&|findings| {
        findings.identical_releases = vec![identical("acme", true), identical("bob", true)];
    });
    assert!(text.contains("what 2 partners were given (acme and bob), so its bytes name none"), "{text}");

    let text = with(&|findings| findings.identical_releases = vec![identical("acme", false)]);
    assert!(text.contains("release r-acme, in which stamping changed no cell"), "{text}");
}

#[test]
fn no_match_says_what_was_looked_for() {
    let bare = Findings { dataset: None, similarity: None, ..found(Verdict::NoMatch) };
    let text = words(&bare);
    assert!(text.contains("No row and no mark of ours was found"), "{text}");
    assert!(!text.contains("marked cells") && !text.contains("Closest"), "{text}");

    let mut nothing_read = bare.clone();
    nothing_read.evidence = EvidenceSummary::default();
    assert!(words(&nothing_read).contains("Nothing was ever released from this home"));

    nothing_read.unreadable = vec![Unreadable {
        dataset: "encounters".into(),
        identity_missing: vec!["Id".into()],
        marked_missing: vec!["START".into(), "STOP".into()],
    }];
    let text = words(&nothing_read);
    assert!(text.contains("lacks the columns by which our rows are recognised"), "{text}");
    assert!(text.contains("Needed     for encounters: Id, and at least one of START and STOP"), "{text}");

    nothing_read.unreadable[0].identity_missing =
        ["Patient", "Practitioner", "Location"].map(String::from).into();
    nothing_read.unreadable[0].marked_missing = (0..9).map(|n| format!("reading number {n}")).collect();
    let text = words(&nothing_read);
    assert!(text.contains("number 5 and 3 more"), "what is needed is not cut off: {text}");
}

fn suspected(recipient: &str, probability: f64, rows_only_theirs: u64) -> GuiltSummary {
    GuiltSummary { recipient: recipient.into(), probability, rows_shared: 120, rows_only_theirs }
}

#[test]
fn rows_alone_are_told_as_a_lead_or_as_nothing() {
    let mut findings = Findings {
        guilt: vec![suspected("acme", 0.75, 2), suspected("bob", 0.25, 0)],
        guilt_basis: Some(GuiltBasis {
            rows_compared: 1_200,
            elsewhere: 0.5,
            tells_apart: true,
            recipients: 2,
        }),
        ..found(Verdict::Inconclusive)
    };
    (findings.evidence.power, findings.evidence.carriers_read) = (0.0, 0);
    let text = words(&findings);
    assert!(text.starts_with("INCONCLUSIVE  nobody is named"), "{text}");
    assert!(text.contains("of 1,200 rows were given to acme 120 (2 alone), bob 120 (0 alone)"), "{text}");
    assert!(text.contains("a lead and no proof: 75.0 % for acme"), "{text}");

    findings.guilt = ["a", "b", "c", "d"].map(|id| suspected(id, 0.999, 0)).into();
    findings.guilt_basis =
        Some(GuiltBasis { rows_compared: 1_200, elsewhere: 0.5, tells_apart: false, recipients: 1_500 });
    let text = words(&findings);
    assert!(
        text.contains("rows tell nobody apart: all these were given the same, a, b, c and 1,497 more"),
        "{text}"
    );
    assert!(!text.contains("Guilt"), "a figure that all share says nothing: {text}");
}

#[test]
fn a_mixture_says_what_it_is_made_of_and_where() {
    let mut findings = Findings {
        accused: vec![accused("acme", Some(-88.1)), accused("bob", Some(-20.0))],
        makeup: Some(Makeup { suggested_colluders: 3, others: 0.3, unmarked: 0.01 }),
        reference: Some(ReferenceSummary {
            sources: Vec::new(),
            rows_by_key: 0,
            rows_by_content: 180,
            rows_ambiguous: 12,
            rows_foreign: 8,
            cells_kept: 50,
            cells_changed: 48,
            cells_altered: 3,
            cells_missing: 0,
        }),
        ..found(Verdict::Identified)
    };
    findings.accused[0].share = Some(0.4);
    findings.accused[1].share = Some(0.29);
    let (order, decoder) = ("key", String::new());
    findings.accused[1].found_by =
        Some(FoundBySummary::Window { order, first_row: 1_201, last_row: 1_500, decoder });
    let text = words(&findings);
    for part in [
        "in encounters: 180 by contents, 12 fit several alike",
        "98 marked cells read (48 of them changed from the original)",
        "about acme 40.0 %, bob 29.0 %, others' copies 30.0 %; 3 copies in all (an estimate)",
        "rows 1,201 to 1,500, in the order of the keys name bob",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    // Cells of repeated rows are compared, and not read.
    findings.evidence.rows_repeated = 20;
    let text = words(&findings);
    assert!(text.contains("98 marked cells read; 20 repeated rows left out"), "{text}");
}

#[test]
fn what_was_not_read_is_named() {
    let mut findings = found(Verdict::Inconclusive);
    let skip = |name: &str, reason: &str| Skipped { name: name.into(), reason: format!("{name}: {reason}") };
    let long = format!("{}.csv", "long/".repeat(30));
    findings.leak.skipped = vec![skip("a.csv", "the file is empty"), skip(&long, "it is encrypted")];
    let text = words(&findings);
    assert!(text.contains("Not read   a.csv: the file is empty"), "{text}");
    assert!(text.contains("it is encrypted"), "a long name leaves the reason: {text}");
}

#[test]
fn an_exact_copy_is_looked_up_by_its_own_release() {
    let mut exact = Findings {
        accused: vec![accused("acme", None)],
        identical_releases: vec![identical("acme", true)],
        ..found(Verdict::Exact)
    };
    exact.accused[0].releases[0].release = "another".into();
    let text = words(&exact);
    assert!(text.contains("dyepack ledger show r-acme"), "{text}");
}

#[test]
fn an_estimate_that_is_a_bound_is_not_about_right() {
    let mut findings = Findings { accused: vec![accused("acme", Some(-88.1))], ..found(Verdict::Identified) };
    let release = &mut findings.accused[0].releases[0];
    (release.containment, release.standard_error) = (Some(0.0002), Some(0.0001));
    let text = words(&findings);
    assert!(text.contains("holds less than 0.1 % of its rows"), "{text}");
}

/// The worst of everything still fits one screen, and nothing of the leak steers the terminal.
#[test]
fn a_hostile_leak_fits_one_screen() {
    let long = "\u{1b}[31m".to_owned() + &"x".repeat(300);
    let column = |ours: &str| ColumnMatch {
        ours: ours.into(),
        leaked: long.clone(),
        by: MatchedBy::Contents,
        confidence: 0.9,
        repair: Repair::new(Undo::Number(Spelling::Comma, Unit::Tens(2))),
        noise: Noise::None,
        index: 0,
    };
    let mut worst = found(Verdict::Identified);
    worst.accused = ["a", "b", "c", "d", "e"].map(|id| accused(&id.repeat(64), Some(-20.0))).into();
    worst.leak.path = long.clone();
    worst.leak.damage = [DamageKind::FewerFields, DamageKind::MoreFields, DamageKind::CutOff]
        .map(|kind| Damage { kind, rows: 1_000_000, first_row: 1_000_000 })
        .into();
    worst.evidence.carriers_unreadable = 7;
    worst.evidence.unreadable_by_column = vec![(long.clone(), 3), (long.clone(), 2)];
    worst.columns = ["START", "STOP", "COST", "CLASS"].map(column).into();
    worst.columns_missing = vec![long.clone(); 9];
    let text = words(&worst);
    assert!(!text.contains('\u{1b}'), "{text}");

    worst.accused.truncate(1);
    worst.accused[0].name = Some(long);
    words(&worst);
    worst.verdict = Verdict::Exact;
    worst.identical_releases = vec![identical(&"r".repeat(128), true); 9];
    words(&worst);
    worst.verdict = Verdict::Inconclusive;
    worst.guilt = vec![suspected(&"g".repeat(64), 0.999, 7); 9];
    worst.guilt_basis =
        Some(GuiltBasis { rows_compared: 2_048, elsewhere: 0.5, tells_apart: true, recipients: 1_000_000 });
    worst.identical_releases.clear();
    worst.accused.clear();
    words(&worst);
}

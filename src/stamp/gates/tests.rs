//! The gates, case by case, with the boundaries.

use super::*;
use crate::keys::secret::SigningKey;
use crate::ledger::statement::Signed;
use crate::ledger::{Facts, Recipient, Verifier};

const LEDGER: &str = "example.org/ledger";

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

fn standing() -> Standing {
    let facts = Facts { agreement: Some("DUA-17".into()), country: Some("CN".into()), ..Facts::default() };
    let recipient = Recipient { id: "acme".into(), facts, ..Recipient::default() };
    Standing {
        recipient,
        registered: "2026-01-01T00:00:00Z".into(),
        suspended: None,
        reason: None,
        erased: None,
        changed: None,
        reinstated: None,
    }
}

fn request() -> Request<'static> {
    Request {
        ledger: LEDGER,
        dataset: "stays",
        level: 4,
        release: "r1",
        agreement: None,
        operator: "kim",
        rows: Rows::Counted(1000),
        today: day("2026-06-15"),
    }
}

/// Carol approves for Acme what `request` asks for, with any number of rows.
fn approval() -> Approval {
    Approval {
        ledger: LEDGER.into(),
        dataset: "stays".into(),
        recipients: vec!["acme".into()],
        rows: None,
        level: 4,
        until: None,
        release: None,
        reason: None,
        time: "2026-06-01T12:00:00Z".into(),
    }
}

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32])
}

/// An approval on record as entry `index`.
fn on_record(index: u64, approval: Approval) -> Approved {
    let name = "carol@hospital.example";
    Approved {
        index,
        time: "2026-06-01T12:00:00Z".into(),
        approver: "carol".into(),
        vkey: Verifier::new(name, &key(1).public()).unwrap().to_string(),
        is_void: false,
        note: Signed::sign(approval, name, &key(1)).unwrap().render(),
    }
}

/// The names of the rules that refuse.
fn refusing(
    rules: &ReleaseRules,
    standing: &Standing,
    approvals: &[Approved],
    request: &Request,
) -> Vec<&'static str> {
    let checked = check(rules, standing, approvals, request);
    checked.err().unwrap_or_default().iter().map(Refusal::rule).collect()
}

#[test]
fn without_rules_only_what_is_on_record_of_the_recipient_refuses() {
    let none = ReleaseRules::default();
    assert_eq!(check(&none, &standing(), &[], &request()), Ok(Admitted::default()));
    let unbounded = Request { rows: Rows::Streamed, level: 5, ..request() };
    let bare = Standing { recipient: Recipient::default(), ..standing() };
    assert_eq!(check(&none, &bare, &[], &unbounded), Ok(Admitted::default()));
    let suspended = Standing { suspended: Some("2026-02-01T00:00:00Z".into()), ..standing() };
    assert_eq!(refusing(&none, &suspended, &[], &request()), ["suspended"]);
    let erased = Standing { erased: Some("2026-03-01T00:00:00Z".into()), ..suspended };
    assert_eq!(refusing(&none, &erased, &[], &request()), ["suspended"]);
}

#[test]
fn an_agreement_is_named_and_lasts_to_the_end_of_its_last_day() {
    let required = ReleaseRules { requires_agreement: true, ..ReleaseRules::default() };
    let optional = ReleaseRules::default();
    let with = |agreement: Option<&str>, expires: Option<&str>| {
        let mut standing = standing();
        standing.recipient.facts.agreement = agreement.map(str::to_owned);
        standing.recipient.facts.agreement_expires = expires.map(day);
        standing
    };
    let at = |time: &str, agreement| Request { today: Day::of(time).unwrap(), agreement, ..request() };
    let noon = "2026-06-15T12:00:00Z";
    let cases: [(&ReleaseRules, Standing, Request, &[&str]); 11] = [
        (&required, with(Some("DUA-17"), None), at(noon, None), &[]),
        (&required, with(None, None), at(noon, Some("DUA-18")), &[]),
        (&required, with(None, None), at(noon, None), &["agreement_missing"]),
        (&required, with(Some(" "), None), at(noon, None), &["agreement_missing"]),
        (&required, with(Some("DUA-17"), None), at(noon, Some("")), &["agreement_missing"]),
        (&optional, with(None, None), at(noon, None), &[]),
        (&optional, with(None, Some("2026-06-15")), at("2026-06-15T23:59:59Z", None), &[]),
        // Still the fifteenth in UTC.
        (&optional, with(None, Some("2026-06-15")), at("2026-06-16T01:59:59+02:00", None), &[]),
        (&optional, with(None, Some("2026-06-15")), at("2026-06-16T00:00:00Z", None), &["agreement_expired"]),
        // Another agreement's name does not renew the one on record.
        (
            &optional,
            with(Some("DUA-17"), Some("2026-06-14")),
            at(noon, Some("DUA-18")),
            &["agreement_expired"],
        ),
        (
            &required,
            with(None, Some("2026-06-14")),
            at(noon, None),
            &["agreement_missing", "agreement_expired"],
        ),
    ];
    for (number, (rules, standing, request, expected)) in cases.iter().enumerate() {
        assert_eq!(refusing(rules, standing, &[], request), *expected, "case {number}");
    }
}

#[test]
fn levels_are_compared_with_the_recipient_and_with_the_policy() {
    for level in 1..=5 {
        for most in [None, Some(1), Some(2), Some(3), Some(4), Some(5)] {
            for least in [None, Some(1), Some(3), Some(4), Some(5)] {
                let mut standing = standing();
                standing.recipient.facts.max_level = most;
                let rules = ReleaseRules { approve_level: least, ..ReleaseRules::default() };
                let request = Request { level, rows: Rows::NotYet, ..request() };
                let mut expected = Vec::new();
                if most.is_some_and(|most| level > most) {
                    expected.push("max_level");
                }
                if least.is_some_and(|least| level >= least) {
                    expected.push("approve_level");
                }
                assert_eq!(
                    refusing(&rules, &standing, &[], &request),
                    expected,
                    "{level} {most:?} {least:?}"
                );
            }
        }
    }
    let rules = ReleaseRules { approve_level: Some(4), ..ReleaseRules::default() };
    let mut standing = standing();
    standing.recipient.facts.max_level = Some(3);
    let approvals = [on_record(7, approval())];
    assert_eq!(refusing(&rules, &standing, &approvals, &request()), ["max_level"], "no approval lifts that");
}

#[test]
fn rows_are_compared_with_the_limits_at_home_and_abroad() {
    let both = ReleaseRules {
        country: Some("CN".into()),
        approve_rows: Some(1000),
        approve_rows_abroad: Some(250),
        ..ReleaseRules::default()
    };
    let none =
        ReleaseRules { country: Some("CN".into()), approve_rows_abroad: Some(0), ..ReleaseRules::default() };
    let (home, abroad, all) =
        ("approve_rows", "approve_rows_abroad", ["approve_rows", "approve_rows_abroad"]);
    let cases: [(&ReleaseRules, Option<&str>, Rows, &[&str]); 17] = [
        (&both, Some("CN"), Rows::Counted(0), &[]),
        (&both, Some("CN"), Rows::Counted(251), &[]),
        (&both, Some("cn "), Rows::Counted(1000), &[]),
        (&both, Some("CN"), Rows::Counted(1001), &[home]),
        (&both, Some("CN"), Rows::NotYet, &[]),
        (&both, Some("CN"), Rows::Streamed, &[home]),
        (&both, Some("NO"), Rows::Counted(250), &[]),
        (&both, Some("NO"), Rows::Counted(251), &[abroad]),
        (&both, Some("NO"), Rows::Counted(1001), &all),
        (&both, Some("NO"), Rows::NotYet, &[]),
        (&both, Some("NO"), Rows::Streamed, &all),
        (&both, None, Rows::Counted(250), &[]),
        (&both, None, Rows::Counted(251), &[abroad]),
        (&both, Some(" "), Rows::Counted(251), &[abroad]),
        (&both, Some("China"), Rows::Counted(251), &[abroad]),
        (&none, Some("NO"), Rows::Counted(1), &[abroad]),
        (&none, Some("NO"), Rows::Counted(0), &[]),
    ];
    for (rules, country, rows, expected) in cases {
        let mut standing = standing();
        standing.recipient.facts.country = country.map(str::to_owned);
        let request = Request { rows, ..request() };
        assert_eq!(refusing(rules, &standing, &[], &request), expected, "{country:?} {rows:?}");
    }
}

#[test]
fn an_approval_covers_what_it_says_and_nothing_else() {
    let rules = ReleaseRules { approve_rows: Some(250), ..ReleaseRules::default() };
    let same = approval();
    let covered: [(&str, Approval, Request); 9] = [
        ("as it is", same.clone(), request()),
        (
            "another recipient too",
            Approval { recipients: vec!["bob".into(), "acme".into()], ..approval() },
            request(),
        ),
        ("exactly so many rows", Approval { rows: Some(1000), ..approval() }, request()),
        ("a higher level", Approval { level: 5, ..approval() }, request()),
        ("its last day", Approval { until: Some(day("2026-06-15")), ..approval() }, request()),
        ("this release", Approval { release: Some("r1".into()), ..approval() }, request()),
        ("a reason", Approval { reason: Some("study 7".into()), ..approval() }, request()),
        ("another operator", same.clone(), Request { operator: "lee", ..request() }),
        ("a stream", same.clone(), Request { rows: Rows::Streamed, ..request() }),
    ];
    for (what, approval, request) in covered {
        let admitted = check(&rules, &standing(), &[on_record(7, approval)], &request);
        assert_eq!(admitted, Ok(Admitted { approval: Some(7), most_rows: None }), "{what}");
    }
    let uncovered: [(&str, Approved, Request); 14] = [
        ("another ledger", on_record(7, Approval { ledger: "o".into(), ..approval() }), request()),
        ("another dataset", on_record(7, Approval { dataset: "visits".into(), ..approval() }), request()),
        (
            "another recipient",
            on_record(7, Approval { recipients: vec!["acm".into()], ..approval() }),
            request(),
        ),
        ("fewer rows", on_record(7, Approval { rows: Some(999), ..approval() }), request()),
        ("a lower level", on_record(7, Approval { level: 3, ..approval() }), request()),
        (
            "until yesterday",
            on_record(7, Approval { until: Some(day("2026-06-14")), ..approval() }),
            request(),
        ),
        ("another release", on_record(7, Approval { release: Some("r2".into()), ..approval() }), request()),
        ("void", Approved { is_void: true, ..on_record(7, approval()) }, request()),
        ("no note", Approved { note: "hello".into(), ..on_record(7, approval()) }, request()),
        (
            "another key",
            Approved {
                vkey: Verifier::new("carol@hospital.example", &key(2).public()).unwrap().to_string(),
                ..on_record(7, approval())
            },
            request(),
        ),
        ("by the operator", on_record(7, approval()), Request { operator: "carol", ..request() }),
        (
            "by the operator, in capitals",
            on_record(7, approval()),
            Request { operator: " Carol", ..request() },
        ),
        (
            "with the operator's key",
            on_record(7, approval()),
            Request { operator: "carol@hospital.example", ..request() },
        ),
        ("no key", Approved { vkey: String::new(), ..on_record(7, approval()) }, request()),
    ];
    for (what, approved, request) in uncovered {
        assert_eq!(refusing(&rules, &standing(), &[approved], &request), ["approve_rows"], "{what}");
    }
}

#[test]
fn one_approval_lifts_all_that_needs_one() {
    let rules = ReleaseRules {
        country: Some("NO".into()),
        approve_rows: Some(999),
        approve_rows_abroad: Some(250),
        approve_level: Some(4),
        ..ReleaseRules::default()
    };
    let all = ["approve_level", "approve_rows", "approve_rows_abroad"];
    assert_eq!(refusing(&rules, &standing(), &[], &request()), all);
    assert!(check(&rules, &standing(), &[on_record(7, approval())], &request()).is_ok());
    // Before the rows are counted, whatever number an approval is for will do; after, not.
    let few = [on_record(7, Approval { rows: Some(999), ..approval() })];
    let before = Request { rows: Rows::NotYet, ..request() };
    assert_eq!(check(&rules, &standing(), &few, &before).unwrap().approval, Some(7));
    assert_eq!(refusing(&rules, &standing(), &few, &request()), all);
    // What needs none names none.
    let small = Request { rows: Rows::Counted(250), level: 3, ..request() };
    let admitted = check(&rules, &standing(), &[on_record(7, approval())], &small);
    assert_eq!(admitted, Ok(Admitted::default()));
}

#[test]
fn of_several_approvals_one_is_chosen_and_bounds_a_stream() {
    let rules = ReleaseRules { approve_rows: Some(250), ..ReleaseRules::default() };
    let rows = |rows| Approval { rows, ..approval() };
    let chosen = |approvals: &[Approved], rows| {
        let admitted = check(&rules, &standing(), approvals, &Request { rows, ..request() }).unwrap();
        (admitted.approval, admitted.most_rows)
    };
    let open = on_record(3, rows(None));
    let bounded = on_record(4, rows(Some(5000)));
    let later = on_record(5, rows(Some(5000)));
    let own = on_record(2, Approval { release: Some("r1".into()), rows: Some(2000), ..approval() });
    let forged = Approved { vkey: "x".into(), ..on_record(9, rows(None)) };
    let counted = Rows::Counted(1000);
    assert_eq!(chosen(&[bounded.clone(), later.clone()], counted), (Some(5), None));
    assert_eq!(chosen(&[later.clone(), open.clone(), forged.clone()], counted), (Some(3), None));
    assert_eq!(chosen(&[bounded.clone(), forged], Rows::Streamed), (Some(4), Some(5000)));
    assert_eq!(chosen(&[bounded.clone(), open.clone()], Rows::Streamed), (Some(3), None));
    assert_eq!(chosen(&[open, bounded, own, later], Rows::Streamed), (Some(2), Some(2000)));
}

#[test]
fn a_refusal_says_what_and_what_to_do() {
    let abroad = |rows, country: Option<&str>| Refusal::RowsAbroadNeedApproval {
        rows,
        limit: 250,
        home: "CN".into(),
        country: country.map(str::to_owned),
    };
    for (refusal, said) in [
        (
            abroad(Some(251), Some("NO")),
            "251 rows for `acme` from CN to NO need an approval: the limit is 250",
        ),
        (
            abroad(None, None),
            "an unknown number of rows for `acme` from CN to an unknown country need an approval: the \
             limit is 250",
        ),
        (
            Refusal::Erased { since: "2026-03-01T00:00:00Z".into() },
            "the name of `acme` was erased on 2026-03-01T00:00:00Z",
        ),
        (
            Refusal::AgreementExpired { last_day: day("2026-06-14") },
            "the agreement with `acme` ended on 2026-06-14",
        ),
        (
            Refusal::LevelTooHigh { level: 4, most: 3 },
            "`acme` may get data up to level 3, and this is of level 4",
        ),
    ] {
        assert_eq!(refusal.describe("acme"), said);
    }
    let hint = abroad(None, None).hint("acme", &request());
    assert_eq!(
        hint,
        "somebody else than kim can give it: `dyepack approve --dataset stays --to acme --key FILE`"
    );
    assert!(abroad(None, None).is_approvable() && !Refusal::NoAgreement.is_approvable());
}

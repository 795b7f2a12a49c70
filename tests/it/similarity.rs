//! What rows alone tell, where no mark can be read: how much of a leak each release holds, and who was given its rows.

use dyepack::demo::HOSPITAL_POLICY;
use dyepack::evidence::verdict::Verdict;
use dyepack::trace::Findings;

use crate::lab::{self, Lab, Table, recipient, seeded};

/// A lab in which `given` are the rows that each recipient has; the first one's are the source's.
fn lab(table: &Table, given: &[std::ops::Range<usize>]) -> Lab {
    let rng = &mut seeded("similarity");
    let part = |rows: &std::ops::Range<usize>| table.with_rows(table.rows[rows.clone()].to_vec());
    let mut lab = Lab::new(HOSPITAL_POLICY, &part(&given[0]), given.len(), rng);
    for (n, rows) in given.iter().enumerate().skip(1) {
        lab.deliver(&recipient(n), &part(rows).to_csv());
    }
    lab
}

/// Traces rows of which only the key and columns without marks are left.
fn trace_unmarked(lab: &Lab, table: &Table, rows: std::ops::Range<usize>) -> Findings {
    let leak = table.with_rows(table.rows[rows].to_vec()).project(&["stay_id", "ward", "diagnosis", "sex"]);
    let findings = lab.trace(&leak.to_csv(), 1e-6);
    assert_eq!((findings.verdict, findings.accused.len()), (Verdict::Inconclusive, 0));
    assert_eq!((findings.evidence.carriers_read, findings.evidence.readings_tried), (0, 0));
    findings
}

#[test]
fn overlapping_releases_differ_in_what_they_hold_and_in_guilt() {
    let table = lab::hospital(1_200, 5);
    let lab = lab(&table, &[0..600, 400..1_000, 1_000..1_200]);
    // 95 rows of the first alone, 5 of the first and the second.
    let found = trace_unmarked(&lab, &table, 305..405);
    let held: Vec<(&str, Option<f64>, Option<f64>)> = found
        .releases
        .iter()
        .map(|release| (release.recipient.as_str(), release.containment, release.standard_error))
        .collect();
    let wanted = [(recipient(0), 1.0), (recipient(1), 0.05), (recipient(2), 0.0)];
    for ((id, share), held) in wanted.iter().zip(&held) {
        assert_eq!(*held, (id.as_str(), Some(*share), Some(0.0)));
    }
    assert_eq!(found.similarity.map(|similar| similar.share), Some(1.0));

    let guilt: Vec<(&str, u64, u64)> =
        found.guilt.iter().map(|g| (g.recipient.as_str(), g.rows_shared, g.rows_only_theirs)).collect();
    assert_eq!(guilt, [(recipient(0).as_str(), 100, 95), (recipient(1).as_str(), 5, 0)]);
    // Five rows that two were given, each got elsewhere with probability 1/2.
    assert!((found.guilt[1].probability - (1.0 - 0.75f64.powi(5))).abs() < 1e-12, "{:?}", found.guilt);
    let basis = found.guilt_basis.expect("there is guilt");
    assert_eq!((basis.rows_compared, basis.tells_apart, basis.recipients), (100, true, 2));
}

#[test]
fn disjoint_releases_leave_one_holder() {
    let table = lab::hospital(600, 6);
    let lab = lab(&table, &[0..300, 300..600]);
    let found = trace_unmarked(&lab, &table, 310..313);
    assert_eq!((found.guilt.len(), found.guilt[0].recipient.clone()), (1, recipient(1)));
    assert!((found.guilt[0].probability - 0.875).abs() < 1e-12);
    assert!(found.guilt_basis.expect("there is guilt").tells_apart);
}

#[test]
fn many_copies_of_one_source_are_all_listed_and_all_equal() {
    let table = lab::hospital(150, 7);
    let lab = lab(&table, &vec![0..150; 30]);
    let found = trace_unmarked(&lab, &table, 20..60);
    assert_eq!((found.releases.len(), found.guilt.len()), (30, 30));
    assert!(found.releases.iter().all(|release| release.containment == Some(1.0)));
    assert!(found.guilt.iter().all(|guilt| guilt.probability == found.guilt[0].probability));
    assert!(!found.guilt_basis.expect("there is guilt").tells_apart);
}

#[test]
fn where_marks_tell_rows_are_not_asked() {
    let table = lab::hospital(900, 8);
    let lab = lab(&table, &[0..700, 500..900]);
    let rows = table.with_rows(table.rows[..650].to_vec());
    let named = lab.trace(&lab.copy(&recipient(0), &rows).to_csv(), 1e-6);
    assert_eq!((named.verdict, named.guilt.len()), (Verdict::Identified, 0));
    // Unmarked rows: their cells could have named a copy, and fit none.
    let unmarked = lab.trace(&rows.to_csv(), 1e-6);
    assert!(unmarked.evidence.power > 0.5);
    assert_eq!((unmarked.verdict, unmarked.guilt.len()), (Verdict::Inconclusive, 0));
    assert!(unmarked.guilt_basis.is_none());
    // A stranger's rows are nobody's.
    let strangers = lab::hospital(2_000, 9).project(&["ward", "diagnosis", "sex"]);
    let found = lab.trace(&strangers.to_csv(), 1e-6);
    assert_eq!((found.verdict, found.guilt.len()), (Verdict::NoMatch, 0));
}

//! What programs read: exactly the documented members, with the right types (DESIGN section 6).

use serde_json::Value;

use super::{Desk, visits};

/// What a member may be.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Text,
    Count,
    Number,
    /// A number or nothing.
    MaybeNumber,
    MaybeText,
    List,
    Object,
    MaybeObject,
    Truth,
}

use Kind::*;

impl Kind {
    fn fits(self, value: &Value) -> bool {
        match self {
            Text => value.is_string(),
            Count => value.is_u64(),
            Number => value.is_number(),
            MaybeNumber => value.is_number() || value.is_null(),
            MaybeText => value.is_string() || value.is_null(),
            List => value.is_array(),
            Object => value.is_object(),
            MaybeObject => value.is_object() || value.is_null(),
            Truth => value.is_boolean(),
        }
    }
}

/// Checks that an object has these members and no others.
#[track_caller]
fn has_exactly(value: &Value, members: &[(&str, Kind)]) {
    let object = value.as_object().unwrap_or_else(|| panic!("no object: {value}"));
    let mut names: Vec<&str> = object.keys().map(String::as_str).collect();
    let mut expected: Vec<&str> = members.iter().map(|(name, _)| *name).collect();
    names.sort_unstable();
    expected.sort_unstable();
    assert_eq!(names, expected);
    for (name, kind) in members {
        assert!(kind.fits(&value[name]), "`{name}` is not {kind:?}: {}", value[name]);
    }
}

fn is_hex(value: &Value, digits: usize) -> bool {
    value.as_str().is_some_and(|text| text.len() == digits && text.bytes().all(|b| b.is_ascii_hexdigit()))
}

#[test]
fn a_receipt() {
    let desk = Desk::ready();
    let args = ["stamp", "visits.csv", "--dataset", "visits", "--to", "acme", "-o", "out.csv", "--json"];
    let said = desk.run(&args).ok();
    assert_eq!((said.out().lines().count(), said.stderr.as_str()), (1, ""));
    let receipt = said.json();
    has_exactly(
        &receipt,
        &[
            ("schema", Text),
            ("release", Text),
            ("dataset", Text),
            ("recipient", Text),
            ("rows", Count),
            ("carriers", Count),
            ("cells_changed", Object),
            ("output", Object),
            ("ledger", Object),
        ],
    );
    has_exactly(&receipt["cells_changed"], &[("seen", Count), ("ward", Count), ("cost", Count)]);
    has_exactly(&receipt["output"], &[("path", Text), ("bytes", Count), ("blake3", Text), ("sha256", Text)]);
    has_exactly(&receipt["ledger"], &[("index", Count), ("size", Count), ("root", Text)]);
    assert_eq!(receipt["schema"], "dyepack.receipt/1");
    assert_eq!((&receipt["rows"], &receipt["output"]["path"]), (&300.into(), &"out.csv".into()));
    assert_eq!(receipt["output"]["bytes"], desk.read("out.csv").len());
    let digests = [&receipt["output"]["blake3"], &receipt["output"]["sha256"], &receipt["ledger"]["root"]];
    assert!(digests.into_iter().all(|digest| is_hex(digest, 64)));
    let kept = desk.run(&["ledger", "show", receipt["release"].as_str().unwrap()]).ok().json();
    assert_eq!(kept["entry"]["output"]["blake3"], receipt["output"]["blake3"]);
}

#[test]
fn a_receipt_does_not_mix_with_the_copy() {
    let desk = Desk::ready();
    let args = ["stamp", "visits.csv", "--dataset", "visits", "--to", "acme", "-o", "-", "--json"];
    let said = desk.run(&args).ok();
    assert!(said.out().starts_with("visit,seen,ward,cost,note\n"));
    let receipt: Value = serde_json::from_str(&said.stderr).unwrap();
    assert_eq!(receipt["output"]["path"], "-");
}

const TRACE: [(&str, Kind); 20] = [
    ("schema", Text),
    ("verdict", Text),
    ("alpha", Number),
    ("dataset", MaybeText),
    ("leak", Object),
    ("accused", List),
    ("candidates", List),
    ("evidence", Object),
    ("similarity", MaybeObject),
    ("releases", List),
    ("guilt", List),
    ("guilt_basis", MaybeObject),
    ("identical_releases", List),
    ("identical_sources", List),
    ("unreadable", List),
    ("columns", List),
    ("columns_missing", List),
    ("reference", MaybeObject),
    ("makeup", MaybeObject),
    ("source_map", List),
];

const RELEASE: [(&str, Kind); 6] = [
    ("release", Text),
    ("recipient", Text),
    ("time", Text),
    ("containment", MaybeNumber),
    ("standard_error", MaybeNumber),
    ("receipt", MaybeObject),
];

#[track_caller]
fn check_trace(found: &Value) {
    has_exactly(found, &TRACE);
    assert_eq!((&found["schema"], &found["alpha"]), (&"dyepack.trace/1".into(), &1e-6.into()));
    let leak = [
        ("path", Text),
        ("format", Text),
        ("delimiter", Text),
        ("bytes", Count),
        ("rows", Count),
        ("blake3", Text),
    ];
    has_exactly(
        &found["leak"],
        &[&leak[..], &[("damage", List), ("tables", List), ("skipped", List)]].concat(),
    );
    assert!(is_hex(&found["leak"]["blake3"], 64));
    let each = |name: &str, members: &[(&str, Kind)]| {
        found[name].as_array().unwrap().iter().for_each(|value| has_exactly(value, members));
    };
    each(
        "accused",
        &[
            ("recipient", Text),
            ("name", MaybeText),
            ("dataset", MaybeText),
            ("key_epoch", MaybeNumber),
            ("ln_family_p", MaybeNumber),
            ("found_by", MaybeObject),
            ("share", MaybeNumber),
            ("releases", List),
        ],
    );
    each(
        "candidates",
        &[
            ("recipient", Text),
            ("decoder", Text),
            ("score", Number),
            ("ln_p", Number),
            ("ln_family_p", Number),
        ],
    );
    each("releases", &RELEASE);
    each(
        "guilt",
        &[("recipient", Text), ("probability", Number), ("rows_shared", Count), ("rows_only_theirs", Count)],
    );
    if !found["guilt_basis"].is_null() {
        let basis =
            [("rows_compared", Count), ("elsewhere", Number), ("tells_apart", Truth), ("recipients", Count)];
        has_exactly(&found["guilt_basis"], &basis);
    }
    each(
        "columns",
        &[
            ("ours", Text),
            ("leaked", Text),
            ("by", Text),
            ("confidence", Number),
            ("repair", MaybeText),
            ("noise", MaybeText),
        ],
    );
    each("unreadable", &[("dataset", Text), ("identity_missing", List), ("marked_missing", List)]);
    has_exactly(
        &found["evidence"],
        &[
            ("carriers_read", Count),
            ("carriers_unreadable", Count),
            ("unreadable_by_column", List),
            ("positions_read", Count),
            ("rows_aligned", Count),
            ("rows_repeated", Count),
            ("power", Number),
            ("recipients_tried", Count),
            ("decoders_tried", Count),
            ("readings_tried", Count),
            ("windows_tried", Count),
            ("rounds_tried", Count),
            ("log_is_complete", Truth),
        ],
    );
    if !found["reference"].is_null() {
        let members = [
            ("sources", List),
            ("rows_by_key", Count),
            ("rows_by_content", Count),
            ("rows_ambiguous", Count),
            ("rows_foreign", Count),
            ("cells_kept", Count),
            ("cells_changed", Count),
            ("cells_altered", Count),
            ("cells_missing", Count),
        ];
        has_exactly(&found["reference"], &members);
    }
    if !found["makeup"].is_null() {
        has_exactly(
            &found["makeup"],
            &[("suggested_colluders", Count), ("others", Number), ("unmarked", Number)],
        );
    }
    each(
        "source_map",
        &[
            ("first_row", Count),
            ("last_row", Count),
            ("speaker", Text),
            ("recipient", MaybeText),
            ("carriers", Count),
            ("ln_ratio", Number),
        ],
    );
}

#[test]
fn a_trace_in_every_verdict() {
    let desk = Desk::ready();
    desk.stamp("acme", "r1").ok();
    desk.stamp("bob", "r2").ok();
    let text = desk.text("acme.csv");
    desk.write("part.csv", text.lines().take(200).collect::<Vec<_>>().join("\n"));
    desk.write("few.csv", text.lines().take(4).collect::<Vec<_>>().join("\n"));
    desk.write("other.csv", "a,b\n1,2\n");
    desk.write("keys.csv", "visit\nV000001\nV000002\n");
    for (file, code, verdict) in [
        ("acme.csv", 0, "exact"),
        ("part.csv", 0, "identified"),
        ("few.csv", 1, "inconclusive"),
        ("keys.csv", 1, "inconclusive"),
        ("visits.csv", 1, "inconclusive"),
        ("other.csv", 1, "no_match"),
    ] {
        let said = desk.trace(&[file, "--json"]).exits(code);
        assert_eq!((said.out().lines().count(), said.stderr.as_str()), (1, ""));
        let found = said.json();
        check_trace(&found);
        assert_eq!((&found["verdict"], &found["leak"]["path"]), (&verdict.into(), &file.into()));
        let accused = found["accused"].as_array().unwrap();
        assert_eq!(accused.len(), usize::from(code == 0), "{found}");
        if let [accused] = accused.as_slice() {
            assert_eq!(
                (&accused["recipient"], &accused["releases"][0]["release"]),
                (&"acme".into(), &"r1".into())
            );
            assert!(accused["ln_family_p"].as_f64().unwrap() < 1e-6f64.ln());
        }
    }
    let found = desk.pipe(text, &["trace", "-", "--json"]).ok().json();
    assert_eq!(found["leak"]["path"], "-");
}

#[test]
fn a_verification() {
    let desk = Desk::ready();
    let verified = desk.run(&["ledger", "verify", "--json"]).ok().json();
    has_exactly(
        &verified,
        &[
            ("schema", Text),
            ("size", Count),
            ("root", Text),
            ("entries", Object),
            ("blobs", Count),
            ("recovered", Truth),
            ("reindexed", Truth),
            ("strays", List),
            ("timestamps", Count),
            ("forks", Count),
            ("pruned", Count),
            ("unforgotten", List),
        ],
    );
    assert_eq!(verified["schema"], "dyepack.verification/1");
}

#[test]
fn no_cell_is_in_it() {
    let desk = Desk::ready();
    desk.write("visits.csv", visits(300).replace("seen, and sent home", "C4NARY"));
    let args = ["stamp", "visits.csv", "--dataset", "visits", "--to", "acme", "-o", "out.csv", "--json"];
    let receipt = desk.run(&args).ok().out();
    let found = desk.trace(&["out.csv", "--json"]).ok().out();
    for text in [receipt, found] {
        assert!(!text.contains("C4NARY") && !text.contains("V000") && !text.contains("north"), "{text}");
    }
}

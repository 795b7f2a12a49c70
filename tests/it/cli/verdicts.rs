//! The report's verdicts where bytes and marks do not say the same.

use super::{Desk, visits};

#[test]
fn an_exact_copy_with_many_marks_says_how_sure_the_marks_are() {
    let desk = Desk::ready();
    desk.stamp("acme", "r1").ok();
    desk.stamp("bob", "r2").ok();
    let out = desk.trace(&["acme.csv"]).ok().out();
    assert!(out.starts_with("EXACT COPY  acme (Acme Analytics)\n"), "{out}");
    let flat = out.replace('\n', " ");
    assert!(
        flat.contains("byte for byte, release r1, given to acme alone. Its marks say the same."),
        "{out}"
    );
    assert!(flat.contains("innocent partner would score this high less than once in 10^"), "{out}");
}

#[test]
fn an_exact_copy_with_few_marks_does_not_claim_what_they_do_not_show() {
    let desk = Desk::ready();
    desk.write("visits.csv", visits(12));
    desk.stamp("acme", "r1").ok();
    desk.stamp("bob", "r2").ok();
    assert_ne!(desk.read("acme.csv"), desk.read("bob.csv"));
    let out = desk.trace(&["acme.csv"]).ok().out();
    assert!(out.starts_with("EXACT COPY  acme"), "{out}");
    let flat = out.replace('\n', " ");
    assert!(flat.contains("Its marks alone would not name anybody"), "{out}");
    assert!(flat.contains("could have made the same bytes by changing a few cells"), "{out}");
    let json = desk.trace(&["acme.csv", "--json"]).ok().json();
    assert_eq!(json["verdict"], "exact");
    let ln_family_p = &json["accused"][0]["ln_family_p"];
    assert!(ln_family_p.is_null() || ln_family_p.as_f64().unwrap() > 1e-6f64.ln(), "{ln_family_p}");
}

#[test]
fn bytes_that_two_partners_have_accuse_neither() {
    let desk = Desk::ready();
    // Nothing here can be marked.
    desk.write("visits.csv", "visit,seen,ward,cost,note\nV1,never,west,free,x\n");
    desk.stamp("acme", "r1").ok();
    let out = desk.trace(&["acme.csv"]).exits(1).flat();
    // The bytes are those of the source as well, and it must not pass for the owner's own leak.
    assert!(out.starts_with("INCONCLUSIVE  nobody is named"), "{out}");
    assert!(out.contains("release r1, in which stamping changed no cell"), "{out}");
    desk.stamp("bob", "r2").ok();
    let out = desk.trace(&["acme.csv"]).exits(1).flat();
    assert!(out.contains("what 2 partners were given (acme and bob)"), "{out}");
    let json = desk.trace(&["acme.csv", "--json"]).exits(1).json();
    assert_eq!(
        (json["verdict"].as_str(), json["accused"].as_array().map(Vec::len)),
        (Some("inconclusive"), Some(0))
    );
    assert_eq!(json["identical_releases"].as_array().unwrap().len(), 2);
}

//! Urls in place of paths. Those of object stores are in `crate::stores`.

use super::Desk;

#[cfg(unix)]
#[test]
fn a_file_url_is_the_path() {
    let desk = Desk::ready();
    let url = |name: &str| format!("file://{}", desk.path(name).display().to_string().replace(' ', "%20"));
    let (input, output) = (url("visits.csv"), url("for%20{recipient}.csv"));
    let args =
        ["stamp", &input, "--dataset", "visits", "--to-all", "-o", &output, "--release-id", "{recipient}-1"];
    desk.run(&args).ok();
    assert!(desk.path("for bob.csv").exists());
    // On record is the path, so that the original is found again.
    let entry = desk.run(&["ledger", "show", "bob-1"]).ok().out();
    assert!(entry.contains(&format!(r#""path":"{}""#, desk.path("visits.csv").display())), "{entry}");
    let said = desk.run(&["trace", &url("for%20bob.csv")]).ok().out();
    assert!(said.starts_with("EXACT COPY  bob"), "{said}");
}

#[cfg(not(feature = "object-store"))]
#[test]
fn without_object_stores_their_urls_name_the_feature() {
    let desk = Desk::ready();
    let (from, to) = ("s3://exports/visits.csv", "gs://outbox/visits.csv");
    let stamp = |input, output| vec!["stamp", input, "--dataset", "visits", "--to", "bob", "-o", output];
    let reference = vec!["trace", "visits.csv", "--reference", from];
    for (args, url) in [
        (stamp(from, "out.csv"), from),
        (stamp("visits.csv", to), to),
        (vec!["trace", from], from),
        (reference, from),
    ] {
        desk.run(&args).fails(
            2,
            &format!("`{url}`: this dyepack was built without object stores"),
            "install it with `--features object-store`",
        );
    }
    assert_eq!(desk.entries(), 3);
}

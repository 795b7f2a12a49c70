//! No cell's value leaves the data: not in a message, not in JSON, not in the ledger, not anywhere in the
//! home.
//!
//! Every column holds canaries. All commands run over the table and over damaged forms of it; then all that
//! was said and all that was kept is searched. Column names may appear, and so may the values that the policy
//! itself lists.

use super::{Desk, POLICY, Said};

/// What must never be seen: texts, a number, a time, a key.
const CANARIES: [&str; 8] =
    ["C4NARY", "c4nary", "77031.5", "2031-07-19", "19.07.2031", "W4RD", "KEY-8", "\u{17d}luna"];

const HEADER: &str = "visit,seen,ward,cost,note\n";

fn row(i: u32) -> String {
    let ward = ["north", "south", "W4RD"][(i % 3) as usize];
    format!(
        "KEY-8{i},2031-07-19 {:02}:{:02},{ward},77031.5{},C4NARY \u{17d}luna {i}\n",
        i % 24,
        i % 60,
        i % 10
    )
}

fn rows(from: u32, to: u32) -> String {
    (from..to).map(row).collect()
}

/// The table, and what can be wrong with it.
fn tables() -> Vec<(&'static str, Vec<u8>)> {
    let good = HEADER.to_owned() + &rows(0, 200);
    let text = |more: &str| (good.clone() + more).into_bytes();
    let mut latin1 = good.clone().into_bytes();
    latin1.extend(b"KEY-9,2031-07-19 01:01,W4RD,77031.50,C4NARY \xe9\xff\n");
    vec![
        ("good.csv", text("")),
        ("ragged.csv", text("KEY-8x,C4NARY\n")),
        ("long.csv", text("KEY-8x,C4NARY,C4NARY,C4NARY,C4NARY,C4NARY,C4NARY\n")),
        ("quote.csv", text("KEY-8x,\"C4NARY,W4RD\n1,2,3,4,5\n")),
        ("header_quote.csv", ("visit,\"half a name\n".to_owned() + &rows(0, 9)).into_bytes()),
        ("twice.csv", text(&rows(0, 50))),
        ("dates.csv", text("KEY-8x,19.07.2031 C4NARY,W4RD,C4NARY77031.5,C4NARY\n").to_vec()),
        ("headless.csv", rows(0, 200).into_bytes()),
        ("renamed.csv", good.replace("visit,", "besoek,").replace("cost", "sum").into_bytes()),
        ("missing.csv", good.replace("cost", "costs").into_bytes()),
        ("semicolons.csv", good.replace(',', ";").into_bytes()),
        ("cut.csv", good.as_bytes()[..good.len() / 2 + 9].to_vec()),
        ("latin1.csv", latin1),
        ("nul.csv", text("KEY-8x,\0C4NARY,W4RD,77031.5,\0\n")),
        ("one_column.csv", good.replace(',', "@").into_bytes()),
        ("wide.csv", ("wide,".repeat(9) + "\n" + &rows(0, 9)).into_bytes()),
    ]
}

#[track_caller]
fn is_clean(what: &str, bytes: &[u8]) {
    for canary in CANARIES {
        let found = bytes.windows(canary.len()).any(|part| part == canary.as_bytes());
        assert!(!found, "`{canary}` in {what}: {}", String::from_utf8_lossy(bytes));
    }
}

#[track_caller]
fn said_nothing(what: &str, said: &Said) {
    is_clean(what, &said.stdout);
    is_clean(what, said.stderr.as_bytes());
}

#[test]
fn no_value_is_ever_repeated() {
    let desk = Desk::with_home();
    for id in ["acme", "bob"] {
        desk.run(&["recipient", "add", id, "--name", "A"]).ok();
    }
    // Sources are kept too, and nothing of them may be readable.
    desk.write("policy.toml", POLICY.replace("key = [\"visit\"]", "key = [\"visit\"]\nvault = true"));
    desk.run(&["policy", "adopt", "policy.toml"]).ok();

    let (mut stamped, mut traced, mut bundles) = (0, 0, 0);
    for (name, bytes) in tables() {
        desk.write(name, bytes);
        let to =
            |out: &'static str| ["stamp", name, "--dataset", "visits", "--to", "acme", "-o", out, "--force"];
        let said = desk.run(&to("out.csv"));
        said_nothing(name, &said);
        stamped += u32::from(said.code == 0);
        said_nothing(name, &desk.run(&[&to("out.csv")[..], &["--json"]].concat()));
        said_nothing(name, &desk.run(&[&to("out.csv")[..], &["--delimiter", "|"]].concat()));
        said_nothing(name, &desk.run(&["stamp", name, "--dataset", "visits", "--to", "bob", "--dry-run"]));
        // Standard output is the stamped data itself, and nothing if there is none.
        let said = desk.run(&to("-"));
        is_clean(name, said.stderr.as_bytes());
        assert!(said.code == 0 || said.stdout.is_empty());
    }
    desk.run(&["stamp", "good.csv", "--dataset", "visits", "--to", "acme", "-o", "acme.csv"]).ok();
    let names: Vec<&str> = tables().into_iter().map(|(name, _)| name).chain(["acme.csv"]).collect();
    for (number, name) in names.into_iter().enumerate() {
        let case = format!("case-{number}");
        said_nothing(name, &desk.trace(&[name, "--evidence", &case]));
        if desk.path(&case).exists() {
            desk.files_below(&case).iter().for_each(|(_, bytes)| is_clean(&case, bytes));
            bundles += 1;
        }
        for more in [&[][..], &["--json"], &["--delimiter", "|"], &["--dataset", "visits"]] {
            let said = desk.trace(&[&[name], more].concat());
            said_nothing(name, &said);
            traced += u32::from(said.code < 2);
        }
    }
    assert!(
        stamped >= 5 && traced >= 40 && bundles >= 10,
        "the commands must have worked: {stamped} stamped, {traced} traced, {bundles} bundles"
    );

    for args in [
        &["ledger", "list"][..],
        &["ledger", "list", "--json"],
        &["ledger", "verify"],
        &["recipient", "show", "acme"],
        &["recipient", "list", "--json"],
        &["vault", "list"],
        &["vault", "list", "--json"],
        &["vault", "verify"],
        &["vault", "prune", "--keep", "9"],
    ] {
        said_nothing("a command", &desk.run(args).ok());
    }
    let kept = desk.files_below("home");
    assert!(kept.len() > 8, "{}", kept.len());
    assert!(kept.iter().any(|(path, _)| path.parent().unwrap().ends_with("vault")), "a copy was kept");
    for (path, bytes) in kept {
        is_clean(&path.display().to_string(), &bytes);
        is_clean("a file's name", path.file_name().unwrap().as_encoded_bytes());
    }
}

/// The search above must be able to fail.
#[test]
#[should_panic(expected = "`C4NARY` in a message")]
fn a_canary_is_found() {
    is_clean("a message", b"error: row 3: `C4NARY 7` is no date");
}

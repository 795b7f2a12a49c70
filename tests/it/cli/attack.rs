//! `attack` and `trial`.

use std::collections::BTreeSet;

use dyepack::report::terminal::grouped;

use super::Desk;

/// A desk with 300 rows stamped for acme and bob.
fn stamped() -> Desk {
    let desk = Desk::ready();
    desk.stamp("acme", "r1").ok();
    desk.stamp("bob", "r2").ok();
    desk
}

fn rows(text: &str) -> Vec<&str> {
    text.lines().skip(1).collect()
}

#[test]
fn an_attack_needs_no_home_and_repeats_itself() {
    let desk = stamped();
    let run = |seed: &str, out: &str| {
        let args = ["attack", "subset", "--rows", "40", "--seed", seed, "acme.csv", "-o", out];
        let said = desk.run_with("DYEPACK_HOME", "nowhere", &args).ok();
        assert_eq!(said.stderr, format!("{out}: {} bytes\n", grouped(desk.read(out).len() as u64)));
        desk.text(out)
    };
    let leak = run("7", "leak.csv");
    let all: BTreeSet<String> = rows(&desk.text("acme.csv")).into_iter().map(str::to_owned).collect();
    assert_eq!(leak.lines().next(), Some("visit,seen,ward,cost,note"));
    assert!(rows(&leak).iter().all(|row| all.contains(*row)) && rows(&leak).len() == 40);
    assert_eq!(run("7", "again.csv"), leak);
    assert_ne!(run("8", "other.csv"), leak);
}

#[test]
fn what_was_attacked_can_be_traced() {
    let desk = stamped();
    desk.write(
        "plan.toml",
        r#"attacks = [
            { do = "subset", rows = "50%" },
            { do = "upper_case_header" },
            { do = "randomise", share = 0.1 },
        ]"#,
    );
    desk.run(&["attack", "--plan", "plan.toml", "--policy", "policy.toml", "acme.csv", "-o", "leak.csv"])
        .ok();
    assert!(desk.text("leak.csv").starts_with("VISIT,SEEN,WARD,COST,NOTE\n"));
    assert!(desk.run(&["trace", "leak.csv"]).ok().out().starts_with("IDENTIFIED  acme"));

    desk.run(&["attack", "mix", "acme.csv", "bob.csv", "--rows", "300", "-o", "mixed.csv"]).ok();
    let out = desk.run(&["trace", "mixed.csv"]).ok().out();
    let names = out.lines().next().unwrap();
    assert!(["IDENTIFIED  acme and bob", "IDENTIFIED  bob and acme"].contains(&names), "{out}");
}

#[test]
fn colluders_change_nothing_where_they_agree() {
    let desk = stamped();
    let copies = ["acme.csv", "bob.csv"];
    let collude = ["attack", "collude", "--strategy", "min"];
    let said = desk.run(&[&collude[..], &copies[..], &["-o", "-"]].concat()).ok();
    let (out, acme, bob) = (said.out(), desk.text("acme.csv"), desk.text("bob.csv"));
    let texts = [rows(&out), rows(&acme), rows(&bob)];
    let mut differing = 0;
    for row in 0..300 {
        let [mixed, a, b] = texts.each_ref().map(|rows| rows[row].splitn(5, ','));
        for (column, ((mixed, a), b)) in mixed.zip(a).zip(b).enumerate() {
            differing += usize::from(a != b);
            assert!(mixed == a && a == b || mixed == a.min(b) || column == 3, "row {row}: {mixed} {a} {b}");
        }
    }
    assert!(differing > 50, "{differing}");
}

#[test]
fn what_only_the_owner_knows_takes_the_home() {
    let desk = stamped();
    let args = ["attack", "collude", "--strategy", "all-ones", "acme.csv", "bob.csv", "-o", "leak.csv"];
    desk.run(&args).fails(
        2,
        "this strategy has to know what cells say, as only the owner does",
        "name the dataset with --dataset, so that the keys in the home tell",
    );
    desk.run(&[&args[..], &["--dataset", "visits"]].concat()).ok();
    desk.run(&[&args[..], &["--dataset", "stays", "--force"]].concat()).fails(
        2,
        "no policy is in force for dataset `stays`",
        "datasets with a policy: visits",
    );
}

#[test]
fn nothing_is_overwritten_and_nothing_half_written() {
    let desk = stamped();
    let before = desk.names();
    desk.write("taken.csv", "mine\n");
    let shuffle = |more: &[&str]| desk.run(&[&["attack", "shuffle"], more].concat());
    shuffle(&["acme.csv", "-o", "taken.csv"]).fails(
        2,
        "`taken.csv` exists",
        "choose another name, or replace it with --force",
    );
    assert_eq!(desk.text("taken.csv"), "mine\n");
    shuffle(&["acme.csv", "-o", "taken.csv", "--force"]).ok();
    shuffle(&["acme.csv", "-o", "acme.csv", "--force"]).fails(
        2,
        "`acme.csv` is an input too",
        "choose another name for the leak",
    );
    let drop =
        |column: &str| desk.run(&["attack", "drop-column", "--column", column, "acme.csv", "-o", "x.csv"]);
    drop("bed").fails(2, "the table has no column `bed`", "its columns: visit, seen, ward, cost, note");
    desk.write("ragged.csv", "visit,seen\n1,2\nsecret\n");
    shuffle(&["ragged.csv", "-o", "x.csv"]).fails(
        2,
        "ragged.csv, row 2: the row has another number of fields than the header",
        "an attack takes clean tables, as they are delivered",
    );
    let mut after = before;
    after.extend(["ragged.csv".to_owned(), "taken.csv".to_owned()]);
    after.sort();
    assert_eq!(desk.names(), after);
}

#[test]
fn what_is_mistyped_is_said_with_what_to_do() {
    let desk = stamped();
    desk.run(&["attack", "subst", "acme.csv", "-o", "x.csv"]).fails(
        2,
        "no attack is named",
        "name one before the file: `dyepack attack --help` lists them; or a list with --plan",
    );
    desk.run(&["attack", "shuffle", "acme.csv", "bob.csv", "-o", "x.csv"]).fails(
        2,
        "this attack takes one copy",
        "`collude`, `mix` and `difference` take several",
    );
    desk.run(&["attack", "alter", "--share", "20", "acme.csv", "-o", "x.csv"]).fails(
        2,
        "a share must lie between 0 and 1",
        "a fifth is 0.2",
    );
    desk.run(&["attack", "drop-key", "acme.csv", "-o", "x.csv"]).fails(
        2,
        "nothing says which columns identify rows",
        "name them with --columns, or the policy with --policy",
    );
    desk.run(&["attack", "correlate", "--share", "0.1", "acme.csv", "-o", "x.csv"]).fails(
        2,
        "this attack has to know the unmarked table",
        "name it with --original",
    );
    desk.write("plan.toml", "attacks = [\n    { do = \"magic\" },\n]\n");
    let said = desk.run(&["attack", "--plan", "plan.toml", "acme.csv", "-o", "x.csv"]).exits(2);
    assert!(said.stderr.starts_with("error: plan.toml:2:"), "{}", said.stderr);
    assert!(said.stderr.contains("\nhint: an attack is { do = "), "{}", said.stderr);
}

#[test]
fn the_help_says_what_each_attack_does() {
    let desk = Desk::empty();
    let out = desk.run(&["attack", "--help"]).ok().out();
    for line in ["subset             Keep some rows", "mix                Put rows of several copies"] {
        assert!(out.contains(line), "{out}");
    }
    let out = desk.run(&["attack", "mix", "--help"]).ok().out();
    assert!(out.starts_with("Put rows of several copies, and of strangers, in one file\n"), "{out}");
    assert!(out.contains("--shares <SHARES>") && out.contains("--output <OUT>"), "{out}");
}

const BATTERY: &str = r#"
[[case]]
group = "rows"
attack = "rows deleted"
strength = "30 %"
attacks = [{ do = "subset", rows = "70%" }]

[[case]]
group = "nobody leaked"
attack = "the owner's own table"
source = "original"
"#;

#[test]
fn a_trial_prints_a_board_and_leaves_the_home_alone() {
    let desk = Desk::ready();
    desk.write("battery.toml", BATTERY);
    let trial = ["trial", "visits.csv", "--recipients", "8", "--trials", "3", "--battery", "battery.toml"];
    let with = |more: &[&str]| desk.run(&[&trial[..], more].concat());
    let entries = desk.entries();
    let out = with(&["--dataset", "visits"]).ok().out();
    assert!(
        out.starts_with("visits: 300 rows, 5 columns; 8 partners; every attack 3 times; seed 1\n"),
        "{out}"
    );
    assert!(out.contains("Innocents were named in 0 of 6 traces, at alpha = 1e-6\n"), "{out}");
    assert_eq!(desk.entries(), entries, "a trial records nothing");

    let args = ["--policy", "policy.toml", "--json", "--html", "board.html", "--text", "board.txt"];
    let said = with(&args).ok();
    let board = said.json();
    assert_eq!(board["schema"], "dyepack.trial/1");
    assert_eq!(board["lines"][0]["blind"]["right"], 3);
    assert_eq!(board["lines"][1]["leakers"], 0);
    assert_eq!(desk.text("board.txt"), out);
    assert!(desk.text("board.html").contains("<svg"));
    with(&args).fails(2, "`board.html` exists", "choose another name, or replace it with --force");
}

//! `recipient add | list | show | suspend`.

use super::Desk;

#[test]
fn partners_are_added_listed_and_shown() {
    let desk = Desk::with_home();
    let add =
        ["recipient", "add", "acme", "--name", "Acme Analytics", "--purpose", "research", "--country", "NO"];
    let said = desk.run(&add).ok();
    assert_eq!((said.out().as_str(), said.stderr.as_str()), ("", "recipient acme is registered (entry 0)\n"));
    let list = desk.run(&["recipient", "list"]).ok().out();
    assert_eq!(list, "ID    STATUS     RELEASES  NAME\nacme  active            0  Acme Analytics\n");
    let shown = desk.run(&["recipient", "show", "acme"]).ok().out();
    assert!(shown.starts_with("acme  Acme Analytics\n  purpose     research\n  country     NO\n"), "{shown}");
    let json = desk.run(&["recipient", "show", "acme", "--json"]).ok().json();
    assert_eq!(
        (&json["id"], &json["purpose"], &json["releases"]),
        (&"acme".into(), &"research".into(), &serde_json::json!([]))
    );
}

#[test]
fn an_empty_list_says_what_to_do() {
    let said = Desk::with_home().run(&["recipient", "list"]).ok();
    assert_eq!(said.stderr, "no recipients yet: dyepack recipient add ID --name NAME\n");
}

#[test]
fn an_id_is_plain_and_given_once() {
    let desk = Desk::with_home();
    for id in ["Acme", "a b", "", "-", ".a", "ä", &"a".repeat(65)] {
        desk.run(&["recipient", "add", "--name", "A", "--", id]).fails(
            2,
            &format!("`{id}` can't be a recipient's id"),
            "use 1 to 64 of a-z, 0-9, `-`, `_` and `.`, a letter or digit first",
        );
    }
    desk.run(&["recipient", "add", "acme", "--name", "A"]).ok();
    desk.run(&["recipient", "add", "acme", "--name", "B"]).fails(
        2,
        "recipient `acme` is already registered",
        "an id is given once, because the marks follow from it: choose another one",
    );
    assert_eq!(desk.entries(), 1);
}

#[test]
fn a_name_is_one_line_of_text() {
    let desk = Desk::with_home();
    for (name, what) in [(" ", "must not be empty"), ("a\u{1b}[2J", "must be one line of plain text")] {
        let said = desk.run(&["recipient", "add", "acme", "--name", name]).exits(2);
        assert!(said.stderr.contains(what), "{}", said.stderr);
    }
    let long = "a".repeat(201);
    for args in [["--name", &long, "--contact", "a"], ["--name", "a", "--contact", &long]] {
        let said = desk.run(&[&["recipient", "add", "acme"], &args[..]].concat()).exits(2);
        assert!(said.stderr.contains("must have at most 200 characters"), "{}", said.stderr);
    }
    assert_eq!(desk.entries(), 0);
}

#[test]
fn a_country_is_written_as_in_policies() {
    let desk = Desk::with_home();
    desk.run(&["recipient", "add", "bob", "--name", "Bob"]).ok();
    for country in ["China", "cn", "\u{4e2d}\u{56fd}", "C", ""] {
        for command in [&["add", "acme", "--name", "Acme"][..], &["update", "bob"]] {
            let said = desk.run(&[&["recipient"], command, &["--country", country]].concat()).exits(2);
            let what = "must be two capital letters, as in ISO 3166-1: CN";
            assert!(said.stderr.contains(what), "{}", said.stderr);
        }
    }
    assert_eq!(desk.entries(), 1);
}

#[test]
fn an_agreement_that_ended_is_said_in_the_list() {
    let desk = Desk::with_home();
    let add = ["recipient", "add", "acme", "--name", "Acme", "--agreement-expires"];
    let said = desk.run(&[&add[..], &["1 May"]].concat()).exits(2);
    assert!(said.stderr.contains("must be a day such as 2026-12-31"), "{}", said.stderr);
    desk.run(&[&add[..], &["2020-01-31"]].concat()).ok();
    let list = desk.run(&["recipient", "list"]).ok().out();
    assert!(list.contains("\nacme  agreement ended 2020-01-31         0  Acme\n"), "{list}");
}

#[test]
fn without_variables_the_operating_system_names_the_operator() {
    let desk = Desk::with_home();
    let args = ["recipient", "add", "acme", "--name", "Acme"];
    let added = desk.dyepack().env_remove("USER").args(args).status().unwrap();
    assert!(added.success());
    let entry = desk.run(&["ledger", "show", "0"]).ok().json();
    let operator = entry["entry"]["operator"].as_str().unwrap();
    assert!(!operator.is_empty() && operator != "unknown", "{operator}");
}

#[test]
fn an_unknown_partner_is_named() {
    let desk = Desk::with_home();
    for args in [["recipient", "show", "acne"], ["recipient", "suspend", "acne"]] {
        desk.run(&args).fails(2, "recipient `acne` is not registered", "see `dyepack recipient list`");
    }
}

#[test]
fn a_suspended_partner_is_given_nothing_more() {
    let desk = Desk::ready();
    desk.run(&["recipient", "suspend", "bob", "--reason", "contract ended"]).ok();
    let again = desk.run(&["recipient", "suspend", "bob"]).ok();
    assert_eq!(again.stderr, "recipient bob is suspended already\n");
    let shown = desk.run(&["recipient", "show", "bob"]).ok().out();
    assert!(shown.contains("  reason      contract ended\n"), "{shown}");

    let said = desk.stamp("bob", "r1").exits(3);
    assert!(said.stderr.starts_with("error: recipient `bob` was suspended on 20"), "{}", said.stderr);
    assert!(
        said.stderr.ends_with("Z\nhint: a suspended recipient is given nothing more\n"),
        "{}",
        said.stderr
    );
    assert!(!desk.path("bob.csv").exists());
}

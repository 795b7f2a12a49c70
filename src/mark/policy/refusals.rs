//! What is a policy, and every refusal of one, with its place and its hint.

use super::{Policy, RATE_ALWAYS, ReleaseRules, Rows};

const DATASET: &str = "[dataset]\nname = \"e\"\nkey = [\"Id\"]\n";
const COLUMN: &str = "[column.COST]\nchannel = \"number\"\nquantum = 0.01\n";

/// A policy whose fourth line opens the section of column `A`, with these lines in it.
fn with_column(lines: &str) -> String {
    format!("{DATASET}[column.A]\n{lines}\n")
}

fn with_groups(groups: &str) -> String {
    with_column(&format!("channel = \"category\"\ngroups = {groups}"))
}

fn with_marking(line: &str) -> String {
    format!("{DATASET}[marking]\n{line}\n{COLUMN}")
}

#[track_caller]
fn refused(text: &str, place: (usize, usize), message: &str, hint: &str) {
    let error = Policy::parse(text).expect_err(text);
    let expected = format!("line {}, column {}: {message}", place.0, place.1);
    assert_eq!(error.to_string(), expected, "in\n{text}");
    assert_eq!(error.hint(), Some(hint), "in\n{text}");
    assert_eq!(error.exit_code(), 2);
}

fn with_release(lines: &str) -> String {
    format!("{DATASET}[release]\n{lines}\n{COLUMN}")
}

#[test]
fn what_is_asked_of_a_delivery_is_read() {
    let rules = |lines: &str| Policy::parse(&with_release(lines)).unwrap().release_rules().clone();
    assert_eq!(
        Policy::parse(&format!("{DATASET}{COLUMN}")).unwrap().release_rules(),
        &ReleaseRules::default()
    );
    assert_eq!(rules(""), ReleaseRules::default());
    assert_eq!(rules("agreement = \"optional\""), ReleaseRules::default());
    assert_eq!(
        rules(
            "agreement = \"required\"\ncountry = \"CN\"\napprove_rows = 10_000\napprove_rows_abroad = 250\n\
             approve_level = 4"
        ),
        ReleaseRules {
            requires_agreement: true,
            country: Some("CN".into()),
            approve_rows: Some(10_000),
            approve_rows_abroad: Some(250),
            approve_level: Some(4),
        }
    );
}

#[test]
fn half_a_rule_for_deliveries_is_refused() {
    for (lines, place, message, hint) in [
        (
            "approve_level = 0",
            (5, 17),
            "`approve_level` must be 1, 2, 3, 4 or 5",
            "the data level of GB/T 39725-2020, section 6.2",
        ),
        (
            "approve_rows = -1",
            (5, 16),
            "`approve_rows` must be a whole number from 0",
            "a copy of more rows than this needs an approval; 0 is any copy",
        ),
        (
            "approve_rows = 2.5",
            (5, 16),
            "`approve_rows` must be a whole number from 0",
            "a copy of more rows than this needs an approval; 0 is any copy",
        ),
        (
            "agreement = \"yes\"",
            (5, 13),
            "`agreement` must be \"required\" or \"optional\"",
            "leave it out for \"optional\"",
        ),
        (
            "country = \"China\"\napprove_rows_abroad = 250",
            (5, 11),
            "`country` must be two capital letters",
            "the owner's country as in ISO 3166-1: country = \"CN\"",
        ),
        (
            "country = \"CN\"",
            (4, 2),
            "`country` and `approve_rows_abroad` belong together",
            "say which country you are in, and how many rows may leave it without an approval",
        ),
        (
            "approve_row = 250",
            (5, 1),
            "unknown key `approve_row` in [release]",
            "did you mean `approve_rows`?",
        ),
    ] {
        refused(&with_release(lines), place, message, hint);
    }
}

#[test]
fn the_example_of_the_design_is_a_policy() {
    let policy = Policy::parse(
        r#"
        [dataset]
        name = "encounters"
        key = ["Id"]
        level = 4

        [marking]
        rate = 0.10
        colluders = 5
        code_length = 65536

        [column.BASE_ENCOUNTER_COST]
        channel = "number"
        quantum = 0.01
        max_change = 0.01
        min = 0

        [column.START]
        channel = "datetime"
        quantum = "1s"
        max_change = "1s"
        before = "STOP"

        [column.ENCOUNTERCLASS]
        rate = 1
        channel = "category"
        groups = [["ambulatory", "outpatient", "wellness"], ["urgentcare", "emergency"]]
        "#,
    )
    .unwrap();
    assert_eq!(policy.name(), "encounters");
    assert_eq!(policy.level(), 4);
    assert_eq!(policy.rows(), Rows::Unique);
    assert_eq!(policy.identity().collect::<Vec<_>>(), ["Id"]);
    let columns: Vec<_> = policy.columns().collect();
    assert_eq!(
        columns,
        [
            ("BASE_ENCOUNTER_COST", "number", 6_554),
            ("START", "datetime", 6_554),
            ("ENCOUNTERCLASS", "category", RATE_ALWAYS)
        ]
    );
    assert_eq!(policy.hash(), blake3::hash(policy.text().as_bytes()).to_hex().as_str());
}

#[test]
fn the_examples_are_policies() {
    let examples = [
        ("encounters", include_str!("../../../examples/policies/encounters.toml")),
        ("diabetic_data", include_str!("../../../examples/policies/diabetic_data.toml")),
    ];
    for (name, text) in examples {
        let policy = Policy::parse(text).unwrap();
        assert_eq!(policy.name(), name);
        assert!(policy.columns().len() >= 5);
    }
}

#[test]
fn what_is_left_out_has_defaults() {
    let policy = Policy::parse(&format!("{DATASET}{COLUMN}")).unwrap();
    assert_eq!((policy.level(), policy.colluders(), policy.code_length()), (3, 5, 65_536));
    assert!(!policy.keeps_sources());
    assert_eq!(policy.columns().next(), Some(("COST", "number", 6_554)));
}

#[test]
fn sources_are_kept_where_the_policy_says_so() {
    let keeps = |line: &str| Policy::parse(&format!("{DATASET}{line}\n{COLUMN}")).unwrap().keeps_sources();
    assert!(keeps("vault = true") && !keeps("vault = false"));
}

#[test]
fn a_broken_file() {
    refused(
        "[dataset]\nname = encounters\n",
        (2, 8),
        "this is not TOML: string values must be quoted, expected literal string",
        "text needs quotes, lists need [ ] and sections look like [column.NAME]",
    );
    refused(
        &format!("{DATASET}lvel = 4\n{COLUMN}"),
        (4, 1),
        "unknown key `lvel` in [dataset]",
        "did you mean `level`?",
    );
    refused(
        &format!("{DATASET}{COLUMN}[extra]\n"),
        (7, 2),
        "unknown key `extra` in the policy",
        "keys here are dataset, marking, release, column",
    );
    refused(
        COLUMN,
        (1, 1),
        "the policy has no section [dataset]",
        "begin with [dataset], its name and its key",
    );
    refused(
        &format!("[dataset]\nkey = \"Id\"\n{COLUMN}"),
        (1, 2),
        "[dataset] has no `name`",
        "add a line `name = ..` under [dataset]",
    );
    refused(
        &with_column("channel = \"number\"\nquantum = \"0.01\""),
        (6, 11),
        "`quantum` must be a decimal number, not text",
        "write a decimal number",
    );
}

#[test]
fn a_bad_dataset() {
    refused(
        &format!("[dataset]\nname = \"My Data\"\nkey = [\"Id\"]\n{COLUMN}"),
        (2, 8),
        "`My Data` is not a name for a dataset",
        "use up to 64 of a-z, 0-9, `.`, `_` and `-`, beginning with a letter or digit",
    );
    refused(
        &format!("{DATASET}identity = [\"A\"]\n{COLUMN}"),
        (4, 12),
        "[dataset] has both `key` and `identity`",
        "keep `key` when its columns tell every row apart, else `identity`",
    );
    refused(
        &format!("[dataset]\nname = \"e\"\n{COLUMN}"),
        (1, 2),
        "[dataset] has neither `key` nor `identity`",
        "add key = [\"..\"] with the columns that tell rows apart, or identity = [..]",
    );
    refused(
        &format!("[dataset]\nname = \"e\"\nkey = []\n{COLUMN}"),
        (3, 7),
        "`key` names no column",
        "name the columns that tell rows apart",
    );
    refused(
        &format!("[dataset]\nname = \"e\"\nidentity = [\"A\", \"A\"]\n{COLUMN}"),
        (3, 18),
        "`A` is named twice",
        "name it once",
    );
    for level in ["0", "6", "2.5"] {
        refused(
            &format!("{DATASET}level = {level}\n{COLUMN}"),
            (4, 9),
            "`level` must be 1, 2, 3, 4 or 5",
            "the data level of GB/T 39725-2020, section 6.2",
        );
    }
    for (vault, found) in [("1", "a whole number"), ("\"yes\"", "text"), ("[true]", "a list")] {
        refused(
            &format!("{DATASET}vault = {vault}\n{COLUMN}"),
            (4, 9),
            &format!("`vault` must be true or false, not {found}"),
            "write true or false",
        );
    }
}

#[test]
fn bad_marking() {
    for rate in ["0", "-0.1", "1.001"] {
        refused(
            &with_marking(&format!("rate = {rate}")),
            (5, 8),
            "`rate` must be greater than 0 and at most 1",
            "the rate is the share of cells that carry a mark: 0.10 is one in ten",
        );
    }
    for length in ["512", "131072", "3000"] {
        refused(
            &with_marking(&format!("code_length = {length}")),
            (5, 15),
            "`code_length` must be a power of two from 1024 to 65536",
            "leave it out for 65536, which suits all but tiny datasets",
        );
    }
    refused(
        &with_marking("colluders = 0"),
        (5, 13),
        "`colluders` must be a whole number from 1 to 1000",
        "how many leakers together you want to resist, 1 to 1,000; leave it out for 5",
    );
}

#[test]
fn a_bad_column() {
    refused(
        &with_column("channel = \"nubmer\""),
        (5, 11),
        "unknown channel `nubmer`",
        "did you mean `number`?",
    );
    refused(
        &with_column("channel = \"pixels\""),
        (5, 11),
        "unknown channel `pixels`",
        "channels are number, date, datetime, category",
    );
    refused(
        &with_column("quantum = 1"),
        (4, 9),
        "[column.A] has no `channel`",
        "add a line `channel = ..` under [column.A]",
    );
    refused(
        &with_column("channel = \"number\"\ngroups = []"),
        (6, 1),
        "`groups` does not fit the channel `number`",
        "`number` takes channel, rate, quantum, max_change, min, max, at_most, at_least",
    );
    refused(
        &with_column("channel = \"number\"\nquantum = 1\nmaximum = 5"),
        (7, 1),
        "unknown key `maximum` in [column.A]",
        "keys here are channel, rate, quantum, max_change, min, max, at_most, at_least",
    );
    refused(
        &with_column("channel = \"number\"\nquantum = 1\nrate = 2"),
        (7, 8),
        "`rate` must be greater than 0 and at most 1",
        "the rate is the share of cells that carry a mark: 0.10 is one in ten",
    );
    refused(
        &format!("{DATASET}[column.Id]\nchannel = \"number\"\nquantum = 1\n"),
        (4, 9),
        "column `Id` identifies rows and is marked too",
        "a mark would change the row's identity: mark another column",
    );
    refused(
        &format!("{DATASET}subject = \"COST\"\n{COLUMN}"),
        (4, 11),
        "column `COST` names the data subject and is marked too",
        "a mark would make one person another: mark another column",
    );
    refused(
        &format!("{DATASET}subject = \"\"\n{COLUMN}"),
        (4, 11),
        "`subject` names no column",
        "name the column with the id of the person whom a row is about",
    );
    refused(DATASET, (1, 1), "the policy marks no column", "add a section [column.NAME] with a channel");
}

#[test]
fn a_bad_quantum() {
    refused(
        &with_column("channel = \"number\"\nmin = 1"),
        (4, 9),
        "[column.A] has no `quantum`",
        "add a line `quantum = ..` under [column.A]",
    );
    refused(
        &with_column("channel = \"number\"\nquantum = 0.00"),
        (6, 11),
        "`quantum` must be greater than zero",
        "the quantum is the smallest step that a mark takes, such as 0.01 or \"1s\"",
    );
    refused(
        &with_column("channel = \"number\"\nquantum = 0.1\nmax_change = 0.01"),
        (7, 14),
        "`max_change` is smaller than `quantum`, so nothing could ever be marked",
        "raise `max_change` to at least the quantum, or leave it out",
    );
    refused(
        &with_column("channel = \"number\"\nquantum = 1\nmin = 2\nmax = 1"),
        (7, 7),
        "`min` is above `max`",
        "swap them; for dates the defaults are 1800-01-01 and 2199-12-31",
    );
    refused(
        &with_column("channel = \"datetime\"\nquantum = \"1 week\""),
        (6, 11),
        "`quantum` is no span of time",
        "write a whole number and a unit: \"1s\", \"15m\", \"1h\" or \"30d\"",
    );
    refused(
        &with_column("channel = \"datetime\"\nquantum = \"1h\"\nmax_change = \"59m\""),
        (7, 14),
        "`max_change` is smaller than `quantum`, so nothing could ever be marked",
        "raise `max_change` to at least the quantum, or leave it out",
    );
    refused(
        &with_column("channel = \"date\"\nquantum = \"36h\""),
        (6, 11),
        "`quantum` of a `date` must be whole days",
        "write \"1d\" or \"7d\", or use the channel `datetime`",
    );
    refused(
        &with_column("channel = \"date\"\nquantum = \"1d\"\nmin = \"1/2/1990\""),
        (7, 7),
        "`min` is no date",
        "write \"2021-08-23\" or \"2021-08-23T03:26:50Z\"",
    );
    refused(
        &with_column("channel = \"date\"\nquantum = \"1d\"\norder = \"dmy\""),
        (7, 9),
        "unknown order `dmy`",
        "write \"day-first\" for dd/mm/yyyy or \"month-first\" for mm/dd/yyyy",
    );
}

#[test]
fn bad_groups() {
    refused(
        &with_groups("[]"),
        (6, 10),
        "`groups` is empty",
        "list values that mean nearly the same: groups = [[\"a\", \"b\"]]",
    );
    refused(
        &with_groups("[[\"a\", \"b\"], []]"),
        (6, 23),
        "a group is empty",
        "list values that mean nearly the same: groups = [[\"a\", \"b\"]]",
    );
    refused(
        &with_groups("[[\"a\"]]"),
        (6, 11),
        "a group has one value only",
        "a value without a neighbour can't be marked: leave it out",
    );
    refused(
        &with_groups("[[\"a\", \"b\"], [\"c\", \" Ａ\"]]"),
        (6, 29),
        "this value stands in the groups twice",
        "letter case, width and white space make no difference here",
    );
    refused(
        &with_groups("[[\"Norm\", \"None\"]]"),
        (6, 20),
        "this value means that nothing is known",
        "cells such as NA, None and ? are never marked: leave it out",
    );
    let many: Vec<String> = (0..257).map(|n| format!("\"{n}\"")).collect();
    refused(
        &with_groups(&format!("[[{}]]", many.join(","))),
        (6, 11),
        "a group has more than 256 values",
        "split it: values of a group must mean nearly the same",
    );
}

#[test]
fn a_bad_order() {
    refused(
        &with_column("channel = \"number\"\nquantum = 1\nat_most = \"A\""),
        (7, 11),
        "column `A` can't be compared with itself",
        "name another column, or use `min` and `max`",
    );
    let date = "[column.B]\nchannel = \"date\"\nquantum = \"1d\"\nafter = [\"C\", \"A\"]\n";
    refused(
        &format!("{}{date}", with_column("channel = \"number\"\nquantum = 1")),
        (10, 15),
        "`after` compares `B` with `A`, which has the channel `number`",
        "compare numbers with numbers and dates with dates",
    );
    refused(
        &with_column("channel = \"number\"\nquantum = 1\nbefore = \"B\""),
        (7, 1),
        "`before` does not fit the channel `number`",
        "`number` takes channel, rate, quantum, max_change, min, max, at_most, at_least",
    );
}

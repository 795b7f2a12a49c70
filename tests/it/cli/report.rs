//! `ledger report` and `ledger export`: what was disclosed, to whom, and whose data it was.

use std::env;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use super::{Desk, POLICY, visits};

/// The policy, with the column of subjects.
fn policy_with(subject: &str) -> String {
    POLICY.replace("key = [\"visit\"]", &format!("key = [\"visit\"]\nsubject = \"{subject}\""))
}

/// A table of `rows` visits, by patients of whom each comes `times` in a row; every ninth row has none.
fn patients(rows: u32, times: u32) -> String {
    let text = visits(rows);
    let mut lines = text.lines();
    let mut out = format!("{},patient\n", lines.next().unwrap());
    for (row, line) in (0_u32..).zip(lines) {
        let patient = if row % 9 == 8 { String::new() } else { format!("PAT-{:05}", row / times) };
        out += &format!("{line},{patient}\n");
    }
    out
}

/// A desk where `r1` was stamped without subjects, and then `r2` for acme (patients 0 to 99) and `r3` for bob (0 to 49) with.
fn desk() -> Desk {
    let desk = Desk::ready();
    desk.stamp("acme", "r1").ok();
    desk.write("policy.toml", policy_with("patient"));
    desk.run(&["policy", "adopt", "policy.toml"]).ok();
    desk.write("all.csv", patients(300, 3));
    desk.write("half.csv", patients(150, 3));
    for (file, to, id) in [("all.csv", "acme", "r2"), ("half.csv", "bob", "r3")] {
        let out = format!("{id}.csv");
        let args = [
            "stamp",
            file,
            "--dataset",
            "visits",
            "--to",
            to,
            "-o",
            &out,
            "--release-id",
            id,
            "--purpose",
            "audit",
        ];
        desk.run(&args).ok();
    }
    desk
}

fn report(desk: &Desk, args: &[&str]) -> Value {
    desk.run(&[&["ledger", "report"], args, &["--format", "json"]].concat()).ok().json()
}

fn subject(desk: &Desk, id: &str, args: &[&str]) -> Value {
    desk.pipe(id, &[&["ledger", "report", "subject", "--format", "json"], args].concat()).ok().json()
}

/// A member of each row.
#[track_caller]
fn rows(report: &Value, member: &str) -> Vec<String> {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    report["rows"].as_array().unwrap().iter().map(|row| text(&row[member])).collect()
}

/// The releases of each row that has some.
#[track_caller]
fn releases(report: &Value) -> Vec<Vec<&str>> {
    let lists = report["rows"].as_array().unwrap().iter().filter_map(|row| row.get("releases")?.as_array());
    lists.map(|list| list.iter().map(|id| id.as_str().unwrap()).collect()).collect()
}

#[test]
fn disclosures_are_found_by_recipient_dataset_and_period() {
    let desk = desk();
    let acme = report(&desk, &["recipient", "acme"]);
    assert_eq!(rows(&acme, "release"), ["r1", "r2"]);
    assert_eq!(rows(&acme, "purpose"), ["null", "audit"]);
    assert_eq!(rows(&acme, "recipient_name"), ["Acme Analytics", "Acme Analytics"]);
    let verified = desk.run(&["ledger", "verify", "--json"]).ok().json();
    assert_eq!(acme["ledger"]["root"], verified["root"]);
    assert_eq!(rows(&report(&desk, &["dataset", "visits"]), "release"), ["r1", "r2", "r3"]);
    let days = ["--from", "2001-01-01", "--to", "2100-01-01"];
    assert_eq!(rows(&report(&desk, &[&["period"], &days[..]].concat()), "rows"), ["300", "300", "150"]);
    let past = ["period", "--from", "2001-01-01", "--to", "2001-01-02"];
    assert_eq!(rows(&report(&desk, &past), "release"), [] as [&str; 0]);
}

#[test]
fn a_person_is_found_in_what_was_recorded_and_the_rest_is_said() {
    let desk = desk();
    let both = subject(&desk, " pat-00007\n", &[]);
    let contained = rows(&both, "contained");
    assert_eq!(contained[..3], ["yes", "yes", "unknown: no subjects were recorded with it"]);
    assert!(contained[3].starts_with("unknown: the ledger begins on 2"), "{both}");
    assert_eq!(releases(&both), [["r2"], ["r3"], ["r1"]]);
    assert_eq!(both["complete"], false);
    assert_eq!(both["gaps"][0], "1 of 3 disclosures: no subjects were recorded with it");
    assert_eq!(both["gaps"].as_array().unwrap().len(), 2, "{both}");
    let one = subject(&desk, "PAT-00099", &[]);
    assert_eq!(releases(&one), [["r2"], ["r1"]]);
    let none = subject(&desk, "PAT-00100", &[]);
    assert_eq!(releases(&none), [["r1"]]);
    let long_ago = subject(&desk, "PAT-00007", &["--to", "2001-01-01"]);
    assert_eq!((&long_ago["complete"], releases(&long_ago).len()), (&Value::Bool(false), 0));
    assert_eq!(long_ago["period"]["from"], "1995-01-01");
    desk.write("id", "PAT-00099\r\n");
    let said = desk.run(&["ledger", "report", "subject", "--id-file", "id"]).ok();
    let first = "warning: incomplete: 1 of 3 disclosures: no subjects were recorded with it\n";
    assert!(said.stderr.starts_with(first), "{}", said.stderr);
    assert!(said.out().starts_with("Accounting of disclosures for one subject\n"), "{}", said.out());
}

#[test]
fn recurring_disclosures_are_one_row_unless_each_is_wanted() {
    let desk = desk();
    for id in ["r4", "r5"] {
        let args = [
            "stamp",
            "all.csv",
            "--dataset",
            "visits",
            "--to",
            "acme",
            "--release-id",
            id,
            "--purpose",
            "audit",
        ];
        desk.run(&[&args[..], &["-o", &format!("{id}.csv")]].concat()).ok();
    }
    assert_eq!(rows(&subject(&desk, "PAT-00099", &[]), "number"), ["3", "1", "null"]);
    assert_eq!(rows(&subject(&desk, "PAT-00099", &["--each"]), "number"), ["1", "1", "1", "1", "null"]);
}

#[test]
fn copies_of_one_pass_share_a_set_and_streams_have_one_when_they_end() {
    let desk = desk();
    let sets = |desk: &Desk| {
        let ndjson = desk.run(&["ledger", "export", "--format", "ndjson"]).ok().out();
        let set =
            |line: &str| serde_json::from_str::<Value>(line).unwrap().get("subjects").map(Value::to_string);
        ndjson.lines().filter_map(set).collect::<Vec<_>>()
    };
    let args = ["stamp", "all.csv", "--dataset", "visits", "--to", "acme,bob", "-o", "{recipient}-2.csv"];
    desk.run(&args).ok();
    let stream =
        ["stamp", "-", "--dataset", "visits", "--to", "bob", "-o", "-", "--stream", "--release-id", "s1"];
    desk.pipe(patients(300, 3), &stream).ok();
    let sets = sets(&desk);
    assert_eq!(sets.len(), 5, "r2, r3, two of a pass, a stream");
    assert!(sets[0] != sets[1] && sets[2..].iter().all(|set| *set == sets[0]));
    desk.pipe(patients(300, 3) + "V1,2\n", &[&stream[..10], &["s2"]].concat()).exits(2);
    let found = subject(&desk, "PAT-00099", &[]);
    assert_eq!(found["gaps"].as_array().unwrap().len(), 3);
    assert!(releases(&found).contains(&vec!["s2"]), "{found}");
    desk.run(&["ledger", "verify"]).ok();
}

#[test]
fn a_folder_has_the_subjects_of_all_its_files() {
    let desk = desk();
    std::fs::create_dir(desk.path("folder")).unwrap();
    let table = patients(300, 3);
    let (head, body) = table.split_once('\n').unwrap();
    let lines: Vec<&str> = body.lines().collect();
    for (name, part) in [("folder/a.csv", &lines[..100]), ("folder/b.csv", &lines[100..])] {
        desk.write(name, format!("{head}\n{}\n", part.join("\n")));
    }
    let args = ["stamp", "folder", "--dataset", "visits", "--to", "bob", "-o", "out", "--release-id", "f1"];
    desk.run(&args).ok();
    let set = |id: &str| desk.run(&["ledger", "show", id]).ok().json()["entry"]["subjects"].clone();
    assert!(set("f1").is_string() && set("f1") == set("r2"), "as of the same rows in one file");
    assert_eq!(releases(&subject(&desk, "PAT-00099", &["--each"])), [["r2"], ["f1"], ["r1"]]);
    desk.run(&["ledger", "verify"]).ok();
}

#[test]
fn sets_are_the_same_for_every_format_and_number_of_threads() {
    let desk = desk();
    let mut json = String::new();
    let table = patients(300, 3);
    let mut lines = table.lines().map(|line| line.replace("\"seen, and sent home\"", "home"));
    let names: Vec<String> = lines.next().unwrap().split(',').map(str::to_owned).collect();
    for line in lines {
        let members = names.iter().zip(line.split(',')).map(|(name, cell)| (name.clone(), cell.into()));
        json += &(Value::Object(members.collect()).to_string() + "\n");
    }
    desk.write("all.ndjson", json);
    for (file, threads) in [("all.ndjson", "1"), ("all.csv", "1"), ("all.csv", "3")] {
        let args = [
            "stamp",
            file,
            "--dataset",
            "visits",
            "--to",
            "bob",
            "-o",
            "out",
            "--force",
            "--threads",
            threads,
        ];
        desk.run(&args).ok();
    }
    let csv = desk.run(&["ledger", "export", "--format", "csv"]).ok().out();
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let at = reader.headers().unwrap().iter().position(|name| name == "subjects").unwrap();
    let sets: Vec<String> = reader.records().map(|record| record.unwrap()[at].to_owned()).collect();
    let sets: Vec<&String> = sets.iter().filter(|set| !set.is_empty()).collect();
    assert_eq!(sets.len(), 5);
    assert!(sets[2..].iter().all(|set| *set == sets[0]));
}

#[test]
fn a_missing_column_of_subjects_stops_the_stamp() {
    let desk = Desk::ready();
    desk.write("policy.toml", policy_with("patient"));
    desk.run(&["policy", "adopt", "policy.toml"]).ok();
    desk.stamp("acme", "r1").fails(
        2,
        "visits.csv: the file has no column `patient`",
        "check that the file belongs to this dataset; if it holds several tables, name one with --table",
    );
    assert!(!desk.path("acme.csv").exists());
}

#[test]
fn what_is_asked_wrongly_is_said() {
    let desk = desk();
    let ask = |args: &[&str]| desk.run(&[&["ledger", "report"], args].concat());
    ask(&["recipient", "acne"]).fails(
        2,
        "recipient `acne` is not registered",
        "see `dyepack recipient list`",
    );
    ask(&["dataset", "visit"]).fails(
        2,
        "no policy was adopted for dataset `visit`",
        "see `dyepack ledger list`",
    );
    ask(&["period", "--from", "2026-02-01", "--to", "2026-01-31"]).fails(
        2,
        "--from is after --to",
        "swap them",
    );
    ask(&["recipient", "acme", "-o", "r2.csv"]).fails(
        2,
        "`r2.csv` exists",
        "choose another name, or replace it with --force",
    );
    assert!(
        ask(&["period", "--from", "1 May", "--to", "2026-01-31"])
            .exits(2)
            .stderr
            .contains("must be a day such as")
    );
    let subject = |id: &str| desk.pipe(id, &["ledger", "report", "subject"]);
    subject("PAT-1\nPAT-2\n").fails(
        2,
        "there is more than one line where one id should be",
        "an accounting is about one person: ask for one id at a time",
    );
    for nobody in ["", "\n", " N/A \n"] {
        subject(nobody).fails(
            2,
            "the id says that there is nobody: it is empty, or a word for no value",
            "write the id as it stands in the column that the policy names as `subject`",
        );
    }
    subject(&"x".repeat(5_000)).fails(2, "the id is longer than 4 KiB", "write the id alone into the file");
    assert!(
        desk.run(&["ledger", "report", "subject", "PAT-1"]).exits(2).stderr.contains("unexpected argument")
    );
}

#[test]
fn reports_and_exports_go_into_files_of_every_form() {
    let desk = desk();
    for (form, begins) in [
        ("text", "Disclosures to acme\n"),
        ("csv", "time,release,"),
        ("json", "{"),
        ("html", "<!DOCTYPE html>"),
    ] {
        let out = format!("report.{form}");
        let said = desk.run(&["ledger", "report", "recipient", "acme", "--format", form, "-o", &out]).ok();
        assert_eq!((said.out().as_str(), said.stderr.as_str()), ("", ""));
        let report = desk.text(&out);
        assert!(report.starts_with(begins) && report.contains("audit"), "{report}");
    }
    for format in ["parquet", "csv", "ndjson"] {
        let out = format!("ledger.{format}");
        desk.run(&["ledger", "export", "--format", format, "-o", &out]).ok();
        assert!(desk.read(&out).len() > 1_000, "{format}");
    }
    assert_eq!(&desk.read("ledger.parquet")[..4], b"PAR1");
    assert_eq!(desk.text("ledger.ndjson").lines().count(), desk.entries());
    // Names stand outside of the entries, so that they can be forgotten.
    assert!(!desk.run(&["ledger", "export", "--format", "ndjson"]).ok().out().contains("Acme Analytics"));
}

#[test]
fn a_lost_set_is_a_gap_and_never_a_no() {
    let desk = desk();
    let set =
        desk.run(&["ledger", "show", "r3"]).ok().json()["entry"]["subjects"].as_str().unwrap().to_owned();
    std::fs::remove_file(desk.path(&format!("home/ledger/blob/{set}"))).unwrap();
    let report = subject(&desk, "PAT-00007", &[]);
    assert_eq!(report["gaps"].as_array().unwrap().len(), 3);
    assert_eq!(
        rows(&report, "contained")[2],
        "unknown: its set of subjects is missing or damaged",
        "{report}"
    );
}

#[test]
fn no_id_of_a_person_is_in_the_home_or_in_a_report() {
    let desk = desk();
    let mut all: Vec<(String, Vec<u8>)> = Vec::new();
    for form in ["text", "csv", "json", "html"] {
        let said = desk.pipe("PAT-00007", &["ledger", "report", "subject", "--format", form]).ok();
        all.push((form.to_owned(), said.stdout));
        all.push((form.to_owned(), said.stderr.into_bytes()));
    }
    for args in [
        &["recipient", "acme"][..],
        &["dataset", "visits"],
        &["article-30"],
        &["events", "--format", "fhir"],
        &["events", "--format", "ocsf"],
    ] {
        let said = desk.run(&[&["ledger", "report"], args].concat()).ok();
        all.push((args.join(" "), [said.stdout, said.stderr.into_bytes()].concat()));
    }
    for id in ["PAT-00007\nPAT-00008", "PAT-00007\0"] {
        all.push(("an error".into(), desk.pipe(id, &["ledger", "report", "subject"]).stderr.into_bytes()));
    }
    all.push(("export".into(), desk.run(&["ledger", "export", "--format", "csv"]).ok().stdout));
    all.push(("list".into(), desk.run(&["ledger", "list", "--json"]).ok().stdout));
    let kept = desk.files_below("home");
    assert!(kept.len() > 8);
    all.extend(kept.into_iter().map(|(path, bytes)| (path.display().to_string(), bytes)));
    for (what, bytes) in all {
        let text = String::from_utf8_lossy(&bytes).to_lowercase();
        assert!(!text.contains("pat-00"), "{what}: {text}");
    }
}

#[test]
fn without_the_secret_a_set_tells_nobody() {
    let (one, other) = (desk(), desk());
    let set = |desk: &Desk| desk.run(&["ledger", "show", "r2"]).ok().json()["entry"]["subjects"].to_string();
    assert_ne!(set(&one), set(&other), "the same people under two secrets");
}

/// A Python that has this library: that of `DYEPACK_PYTHON`, or the one on the path.
fn python_with(library: &str) -> Option<PathBuf> {
    let python = env::var_os("DYEPACK_PYTHON").map_or("python3".into(), PathBuf::from);
    let has = Command::new(&python).args(["-c", &format!("import {library}")]).output();
    if has.is_ok_and(|said| said.status.success()) {
        return Some(python);
    }
    println!("skipped: no Python with {library}");
    None
}

#[test]
fn audit_events_are_those_of_the_specification() {
    let desk = desk();
    desk.run(&["ledger", "report", "events", "--format", "fhir", "-o", "events.ndjson"]).ok();
    assert_eq!(desk.text("events.ndjson").lines().count(), 3);
    let Some(python) = python_with("fhir.resources.R4B.auditevent") else { return };
    let script = "import sys\n\
                  from fhir.resources.R4B.auditevent import AuditEvent\n\
                  read = getattr(AuditEvent, 'model_validate_json', None) or AuditEvent.parse_raw\n\
                  for line in open(sys.argv[1]): print(read(line).type.code)\n";
    let said = Command::new(python)
        .args(["-W", "ignore", "-c", script])
        .arg(desk.path("events.ndjson"))
        .output()
        .unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    assert_eq!(String::from_utf8(said.stdout).unwrap(), "110106\n".repeat(3));
}

//! Leaks of many tables with one header: read as one table would be, and each by its own damage.

use std::fs;

use serde_json::Value;

use super::{Desk, visits};

/// Rows of the table.
const ROWS: u32 = 1_600;

/// A home from which both partners have a copy of one table.
fn stamped() -> Desk {
    let desk = Desk::ready();
    desk.write("visits.csv", visits(ROWS));
    for (to, release) in [("acme", "r1"), ("bob", "r2")] {
        desk.stamp(to, release).ok();
    }
    desk
}

/// What a row of acme's copy became.
type Damage = fn(Vec<String>) -> Vec<String>;

/// The rows of acme's copy, but for a few so that it is no exact copy, in parts of `rows` each; each part damaged in turn.
fn parts(desk: &Desk, rows: usize, header: &str, damages: &[Damage]) -> Vec<String> {
    let copy = desk.text("acme.csv").replace(",\"seen, and sent home\"", ",sent home");
    let lines: Vec<&str> = copy.lines().skip(1).filter(|line| !line.starts_with("V00001")).collect();
    let chunks = lines.chunks(rows).zip(damages.iter().cycle());
    let part = |(lines, damage): (&[&str], &Damage)| {
        let cells = |line: &&str| damage(line.split(',').map(str::to_owned).collect()).join(",") + "\n";
        format!("{header}\n{}", lines.iter().map(cells).collect::<String>())
    };
    chunks.map(part).collect()
}

fn put(desk: &Desk, folder: &str, parts: &[String]) {
    for (number, part) in parts.iter().enumerate() {
        fs::create_dir_all(desk.path(&format!("{folder}/month={number:03}"))).unwrap();
        desk.write(&format!("{folder}/month={number:03}/part-0.csv"), part);
    }
}

/// The findings; acme is named and nobody else.
fn trace(desk: &Desk, leak: &str, more: &[&str]) -> Value {
    let findings = desk.run(&[&["trace", leak, "--json"], more].concat()).ok().json();
    let accused: Vec<_> = findings["accused"].as_array().unwrap().iter().map(|a| &a["recipient"]).collect();
    assert_eq!(accused, ["acme"], "{leak}");
    findings
}

fn count(findings: &Value, what: &str) -> u64 {
    findings["evidence"][what].as_u64().unwrap()
}

fn as_is(row: Vec<String>) -> Vec<String> {
    row
}

/// Costs in cents, and days first.
fn exported(mut row: Vec<String>) -> Vec<String> {
    row[3] = row[3].replace('.', "");
    let (year, month, rest) = (&row[1][..4], &row[1][5..7], &row[1][8..]);
    row[1] = format!("{}.{month}.{year}{}", &rest[..2], &rest[2..]);
    row
}

/// Every hour an hour later, but for the last one of a day.
fn an_hour_later(mut row: Vec<String>) -> Vec<String> {
    let hour: u32 = row[1][11..13].parse().unwrap();
    if hour < 23 {
        row[1].replace_range(11..13, &format!("{:02}", hour + 1));
    }
    row
}

fn whole_euros(mut row: Vec<String>) -> Vec<String> {
    row[3] = row[3].split('.').next().unwrap().to_owned();
    row
}

fn exchanged(mut row: Vec<String>) -> Vec<String> {
    row.swap(0, 3);
    row
}

#[test]
fn many_small_parts_say_what_the_joined_table_says() {
    let desk = stamped();
    let header = "visit,seen,ward,cost,note";
    put(&desk, "lake", &parts(&desk, 10, header, &[as_is]));
    desk.write("one.csv", &parts(&desk, usize::MAX, header, &[as_is])[0]);
    for more in [&["--blind"][..], &[]] {
        let (lake, one) = (trace(&desk, "lake", more), trace(&desk, "one.csv", more));
        for same in
            ["carriers_read", "positions_read", "rows_aligned", "rows_repeated", "carriers_unreadable"]
        {
            assert_eq!(count(&lake, same), count(&one, same), "{same}");
        }
        assert_eq!(lake["columns"][0]["ours"], one["columns"][0]["ours"]);
        assert_eq!(lake["leak"]["tables"].as_array().unwrap().len(), 159);
        let last = &lake["leak"]["tables"][158];
        assert_eq!((&last["first_row"], &last["rows_aligned"]), (&1_581.into(), &10.into()));
    }
    let said = desk.trace(&["lake", "--blind"]).ok().out();
    assert!(said.contains("159 in it") && said.lines().count() < 40, "{said}");
}

/// Ten rows tell hardly which column is which; all parts together do.
#[test]
fn parts_without_names_are_read_by_what_all_of_them_hold() {
    let desk = stamped();
    put(&desk, "lake", &parts(&desk, 10, "a,b,c,d,e", &[exported]));
    desk.write("one.csv", &parts(&desk, usize::MAX, "a,b,c,d,e", &[exported])[0]);
    let (lake, one) = (trace(&desk, "lake", &["--blind"]), trace(&desk, "one.csv", &["--blind"]));
    let (lake, one) = (count(&lake, "carriers_read"), count(&one, "carriers_read"));
    assert!(lake > one * 8 / 10, "{lake} of {one}");
}

#[test]
fn each_part_is_read_by_its_own_damage() {
    let desk = stamped();
    let header = "visit,seen,ward,cost,note";
    let damages: [Damage; 6] = [as_is, exported, as_is, whole_euros, exported, an_hour_later];
    let all = parts(&desk, 200, header, &damages);
    put(&desk, "lake", &all);
    for more in [&["--blind"][..], &[]] {
        let lake = trace(&desk, "lake", more);
        let (mut read, mut unreadable) = (0, 0);
        for part in &all {
            desk.write("part.csv", part);
            let alone = trace(&desk, "part.csv", more);
            read += count(&alone, "carriers_read");
            unreadable += count(&alone, "carriers_unreadable");
        }
        assert_eq!((count(&lake, "carriers_read"), count(&lake, "carriers_unreadable")), (read, unreadable));
    }
}

#[test]
fn parts_may_have_their_columns_in_another_order_or_no_header() {
    let desk = stamped();
    let header = "visit,seen,ward,cost,note";
    let mut all = parts(&desk, 100, header, &[as_is, exchanged]);
    for part in all.iter_mut().skip(1).step_by(2) {
        *part = part.replacen(header, "cost,seen,ward,visit,note", 1);
    }
    for part in all.iter_mut().skip(4).step_by(4) {
        *part = part.replacen(&format!("{header}\n"), "", 1);
    }
    put(&desk, "lake", &all);
    for more in [&["--blind"][..], &[]] {
        let lake = trace(&desk, "lake", more);
        let tables = lake["leak"]["tables"].as_array().unwrap();
        assert_eq!(tables.len(), 16);
        assert!(tables.iter().all(|table| table["rows"] == table["rows_aligned"]), "{tables:?}");
        assert_eq!(count(&lake, "rows_aligned"), 1_590);
    }
}

#[test]
fn an_opening_of_many_parts_is_short_and_they_are_read_again() {
    let desk = stamped();
    put(&desk, "lake", &parts(&desk, 10, "visit,seen,ward,cost,note", &[as_is]));
    fs::remove_dir_all(desk.path("lake/month=090")).unwrap();
    fs::create_dir_all(desk.path("lake/month=090")).unwrap();
    desk.write("lake/month=090/part-0.csv", "what,else\n1,2\n3,4\n");
    let opened = ["open", "--release", "r1", "--leak", "lake", "-o", "opening.json", "--blind", "--carriers"];
    desk.run(&opened).ok();
    let opening: Value = serde_json::from_str(&desk.text("opening.json")).unwrap();
    let tables = &opening["opening"]["carriers"]["tables"];
    let runs: Vec<_> = tables.as_array().unwrap().iter().map(|run| (&run["table"], &run["last"])).collect();
    assert_eq!(runs, [(&0.into(), &89.into()), (&91.into(), &158.into())]);
    let vkey = desk.text("home/ledger/ledger.vkey");
    let verify = ["verify-evidence", "opening.json", "--vkey", vkey.trim_end(), "--leak", "lake", "--json"];
    assert_eq!(desk.run(&verify).ok().json()["leak_read_again"], true);
}

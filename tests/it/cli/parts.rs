//! A folder of files as one release.

use std::fs;
use std::io::Write as _;

use super::{Desk, POLICY, visits};
use crate::formats::write::Text;

/// Files of the table below `lake`. The same visits come in both years: only the folders tell them apart.
const PARTS: [&str; 4] = [
    "year=2023/part-0.csv",
    "year=2024/region=a%2Fb/part-0.parquet",
    "year=2024/region=__HIVE_DEFAULT_PARTITION__/part-1.json",
    "year=2024/region=c/part-2.csv",
];

/// With a home, two partners, and a table in parts.
fn ready() -> Desk {
    let desk = Desk::ready();
    desk.write("policy.toml", policy());
    desk.run(&["policy", "adopt", "policy.toml"]).ok();
    let table = visits(600);
    let lines: Vec<&str> = table.lines().collect();
    let part = |rows: std::ops::Range<usize>| format!("{}\n{}\n", lines[0], lines[1..][rows].join("\n"));
    let typed = |csv: String| Text::parse(csv.as_bytes());
    put(&desk, PARTS[0], part(0..300));
    put(&desk, PARTS[1], typed(part(0..150)).parquet());
    put(&desk, PARTS[2], typed(part(150..300)).ndjson());
    put(&desk, PARTS[3], part(300..600));
    desk
}

fn policy() -> String {
    POLICY.replace("key = [\"visit\"]", "key = [\"year\", \"visit\"]")
}

fn put(desk: &Desk, part: &str, bytes: impl AsRef<[u8]>) {
    let name = format!("lake/{part}");
    fs::create_dir_all(desk.path(&name).parent().unwrap()).unwrap();
    desk.write(&name, bytes);
}

const STAMP: [&str; 6] = ["stamp", "lake", "--dataset", "visits", "--to", "acme"];

fn stamp(desk: &Desk, more: &[&str]) -> super::Said {
    desk.run(&[&STAMP[..], more].concat())
}

/// Both partners' copies, in `acme` and `bob`.
fn stamped() -> Desk {
    let desk = ready();
    let to = ["stamp", "lake", "--dataset", "visits", "--to", "acme,bob", "-o", "{recipient}"];
    desk.run(&[&to[..], &["--release-id", "r-{recipient}"]].concat()).ok();
    desk
}

#[cfg(unix)]
#[test]
fn what_can_t_be_read_in_a_folder_is_listed_and_then_nothing_is_exact() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    let desk = stamped();
    let read = || {
        let json = desk.run(&["trace", "bob", "--json"]).ok().json();
        let skipped = json["leak"]["skipped"].as_array().unwrap().clone();
        let skipped: Vec<String> =
            skipped.iter().map(|skipped| skipped["reason"].as_str().unwrap().to_owned()).collect();
        (json["verdict"].as_str().unwrap().to_owned(), skipped)
    };
    // What is never opened is no file of the leak's.
    symlink("/etc/passwd", desk.path("bob/link.csv")).unwrap();
    let pipe = std::process::Command::new("mkfifo").arg(desk.path("bob/pipe.csv")).status().unwrap();
    assert!(pipe.success());
    let (verdict, skipped) = read();
    let said = [
        "link.csv: it is a link, which is not followed",
        "pipe.csv: it is no file, but a pipe, a socket or a device",
    ];
    assert_eq!((verdict.as_str(), &skipped[..]), ("exact", &said.map(String::from)[..]));

    // Nobody looks so deep, whatever the rights.
    let deep = desk.path(&format!("bob/{}", "d/".repeat(70)));
    fs::create_dir_all(&deep).unwrap();
    let (verdict, skipped) = read();
    assert_eq!((verdict.as_str(), skipped.len()), ("identified", 3), "{skipped:?}");
    assert!(skipped[0].ends_with("folders are nested more than 64 deep"), "{skipped:?}");
    fs::remove_dir_all(desk.path("bob/d")).unwrap();

    // A file that nobody but its owner reads; the superuser reads it all the same.
    let closed = desk.path("bob/closed.csv");
    fs::copy(desk.path(&format!("bob/{}", PARTS[3])), &closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o000)).unwrap();
    let is_closed = fs::File::open(&closed).is_err();
    let (verdict, skipped) = read();
    assert_eq!(verdict, if is_closed { "identified" } else { "exact" }, "{skipped:?}");
    assert_eq!(skipped[0].starts_with("closed.csv: could not open"), is_closed, "{skipped:?}");
}

#[test]
fn an_exact_copy_is_told_by_its_own_release() {
    let desk = stamped();
    put(&desk, "year=2025/part-0.csv", visits(60));
    let later = ["stamp", "lake", "--dataset", "visits", "--to", "bob", "-o", "later"];
    desk.run(&[&later[..], &["--release-id", "later"]].concat()).ok();
    for (leak, release) in [("bob", "r-bob"), ("later", "later")] {
        let json = desk.run(&["trace", leak, "--json"]).ok().json();
        assert_eq!(
            (&json["verdict"], &json["identical_releases"][0]["release"]),
            (&"exact".into(), &release.into())
        );
        assert_eq!(json["accused"][0]["releases"][0]["release"], release);
        let said = desk.trace(&[leak]).ok().flat();
        assert!(said.contains(&format!("dyepack ledger show {release}")), "{said}");
    }
}

/// The names of the files below a folder, sorted.
fn names(desk: &Desk, folder: &str) -> Vec<String> {
    let root = desk.path(folder);
    let name = |(path, _): (std::path::PathBuf, _)| path.strip_prefix(&root).unwrap().display().to_string();
    let mut names: Vec<String> = desk.files_below(folder).into_iter().map(name).collect();
    names.sort();
    names
}

/// The words with which a trace begins.
fn verdict(said: &super::Said) -> String {
    said.out().split(" (").next().unwrap_or_default().to_owned()
}

#[test]
fn a_folder_is_one_release_and_its_folders_are_columns() {
    let desk = ready();
    put(&desk, "_SUCCESS", "");
    put(&desk, "year=2024/empty.csv", "");
    put(&desk, "_metadata", "PAR1");
    for crc in 0..5 {
        put(&desk, &format!("year=2023/.part-{crc}.crc"), "crc");
    }
    let before = desk.entries();
    let to = ["stamp", "lake", "--dataset", "visits", "--to", "acme,bob", "-o", "{recipient}", "--json"];
    let said = desk.run(&to).ok();
    let left_out = "left out (hidden files): year=2023/.part-0.crc, year=2023/.part-1.crc, \
                    year=2023/.part-2.crc and 2 more\n\
                    left out (summaries of the unmarked files): _metadata\n";
    assert_eq!(said.stderr, left_out);
    let receipts: Vec<serde_json::Value> =
        said.out().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((receipts.len(), desk.entries()), (2, before + 2));
    assert_eq!((&receipts[0]["rows"], &receipts[0]["output"]["path"]), (&900.into(), &"acme".into()));
    let mut expected = PARTS.map(str::to_owned).to_vec();
    expected.extend(["_SUCCESS".to_owned(), "year=2024/empty.csv".to_owned()]);
    expected.sort();
    assert_eq!(names(&desk, "acme"), expected);
    assert!(desk.run(&["ledger", "verify"]).ok().out().contains("2 release"));

    // The list of files is what the entry has the hash of.
    let list = desk.text(&format!("home/ledger/blob/{}", receipts[0]["output"]["blake3"].as_str().unwrap()));
    let mut lines = list.lines();
    assert_eq!(lines.next(), Some("dyepack.parts/1"));
    for (line, name) in lines.zip(&expected) {
        let bytes = desk.read(&format!("acme/{name}"));
        let blake3 = blake3::hash(&bytes).to_hex();
        assert!(line.ends_with(&format!(" {blake3} {} {name}", bytes.len())), "{line}");
    }
    let shown = desk.run(&["ledger", "show", &(before + 1).to_string()]).ok().out();
    assert!(shown.contains("\"format\":\"mixed\",\"parts\":6,"), "{shown}");

    // The same visits in another year are other rows.
    let changed = |name: &str| {
        let (copy, source) = (desk.text(&format!("acme/{name}")), desk.text(&format!("lake/{name}")));
        let differ = copy.lines().zip(source.lines()).enumerate().filter(|(_, (a, b))| a != b);
        differ.map(|(row, _)| row).collect::<Vec<_>>()
    };
    let again = ready();
    fs::remove_dir_all(again.path("home")).unwrap();
    fs::rename(desk.path("home"), again.path("home")).unwrap();
    put(&again, PARTS[3], again.text("lake/year=2023/part-0.csv"));
    stamp(&again, &["-o", "acme"]).ok();
    let other_year = again.text(&format!("acme/{}", PARTS[3]));
    let this_year = desk.text(&format!("acme/{}", PARTS[0]));
    assert!(changed(PARTS[0]).len() > 50, "{:?}", changed(PARTS[0]));
    assert_eq!(again.text(&format!("acme/{}", PARTS[0])), this_year, "the same row has the same mark");
    assert_ne!(other_year, this_year);
}

#[test]
fn the_same_release_again_has_the_same_bytes_whatever_the_threads() {
    let desk = ready();
    let release = ["--release-id", "r1", "-o"];
    stamp(&desk, &[&release[..], &["one", "--threads", "1"]].concat()).ok();
    let entries = desk.entries();
    stamp(&desk, &[&release[..], &["two", "--threads", "4", "--sync"]].concat()).ok();
    assert_eq!(desk.entries(), entries);
    let bytes = |folder: &str| {
        names(&desk, folder)
            .into_iter()
            .map(|name| (desk.read(&format!("{folder}/{name}")), name))
            .collect::<Vec<_>>()
    };
    assert_eq!(bytes("one"), bytes("two"));
    put(&desk, PARTS[0], visits(299));
    let hint = "a release id stands for one delivery: choose another one";
    stamp(&desk, &[&release[..], &["three"]].concat()).fails(
        2,
        "release `r1` is on record with another input",
        hint,
    );
    assert_eq!(desk.names(), ["home", "lake", "one", "policy.toml", "two", "visits.csv"]);

    let said = stamp(&desk, &["--dry-run"]).ok();
    assert!(said.stderr.starts_with("dry run for acme: 899 rows, "), "{}", said.stderr);
    assert_eq!((desk.entries(), desk.names().len()), (entries, 6));
}

#[test]
fn files_of_a_release_are_known_byte_for_byte() {
    let desk = stamped();
    let exact = "EXACT COPY  bob";
    let part = format!("bob/{}", PARTS[3]);
    let said = desk.trace(&[&part]).ok();
    assert_eq!(verdict(&said), exact);
    let which = format!("byte for byte, `{}` of release r-bob", PARTS[3]);
    assert!(said.flat().contains(&which), "{}", said.out());
    desk.write("renamed.csv", desk.read(&part));
    assert_eq!(verdict(&desk.trace(&["renamed.csv", "--blind"])), exact);
    assert_eq!(verdict(&desk.trace(&["bob"])), exact);

    // Some of them, in a folder or packed, also with notes of systems.
    let mut archive = zip::ZipWriter::new(fs::File::create(desk.path("some.zip")).unwrap());
    for part in &PARTS[..2] {
        let (name, bytes) = (format!("some/{part}"), desk.read(&format!("bob/{part}")));
        fs::create_dir_all(desk.path(&name).parent().unwrap()).unwrap();
        desk.write(&name, &bytes);
        archive.start_file(*part, zip::write::SimpleFileOptions::default()).unwrap();
        archive.write_all(&bytes).unwrap();
    }
    archive.finish().unwrap();
    desk.write("some/_SUCCESS", "");
    for leak in ["some", "some.zip"] {
        let json = desk.run(&["trace", leak, "--json"]).ok().json();
        assert_eq!(json["verdict"], "exact", "{leak}");
        assert_eq!(json["identical_releases"][0]["parts"], serde_json::json!(PARTS[..2]), "{leak}");
        assert_eq!(json["leak"]["skipped"], serde_json::json!([]), "{leak}");
    }
    // One file of somebody else's, and the bytes alone say nothing.
    fs::copy(desk.path(&format!("acme/{}", PARTS[3])), desk.path("some/other.csv")).unwrap();
    let json = desk.run(&["trace", "some", "--json"]).json();
    assert_eq!(
        (&json["verdict"], json["identical_releases"].as_array().unwrap().len()),
        (&"identified".into(), 0)
    );

    // The owner's own.
    for leak in ["lake", "lake/year=2023/part-0.csv"] {
        let json = desk.run(&["trace", leak, "--json"]).exits(1).json();
        assert_eq!(json["identical_sources"], serde_json::json!(["r-acme", "r-bob"]), "{leak}");
    }
}

/// Rows of bob's newest part, exported again: all cells as text, some gone.
fn exported(desk: &Desk) -> String {
    let copy = desk.text(&format!("bob/{}", PARTS[3])).replace(",\"seen, and sent home\"", "");
    copy.lines().take(181).collect::<Vec<_>>().join("\r\n")
}

#[test]
fn rows_of_one_part_are_read_with_what_their_path_says() {
    let desk = stamped();
    let leak = exported(&desk);
    fs::create_dir_all(desk.path("leak/year=2024")).unwrap();
    desk.write("leak/year=2024/rows.csv", &leak);
    let mut archive = zip::ZipWriter::new(fs::File::create(desk.path("leak.zip")).unwrap());
    archive.start_file("year=2024/rows.csv", zip::write::SimpleFileOptions::default()).unwrap();
    archive.write_all(leak.as_bytes()).unwrap();
    archive.finish().unwrap();
    let mut tar = tar::Builder::new(fs::File::create(desk.path("leak.tar")).unwrap());
    tar.append_path_with_name(desk.path("leak/year=2024/rows.csv"), "year=2024/rows.csv").unwrap();
    tar.finish().unwrap();
    for name in ["leak", "leak.zip", "leak.tar", "leak/year=2024", "leak/year=2024/rows.csv"] {
        let said = desk.trace(&[name, "--blind"]).ok();
        assert_eq!(verdict(&said), "IDENTIFIED  bob", "{name}");
    }
    // A column of the file's own comes before that of its path.
    let years = std::iter::once("").chain(std::iter::repeat(",2024"));
    let own: Vec<String> =
        leak.lines().zip(years).map(|(line, year)| line.replace("note", "year") + year).collect();
    fs::create_dir_all(desk.path("year=1999")).unwrap();
    desk.write("year=1999/rows.csv", own.join("\n"));
    assert_eq!(verdict(&desk.trace(&["year=1999/rows.csv", "--blind"]).ok()), "IDENTIFIED  bob");

    // Without the path its rows can't be told from those of the other year.
    desk.write("rows.csv", &leak);
    let said = desk.trace(&["rows.csv", "--blind"]).exits(1);
    assert!(said.out().contains("Needed     for visits: year"), "{}", said.out());
    let said = desk.trace(&["rows.csv"]).ok();
    assert_eq!((verdict(&said).as_str(), said.stderr.as_str()), ("IDENTIFIED  bob", ""));
    assert!(said.out().contains("changed from the original"), "{}", said.out());
    for reference in ["lake", "lake/year=2024/region=c/part-2.csv"] {
        let said = desk.trace(&["rows.csv", "--reference", reference]).ok();
        assert_eq!(verdict(&said), "IDENTIFIED  bob", "{reference}");
    }
}

#[test]
fn the_original_is_found_in_a_folder_that_grew_and_in_the_vault() {
    let desk = ready();
    desk.write("policy.toml", policy().replace("[marking]", "vault = true\n[marking]"));
    desk.run(&["policy", "adopt", "policy.toml"]).ok();
    stamp(&desk, &["-o", "bob", "--release-id", "r1"]).ok();
    desk.write("rows.csv", exported(&desk));
    let sources = |more: &[&str]| {
        let said = desk.run(&[&["trace", "rows.csv", "--json"], more].concat()).ok();
        assert_eq!(said.stderr, "");
        said.json()["reference"]["sources"].clone()
    };
    let whole = sources(&[]);
    assert_eq!((&whole[0]["rows"], &whole[0]["releases"]), (&900.into(), &serde_json::json!(["r1"])));
    // A month later, and after the oldest year was moved to the archive.
    put(&desk, "year=2025/part-0.csv", visits(10));
    fs::remove_dir_all(desk.path("home/vault")).unwrap();
    assert_eq!(sources(&[]), whole);
    fs::remove_dir_all(desk.path("lake/year=2023")).unwrap();
    desk.run(&["trace", "rows.csv"]).exits(1);

    let desk = ready();
    desk.write("policy.toml", policy().replace("[marking]", "vault = true\n[marking]"));
    desk.run(&["policy", "adopt", "policy.toml"]).ok();
    stamp(&desk, &["-o", "bob", "--release-id", "r1"]).ok();
    assert_eq!(desk.run(&["vault", "verify"]).ok().out(), "1 copy is whole, with 900 rows\n");
    let listed = desk.run(&["vault", "list", "--json"]).ok().json();
    let columns = serde_json::json!(["visit", "seen", "ward", "cost", "note", "year", "region"]);
    assert_eq!((&listed["columns"], &listed["releases"]), (&columns, &serde_json::json!(["r1"])));
    fs::remove_dir_all(desk.path("lake")).unwrap();
    desk.write("rows.csv", exported(&desk));
    let said = desk.trace(&["rows.csv"]).ok();
    assert_eq!((verdict(&said).as_str(), said.stderr.as_str()), ("IDENTIFIED  acme", ""));
}

#[test]
fn a_part_that_does_not_fit_stops_all_and_is_named() {
    let desk = ready();
    let (before, entries) = (desk.names(), desk.entries());
    let good = desk.text("lake/year=2023/part-0.csv");
    let bad = |text: String, error: &str| {
        put(&desk, PARTS[0], text);
        let said = stamp(&desk, &["-o", "out"]).exits(2);
        assert!(said.stderr.starts_with(&format!("error: {error}")), "{}", said.stderr);
        assert_eq!((desk.names(), desk.entries()), (before.clone(), entries));
    };
    bad(good.replacen("V000200", "V000200,more", 1), "lake/year=2023/part-0.csv, row 201: row has 6 fields");
    bad(good.replacen("visit,", "besoek,", 1), "lake/year=2023/part-0.csv: the file has no column `visit`");
    put(&desk, PARTS[0], &good);
    put(&desk, "README.md", "All visits.\n");
    bad(
        good.clone(),
        "lake/README.md: the file has no column `year`\nhint: every file below the folder must be a table of \
         the dataset: take others away\n",
    );
    fs::remove_file(desk.path("lake/README.md")).unwrap();

    let region = "\n[column.region]\nchannel = \"category\"\ngroups = [[\"a\", \"c\"]]\n";
    desk.write("policy.toml", policy() + region);
    desk.run(&["policy", "adopt", "policy.toml"]).ok();
    fs::remove_file(desk.path(&format!("lake/{}", PARTS[0]))).unwrap();
    let hint = "a name is the same in every copy: use the column as key or identity, or write it into the \
                files";
    let part = "lake/year=2024/region=__HIVE_DEFAULT_PARTITION__/part-1.json";
    let error = format!("{part}: the policy marks `region`, which stands in the names of folders");
    stamp(&desk, &["-o", "out"]).fails(2, &error, hint);
    assert_eq!(desk.names(), before);
}

#[test]
fn what_can_t_be_done_with_a_folder_is_refused() {
    let desk = ready();
    let before = desk.names();
    let hint = "a folder is never replaced: choose another name, or take it away first";
    stamp(&desk, &["-o", "home"]).fails(2, "`home` exists", hint);
    let hint = "take the old folder away, and leave --force away";
    stamp(&desk, &["-o", "home", "--force"]).fails(2, "--force does not replace folders", hint);
    let hint = "the input is never changed: choose another place";
    stamp(&desk, &["-o", "lake/out"]).fails(2, "the output `lake/out` is within the input", hint);
    let hint = "make it first, or choose another place";
    stamp(&desk, &["-o", "no/out"]).fails(2, "the folder of the output `no/out` does not exist", hint);
    let hint = "name a folder with `-o`, or put the files into an archive afterwards";
    stamp(&desk, &["-o", "-"]).fails(2, "a folder can't go to standard output", hint);
    let hint = "leave --stream away, and name a folder with `-o`";
    stamp(&desk, &["-o", "-", "--stream"]).fails(2, "--stream writes one file, and a folder has many", hint);
    let hint = "stamp the folder above, or write the column into the files";
    let error = "lake/year=2023/part-0.csv: the file has no column `year`, but the path above the folder has \
                 `year=2023`";
    let one_year = ["stamp", "lake/year=2023", "--dataset", "visits", "--to", "acme", "-o", "out"];
    desk.run(&one_year).fails(2, error, hint);
    let hint = "its log would be false of a copy, and files that it no longer counts would go out: export \
                the rows of today into a folder of plain Parquet, and stamp that";
    put(&desk, "_delta_log/00000000000000000000.json", "{}");
    stamp(&desk, &["-o", "out"]).fails(2, "lake/_delta_log: the folder is a table of Delta Lake", hint);
    assert_eq!(desk.names(), before);
}

#[cfg(unix)]
#[test]
fn an_interrupt_leaves_no_folder_behind() {
    let desk = ready();
    let part = visits(20_000);
    for number in 0..40 {
        put(&desk, &format!("year={number}/part.csv"), &part);
    }
    let before = desk.names();
    let child = desk.dyepack().args(STAMP).args(["-o", "out"]).spawn().unwrap();
    let began = desk.comes(".tmp");
    super::signal(&child, "INT");
    let said = super::Said::from(child.wait_with_output().unwrap()).exits(2);
    assert!(began && said.stderr.contains("interrupted"), "{}", said.stderr);
    assert_eq!(desk.names(), before);
}

//! pandas, PyArrow and DuckDB.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cli::Desk;

use super::{all_name_bob, command, output, program, stamp, stamped};

const LIBRARIES: [&str; 5] = ["duckdb", "openpyxl", "pandas", "pyarrow", "tabulate"];

const FINDS: &str =
    "import importlib.util, sys; sys.exit(not all(map(importlib.util.find_spec, sys.argv[1:])))";

/// A Python that has the libraries: that of `DYEPACK_PYTHON`, or whatever is on the path.
fn python() -> Option<PathBuf> {
    let python = env::var_os("DYEPACK_PYTHON").map(PathBuf::from).or_else(|| program("python3", &[]))?;
    let has = Command::new(&python).args(["-c", FINDS]).args(LIBRARIES).output();
    if !has.is_ok_and(|said| said.status.success()) {
        println!("skipped: no Python with {}", LIBRARIES.join(", "));
        return None;
    }
    Some(python)
}

/// Runs a script in the folder of a desk.
fn run(desk: &Desk, python: &Path, script: &str, args: &[&str]) -> String {
    let mut python = command(desk, python);
    // Its libraries may be in the home of whoever runs the tests.
    if let Some(home) = env::var_os("HOME") {
        python.env("HOME", home);
    }
    python.args(["-W", "ignore", "-c", script]).args(args);
    String::from_utf8(output(&mut python)).unwrap()
}

/// Runs a script that writes files and prints their names, and checks that all name bob.
fn exports_name_bob(desk: &Desk, python: &Path, script: &str, args: &[&str]) {
    let printed = run(desk, python, script, args);
    let files: Vec<&str> = printed.lines().collect();
    assert!(!files.is_empty());
    all_name_bob(desk, &files);
}

#[test]
fn what_pandas_writes_names_the_recipient() {
    let Some(python) = python() else { return };
    for name in ["visits.csv", "visits.ndjson", "visits.parquet", "visits.xlsx"] {
        let desk = stamped(&[name]);
        exports_name_bob(&desk, &python, include_str!("pandas.py"), &[&format!("bob-{name}")]);
    }
}

#[test]
fn what_duckdb_writes_names_the_recipient() {
    let Some(python) = python() else { return };
    let desk = stamped(&["visits.parquet"]);
    exports_name_bob(&desk, &python, include_str!("duckdb.py"), &["bob-visits.parquet"]);
}

#[test]
fn copies_of_what_python_wrote_differ_in_their_marks_alone() {
    let Some(python) = python() else { return };
    let desk = Desk::ready();
    let files = run(&desk, &python, include_str!("make.py"), &["visits.csv"]);
    for file in files.lines() {
        let changed = stamp(&desk, file, &[]);
        let copy = format!("bob-{file}");
        let apart = run(&desk, &python, include_str!("compare.py"), &[file, &copy]);
        assert_eq!(apart.trim(), changed.to_string(), "{file}");
    }
}

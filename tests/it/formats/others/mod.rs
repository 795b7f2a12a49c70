//! Copies that other programs opened and exported again name their recipient: what real programs really write.
//!
//! A program that isn't there is passed over, and said to be. `.ci/run` installs them all.

mod office;
#[cfg(unix)]
mod postgres;
mod python;
mod sqlite;

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cli::Desk;

use super::EXPORTS;
use super::write::Text;

/// Where this program is, on the path or in one of these folders. Its absence is said.
fn program(name: &str, more: &[PathBuf]) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&path).chain(more.iter().cloned()).map(|folder| folder.join(name));
    let found = found.into_iter().find(|file| file.is_file());
    if found.is_none() {
        println!("skipped: no {name}");
    }
    found
}

/// A program about to run in the folder of a desk, with no settings of whoever runs the tests.
fn command(desk: &Desk, program: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(desk.path("")).env("HOME", desk.path("")).env("LC_ALL", "C.UTF-8").env("TZ", "UTC");
    for name in ["PGHOST", "PGPORT", "PGUSER", "PGDATABASE", "PGSERVICE", "PGOPTIONS", "PYTHONPATH"] {
        command.env_remove(name);
    }
    command
}

/// What a program that must work prints.
#[track_caller]
fn output(command: &mut Command) -> Vec<u8> {
    let said = command.output().unwrap();
    assert!(said.status.success(), "{command:?}: {}", String::from_utf8_lossy(&said.stderr));
    said.stdout
}

/// Stamps a file for both partners; the copy of bob is `bob-NAME`. Returns how many of its cells were changed.
fn stamp(desk: &Desk, name: &str, more: &[&str]) -> usize {
    let stamp = |to: &str| {
        let copy = format!("{to}-{name}");
        let args = [&["stamp", name, "--dataset", "visits", "--to", to, "-o", &copy], more].concat();
        desk.run(&args).ok()
    };
    stamp("acme");
    let said = stamp("bob").stderr;
    let count = said.split_once(" carriers, ").and_then(|(_, rest)| rest.split(' ').next());
    count.and_then(|count| count.parse().ok()).unwrap_or_else(|| panic!("{said}"))
}

/// A desk with the table exported under each of these names, and stamped.
fn stamped(names: &[&str]) -> Desk {
    let desk = Desk::ready();
    let table = Text::parse(&desk.read("visits.csv"));
    for name in names {
        let export = EXPORTS.iter().find(|export| export.name == *name).expect("an export");
        desk.write(name, (export.write)(&table));
        stamp(&desk, name, &[]);
    }
    desk
}

/// Checks that each of these files names bob, and that none is, byte for byte, what he was given.
#[track_caller]
fn all_name_bob(desk: &Desk, files: &[&str]) {
    let given = desk.names().into_iter().filter(|name| name.starts_with("bob-"));
    let given: Vec<Vec<u8>> = given.map(|name| desk.read(&name)).collect();
    let mut wrong = String::new();
    for file in files {
        let bytes = desk.read(file);
        assert!(!given.contains(&bytes), "{file} is the copy itself");
        // The name is to tell nothing.
        desk.write("leak", bytes);
        let said = desk.run(&["trace", "leak", "--blind"]);
        if !said.out().starts_with("IDENTIFIED  bob (Bob's Bureau)\n") {
            wrong += &format!("{file}: {}{}\n", said.out(), said.stderr);
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

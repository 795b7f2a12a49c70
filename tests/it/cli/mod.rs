//! The command line as its users meet it: the built binaries, a folder of their own, nothing from outside.
//!
//! [`Desk`] is that folder; what a command says is a [`Said`], and every message is checked word for word
//! with its hint and exit code, in the file of its theme.

mod attack;
mod audit;
mod delivery;
mod evidence;
mod fidelity;
mod gates;
mod init;
mod interrupt;
mod json;
mod keys;
mod lakes;
mod leaks;
mod ledger;
mod lock;
mod many;
mod model;
mod operation;
mod parts;
mod policy;
mod privacy;
mod receipt;
mod recipients;
#[cfg(feature = "polars")]
mod report;
mod signer;
mod stamp;
mod streamed;
mod terminal;
mod timestamp;
mod urls;
mod vault;
mod verdicts;
mod witness;
mod wrapped;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

/// A policy for [`visits`], with many marks so that small tables carry enough.
pub const POLICY: &str = r#"
[dataset]
name = "visits"
key = ["visit"]

[marking]
rate = 0.5

[column.seen]
channel = "datetime"
quantum = "1m"
max_change = "1m"

[column.ward]
channel = "category"
groups = [["north", "south"]]

[column.cost]
channel = "number"
quantum = 0.01
max_change = 0.01
min = 1
"#;

/// A clinic's table.
pub fn visits(rows: u32) -> String {
    let mut out = "visit,seen,ward,cost,note\n".to_owned();
    for row in 0..rows {
        let (day, hour, minute) = (row % 28 + 1, row * 7 % 24, row * 13 % 60);
        let ward = ["north", "south", "west"][(row * row % 3) as usize];
        let (cost, cents) = (20 + row * 37 % 900, row * 91 % 100);
        let seen = format!("2024-03-{day:02} {hour:02}:{minute:02}");
        out += &format!("V{row:06},{seen},{ward},{cost}.{cents:02},\"seen, and sent home\"\n");
    }
    out
}

/// A folder to work in, with a home in it once [`Desk::with_home`] made one.
pub struct Desk {
    folder: TempDir,
}

impl Desk {
    /// An empty folder.
    pub fn empty() -> Desk {
        Desk { folder: tempfile::tempdir().unwrap() }
    }

    /// With a home whose keys are open.
    pub fn with_home() -> Desk {
        let desk = Desk::empty();
        desk.run(&["init", "--no-passphrase"]).ok();
        desk
    }

    /// With a home, two partners, a policy, and a table of 300 rows.
    pub fn ready() -> Desk {
        let desk = Desk::with_home();
        for (id, name) in [("acme", "Acme Analytics"), ("bob", "Bob's Bureau")] {
            desk.run(&["recipient", "add", id, "--name", name]).ok();
        }
        desk.write("policy.toml", POLICY);
        desk.run(&["policy", "adopt", "policy.toml"]).ok();
        desk.write("visits.csv", visits(300));
        desk
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.path(name), bytes).unwrap();
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    pub fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// The names in the folder, sorted: what a failed command must not add to.
    pub fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.path()).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// Whether a file whose name ends so comes into the folder, within twenty seconds.
    pub fn comes(&self, end: &str) -> bool {
        (0..2000).any(|_| {
            thread::sleep(Duration::from_millis(10));
            self.names().iter().any(|name| name.ends_with(end))
        })
    }

    /// Every file below `name`, with its bytes.
    pub fn files_below(&self, name: &str) -> Vec<(PathBuf, Vec<u8>)> {
        fn gather(folder: &Path, files: &mut Vec<(PathBuf, Vec<u8>)>) {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    gather(&path, files);
                } else {
                    files.push((path.clone(), fs::read(&path).unwrap()));
                }
            }
        }
        let mut files = Vec::new();
        gather(&self.path(name), &mut files);
        files
    }

    /// `dyepack`, about to run here with nothing of the surroundings but what is set on it.
    pub fn dyepack(&self) -> Command {
        self.command(env!("CARGO_BIN_EXE_dyepack"))
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.folder.path()).env_clear();
        command.env("DYEPACK_HOME", "home").env("USER", "tester").env("HOME", self.folder.path());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs `dyepack` with these arguments.
    pub fn run(&self, args: &[&str]) -> Said {
        Said::from(self.dyepack().args(args).output().unwrap())
    }

    /// Runs `dyepack` with a variable set.
    pub fn run_with(&self, name: &str, value: &str, args: &[&str]) -> Said {
        Said::from(self.dyepack().env(name, value).args(args).output().unwrap())
    }

    /// Runs `trace` with these arguments.
    pub fn trace(&self, args: &[&str]) -> Said {
        Said::from(self.command(env!("CARGO_BIN_EXE_trace")).args(args).output().unwrap())
    }

    /// Runs `dyepack` with `input` on its standard input.
    pub fn pipe(&self, input: impl Into<Vec<u8>>, args: &[&str]) -> Said {
        let mut child = self.dyepack().args(args).stdin(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let input = input.into();
        // A command that fails early reads no further.
        let writer = thread::spawn(move || drop(stdin.write_all(&input)));
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap();
        Said::from(output)
    }

    /// Stamps `visits.csv` for a partner as `release`, into `{to}.csv`.
    pub fn stamp(&self, to: &str, release: &str) -> Said {
        let out = format!("{to}.csv");
        self.run(&[
            "stamp",
            "visits.csv",
            "--dataset",
            "visits",
            "--to",
            to,
            "-o",
            &out,
            "--release-id",
            release,
        ])
    }

    /// The number of entries in the ledger.
    pub fn entries(&self) -> usize {
        self.run(&["ledger", "list"]).ok().out().lines().count()
    }
}

/// What a command said.
#[derive(Debug)]
pub struct Said {
    pub code: i32,
    pub stdout: Vec<u8>,
    pub stderr: String,
}

impl From<Output> for Said {
    fn from(output: Output) -> Said {
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(!stderr.contains("panicked"), "{stderr}");
        Said { code: output.status.code().unwrap_or(-1), stdout: output.stdout, stderr }
    }
}

impl Said {
    /// Checks that it worked.
    #[track_caller]
    pub fn ok(self) -> Said {
        assert_eq!(self.code, 0, "{}", self.stderr);
        self
    }

    /// Checks the exit code.
    #[track_caller]
    pub fn exits(self, code: i32) -> Said {
        assert_eq!(self.code, code, "{}\n{}", self.out(), self.stderr);
        self
    }

    /// Checks that it failed with this code, message and hint, and said nothing else anywhere.
    #[track_caller]
    pub fn fails(self, code: i32, error: &str, hint: &str) {
        assert_eq!(self.stderr, format!("error: {error}\nhint: {hint}\n"));
        assert_eq!((self.code, self.stdout.len()), (code, 0));
    }

    /// Standard output as text.
    pub fn out(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Standard output in one line: a report's sentences without the screen's line ends.
    pub fn flat(&self) -> String {
        self.out().replace('\n', " ")
    }

    /// Standard output as one JSON object.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}", self.out()))
    }
}

/// Sends a signal as a shell does.
#[cfg(unix)]
pub fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args([format!("-{name}"), child.id().to_string()]).status();
    assert!(sent.unwrap().success());
}

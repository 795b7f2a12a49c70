//! A server of PostgreSQL, and its tools.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::cli::Desk;

use super::{all_name_bob, command, output, program, stamp, stamped};

/// Who runs the server where the tests are run by root, whom it refuses.
const USER: &str = "postgres";

/// A server of its own: in a folder that goes with it, and reached by a socket there.
struct Server {
    folder: TempDir,
    tools: PathBuf,
    is_other_user: bool,
}

impl Server {
    /// Starts one, if there is PostgreSQL.
    fn start() -> Option<Server> {
        let tools = program("initdb", &folders())?.canonicalize().unwrap().parent()?.to_owned();
        let is_other_user = output(Command::new("id").arg("-u")) == b"0\n";
        let folder = tempfile::tempdir().unwrap();
        if is_other_user {
            program("runuser", &[])?;
            if !Command::new("chown").arg(USER).arg(folder.path()).output().unwrap().status.success() {
                println!("skipped: no user {USER}");
                return None;
            }
        }
        let server = Server { folder, tools, is_other_user };
        let data = server.data();
        let options = ["--no-sync", "--auth=trust", "--encoding=UTF8", "-U", USER, "-D", &data];
        output(server.tool("initdb").args(options));
        let path = server.path();
        let options = format!("-c listen_addresses= -c unix_socket_directories={path} -c fsync=off");
        let log = format!("{path}/log");
        output(server.tool("pg_ctl").args(["start", "-w", "-D", &data, "-l", &log, "-o", &options]));
        Some(server)
    }

    fn path(&self) -> String {
        self.folder.path().display().to_string()
    }

    fn data(&self) -> String {
        format!("{}/data", self.path())
    }

    /// One of the tools that make and run a server.
    fn tool(&self, name: &str) -> Command {
        let tool = self.tools.join(name);
        let mut command = Command::new(if self.is_other_user { Path::new("runuser") } else { &tool });
        if self.is_other_user {
            command.args(["-u", USER, "--"]).arg(tool);
        }
        command.current_dir(self.folder.path()).env("LC_ALL", "C");
        // What it starts must not keep the output open for as long as it runs.
        if name == "pg_ctl" {
            command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
        }
        command
    }

    /// A client in the folder of a desk.
    fn client(&self, desk: &Desk, name: &str, args: &[&str]) -> Vec<u8> {
        let mut client = command(desk, &self.tools.join(name));
        output(client.env("PGHOST", self.folder.path()).env("PGUSER", USER).args(args))
    }

    /// Makes an empty table and copies a CSV file into it.
    fn load(&self, desk: &Desk, csv: &str) {
        let table = "CREATE TABLE visits \
             (visit text PRIMARY KEY, seen timestamp, ward text, cost numeric(12,2), note text)";
        let copy = format!("\\copy visits FROM {csv} WITH (FORMAT csv, HEADER)");
        self.client(desk, "psql", &["-X", "-q", "-c", table, "-c", &copy]);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.tool("pg_ctl").args(["stop", "-m", "immediate", "-D", &self.data()]).status());
    }
}

/// Where Debian keeps the tools of servers.
fn folders() -> Vec<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    versions.map(|version| version.path().join("bin")).collect()
}

const ROWS: &str = "SELECT * FROM visits ORDER BY cost, visit";

#[test]
fn what_postgresql_exports_names_the_recipient() {
    let Some(server) = Server::start() else { return };
    let desk = stamped(&["visits.csv"]);
    server.load(&desk, "bob-visits.csv");
    let psql = |more: &[&str]| server.client(&desk, "psql", &[&["-X"], more].concat());
    let csv = format!("COPY ({ROWS}) TO STDOUT WITH (FORMAT csv, HEADER)");
    let json = format!("SELECT to_json(row) FROM ({ROWS}) AS row");
    let printed = [
        ("copy as csv", psql(&["-c", &csv])),
        ("copy as text", psql(&["-c", &format!("COPY ({ROWS}) TO STDOUT")])),
        ("aligned", psql(&["-c", ROWS])),
        ("expanded", psql(&["-x", "-c", ROWS])),
        ("unaligned", psql(&["-A", "-c", ROWS])),
        ("framed", psql(&["-P", "border=2", "-c", ROWS])),
        ("framed with lines", psql(&["-P", "border=2", "-P", "linestyle=unicode", "-c", ROWS])),
        ("expanded in frames", psql(&["-x", "-P", "border=2", "-c", ROWS])),
        ("json", psql(&["-t", "-A", "-c", &json])),
        ("dump", server.client(&desk, "pg_dump", &["-t", "visits"])),
        ("dump of inserts", server.client(&desk, "pg_dump", &["-t", "visits", "--inserts"])),
        ("dump of columns", server.client(&desk, "pg_dump", &["-t", "visits", "--column-inserts"])),
    ];
    printed.iter().for_each(|(name, text)| desk.write(name, text));
    all_name_bob(&desk, &printed.each_ref().map(|(name, _)| *name));
}

#[test]
fn a_stamped_dump_loads_again_and_is_the_same_but_for_marks() {
    let Some(server) = Server::start() else { return };
    let desk = Desk::ready();
    server.load(&desk, "visits.csv");
    for (name, more) in
        [("copy.sql", ["-t", "visits"].as_slice()), ("inserts.sql", &["-t", "visits", "--inserts"])]
    {
        desk.write(name, server.client(&desk, "pg_dump", more));
        let changed = stamp(&desk, name, &["--table", "visits"]);
        let copy = format!("bob-{name}");
        let database = name.replace('.', "_");
        server.client(&desk, "createdb", &[&database]);
        let load = ["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", &database, "-f", &copy];
        server.client(&desk, "psql", &load);
        let again = server.client(&desk, "pg_dump", &[more, &["-d", &database]].concat());
        let (before, after) = (desk.text(name), String::from_utf8(again).unwrap());
        assert_eq!(cells_apart(&before, &after), changed, "{name}");
        assert_eq!(cells_apart(&before, &desk.text(&copy)), changed, "{name}");
    }
}

/// How many words of two dumps are not the same; all but these must be in both, in order.
fn cells_apart(before: &str, after: &str) -> usize {
    let words = |text: &str| -> Vec<String> {
        // Newer dumps begin and end with a word that is made up anew each time.
        let lines =
            text.lines().filter(|line| !line.starts_with("\\restrict") && !line.starts_with("\\unrestrict"));
        lines.flat_map(|line| line.split(['\t', ',']).map(str::to_owned).collect::<Vec<_>>()).collect()
    };
    let (before, after) = (words(before), words(after));
    assert_eq!(before.len(), after.len());
    before.iter().zip(&after).filter(|(before, after)| before != after).count()
}

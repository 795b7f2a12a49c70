//! The shell of SQLite.

use super::{all_name_bob, command, output, program, stamped};

/// What its `.mode` is set to. `insert` names the table that is inserted into.
const MODES: &[&str] =
    &["csv", "json", "insert visits", "markdown", "box", "table", "column", "line", "list", "tabs"];

#[test]
fn what_the_shell_of_sqlite_prints_names_the_recipient() {
    let Some(shell) = program("sqlite3", &[]) else { return };
    let desk = stamped(&["visits.db"]);
    let mut files = vec!["dump".to_owned()];
    desk.write("dump", output(command(&desk, &shell).args(["bob-visits.db", ".dump"])));
    for mode in MODES {
        let mode = format!(".mode {mode}");
        let rows = "SELECT * FROM visits ORDER BY cost";
        let printed = output(command(&desk, &shell).args(["-cmd", &mode, "-header", "bob-visits.db", rows]));
        desk.write(&mode, printed);
        files.push(mode);
    }
    all_name_bob(&desk, &files.iter().map(String::as_str).collect::<Vec<_>>());
}

#[test]
fn a_csv_that_the_shell_of_sqlite_imported_names_the_recipient() {
    let Some(shell) = program("sqlite3", &[]) else { return };
    let desk = stamped(&["visits.csv"]);
    let import = ".import bob-visits.csv visits";
    let dump = output(command(&desk, &shell).args(["made.db", "-cmd", ".mode csv", "-cmd", import, ".dump"]));
    desk.write("dump", dump);
    all_name_bob(&desk, &["dump", "made.db"]);
}

//! LibreOffice, without a window.

use std::path::{Path, PathBuf};

use crate::cli::Desk;

use super::{all_name_bob, command, output, program, stamp, stamped};

/// LibreOffice, as someone of this language has it.
struct Office {
    program: PathBuf,
    locale: &'static str,
}

impl Office {
    /// Converts files into the folder `LOCALE/FORMAT`, with a profile of this desk's own. Returns what was made.
    fn convert(&self, desk: &Desk, format: &str, files: &[&str]) -> Vec<String> {
        let profile = format!("-env:UserInstallation=file://{}", desk.path("profile").display());
        let into = format!("{}/{format}", self.locale);
        let mut office = command(desk, &self.program);
        office.env("LC_ALL", self.locale).args([
            &profile,
            "--headless",
            "--convert-to",
            format,
            "--outdir",
            &into,
        ]);
        output(office.args(files));
        let made = files.iter().map(|file| {
            let stem = Path::new(file).file_stem().expect("a name").to_string_lossy();
            format!("{into}/{stem}.{format}")
        });
        // It exits with 0 if a file can't be read.
        made.inspect(|made| assert!(desk.path(made).is_file(), "{made}")).collect()
    }
}

#[test]
fn what_libreoffice_saves_names_the_recipient() {
    let Some(program) = program("soffice", &[]) else { return };
    let office = Office { program: program.clone(), locale: "en_US.UTF-8" };
    let german = Office { program, locale: "de_DE.UTF-8" };
    let desk = stamped(&["visits.csv", "visits.xlsx"]);
    let opened = office.convert(&desk, "xlsx", &["visits.csv", "bob-visits.csv"]);
    // Its own workbook has dates as dates, where that of the desk has texts.
    desk.write("own.xlsx", desk.read(&opened[0]));
    stamp(&desk, "own.xlsx", &[]);
    desk.write("opened.xlsx", desk.read(&opened[1]));
    let mut files = vec!["opened.xlsx".to_owned()];
    for format in ["csv", "ods", "xls"] {
        files.extend(office.convert(&desk, format, &["bob-visits.xlsx", "bob-own.xlsx", "opened.xlsx"]));
    }
    // Decimals have commas.
    files.extend(german.convert(&desk, "csv", &["bob-visits.xlsx", "bob-own.xlsx", "opened.xlsx"]));
    all_name_bob(&desk, &files.iter().map(String::as_str).collect::<Vec<_>>());
}

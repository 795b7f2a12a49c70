//! The same marks whatever the format: a copy in any format, exported again into any other, names the same recipient.

mod others;
pub mod write;

use std::io::Read as _;

use dyepack::table::format::kind::Said;
use dyepack::table::format::open::as_csv;
use dyepack::table::format::source::Input;

use crate::cli::Desk;
use write::Text;

/// A format, by how a table is exported to it.
struct Export {
    name: &'static str,
    write: fn(&Text) -> Vec<u8>,
}

const EXPORTS: &[Export] = &[
    Export { name: "visits.csv", write: Text::csv },
    Export { name: "copy.sql", write: Text::copy_block },
    Export { name: "inserts.sql", write: Text::inserts },
    Export { name: "visits.parquet", write: Text::parquet },
    Export { name: "visits.ndjson", write: Text::ndjson },
    Export { name: "visits.json", write: Text::json },
    Export { name: "visits.arrow", write: Text::arrow },
    Export { name: "visits.xlsx", write: Text::xlsx },
    Export { name: "visits.db", write: Text::sqlite },
];

/// The only table of a file.
fn read(file: &std::path::Path) -> Text {
    let (mut found, _) = as_csv(Input::File(file.to_owned()), &Said::default()).unwrap();
    let mut csv = Vec::new();
    found.csv.read_to_end(&mut csv).unwrap();
    Text::parse(&csv)
}

#[test]
fn a_copy_in_any_format_exported_to_any_other_names_its_recipient() {
    let desk = Desk::ready();
    let table = Text::parse(&desk.read("visits.csv"));
    for from in EXPORTS {
        desk.write(from.name, (from.write)(&table));
        for to in ["acme", "bob"] {
            let copy = format!("{to}-{}", from.name);
            desk.run(&["stamp", from.name, "--dataset", "visits", "--to", to, "-o", &copy]).ok();
        }
        let mut copy = read(&desk.path(&format!("bob-{}", from.name)));
        assert_eq!(copy.rows.len(), table.rows.len(), "{}", from.name);
        assert_ne!(copy, table, "{}", from.name);
        // Not the very bytes that were given to bob.
        copy.rows.reverse();
        copy.rows.truncate(250);
        for into in EXPORTS {
            desk.write("leak", (into.write)(&copy));
            let said = desk.run(&["trace", "leak", "--blind"]).ok().out();
            let case = format!("{} as {}: {said}", from.name, into.name);
            assert!(said.starts_with("IDENTIFIED  bob (Bob's Bureau)\n"), "{case}");
        }
    }
}

//! JSON as a table: columns, cells, splices, and what a hostile file does.

use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::error::Result;
use crate::table::Row;
use crate::table::format::block::{Options, Reading};
use crate::table::format::copy::{Editor, Table};

/// Says a new text for cells of some columns that hold text.
struct Change<'a>(&'a [(usize, &'a str)]);

impl Editor for Change<'_> {
    type Work = ();

    fn begin(&self, (): &mut ()) {}

    fn row(&self, row: &impl Row, (): &mut (), edit: &mut impl FnMut(usize, usize, &str)) {
        for &(column, text) in self.0 {
            if !row.cell(column).is_empty() {
                edit(0, column, text);
            }
        }
    }

    fn end(&self, (): &mut ()) -> Result<()> {
        Ok(())
    }
}

fn small(reading: Reading, block_bytes: usize) -> Options {
    Options { block_bytes, ..Options::new(reading) }
}

fn copied(file: &[u8], options: Options, changes: &[(usize, &str)]) -> Result<String> {
    let mut output = Vec::new();
    table(file, &[], None, options)?.copy(&Change(changes), &mut [&mut output], |()| Ok(()))?;
    Ok(String::from_utf8_lossy(&output).into_owned())
}

fn strict(file: &str, changes: &[(usize, &str)]) -> Result<String> {
    copied(file.as_bytes(), Options::new(Reading::Strict), changes)
}

/// What is wrong, rows, and the first of them.
type FaultList = Vec<(&'static str, u64, u64)>;

/// All tables as CSV, and the faults.
fn tables(file: &[u8], options: Options) -> Vec<(String, String, FaultList)> {
    let found = read(std::io::Cursor::new(file.to_vec()), "t", options).unwrap_or_default();
    let all = found.into_iter().map(|mut found| {
        let mut text = Vec::new();
        let _ = std::io::Read::read_to_end(&mut found.csv, &mut text);
        let faults =
            found.faults.list().iter().map(|fault| (fault.what, fault.rows, fault.first_row)).collect();
        (found.name, String::from_utf8_lossy(&text).into_owned(), faults)
    });
    all.collect()
}

fn csv(file: &str) -> String {
    tables(file.as_bytes(), Options::new(Reading::Tolerant)).remove(0).1
}

#[test]
fn members_are_columns_in_order_of_appearance() {
    let file = "{\"Id\":\"a\",\"p\":{\"q\":[1,{\"r\":true}]},\"n\":null}\n{\"z\":1.50,\"Id\":\"b\",\"$.x\":1,\"p\":{\"a.b\":2}}";
    assert_eq!(csv(file), "Id,$.p.q[0],$.p.q[1].r,n,z,$['$.x'],$.p['a.b']\na,1,true,,,,\nb,,,,1.50,1,2\n");
}

#[test]
fn a_column_is_asked_for_with_or_without_its_dollar() {
    let wanted = ["$.Id", "late", "$.p.q", "$['a.b']", "$.Id"].map(str::to_owned);
    let table = table("{\"Id\":1}\n".as_bytes(), &wanted, None, Options::new(Reading::Strict)).unwrap();
    assert_eq!(table.columns(), ["$.Id", "late", "$.p.q", "$['a.b']"]);
    for bad in ["$.", "$.a[", "$.a[x]", "$['a", "$.a[99999999]"] {
        let error = super::table("{}".as_bytes(), &[bad.to_owned()], None, Options::new(Reading::Strict));
        assert!(error.is_err(), "{bad}");
    }
}

#[test]
fn texts_are_unescaped_and_numbers_plain() {
    let file = r#"{"a":" \"x\"\u00e9\ud83d\ude00\ud800 ","b":1e3,"c":-2.5E-3,"d":1e300,"e":0e5,"f":12.0}"#;
    assert_eq!(csv(file), "a,b,c,d,e,f\n\"\"\"x\"\"\u{e9}\u{1f600}\u{fffd}\",1000,-0.0025,1e300,0,12.0\n");
}

#[test]
fn an_edit_changes_its_value_and_nothing_else() {
    let file = "\u{feff}[ {\"a\" : \"  x \" ,\"b\":1.0e0, \"c\":true}\r\n,\t{\"b\":7}] \n";
    let expected = "\u{feff}[ {\"a\" : \"  \\\"y\\\\ \" ,\"b\":2.50, \"c\":false}\r\n,\t{\"b\":2.50}] \n";
    assert_eq!(strict(file, &[(2, "false"), (0, "\"y\\"), (1, "2.50")]).unwrap(), expected);
    assert_eq!(strict(file, &[]).unwrap(), file);
}

#[test]
fn a_text_that_the_type_cannot_hold_is_an_error() {
    for (file, text) in [("{\"a\":1}", "x"), ("{\"a\":1}", "01"), ("{\"a\":true}", "1")] {
        let error = strict(&format!("{{\"a\":null}}\n{file}"), &[(0, text)]).unwrap_err();
        let expected = "row 2, column `a`: a new text does not fit the type of the value";
        assert_eq!(error.to_string(), expected);
        assert!(error.hint().is_some());
    }
}

#[test]
fn bad_json_is_an_error_that_names_the_row() {
    for bad in [
        "{\"a\":01}",
        "{\"a\":1,}",
        "{a:1}",
        "{\"a\":\"\t\"}",
        "{\"a\":tru}",
        "{\"a\":1",
        "{\"a\":\"\\x\"}",
        "[1]",
        "7",
        "{\"a\":1,\"a\":2}",
        "{\"a\":1}}",
        "{\"a\":.5}",
        "{\"a\":1 \"b\":2}",
        "{\"a\":{\"x\":[1,]}}",
    ] {
        let lines = format!("{{\"a\":1}}\n{{\"a\":2}}\n{bad}\n{{\"a\":3}}\n");
        for block_bytes in [1, 1000] {
            let options = small(Reading::Strict, block_bytes);
            let error = copied(lines.as_bytes(), options, &[]).unwrap_err().to_string();
            let is_right =
                error.starts_with("row 3: ") || error.starts_with("row 4: ") && bad.ends_with("}}");
            assert!(is_right, "{bad} {error}");
        }
        let array = format!("[{{\"a\":1}},{bad},{{\"a\":3}}]");
        assert!(strict(&array, &[]).is_err(), "{bad}");
    }
    for bad in ["[{},]", "[,{}]", "[{} {}]", "[{}", "[{}]]", "[{}] {}", "", "  ", "x", "[{},,{}]"] {
        for block_bytes in [1, 3, 1000] {
            assert!(copied(bad.as_bytes(), small(Reading::Strict, block_bytes), &[]).is_err(), "{bad}");
        }
    }
    let invalid = copied(b"{\"a\":\"\xff\"}", Options::new(Reading::Strict), &[]).unwrap_err();
    assert_eq!(invalid.to_string(), "row 1: row is no valid UTF-8");
    let deep = "{\"a\":".repeat(100_000);
    assert!(strict(&deep, &[]).is_err());
    tables(deep.as_bytes(), Options::new(Reading::Tolerant));
}

#[test]
fn rows_may_go_over_lines() {
    let file = "{\n  \"a\": \"}\",\n  \"b\": [{}]\n}\n{\n \"a\": \"y\"\n}\n";
    for block_bytes in [1, 1000] {
        let copy = copied(file.as_bytes(), small(Reading::Strict, block_bytes), &[(0, "z")]).unwrap();
        assert_eq!(copy, file.replace("}\",", "z\",").replace("\"y\"", "\"z\""));
    }
}

#[test]
fn tolerant_reading_leaves_broken_rows_out() {
    let file = "{\"a\":1}\n{\"a\":\nno\n2024 [INFO] {x} got {\"a\":2} ok\n{\"a\":3,\"b\":1}\n\
        {\"a\":4,\"a\":5}\n{\"a\":6";
    for block_bytes in [10, 1000] {
        let (_, csv, faults) = tables(file.as_bytes(), small(Reading::Tolerant, block_bytes)).remove(0);
        if block_bytes == 1000 {
            assert_eq!(csv, "a,b\n1,\n2,\n3,1\n4,\n");
        } else {
            assert_eq!(csv, "a\n1\n2\n3\n4\n");
            assert!(faults.contains(&("with members that the first rows lack", 1, 5)));
        }
        assert!(faults.contains(&("without valid JSON, left out", 2, 2)), "{faults:?}");
        assert!(faults.contains(&("without a JSON object, left out", 1, 3)), "{faults:?}");
    }
}

#[test]
fn an_array_that_is_cut_off_keeps_its_whole_rows() {
    let file = "[{\"a\":1},{\"a\":x},{\"a\":2},\n{\"a\":3},{\"a\":";
    for block_bytes in [1, 20, 1000] {
        let (_, csv, faults) = tables(file.as_bytes(), small(Reading::Tolerant, block_bytes)).remove(0);
        assert_eq!(csv, "a\n1\n2\n3\n");
        assert_eq!(faults, [("without valid JSON, left out", 2, 2)]);
    }
}

#[test]
fn a_document_gives_the_tables_within_it() {
    let found = |file: &str| -> Vec<(String, String)> {
        let tables = tables(file.as_bytes(), Options::new(Reading::Tolerant));
        tables.into_iter().map(|(name, csv, _)| (name, csv)).collect()
    };
    let of = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
        pairs.iter().map(|&(name, csv)| (name.to_owned(), csv.to_owned())).collect()
    };
    let two = "{\"n\":1,\n\"a\":[\n{\"x\":1}],\"b\":{\"c\":[{\"y\":2},{\"y\":3}]}}";
    let itself = ("t", "n,$.a[0].x,$.b.c[0].y,$.b.c[1].y\n1,1,2,3\n");
    assert_eq!(found(two), of(&[("t/a", "x\n1\n"), ("t/$.b.c", "y\n2\n3\n"), itself]));
    assert_eq!(found(&format!("{{{}", &two[8..])), of(&[("t/a", "x\n1\n"), ("t/$.b.c", "y\n2\n3\n")]));
    assert_eq!(found(&two[..two.len() - 8])[..2], of(&[("t/a", "x\n1\n"), ("t/$.b.c", "y\n2\n")]));
    let bundle = "{\"resourceType\":\"Bundle\",\"entry\":[{\"fullUrl\":\"u\",\"resource\":{\"id\":\"a\",\"p\":{\"q\":1}}}]}";
    assert_eq!(found(bundle), of(&[("t/entry", "id,$.p.q\na,1\n")]));
    for grid in [
        "[[\"Id\",\"x\"],[\"a\",1.50],[\"b\",null]]",
        "{\"columns\":[\"Id\",\"x\"],\"index\":[0,1],\"data\":[[\"a\",1.50],[\"b\",null]]}",
        "{\"Id\":[\"a\",\"b\"],\"x\":[1.50,null]}",
        "{\"Id\":{\"0\":\"a\",\"1\":\"b\"},\"x\":{\"0\":1.50,\"1\":null}}",
    ] {
        assert_eq!(found(grid), of(&[("t", "Id,x\na,1.50\nb,\n")]), "{grid}");
    }
    assert_eq!(found("{\"a\":1,\"b\":{\"c\":2}}"), of(&[("t", "a,$.b.c\n1,2\n")]));
}

/// The copy of a document, in blocks of several sizes; they must not differ.
fn wrapped(file: &str, part: Option<&str>, changes: &[(&str, &str)]) -> Result<String> {
    let copies = [1, 7, 1 << 18].map(|block_bytes| -> Result<String> {
        let table = table(file.as_bytes(), &[], part, small(Reading::Strict, block_bytes))?;
        let at = |name: &str| table.columns().iter().position(|column| column == name).unwrap();
        let changes: Vec<_> = changes.iter().map(|&(name, text)| (at(name), text)).collect();
        let mut output = Vec::new();
        table.copy(&Change(&changes), &mut [&mut output], |()| Ok(()))?;
        Ok(String::from_utf8(output).unwrap())
    });
    let said = |copy: &Result<String>| copy.as_ref().map_or_else(|error| error.to_string(), Clone::clone);
    assert!(copies.iter().all(|copy| said(copy) == said(&copies[0])), "{copies:?}");
    let [copy, ..] = copies;
    copy
}

const BUNDLE: &str = "\u{feff}{\"resourceType\" : \"Bundle\", \"link\":[{\"url\":\"u\"}],\n \"entry\":[\n\
    {\"fullUrl\":\"x\",\"resource\":{\"id\":\"a\",\"period\":{\"start\":\"2024-01-31\"}},\"search\":{}} ,\n\
    {\"resource\":{\"period\":{\"start\":\"2024-02-01\"},\"id\":\"b\"}},{\"response\":{\"status\":\"204\"}}\n],\
    \"signature\":{\"data\":\"]}\\\"\"}, \"x\":[{}] }\r\n";

#[test]
fn a_bundle_is_copied_with_everything_around_its_entries() {
    assert_eq!(wrapped(BUNDLE, None, &[]).unwrap(), BUNDLE);
    let changes = [("$.period.start", "2024-03-09"), ("id", "z")];
    let expected = BUNDLE.replace("2024-01-31", "2024-03-09").replace("2024-02-01", "2024-03-09");
    let expected = expected.replace("\"id\":\"a\"", "\"id\":\"z\"").replace("\"id\":\"b\"", "\"id\":\"z\"");
    assert_eq!(wrapped(BUNDLE, None, &changes).unwrap(), expected);
    assert_eq!(wrapped(BUNDLE, Some("$.entry"), &changes).unwrap(), expected);
    assert_eq!(wrapped(BUNDLE, Some("link"), &[("url", "v")]).unwrap(), BUNDLE.replace("\"u\"", "\"v\""));
}

#[test]
fn a_bundle_has_the_cells_of_its_resources_on_lines() {
    let lines = "{\"id\":\"a\",\"period\":{\"start\":\"2024-01-31\"}}\n{\"period\":{\"start\":\"2024-02-01\"},\"id\":\"b\"}\n";
    let seen = |file: &str| {
        let table = table(file.as_bytes(), &[], None, Options::new(Reading::Strict)).unwrap();
        let columns = table.columns().to_vec();
        let mut cells = Vec::new();
        let mut see = |row: &dyn Row| {
            cells.push((0..columns.len()).map(|column| row.cell(column).into_owned()).collect::<Vec<_>>());
            Ok(())
        };
        table.rows(&mut see).unwrap();
        (columns, cells)
    };
    let (mut bundle, lines) = (seen(BUNDLE), seen(lines));
    assert_eq!(bundle.1.pop().unwrap(), [b"", b""], "an entry without a resource");
    assert_eq!(bundle, lines);
}

#[test]
fn the_only_array_of_objects_holds_the_rows_and_several_must_be_named() {
    let one = "{\"n\":1,\"x\":[1,2],\"data\":[{\"a\":1},{\"a\":2}],\"y\":{\"z\":[{\"a\":3}]}}";
    assert_eq!(
        wrapped(one, None, &[("a", "7")]).unwrap(),
        one.replace("\"a\":1", "\"a\":7").replace("\"a\":2", "\"a\":7")
    );
    assert_eq!(wrapped(one, Some("$.y.z"), &[("a", "7")]).unwrap(), one.replace("\"a\":3", "\"a\":7"));
    let several = "{\"p\":[{\"a\":1}],\"q\" : [ {\"a\":1}],\"r\":[]}";
    let error = wrapped(several, None, &[]).unwrap_err();
    assert_eq!(error.to_string(), "several members are arrays of objects: `p`, `q`");
    assert!(error.hint().unwrap().contains("--table"));
    assert_eq!(
        wrapped(several, Some("q"), &[("a", "7")]).unwrap(),
        "{\"p\":[{\"a\":1}],\"q\" : [ {\"a\":7}],\"r\":[]}"
    );
    assert_eq!(wrapped(several, Some("r"), &[]).unwrap(), several);
    let error = wrapped(several, Some("n"), &[]).unwrap_err();
    assert_eq!(error.to_string(), "the file has no array at `n`");
    assert_eq!(error.hint(), Some("its arrays of objects are `p`, `q`"));
    assert!(wrapped("{\"p\":[{}],\"p\":[{}]}", Some("p"), &[]).is_err());
    for (file, part) in
        [("[{\"a\":1}]", "a"), ("{\"a\":1}\n{\"a\":[{}]}", "a"), (one, "$.y"), (one, "$.x[0]")]
    {
        assert!(wrapped(file, Some(part), &[]).is_err(), "{file}");
    }
}

#[test]
fn rows_that_hold_arrays_stay_rows() {
    let lines = "{\"Id\":1,\"n\":[{\"f\":\"x\"}]}\n{\"Id\":2,\"n\":[{\"f\":\"y\"}]}\n";
    assert_eq!(wrapped(lines, None, &[("Id", "7")]).unwrap(), lines.replace("1,", "7,").replace("2,", "7,"));
    let resource = "{\"resourceType\":\"Patient\",\"id\":\"a\",\"name\":[{\"f\":\"x\"}]}\n";
    assert_eq!(wrapped(resource, None, &[("id", "b")]).unwrap(), resource.replace("\"a\"", "\"b\""));
    let one = &lines[..lines.find('\n').unwrap()];
    let columns = |wanted: &str| {
        let options = Options::new(Reading::Strict);
        table(one.as_bytes(), &[wanted.to_owned()], None, options).unwrap().columns().to_vec()
    };
    assert_eq!(columns("$.Id"), ["$.Id", "$.n[0].f"]);
    assert_eq!(columns("f"), ["f"]);
}

#[test]
fn a_document_may_be_longer_than_what_is_looked_at_first() {
    let rows = |count: usize| vec!["{\"a\":\"x\"}"; count].join(",\n");
    let file = format!(
        "{{\"u\":\"{}\\n\",\"data\":[{}],\"t\":[{}]}}",
        "-".repeat(100_000),
        rows(20_000),
        "[1],".repeat(50_000) + "2"
    );
    assert_eq!(wrapped_once(&file, None).unwrap(), file.replace("\"x\"", "\"y\""));
    let several = file.replace("\"t\":[", "\"t\":[{},");
    let error = wrapped_once(&several, None).unwrap_err();
    assert_eq!(error.to_string(), "several members are arrays of objects: `data`, `t`");
    assert_eq!(wrapped_once(&several, Some("data")).unwrap(), several.replace("\"x\"", "\"y\""));
    let cut_off = wrapped_once(&file[..file.len() - 1], None).unwrap_err();
    assert_eq!(cut_off.to_string(), "the JSON after the rows is cut off");
    let late = wrapped_once(&file.replace("[{", "[[{"), None).unwrap_err();
    assert!(late.to_string().starts_with("no array of objects begins within the first"), "{late}");
}

/// A copy for which no row may be longer than 120 kB, so that the document is taken for a long one.
fn wrapped_once(file: &str, part: Option<&str>) -> Result<String> {
    let options = Options { max_record_bytes: 120_000, ..Options::new(Reading::Strict) };
    let mut output = Vec::new();
    let table = table(file.as_bytes(), &[], part, options)?;
    table.copy(&Change(&[(0, "y")]), &mut [&mut output], |()| Ok(()))?;
    Ok(String::from_utf8(output).unwrap())
}

#[test]
fn json_is_known_by_its_first_bytes() {
    for yes in ["{\"a\":1", " [\n{\"a\" : ", "\u{feff}{}", "[]", "[[1,2]", "{", "{\"lo"] {
        assert!(sniff(yes.as_bytes()), "{yes}");
    }
    for no in ["", "a,b", "{a,b}", "[x]", "\"a\"", "{\"a\",\"b\"}", "[1] a"] {
        assert!(!sniff(no.as_bytes()), "{no}");
    }
}

/// Any value, small.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<i32>().prop_map(|eighths| Value::from(f64::from(eighths) / 8.0)),
        "[ -~\\t\u{e9}]{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-d.\"]{0,2}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn row() -> impl Strategy<Value = Value> {
    prop::collection::btree_map("[a-d.\"]{0,2}", value(), 0..5)
        .prop_map(|map| Value::Object(map.into_iter().collect()))
}

/// Rows as a file, in one of the ways to write them.
fn written(rows: &[Value], way: u8) -> String {
    let texts = |pretty: bool| -> Vec<String> {
        let text = |row| if pretty { serde_json::to_string_pretty(row) } else { serde_json::to_string(row) };
        rows.iter().map(|row| text(row).unwrap()).collect()
    };
    match way {
        0 => texts(false).join("\n"),
        1 => texts(true).join("\r\n") + "\n",
        2 => format!("[{}]", texts(false).join(",")),
        _ => format!(" [\n{} \t]\n", texts(true).join(" ,\n")),
    }
}

/// The value at a path.
fn at<'v>(row: &'v mut Value, steps: &[path::Step]) -> Option<&'v mut Value> {
    steps.iter().try_fold(row, |value, step| match step {
        path::Step::Member(member) => value.get_mut(std::str::from_utf8(member).unwrap()),
        path::Step::Item(index) => value.get_mut(*index),
    })
}

proptest! {
    #[test]
    fn edits_change_exactly_their_values(
        // One row could be taken for an object around rows.
        rows in prop::collection::vec(row(), 2..6),
        way in 0..4u8,
        block_bytes in 1..200usize,
        pick in any::<prop::sample::Index>(),
        text in "[ -~\\n]{1,4}",
    ) {
        let file = written(&rows, way);
        let options = small(Reading::Strict, block_bytes);
        prop_assert_eq!(&copied(file.as_bytes(), options, &[]).unwrap(), &file);
        let columns = table(file.as_bytes(), &[], None, options).unwrap().columns().to_vec();
        prop_assume!(!columns.is_empty());
        let column = pick.index(columns.len());
        let steps = path::parse(&columns[column]).unwrap();
        let mut expected = rows.clone();
        let mut fits = true;
        for row in &mut expected {
            match at(row, &steps) {
                Some(Value::String(old)) if !old.trim_matches(' ').is_empty() => {
                    let start = old.len() - old.trim_start_matches(' ').len();
                    let end = old.trim_end_matches(' ').len();
                    old.replace_range(start..end, &text);
                }
                Some(Value::Number(_) | Value::Bool(_)) => fits = false,
                _ => {}
            }
        }
        match copied(file.as_bytes(), options, &[(column, &text)]) {
            Ok(copy) if way < 2 => {
                let copy: Vec<Value> =
                    serde_json::Deserializer::from_str(&copy).into_iter().map(|row| row.unwrap()).collect();
                prop_assert!(!fits || copy == expected);
            }
            Ok(copy) => {
                let copy: Vec<Value> = serde_json::from_str(&copy).unwrap();
                prop_assert!(!fits || copy == expected);
            }
            Err(_) => prop_assert!(!fits),
        }
    }
}

#[test]
fn no_damage_makes_it_panic() {
    use rand::{RngExt, SeedableRng};
    let files = [
        "{\"Id\":\"a\\u00e9\",\"n\":[{\"f\":1e3}],\"t\":true}\n{\"Id\":\"b\",\"n\":[]}\n",
        "[{\"Id\":\"a\",\"x\":-1.5},\n {\"Id\":\"b\",\"x\":null}]",
        "{\"resourceType\":\"Bundle\",\"entry\":[{\"resource\":{\"id\":\"x\",\"a\":[1]}},{\"resource\":{\"id\":\"y\"}}]}",
        BUNDLE,
        "{\"columns\":[\"a\",\"b\"],\"data\":[[1,2],[3,4]]}",
        "{\"Id\":{\"0\":1,\"1\":2},\"x\":{\"0\":3,\"1\":4}}",
    ];
    let mut random = rand::rngs::StdRng::seed_from_u64(7);
    for round in 0..4000 {
        let mut file = files[round % files.len()].as_bytes().to_vec();
        for _ in 0..random.random_range(1..4) {
            let (a, b) = (random.random_range(0..=file.len()), random.random_range(0..=file.len()));
            let (from, to) = (a.min(b), a.max(b));
            match random.random_range(0..4) {
                0 if from < file.len() => file[from] ^= 1 << random.random_range(0..8),
                1 => drop(file.drain(from..to)),
                2 => file.truncate(to),
                _ => file.extend_from_within(from..to),
            }
        }
        let block_bytes = random.random_range(1..100);
        tables(&file, small(Reading::Tolerant, block_bytes));
        let _ = copied(&file, small(Reading::Strict, block_bytes), &[(0, "1"), (1, "x")]);
        for part in ["entry", "$.data.x"] {
            let mut output = Vec::new();
            let table = table(file.as_slice(), &[], Some(part), small(Reading::Strict, block_bytes));
            let copy = table.and_then(|table| table.copy(&Change(&[]), &mut [&mut output], |()| Ok(())));
            assert!(copy.is_err() || output == file, "what is not refused is copied whole");
        }
    }
}

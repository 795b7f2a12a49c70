//! `policy adopt --model`: what it says, what it changes, and what it leaves in the home.

use std::fs;

use super::{Desk, POLICY};

/// A clinic's table with values that repeat; `cost` is too fine for a model.
fn table(rows: u32) -> String {
    let mut out = "visit,seen,ward,cost,kind\n".to_owned();
    for row in 0..rows {
        let (ward, kind) =
            [("north", "eye"), ("south", "ear"), ("north", "ear"), ("west", "eye")][row as usize % 4];
        let seen = format!("2024-03-01 08:{:02}", row * 7 % 20);
        out += &format!("V{row:06},{seen},{ward},{}.{:02},{kind}\n", 20 + row * 37 % 900, row * 91 % 100);
    }
    out
}

fn desk() -> Desk {
    let desk = Desk::ready();
    desk.write("data.csv", table(600));
    desk
}

fn adopt(desk: &Desk) -> String {
    desk.run(&["policy", "adopt", "policy.toml", "--model", "data.csv"]).ok().stderr
}

/// The home's model files.
fn models(desk: &Desk) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(desk.path("home").join("models")).map(Iterator::collect::<Vec<_>>);
    entries.unwrap_or_default().into_iter().map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn a_model_is_learnt_kept_and_used() {
    let desk = desk();
    assert_eq!(
        adopt(&desk),
        "model learnt from 600 rows for seen, ward\n\
         warning: values of cost hardly ever repeat, so it is marked as without a model\n\
         warning: rows that were released before are marked otherwise from now on (the model): whoever \
         gets both can compare them\n\
         policy for visits is in force (entry 3)\n"
    );
    assert_eq!(adopt(&desk).lines().last(), Some("this policy is in force for visits already"));
    desk.run(&["policy", "adopt", "policy.toml"]).ok();
    assert_eq!((models(&desk).len(), desk.entries()), (1, 4), "without --model the model stays");

    desk.run(&["stamp", "data.csv", "--dataset", "visits", "--to", "bob", "-o", "out.csv"]).ok();
    let copy = desk.text("out.csv");
    // North and the ear go together and so do south and the ear, but nothing south is for the eye.
    assert!(
        copy.contains(",ear") && !copy.lines().any(|line| line.contains(",south,") && line.ends_with(",eye"))
    );
    let found = desk.run(&["trace", "out.csv", "--dataset", "visits", "--json"]).ok();
    assert!(found.out().contains("\"recipient\":\"bob\"") || found.out().contains("\"recipient\": \"bob\""));

    let said = desk.run(&["policy", "adopt", "policy.toml", "--no-model"]).ok();
    assert!(said.stderr.ends_with("policy for visits is in force (entry 5)\n"), "{}", said.stderr);
}

#[test]
fn a_model_is_sealed_and_named_by_the_ledger_alone() {
    let desk = desk();
    adopt(&desk);
    let [file] = &models(&desk)[..] else { panic!("one model") };
    let sealed = fs::read(file).unwrap();
    for text in ["north", "eye", "ward", "2024", "dyepack.model"] {
        assert!(!sealed.windows(text.len()).any(|part| part == text.as_bytes()), "{text}");
    }
    let name = file.file_name().unwrap().to_str().unwrap();
    assert!(desk.run(&["ledger", "show", "3"]).ok().out().contains(&format!("\"model\":\"{name}\"")));
}

#[test]
fn a_model_that_is_gone_or_changed_stops_stamp() {
    let desk = desk();
    adopt(&desk);
    let [file] = &models(&desk)[..] else { panic!("one model") };
    let name = file.file_name().unwrap().to_str().unwrap().to_owned();
    let stamp = ["stamp", "data.csv", "--dataset", "visits", "--to", "bob", "-o", "out.csv"];
    let hint = "restore the folder `models` of the home from your backup";
    let mut bytes = fs::read(file).unwrap();
    bytes[100] ^= 1;
    fs::write(file, bytes).unwrap();
    let said = desk.run(&stamp).exits(4);
    assert!(said.stderr.contains(&format!("the model `{name}` is damaged")) && said.stderr.contains(hint));
    fs::remove_file(file).unwrap();
    desk.run(&stamp).fails(4, &format!("the model `{name}` is not in the home"), hint);
    assert!(!desk.path("out.csv").exists());
    adopt(&desk);
    desk.run(&stamp).ok();
}

#[test]
fn a_table_that_does_not_fit_is_refused() {
    let desk = desk();
    desk.write("data.csv", table(20).replace("ward", "wards"));
    let said = desk.run(&["policy", "adopt", "policy.toml", "--model", "data.csv"]).exits(2);
    assert!(said.stderr.contains("the file has no column `ward`"), "{}", said.stderr);
    desk.write("data.csv", table(600) + "V1,2024\n");
    let said = desk.run(&["policy", "adopt", "policy.toml", "--model", "data.csv"]).exits(2);
    assert!(said.stderr.contains("601"), "{}", said.stderr);
    assert!(models(&desk).is_empty() && POLICY.contains("visits"));

    desk.write("data.csv", table(600));
    adopt(&desk);
    desk.write("data.csv", table(600).replace(",kind", ",sort"));
    desk.run(&["stamp", "data.csv", "--dataset", "visits", "--to", "bob", "-o", "out.csv"]).fails(
        2,
        "data.csv: the file has no column `kind`, which the dataset's model looks at",
        "export the same columns as before, or adopt the policy with a new --model",
    );
}

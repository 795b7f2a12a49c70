//! Columns that stand in the names of folders, as Hive began it and Spark, DuckDB, polars and Arrow write it: `year=2024`.
//!
//! Names and values have `%` and two hexadecimal digits for characters that a file name can't have.

use std::path::{Component, Path};

/// What stands for a missing value.
const MISSING: &str = "__HIVE_DEFAULT_PARTITION__";

/// A column that has one value in all rows of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Constant {
    /// The column's name.
    pub name: String,
    /// Its value; empty if it is missing.
    pub value: String,
}

/// The columns in the name of a file below a folder, with `/` between folders; the outermost first.
pub fn constants(name: &str) -> Vec<Constant> {
    let folders = name.rsplit_once('/').map_or("", |(folders, _)| folders);
    folders.split('/').filter_map(constant).collect()
}

/// The columns in the names of the folders straight above a path, as far up as each of them is one; the outermost first.
pub fn around(path: &Path) -> Vec<Constant> {
    let folders = path.parent().into_iter().flat_map(Path::components).rev();
    let mut found: Vec<Constant> = folders.map_while(of_component).collect();
    found.reverse();
    found
}

/// As [`around`], with the last name of the path itself: that of a folder.
pub fn around_inside(path: &Path) -> Vec<Constant> {
    around(&path.join("inside"))
}

fn of_component(component: Component) -> Option<Constant> {
    match component {
        Component::Normal(name) => constant(name.to_str()?),
        _ => None,
    }
}

fn constant(folder: &str) -> Option<Constant> {
    let (name, value) = folder.split_once('=').filter(|(name, _)| !name.is_empty())?;
    let value = if value == MISSING { String::new() } else { decoded(value) };
    Some(Constant { name: decoded(name), value })
}

/// With what `%41` stands for; a text that would not be UTF-8 then stays as it is.
fn decoded(text: &str) -> String {
    let (mut bytes, mut rest) = (Vec::with_capacity(text.len()), text.as_bytes());
    while let Some((&first, after)) = rest.split_first() {
        let hex = after.first_chunk::<2>().filter(|_| first == b'%');
        match hex.and_then(|hex| data_encoding::HEXLOWER_PERMISSIVE.decode(hex).ok()) {
            Some(byte) => {
                bytes.extend(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(found: Vec<Constant>) -> Vec<String> {
        found.into_iter().map(|found| format!("{}:{}", found.name, found.value)).collect()
    }

    #[test]
    fn folders_are_columns_and_files_are_not() {
        for (name, expected) in [
            ("year=2024/region=eu/part-0.parquet", "year:2024 region:eu"),
            ("part-0.parquet", ""),
            ("a=1.csv", ""),
            ("raw/year=2024/b/x.csv", "year:2024"),
            ("day=2024-01-01 10%3A00%3a30/x", "day:2024-01-01 10:00:30"),
            ("gr%C3%B6%C3%9Fe=a%2Fb/x", "größe:a/b"),
            ("rate=5%/x", "rate:5%"),
            ("odd=%FF/x", "odd:%FF"),
            ("ward=__HIVE_DEFAULT_PARTITION__/x", "ward:"),
            ("=1/empty=/x", "empty:"),
            ("expr=a=b/x", "expr:a=b"),
        ] {
            assert_eq!(texts(constants(name)).join(" "), expected, "{name}");
        }
    }

    #[test]
    fn around_a_path_only_an_unbroken_row_of_folders_counts() {
        let path = Path::new("k=1/lake/year=2024/month=3/part-0.csv");
        assert_eq!(texts(around(path)), ["year:2024", "month:3"]);
        assert_eq!(texts(around_inside(path.parent().unwrap())), ["year:2024", "month:3"]);
        assert!(around(Path::new("part-0.csv")).is_empty());
    }
}

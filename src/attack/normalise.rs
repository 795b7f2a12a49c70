//! What an aggregator does before tables of many sources are joined: one spelling for all.

use super::{Scene, Table, columns, dates, kind, rows};
use crate::error::Result;

/// Digits from which on a text of digits and signs is a telephone number.
const PHONE_DIGITS: usize = 7;

/// Header in snake_case, no ids, e-mails in small letters, phones as digits, no space around, no repeated rows.
pub(super) fn normalise(table: &mut Table, names: &[String], scene: &Scene) -> Result<()> {
    let mut ids =
        if names.is_empty() && scene.policy.is_none() { Vec::new() } else { kind::key(table, names, scene)? };
    if names.is_empty() {
        let is_id = |name: &String| matches!(columns::snake_case(name).rsplit('_').next(), Some("id"));
        ids.extend((0..table.header.len()).filter(|&column| is_id(&table.header[column])));
    }
    let kept: Vec<usize> = (0..table.header.len()).filter(|column| !ids.contains(column)).collect();
    // A table of nothing but ids stays as it is.
    if !kept.is_empty() {
        *table = table.columns(&kept);
    }
    columns::map_header(table, columns::snake_case);
    table.map_cells(|_, _, text| Some(phone(text).or_else(|| email(text)).unwrap_or(text.trim().to_owned())));
    rows::deduplicate(table);
    Ok(())
}

fn email(text: &str) -> Option<String> {
    let (name, host) = text.trim().split_once('@')?;
    (!name.is_empty() && host.contains('.')).then(|| text.trim().to_lowercase())
}

/// A telephone number as its digits. Numbers and dates are none.
fn phone(text: &str) -> Option<String> {
    let text = text.trim();
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let signs = text.chars().filter(|c| matches!(c, ' ' | '-' | '(' | ')' | '/' | '+')).count();
    let points = text.chars().filter(|&c| c == '.').count();
    let is_phone = digits.len() >= PHONE_DIGITS
        && digits.len() + signs + points == text.chars().count()
        && (signs > usize::from(text.starts_with('-')) || points > 1)
        && dates::parts(text).is_none();
    is_phone.then_some(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_by_example() {
        assert_eq!(phone("+86 (0)10 1234-5678").unwrap(), "8601012345678");
        assert_eq!(phone("555.123.4567").unwrap(), "5551234567");
        for none in
            ["2021-08-23", "2021-08-23 03:26", "-12345678", "1234567.5", "12345678", "10-19", "A-1234567"]
        {
            assert_eq!(phone(none), None, "{none}");
        }
        assert_eq!(email(" Jo@Example.ORG ").unwrap(), "jo@example.org");
        assert_eq!(email("see @ home"), None);
    }

    #[test]
    fn a_table_is_normalised() {
        let mut table = Table::read(b"PatientId,Mail,Ward No\n1,A@B.C,x \n2,a@b.c,x\n", None).unwrap();
        normalise(&mut table, &[], &Scene::default()).unwrap();
        assert_eq!(table.to_csv(), b"mail,ward_no\na@b.c,x\n");
    }
}

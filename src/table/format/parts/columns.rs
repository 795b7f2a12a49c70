//! The columns of all parts together.

use std::collections::HashMap;

/// Names of columns, in the order in which parts brought them. A name that some part has twice is there twice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Columns(Vec<String>);

impl Columns {
    /// Adds those of a part that are new; gives how many there were before.
    pub fn add(&mut self, names: &[String]) -> usize {
        let before = self.0.len();
        let places = places(names, &self.0);
        let new: Vec<&String> =
            names.iter().zip(&places).filter(|(_, place)| place.is_none()).map(|(name, _)| name).collect();
        self.0.extend(new.into_iter().cloned());
        before
    }

    /// All names.
    pub fn names(&self) -> &[String] {
        &self.0
    }
}

/// Where each of `names` stands among `others`; the second of a name is the second there.
pub(super) fn places(names: &[String], others: &[String]) -> Vec<Option<usize>> {
    let mut known: HashMap<&str, Vec<usize>> = HashMap::new();
    for (place, name) in others.iter().enumerate().rev() {
        known.entry(name).or_default().push(place);
    }
    names.iter().map(|name| known.get_mut(name.as_str())?.pop()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &str) -> Vec<String> {
        names.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn columns_of_all_parts_in_the_order_of_their_coming() {
        let mut columns = Columns::default();
        assert_eq!(columns.add(&names("id cost")), 0);
        assert_eq!(columns.add(&names("cost note id")), 2);
        assert_eq!(columns.add(&names("id id")), 3);
        assert_eq!(columns.names(), names("id cost note id"));
        assert_eq!(places(&names("id id id x"), columns.names()), [Some(0), Some(3), None, None]);
    }
}

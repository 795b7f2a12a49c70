//! A table that is shown with other columns than its file has: in another order, with constants, with empty ones.

use std::borrow::Cow;
use std::io::Write;

use crate::error::Result;
use crate::table::Row;
use crate::table::format::copy::{Editor, Table};

use super::columns::places;
use super::hive::Constant;

/// A table, as it is or arranged.
pub struct Arranged<T> {
    table: T,
    arrangement: Option<Arrangement>,
}

/// Which columns are shown, and from where each comes.
struct Arrangement {
    columns: Vec<String>,
    sources: Vec<Source>,
}

/// Where the cells of a column come from.
enum Source {
    Column(usize),
    Constant(String),
    /// The file has no such column.
    Nothing,
}

impl<T: Table> Arranged<T> {
    /// As it is.
    pub fn as_is(table: T) -> Arranged<T> {
        Arranged { table, arrangement: None }
    }

    /// The names of its columns with those of `constants` that the file has not itself: its own columns come first.
    pub fn with_constants(&self, constants: &[Constant]) -> Vec<String> {
        let own = self.table.columns();
        let new = constants.iter().map(|constant| &constant.name).filter(|name| !own.contains(name));
        own.iter().chain(new).cloned().collect()
    }

    /// Shows these `columns` from now on, those of `constants` among them that the file has not itself.
    pub fn arrange(&mut self, columns: &[String], constants: &[Constant]) {
        let own = self.table.columns();
        let mut constants: Vec<&Constant> =
            constants.iter().filter(|constant| !own.contains(&constant.name)).collect();
        let sources = columns.iter().zip(places(columns, own)).map(|(name, place)| match place {
            Some(place) => Source::Column(place),
            None => match constants.iter().position(|constant| constant.name == *name) {
                Some(place) => Source::Constant(constants.remove(place).value.clone()),
                None => Source::Nothing,
            },
        });
        let sources = sources.collect();
        self.arrangement = Some(Arrangement { columns: columns.to_vec(), sources });
    }
}

impl Arrangement {
    fn cell<'a>(&'a self, row: &'a impl Row, column: usize) -> Cow<'a, [u8]> {
        match self.sources.get(column) {
            Some(Source::Column(own)) => row.cell(*own),
            Some(Source::Constant(value)) => Cow::Borrowed(value.as_bytes()),
            Some(Source::Nothing) | None => Cow::Borrowed(b""),
        }
    }

    /// The file's own column that is shown as this one.
    ///
    /// # Panics
    /// If it is in no file: whoever edits it has not looked where it comes from.
    fn own(&self, column: usize) -> usize {
        match self.sources[column] {
            Source::Column(own) => own,
            Source::Constant(_) | Source::Nothing => panic!("an edit of a column that is not in the file"),
        }
    }
}

/// A row, as it is or arranged.
struct ArrangedRow<'a, R> {
    row: &'a R,
    arrangement: Option<&'a Arrangement>,
}

impl<R: Row> Row for ArrangedRow<'_, R> {
    #[inline]
    fn cell(&self, column: usize) -> Cow<'_, [u8]> {
        match self.arrangement {
            None => self.row.cell(column),
            Some(arrangement) => arrangement.cell(self.row, column),
        }
    }
}

impl<T: Table> Table for Arranged<T> {
    fn columns(&self) -> &[String] {
        match &self.arrangement {
            None => self.table.columns(),
            Some(arrangement) => &arrangement.columns,
        }
    }

    fn peek(&mut self, see: &mut dyn FnMut(&dyn Row)) -> Result<()> {
        let arrangement = self.arrangement.as_ref();
        self.table.peek(&mut |row| see(&ArrangedRow { row: &row, arrangement }))
    }

    fn rows(self, see: &mut dyn FnMut(&dyn Row) -> Result<()>) -> Result<u64> {
        let arrangement = self.arrangement.as_ref();
        self.table.rows(&mut |row| see(&ArrangedRow { row: &row, arrangement }))
    }

    fn copy<E: Editor>(
        self,
        editor: &E,
        outputs: &mut [impl Write + Send],
        merge: impl FnMut(&mut E::Work) -> Result<()> + Send,
    ) -> Result<u64> {
        let editor = ArrangedEditor { editor, arrangement: self.arrangement.as_ref() };
        self.table.copy(&editor, outputs, merge)
    }
}

/// An editor of arranged rows.
struct ArrangedEditor<'a, E> {
    editor: &'a E,
    arrangement: Option<&'a Arrangement>,
}

impl<E> ArrangedEditor<'_, E> {
    /// The file's own column that is shown as this one.
    fn own(&self, column: usize) -> usize {
        self.arrangement.map_or(column, |arrangement| arrangement.own(column))
    }
}

impl<E: Editor> Editor for ArrangedEditor<'_, E> {
    type Work = E::Work;

    fn begin(&self, work: &mut E::Work) {
        self.editor.begin(work);
    }

    fn row(&self, row: &impl Row, work: &mut E::Work, edit: &mut impl FnMut(usize, usize, &str)) {
        let row = ArrangedRow { row, arrangement: self.arrangement };
        self.editor.row(&row, work, &mut |copy, column, text: &str| edit(copy, self.own(column), text));
    }

    fn first_look(
        &self,
        row: &impl Row,
        work: &mut E::Work,
        edit: &mut impl FnMut(usize, usize, &str),
    ) -> Option<u64> {
        let row = ArrangedRow { row, arrangement: self.arrangement };
        self.editor.first_look(&row, work, &mut |copy, column, text: &str| edit(copy, self.own(column), text))
    }

    fn second_look(&self, row: &impl Row, number: u64, work: &mut E::Work) {
        self.editor.second_look(&ArrangedRow { row, arrangement: self.arrangement }, number, work);
    }

    fn end(&self, work: &mut E::Work) -> Result<()> {
        self.editor.end(work)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::format::block::{Options, Reading};
    use crate::table::format::csv;

    /// Writes an exclamation mark after the cells of column 0, as it is shown.
    struct Shout;

    impl Editor for Shout {
        type Work = ();

        fn begin(&self, (): &mut ()) {}

        fn row(&self, row: &impl Row, (): &mut (), edit: &mut impl FnMut(usize, usize, &str)) {
            edit(0, 0, &(String::from_utf8_lossy(&row.cell(0)) + "!"));
        }

        fn end(&self, (): &mut ()) -> Result<()> {
            Ok(())
        }
    }

    fn table(text: &'static str) -> Arranged<impl Table> {
        Arranged::as_is(csv::table(text.as_bytes(), None, Options::new(Reading::Strict)).unwrap())
    }

    fn constant(name: &str, value: &str) -> Constant {
        Constant { name: name.into(), value: value.into() }
    }

    #[test]
    fn rows_are_seen_as_arranged_and_edits_go_where_they_belong() {
        let constants = [constant("year", "2024"), constant("id", "never")];
        let columns = ["ward", "year", "more", "id"].map(str::to_owned);
        let arranged = || {
            let mut table = table("id,ward\n1,a\n2,b\n");
            assert_eq!(table.with_constants(&constants), ["id", "ward", "year"]);
            table.arrange(&columns, &constants);
            table
        };
        let mut seen = Vec::new();
        let mut see = |row: &dyn Row| {
            let cells = (0..4).map(|column| String::from_utf8(row.cell(column).into_owned()).unwrap());
            seen.push(cells.collect::<Vec<_>>().join(","));
        };
        let mut table = arranged();
        table.peek(&mut see).unwrap();
        table
            .rows(&mut |row| {
                see(row);
                Ok(())
            })
            .unwrap();
        assert_eq!(seen, ["a,2024,,1", "b,2024,,2"].repeat(2));
        let mut outputs = [Vec::new()];
        arranged().copy(&Shout, &mut outputs, |()| Ok(())).unwrap();
        assert_eq!(outputs[0], b"id,ward\n1,a!\n2,b!\n");
    }

    #[test]
    fn as_it_is_a_table_is_the_file_s() {
        let mut outputs = [Vec::new()];
        table("id,ward\n1,a\n").copy(&Shout, &mut outputs, |()| Ok(())).unwrap();
        assert_eq!(outputs[0], b"id,ward\n1!,a\n");
    }
}

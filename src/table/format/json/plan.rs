//! Which values of a row are columns: a tree of members and items, each perhaps with a column.
//!
//! It is made of the names that were asked for and of the first rows, and then stays as it is. Members are looked up where
//! they stood in the last row first: rows are mostly written by one program, in one order.

use std::collections::HashMap;

use super::cell::unescaped;
use super::lex::{Lexer, Quoted};
use super::path::{self, Step};
use super::reason::JsonReason;

/// Columns of one table. FHIR resources have hundreds of paths; more than this means names that are data.
pub(super) const MAX_COLUMNS: usize = 4096;
/// Items of an array that become columns by themselves; others must be asked for.
const MAX_ITEMS: usize = 32;
/// Bytes of the names of all columns that were found.
const MAX_NAME_BYTES: usize = 1 << 20;
/// The largest index that can be asked for.
const MAX_INDEX: usize = 4096;

/// The node that stands for a row.
const ROOT: usize = 0;

/// A value that is a column, or holds some.
#[derive(Default)]
pub(super) struct Node {
    pub column: Option<usize>,
    /// The columns below have nodes of their own, in order of appearance.
    pub members: Vec<(Box<[u8]>, usize)>,
    by_name: HashMap<Box<[u8]>, usize>,
    pub items: Vec<Option<usize>>,
}

/// The tree, and the names of its columns.
pub(super) struct Plan {
    pub nodes: Vec<Node>,
    pub columns: Vec<String>,
    /// Where the members of a row are that count: the row itself, or one member of it.
    pub root: usize,
    name_bytes: usize,
}

impl Node {
    /// The place among the members of the one with this key, as written; `guess` is tried first.
    #[inline]
    pub fn member(&self, key: &[u8], escaped: bool, guess: usize) -> Option<usize> {
        if escaped {
            return self.by_name.get(unescaped(key).as_slice()).copied();
        }
        match self.members.get(guess) {
            Some((name, _)) if **name == *key => Some(guess),
            _ => self.by_name.get(key).copied(),
        }
    }
}

impl Plan {
    /// No column yet. With `within`, a row's columns are those of this member.
    pub fn new(within: Option<&[u8]>) -> Plan {
        let mut plan = Plan { nodes: vec![Node::default()], columns: Vec::new(), root: ROOT, name_bytes: 0 };
        if let Some(member) = within {
            plan.root = plan.child(ROOT, &Step::Member(member.to_vec()));
        }
        plan
    }

    /// Adds the columns of one row, in order of appearance. What is broken ends it there.
    pub fn learn(&mut self, lexer: &mut Lexer) -> Result<(), JsonReason> {
        if self.root == ROOT {
            return self.learn_value(lexer, ROOT, &mut Vec::new());
        }
        let within = self.nodes[ROOT].members[0].0.clone();
        lexer.members(0, |lexer, key| match lexer.bytes[key.inside] == *within {
            true => self.learn_value(lexer, self.root, &mut Vec::new()),
            false => lexer.skip_value(1),
        })
    }

    fn learn_value(
        &mut self,
        lexer: &mut Lexer,
        node: usize,
        path: &mut Vec<Step>,
    ) -> Result<(), JsonReason> {
        let depth = path.len();
        match lexer.next() {
            b'{' => lexer.members(depth, |lexer, key| {
                let Quoted { inside, escaped } = key;
                let key = &lexer.bytes[inside];
                let key = if escaped { unescaped(key) } else { key.to_vec() };
                self.learn_step(lexer, node, Step::Member(key), path)
            }),
            b'[' => lexer.items(depth, |lexer, index| match index < MAX_ITEMS {
                true => self.learn_step(lexer, node, Step::Item(index), path),
                false => lexer.skip_value(depth + 1),
            }),
            _ => {
                self.add_column(node, None, path);
                lexer.skip_value(depth)
            }
        }
    }

    fn learn_step(
        &mut self,
        lexer: &mut Lexer,
        node: usize,
        step: Step,
        path: &mut Vec<Step>,
    ) -> Result<(), JsonReason> {
        // As many nodes as columns, and some that only lead to them.
        if self.columns.len() >= MAX_COLUMNS || self.nodes.len() >= 4 * MAX_COLUMNS {
            return lexer.skip_value(path.len() + 1);
        }
        let child = self.child(node, &step);
        path.push(step);
        let learned = self.learn_value(lexer, child, path);
        path.pop();
        learned
    }

    /// Makes a node a column, called `name` or by its path, unless it is one.
    fn add_column(&mut self, node: usize, name: Option<&str>, path: &[Step]) {
        if self.nodes[node].column.is_some() || path.is_empty() || self.name_bytes > MAX_NAME_BYTES {
            return;
        }
        let name = name.map_or_else(|| path::name(path), str::to_owned);
        self.name_bytes += name.len();
        self.nodes[node].column = Some(self.columns.len());
        self.columns.push(name);
    }

    /// Adds the columns that were asked for and weren't seen; those that were get the name that was asked for.
    pub fn want(&mut self, names: &[String]) -> Result<(), JsonReason> {
        if self.columns.len().saturating_add(names.len()) > 2 * MAX_COLUMNS {
            return Err(JsonReason::ManyColumns { limit: MAX_COLUMNS });
        }
        let mut named = vec![false; self.columns.len()];
        for name in names {
            let steps = path::parse(name)?;
            let is_far = |step: &Step| matches!(step, Step::Item(index) if *index > MAX_INDEX);
            if steps.is_empty() || steps.len() > super::lex::MAX_DEPTH || steps.iter().any(is_far) {
                return Err(JsonReason::Path(name.clone()));
            }
            let node = steps.iter().fold(self.root, |node, step| self.child(node, step));
            match self.nodes[node].column {
                Some(column) if named.get(column) == Some(&false) => {
                    self.columns[column].clone_from(name);
                    named[column] = true;
                }
                Some(_) => {}
                None => {
                    // Names that were asked for are somebody's own, and bounded in number.
                    self.name_bytes = 0;
                    self.add_column(node, Some(name), &steps);
                }
            }
        }
        Ok(())
    }

    /// The node a step below `node`, made if it isn't there.
    fn child(&mut self, node: usize, step: &Step) -> usize {
        let new = self.nodes.len();
        let Node { members, by_name, items, .. } = &mut self.nodes[node];
        match step {
            Step::Member(member) => {
                if let Some(&at) = by_name.get(member.as_slice()) {
                    return members[at].1;
                }
                by_name.insert(member.as_slice().into(), members.len());
                members.push((member.as_slice().into(), new));
            }
            Step::Item(index) => {
                if items.len() <= *index {
                    items.resize(index + 1, None);
                }
                if let Some(child) = items[*index] {
                    return child;
                }
                items[*index] = Some(new);
            }
        }
        self.nodes.push(Node::default());
        new
    }
}

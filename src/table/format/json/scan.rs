//! One pass over a row, which notes where the values of its columns stand.

use super::cell::{Kind, Slot};
use super::lex::Lexer;
use super::plan::Plan;
use super::reason::JsonReason;

/// What was noted of a row; reused for many.
#[derive(Default)]
pub struct Slots {
    pub(super) slots: Vec<Slot>,
    /// The last row in which each node was met: a member that comes twice is noticed without clearing anything.
    met: Vec<u64>,
    row: u64,
    /// Whether the row has members that no column stands for.
    pub(super) has_others: bool,
}

/// A scan of one row.
struct Scan<'p, 's> {
    plan: &'p Plan,
    slots: &'s mut Slots,
    /// Whether the first of two members with the same name counts, rather than none.
    is_tolerant: bool,
}

/// Notes the values of the row at the lexer's place, and passes it.
pub(super) fn scan(
    lexer: &mut Lexer,
    plan: &Plan,
    is_tolerant: bool,
    slots: &mut Slots,
) -> Result<(), JsonReason> {
    slots.slots.clear();
    slots.slots.resize(plan.columns.len(), Slot::default());
    slots.met.resize(plan.nodes.len(), 0);
    slots.row += 1;
    slots.has_others = false;
    if lexer.next() != b'{' {
        return Err(JsonReason::NoObject);
    }
    let start = lexer.at;
    Scan { plan, slots, is_tolerant }.value(lexer, 0, 0)?;
    match std::str::from_utf8(&lexer.bytes[start..lexer.at]) {
        Err(_) if !is_tolerant => Err(JsonReason::Utf8),
        _ => Ok(()),
    }
}

impl Scan<'_, '_> {
    fn value(&mut self, lexer: &mut Lexer, node: usize, depth: usize) -> Result<(), JsonReason> {
        let (range, kind) = match lexer.next() {
            b'{' => return self.object(lexer, node, depth),
            b'[' => {
                return lexer.items(depth, |lexer, index| {
                    match self.plan.nodes[node].items.get(index).copied().flatten() {
                        Some(child) => self.value(lexer, child, depth + 1),
                        None => lexer.skip_value(depth + 1),
                    }
                });
            }
            b'"' => {
                let string = lexer.string()?;
                (string.inside, if string.escaped { Kind::Escaped } else { Kind::Plain })
            }
            b'-' | b'0'..=b'9' => (lexer.number()?, Kind::Number),
            b'n' => (lexer.word()?, Kind::Nothing),
            _ => (lexer.word()?, Kind::Truth),
        };
        if let Some(column) = self.plan.nodes[node].column {
            self.slots.slots[column] = Slot::new(range, kind);
        }
        Ok(())
    }

    fn object(&mut self, lexer: &mut Lexer, node: usize, depth: usize) -> Result<(), JsonReason> {
        let members = &self.plan.nodes[node];
        let mut guess = 0;
        lexer.members(depth, |lexer, key| {
            let Some(at) = members.member(&lexer.bytes[key.inside], key.escaped, guess) else {
                // In a row whose columns are those of one member, the others are no loss.
                self.slots.has_others |= self.plan.root == 0 || depth > 0;
                return lexer.skip_value(depth + 1);
            };
            guess = at + 1;
            let child = members.members[at].1;
            if self.slots.met[child] == self.slots.row {
                return if self.is_tolerant { lexer.skip_value(depth + 1) } else { Err(JsonReason::Twice) };
            }
            self.slots.met[child] = self.slots.row;
            self.value(lexer, child, depth + 1)
        })
    }
}

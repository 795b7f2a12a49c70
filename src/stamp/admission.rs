//! Leave to deliver: the [gates] asked for every copy of an order, and refusals put on record.
//!
//! They are asked twice: before marking, for all that can be known then, and under the lock under which the releases are
//! recorded, when the rows are counted and whatever changed meanwhile is on record.

use std::error;
use std::fmt;

use crate::error::{Class, Error, Reason, Result};
use crate::ledger::{Day, Entry, Event, Ledger};

use super::gates::{self, Admitted, Refusal, Request, Rows};
use super::order::Order;
use super::recording::Recording;
use super::terms::Terms;

/// An order that is refused: nobody is given anything.
#[derive(Debug)]
pub struct Refused {
    /// By recipient: the id of the release, and the rules.
    copies: Vec<(String, String, Vec<Refusal>)>,
    dataset: String,
    rows: Rows,
    hint: String,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let copies = self.copies.iter();
        let all = copies.flat_map(|(to, _, refusals)| refusals.iter().map(|refusal| refusal.describe(to)));
        f.write_str(&all.collect::<Vec<_>>().join("; "))
    }
}

impl error::Error for Refused {}

impl Reason for Refused {
    fn class(&self) -> Class {
        Class::Policy
    }

    fn hint(&self) -> Option<String> {
        Some(self.hint.clone())
    }
}

impl Refused {
    /// What the ledger says of it.
    fn events(&self) -> impl Iterator<Item = Event> {
        self.copies.iter().map(|(to, release, refusals)| Event::Refused {
            dataset: self.dataset.clone(),
            recipient: to.clone(),
            release: release.clone(),
            rules: refusals.iter().map(|refusal| refusal.rule().to_owned()).collect(),
            rows: match self.rows {
                Rows::Counted(rows) => Some(rows),
                Rows::NotYet | Rows::Streamed => None,
            },
        })
    }
}

impl Terms {
    /// Asks the gates for every copy of an order; gives what they say of each, in its order.
    ///
    /// # Errors
    /// All that is refused, of all copies.
    pub fn admit(&self, order: &Order, rows: Rows) -> Result<Vec<Admitted>, Refused> {
        let policy = self.policy();
        // The command knows the clock; a caller of the library that gives no time gets nothing that ends.
        let today = Day::of(&order.time).unwrap_or(Day::LAST);
        let (mut admitted, mut refused, mut hint) = (Vec::new(), Vec::new(), None);
        for (copy, standing) in order.copies.iter().zip(self.standings()) {
            let request = Request {
                ledger: self.ledger_name(),
                dataset: policy.name(),
                level: policy.level(),
                release: &copy.release,
                agreement: order.agreement.as_deref(),
                operator: &order.operator,
                rows,
                today,
            };
            match gates::check(policy.release_rules(), standing, self.approvals(), &request) {
                Ok(leave) => admitted.push(leave),
                Err(refusals) => {
                    hint.get_or_insert_with(|| refusals[0].hint(&copy.to, &request));
                    refused.push((copy.to.clone(), copy.release.clone(), refusals));
                }
            }
        }
        match hint {
            None => Ok(admitted),
            Some(hint) => Err(Refused { copies: refused, dataset: policy.name().to_owned(), rows, hint }),
        }
    }
}

impl Recording<'_> {
    /// Refuses, and records it, what can be refused before a row is marked.
    pub fn admit(&self, rows: Rows) -> Result<()> {
        match self.terms.admit(self.order, rows) {
            Ok(_) => Ok(()),
            Err(refused) => Err(match self.home.ledger(self.wait, "stamp") {
                Ok(mut ledger) => self.refuse(&mut ledger, refused),
                Err(error) => unrecorded(refused.into(), &error),
            }),
        }
    }

    /// Asks again, with the ledger locked until the releases are recorded.
    pub fn admit_again(&self, ledger: &mut Ledger, rows: Rows) -> Result<Vec<Admitted>> {
        let now = self.terms.renewed(ledger)?;
        match now.as_ref().unwrap_or(self.terms).admit(self.order, rows) {
            Ok(admitted) => Ok(admitted),
            Err(refused) => Err(self.refuse(ledger, refused)),
        }
    }

    /// Records a refusal, and gives it as an error.
    fn refuse(&self, ledger: &mut Ledger, refused: Refused) -> Error {
        let entry = |event| Entry::new(&self.order.time, &self.order.operator, event);
        let entries: Vec<Entry> = refused.events().map(entry).collect();
        let recorded = ledger.append(&entries, &self.keyring.signing);
        match recorded {
            Ok(_) => refused.into(),
            Err(error) => unrecorded(refused.into(), &error),
        }
    }
}

/// It stays refused; that it can't be recorded is told too.
fn unrecorded(refused: Error, error: &Error) -> Error {
    refused.with_hint(format!("the refusal is not on record: {error}"))
}

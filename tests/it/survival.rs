//! Which carriers still say their bit after an attack.

use std::borrow::Cow;

use dyepack::mark::policy::Plan;
use dyepack::table::{Row, value};

use crate::lab::{Lab, Table};
use crate::reference::Scope;

/// A cell that carries, what it says in a copy, and whether it was changed for that.
pub struct Carrier {
    pub row: usize,
    /// Which column of the plan.
    pub column: usize,
    spin: u16,
    bit: bool,
    pub is_changed: bool,
}

/// The carriers of one recipient's copy.
pub struct Survival {
    pub plan: Plan,
    pub carriers: Vec<Carrier>,
}

struct Cells<'a>(&'a csv::StringRecord);

impl Row for Cells<'_> {
    fn cell(&self, column: usize) -> Cow<'_, [u8]> {
        self.0[column].as_bytes().into()
    }
}

impl Survival {
    /// Finds the carriers with the test's own derivation of selection and spins.
    pub fn new(lab: &Lab, original: &Table, copy: &Table) -> Survival {
        let plan = lab.policy().plan(&original.header, &[]).expect("a table of the dataset");
        let place = |name: &str| original.header.iter().position(|found| found == name);
        let plan = match &lab.model {
            Some(model) => plan.with_model(model, &place),
            None => plan,
        };
        let scope = Scope { secret: lab.key, dataset: lab.policy().name(), epoch: 1 };
        let length = lab.policy().code_length() as usize;
        let mut carriers = Vec::new();
        for (r, (before, after)) in original.rows.iter().zip(&copy.rows).enumerate() {
            let identity: Vec<&str> = plan.identity.iter().map(|&i| &before[i]).collect();
            for (c, column) in plan.columns.iter().enumerate() {
                let drawn = scope.carrier(&identity, column.slot, column.rate, length);
                let Some((_, spin)) = drawn else { continue };
                let (text, now) = (&before[column.index], &after[column.index]);
                let mut out = String::new();
                if value::is_missing(text.as_bytes())
                    || column.embed(&Cells(before), text, true, spin, &mut out).is_none()
                {
                    continue;
                }
                let bit = column.channel.read(now, spin).expect("a carrier says a bit");
                carriers.push(Carrier { row: r, column: c, spin, bit, is_changed: now != text });
            }
        }
        Survival { plan, carriers }
    }

    /// The share of the carriers that `wanted` picks which say the same in `leak`, whose rows are the copy's; NaN of none.
    pub fn share(&self, leak: &Table, wanted: impl Fn(&Carrier) -> bool) -> f64 {
        let picked: Vec<&Carrier> = self.carriers.iter().filter(|carrier| wanted(carrier)).collect();
        let survives = |carrier: &&&Carrier| {
            let column = &self.plan.columns[carrier.column];
            column.channel.read(&leak.rows[carrier.row][column.index], carrier.spin) == Some(carrier.bit)
        };
        picked.iter().filter(survives).count() as f64 / picked.len() as f64
    }
}

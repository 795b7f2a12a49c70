//! What a copy has to pass before it is given to anybody.
//!
//! **Idea.** One pure function, [`check`]: the policy's rules, the recipient's standing, the approvals on record and the
//! request give either leave to deliver, and on whose approval, or the list of all rules that refuse.
//!
//! **Invariants.**
//! * What is not known does not open a gate: an unknown country is abroad, uncounted rows of a stream are too many.
//! * An approval counts only if its approver's key signed it, the approver was not removed since, and is somebody else than
//!   whoever stamps.
//! * A limit allows what equals it. A last day lasts to its end, in UTC.
//!
//! The levels are those of GB/T 39725-2020, section 6.2; rows across a border follow its section 7, o and p.

#[cfg(test)]
mod tests;

use crate::ledger::registry::{Approved, Standing};
use crate::ledger::{Day, statement::Approval};
use crate::mark::policy::ReleaseRules;

/// How many rows a copy has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rows {
    /// It is not made yet; what hangs on rows is looked at when they are counted.
    NotYet,
    /// Nobody will know before it has gone out.
    Streamed,
    /// So many.
    Counted(u64),
}

/// A copy that is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// Name of the ledger, which approvals must be for.
    pub ledger: &'a str,
    /// Dataset name.
    pub dataset: &'a str,
    /// Its data level.
    pub level: u8,
    /// Id of the release.
    pub release: &'a str,
    /// The agreement that it falls under, if it is another one than the recipient's.
    pub agreement: Option<&'a str>,
    /// Who stamps.
    pub operator: &'a str,
    pub rows: Rows,
    /// Today, in UTC.
    pub today: Day,
}

/// Leave to deliver.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Admitted {
    /// The number of the entry that approved it, where an approval was needed.
    pub approval: Option<u64>,
    /// The most rows that a stream may have.
    pub most_rows: Option<u64>,
}

/// A rule that refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The recipient is suspended.
    Suspended { since: String },
    /// The recipient's name was erased, which suspends it for ever.
    Erased { since: String },
    /// The policy requires an agreement, and none is named.
    NoAgreement,
    /// The recipient's agreement has ended.
    AgreementExpired { last_day: Day },
    /// The data's level is above what the recipient may get.
    LevelTooHigh { level: u8, most: u8 },
    /// Data of this level is given with an approval alone.
    LevelNeedsApproval { level: u8 },
    /// More rows than are given without an approval.
    RowsNeedApproval { rows: Option<u64>, limit: u64 },
    /// More rows than leave the country without an approval.
    RowsAbroadNeedApproval { rows: Option<u64>, limit: u64, home: String, country: Option<String> },
}

impl Refusal {
    /// The rule's name, for the record.
    pub fn rule(&self) -> &'static str {
        match self {
            Refusal::Suspended { .. } | Refusal::Erased { .. } => "suspended",
            Refusal::NoAgreement => "agreement_missing",
            Refusal::AgreementExpired { .. } => "agreement_expired",
            Refusal::LevelTooHigh { .. } => "max_level",
            Refusal::LevelNeedsApproval { .. } => "approve_level",
            Refusal::RowsNeedApproval { .. } => "approve_rows",
            Refusal::RowsAbroadNeedApproval { .. } => "approve_rows_abroad",
        }
    }

    /// Whether an approval would lift it.
    pub fn is_approvable(&self) -> bool {
        self.rule().starts_with("approve_")
    }

    /// What is wrong, of a copy for `to`.
    pub fn describe(&self, to: &str) -> String {
        let number = |rows: &Option<u64>| rows.map_or("an unknown number of".to_owned(), |n| n.to_string());
        match self {
            Refusal::Suspended { since } => format!("recipient `{to}` was suspended on {since}"),
            Refusal::Erased { since } => format!("the name of `{to}` was erased on {since}"),
            Refusal::NoAgreement => format!("no agreement with `{to}` is named, and the policy requires one"),
            Refusal::AgreementExpired { last_day } => {
                format!("the agreement with `{to}` ended on {last_day}")
            }
            Refusal::LevelTooHigh { level, most } => {
                format!("`{to}` may get data up to level {most}, and this is of level {level}")
            }
            Refusal::LevelNeedsApproval { level } => {
                format!("data of level {level} for `{to}` needs an approval")
            }
            Refusal::RowsNeedApproval { rows, limit } => {
                format!("{} rows for `{to}` need an approval: the limit is {limit}", number(rows))
            }
            Refusal::RowsAbroadNeedApproval { rows, limit, home, country } => {
                let place = country.as_deref().unwrap_or("an unknown country");
                let rows = number(rows);
                format!(
                    "{rows} rows for `{to}` from {home} to {place} need an approval: the limit is {limit}"
                )
            }
        }
    }

    /// What to do about it.
    pub fn hint(&self, to: &str, request: &Request) -> String {
        match self {
            Refusal::Suspended { .. } => "a suspended recipient is given nothing more".to_owned(),
            Refusal::Erased { .. } => {
                "nobody is given anything whose name is not known: register another id".to_owned()
            }
            Refusal::NoAgreement => {
                format!(
                    "name it: `dyepack recipient update {to} --agreement ..`, or --agreement for this copy"
                )
            }
            Refusal::AgreementExpired { .. } => {
                format!("once it is renewed: `dyepack recipient update {to} --agreement-expires YYYY-MM-DD`")
            }
            Refusal::LevelTooHigh { .. } => {
                format!("if that is agreed: `dyepack recipient update {to} --max-level {}`", request.level)
            }
            _ => format!(
                "somebody else than {} can give it: `dyepack approve --dataset {} --to {to} --key FILE`",
                request.operator, request.dataset
            ),
        }
    }
}

/// Whether the copy may be given to the recipient.
///
/// # Errors
/// Every rule that refuses.
pub fn check(
    rules: &ReleaseRules,
    standing: &Standing,
    approvals: &[Approved],
    request: &Request,
) -> Result<Admitted, Vec<Refusal>> {
    let mut refusals = refused(rules, standing, request);
    let needs = needs_approval(rules, standing, request);
    let approval = if needs.is_empty() { None } else { covering(standing, approvals, request) };
    if approval.is_none() {
        refusals.extend(needs);
    }
    if !refusals.is_empty() {
        return Err(refusals);
    }
    let (approval, rows) = approval.unzip();
    let most_rows = if request.rows == Rows::Streamed { rows.flatten() } else { None };
    Ok(Admitted { approval, most_rows })
}

/// What no approval lifts.
fn refused(rules: &ReleaseRules, standing: &Standing, request: &Request) -> Vec<Refusal> {
    let recipient = &standing.recipient;
    let mut refusals = Vec::new();
    match (&standing.erased, &standing.suspended) {
        (Some(since), _) => refusals.push(Refusal::Erased { since: since.clone() }),
        (None, Some(since)) => refusals.push(Refusal::Suspended { since: since.clone() }),
        (None, None) => {}
    }
    let is_named = |agreement: &str| !agreement.trim().is_empty();
    let agreement = request.agreement.or(recipient.facts.agreement.as_deref());
    if rules.requires_agreement && !agreement.is_some_and(is_named) {
        refusals.push(Refusal::NoAgreement);
    }
    // Also if this copy names another agreement: its end is not on record.
    if let Some(last_day) = recipient.facts.agreement_expires.filter(|last_day| request.today > *last_day) {
        refusals.push(Refusal::AgreementExpired { last_day });
    }
    if let Some(most) = recipient.facts.max_level.filter(|most| request.level > *most) {
        refusals.push(Refusal::LevelTooHigh { level: request.level, most });
    }
    refusals
}

/// What a second person has to allow.
fn needs_approval(rules: &ReleaseRules, standing: &Standing, request: &Request) -> Vec<Refusal> {
    let mut needs = Vec::new();
    if rules.approve_level.is_some_and(|least| request.level >= least) {
        needs.push(Refusal::LevelNeedsApproval { level: request.level });
    }
    let rows = match request.rows {
        Rows::NotYet => return needs,
        Rows::Streamed => None,
        Rows::Counted(rows) => Some(rows),
    };
    let is_over = |limit: &u64| rows.is_none_or(|rows| rows > *limit);
    if let Some(limit) = rules.approve_rows.filter(is_over) {
        needs.push(Refusal::RowsNeedApproval { rows, limit });
    }
    let country =
        standing.recipient.facts.country.as_deref().map(str::trim).filter(|country| !country.is_empty());
    if let (Some(home), Some(limit)) = (&rules.country, rules.approve_rows_abroad.filter(is_over))
        && !country.is_some_and(|country| country.eq_ignore_ascii_case(home))
    {
        let (home, country) = (home.clone(), country.map(str::to_owned));
        needs.push(Refusal::RowsAbroadNeedApproval { rows, limit, home, country });
    }
    needs
}

/// The approval that covers the request, and the most rows that it allows: one for this very release before others, then that
/// for most rows, then the latest.
fn covering(standing: &Standing, approvals: &[Approved], request: &Request) -> Option<(u64, Option<u64>)> {
    let to = standing.recipient.id.as_str();
    let mut covering: Vec<_> = approvals
        .iter()
        .filter(|approved| !approved.is_void && is_another(approved, request.operator))
        .filter_map(|approved| Some((approved, approved.claimed()?)))
        .filter(|(_, approval)| covers(approval.claimed(), to, request))
        .collect();
    covering.sort_by_key(|(approved, approval)| {
        let Approval { release, rows, .. } = approval.claimed();
        (release.is_some(), rows.unwrap_or(u64::MAX), approved.index)
    });
    // Signatures take longest, so they come last.
    let (approved, approval) = covering.iter().rfind(|(approved, approval)| approved.is_signed(approval))?;
    Some((approved.index, approval.claimed().rows))
}

fn covers(approval: &Approval, to: &str, request: &Request) -> bool {
    let enough_rows = match request.rows {
        Rows::Counted(rows) => approval.rows.is_none_or(|most| rows <= most),
        Rows::NotYet | Rows::Streamed => true,
    };
    approval.ledger == request.ledger
        && approval.dataset == request.dataset
        && approval.recipients.iter().any(|recipient| recipient == to)
        && request.level <= approval.level
        && approval.until.is_none_or(|last_day| request.today <= last_day)
        && approval.release.as_ref().is_none_or(|release| release == request.release)
        && enough_rows
}

/// Whether the approver is somebody else than the operator, as far as names tell: by id, and by the name in the key.
fn is_another(approved: &Approved, operator: &str) -> bool {
    let fold = |name: &str| name.trim().to_lowercase();
    let name_in_key = approved.vkey.split('+').next().unwrap_or_default();
    fold(&approved.approver) != fold(operator) && fold(name_in_key) != fold(operator)
}

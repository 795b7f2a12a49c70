//! `ledger prune`: what was typed becomes a limit, and the law is said.

use clap::Args;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

use crate::error::{Error, Result};
use crate::report::terminal::grouped;

use super::{DONE, Session, args, now, operator, terminal};

/// How long an accounting of disclosures must reach back: 45 CFR 164.528(a)(1) and 164.530(j)(2).
const KEEP_YEARS: i64 = 6;

#[derive(Debug, Args)]
pub struct Typed {
    /// Forget releases of before this day, in bundles of 256 entries that are all older
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = args::day)]
    before: Date,
    /// Say what would go; remove nothing
    #[arg(long)]
    dry_run: bool,
    /// Years that are kept in any case: 45 CFR 164.528 asks for six
    #[arg(long, value_name = "YEARS", default_value_t = KEEP_YEARS)]
    #[arg(value_parser = clap::value_parser!(i64).range(0..=1000))]
    keep_years: i64,
}

pub fn run(session: &Session, typed: &Typed) -> Result<u8> {
    let limit = limit(typed, Timestamp::now())?;
    if typed.keep_years < KEEP_YEARS {
        terminal::warn(format!(
            "releases of the last {KEEP_YEARS} years may go: 45 CFR 164.528 asks for an accounting of \
             disclosures over six"
        ));
    }
    let keyring = if typed.dry_run { None } else { Some(session.keyring()?) };
    let mut ledger = session.home.ledger(session.wait, "ledger prune")?;
    let plan = ledger.plan_pruning(limit)?;
    if plan.before == 0 {
        terminal::say("nothing to prune: no bundle of 256 entries is wholly older and holds a release");
        return Ok(DONE);
    }
    let what = format!(
        "{} releases and what belongs to them, the latest of {}, and {} files",
        grouped(plan.entries),
        plan.latest.as_deref().unwrap_or("unknown time"),
        grouped(plan.blobs)
    );
    let Some(keyring) = keyring else {
        terminal::say(format!("would forget {what}"));
        return Ok(DONE);
    };
    let index = ledger.prune(&plan, &now(), &operator(), &keyring.signing)?;
    ledger.close()?;
    terminal::say(format!("forgot {what} (entry {index}); all proofs hold"));
    terminal::say("copies in the vault that no release refers to any more: dyepack vault prune");
    Ok(DONE)
}

/// The moment before which releases go, unless that is too late.
fn limit(typed: &Typed, now: Timestamp) -> Result<Timestamp> {
    let start = |day: Date| day.to_zoned(TimeZone::UTC).map(|zoned| zoned.timestamp());
    let fail = |_| Error::usage("that day is out of range").with_hint("name a day as YYYY-MM-DD");
    let latest = now.to_zoned(TimeZone::UTC).date().checked_sub(typed.keep_years.years()).map_err(fail)?;
    if typed.before > latest {
        let years = match typed.keep_years {
            0 => {
                return Err(Error::usage(format!("that day is yet to come: in UTC today is {latest}"))
                    .with_hint("name a day up to today"));
            }
            1 => "those of the last year".to_owned(),
            years => format!("the last {years} years of them"),
        };
        return Err(Error::usage(format!("releases since {latest} are kept: {years}")).with_hint(
            "45 CFR 164.528 and GB/T 39725-2020 ask for six years; if other law is yours, say --keep-years",
        ));
    }
    start(typed.before).map_err(fail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn six_years_are_kept_unless_fewer_are_said() {
        let now: Timestamp = "2026-03-01T00:00:00Z".parse().unwrap();
        let said = |before: &str, keep_years| {
            let typed = Typed { before: before.parse().unwrap(), dry_run: false, keep_years };
            limit(&typed, now).map(|limit| limit.to_string()).map_err(|error| error.to_string())
        };
        assert_eq!(said("2020-03-01", 6).unwrap(), "2020-03-01T00:00:00Z");
        assert_eq!(
            said("2020-03-02", 6).unwrap_err(),
            "releases since 2020-03-01 are kept: the last 6 years of them"
        );
        assert!(said("2020-03-02", 5).is_ok() && said("2026-03-01", 0).is_ok());
        assert_eq!(
            said("2025-03-02", 1).unwrap_err(),
            "releases since 2025-03-01 are kept: those of the last year"
        );
        assert_eq!(said("2026-03-02", 0).unwrap_err(), "that day is yet to come: in UTC today is 2026-03-01");
    }
}

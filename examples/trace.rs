//! Stamps a table for three partners in memory, leaks some rows of one copy, and traces them.
//!
//! Run it with `cargo run --example trace`.

use std::error::Error;

use dyepack::demo::{DEMO_KEYRING, HOSPITAL_POLICY, hospital};
use dyepack::keys::keyring::Keyring;
use dyepack::mark::policy::Policy;
use dyepack::report::terminal;
use dyepack::stamp::engine::{self, Marking};
use dyepack::trace::{self, Case, Reading, Suspect};

const PARTNERS: [&str; 3] = ["acme", "borealis", "cedar"];

pub fn main() -> Result<(), Box<dyn Error>> {
    let keys = Keyring::open(DEMO_KEYRING, || Ok(None))?;
    let policy = Policy::parse(HOSPITAL_POLICY)?;
    let mut table = Vec::new();
    hospital::write(1_000, 7, &mut table)?;

    let (mut releases, mut copies) = (Vec::new(), Vec::new());
    for recipient in PARTNERS {
        let marking = Marking {
            secret: &keys.marking,
            policy: &policy,
            slots: &[],
            epoch: 1,
            recipients: &[recipient],
            model: None,
        };
        let mut copy = Vec::new();
        let stamped = engine::stamp(&table[..], &mut copy, &marking, &Default::default())?;
        releases.push(stamped.known_as(&format!("2026-01-{recipient}"), recipient, "2026-01-05T09:00:00Z"));
        copies.push(String::from_utf8(copy)?);
    }

    // The header and 400 rows of the second partner's copy turn up.
    let leak: String = copies[1].lines().take(401).flat_map(|line| [line, "\n"]).collect();

    let suspects = PARTNERS.map(|id| Suspect { id: id.into(), name: None });
    let readings = [Reading { policy, slots: Vec::new(), epoch: 1, releases, model: None }];
    let case = Case { secret: &keys.marking, recipients: &suspects, readings: &readings, alpha: 1e-6 };
    let findings = trace::trace(leak.as_bytes(), "leak.csv", &case, &Default::default())?;

    print!("{}", anstream::adapter::strip_str(&terminal::report(&findings)));
    assert_eq!(findings.accused.len(), 1);
    assert_eq!(findings.accused[0].recipient, "borealis");
    Ok(())
}

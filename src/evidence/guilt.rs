//! Who may have leaked rows in which no mark can be read: a model's probabilities, from who was given which rows.
//!
//! A leaked row `t` was got elsewhere with probability `p`; otherwise one of the recipients `V_t` who were given it leaked it,
//! each as likely. Rows are leaked independently of each other. Then recipient `i`, who was given the rows `R_i`, leaked at
//! least one row of the leak `S` with probability
//!
//! ```text
//! Pr{G_i | S} = 1 - product over t in S and R_i of (1 - (1 - p) / |V_t|)
//! ```
//!
//! This is no bound and no evidence, and it names nobody. Rows do not leak independently: a file leaks whole, so with many
//! rows the product vanishes and everybody who had them comes out near 1. What it is good for is the comparison: a row that
//! one recipient alone was given speaks against it, rows that all were given tell nothing apart, and who had none is out.
//!
//! The product runs over a sample: the leaked rows that can be compared with every release, at most [`ROWS_COMPARED`]. All
//! rows of the leak together would give larger probabilities, never smaller ones.
//!
//! Source: P. Papadimitriou and H. Garcia-Molina, "Data leakage detection", IEEE TKDE 23 (2011), section 4.

use std::collections::HashMap;

use crate::sketch::Sketch;

/// The chance that a leaked row was got elsewhere than from a recipient: from the owner's own systems, or a source that the
/// owner shares with others. Nobody knows it; one half is as good for the recipients as against them. A smaller one would
/// raise all probabilities, and change their order little.
pub const ELSEWHERE: f64 = 0.5;

/// Leaked rows that are compared at most, those with the smallest numbers: shares are then known to about one in a hundred.
pub const ROWS_COMPARED: usize = 2_048;

/// What the rows say of everybody who was given something.
#[derive(Clone, Debug, PartialEq)]
pub struct Suspicion {
    /// Leaked rows that could be compared with every release.
    pub rows_compared: u64,
    /// Whether the rows tell the recipients who had some of them apart; false if all of these had the same ones.
    pub tells_apart: bool,
    /// Everybody who had at least one of the rows, the likeliest first.
    pub guilt: Vec<Guilt>,
}

/// What the rows say of one recipient.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Guilt {
    /// The recipient's index in the list of holdings.
    pub recipient: usize,
    /// The model's probability that this recipient leaked at least one of the rows; below 1.
    pub probability: f64,
    /// Compared rows that this recipient was given.
    pub rows_shared: u64,
    /// Of those, the ones that nobody else was given.
    pub rows_only_theirs: u64,
}

/// Compares a leak with what each recipient was given: `holdings` has the sketches of each recipient's releases.
///
/// Sketches that several hold should be one object: they are then compared once.
pub fn suspicion(leak: &Sketch, holdings: &[Vec<&Sketch>], elsewhere: f64) -> Suspicion {
    assert!(elsewhere > 0.0 && elsewhere < 1.0, "a probability that leaves both possible");
    let rows = leak.comparable(holdings.iter().flatten().copied());
    let rows = &rows[..rows.len().min(ROWS_COMPARED)];
    let mut sketches: HashMap<*const Sketch, Vec<bool>> = HashMap::new();
    for &sketch in holdings.iter().flatten() {
        sketches.entry(sketch).or_insert_with(|| rows.iter().map(|&row| sketch.holds(row)).collect());
    }
    let classes = Class::all(holdings);
    let had: Vec<Vec<bool>> = classes
        .iter()
        .map(|class| {
            let of_each: Vec<&Vec<bool>> = class.sketches.iter().map(|sketch| &sketches[sketch]).collect();
            (0..rows.len()).map(|t| of_each.iter().any(|has| has[t])).collect()
        })
        .collect();
    // |V_t| for each row.
    let holders: Vec<u64> = (0..rows.len())
        .map(|t| {
            classes.iter().zip(&had).filter(|(_, had)| had[t]).map(|(c, _)| c.recipients.len() as u64).sum()
        })
        .collect();

    let mut guilt: Vec<Guilt> =
        classes.iter().zip(&had).flat_map(|(class, had)| class.guilt(had, &holders, elsewhere)).collect();
    guilt.sort_by(|a, b| b.probability.total_cmp(&a.probability).then(a.recipient.cmp(&b.recipient)));
    let mut distinct = had.iter().filter(|had| had.contains(&true));
    let first = distinct.next();
    let tells_apart = guilt.len() == 1 || distinct.any(|other| Some(other) != first);
    Suspicion { rows_compared: rows.len() as u64, tells_apart, guilt }
}

/// Recipients who were given the same releases' sources: computed once, however many they are.
struct Class {
    recipients: Vec<usize>,
    sketches: Vec<*const Sketch>,
}

impl Class {
    fn all(holdings: &[Vec<&Sketch>]) -> Vec<Class> {
        let mut classes: HashMap<Vec<*const Sketch>, Vec<usize>> = HashMap::new();
        for (recipient, held) in holdings.iter().enumerate() {
            let mut held: Vec<*const Sketch> =
                held.iter().map(|&sketch| std::ptr::from_ref(sketch)).collect();
            held.sort_unstable();
            held.dedup();
            classes.entry(held).or_default().push(recipient);
        }
        classes.into_iter().map(|(sketches, recipients)| Class { recipients, sketches }).collect()
    }

    /// The same for all of them; nothing if they had none of the rows.
    fn guilt(&self, had: &[bool], holders: &[u64], elsewhere: f64) -> Vec<Guilt> {
        let theirs = || had.iter().zip(holders).filter(|(had, _)| **had).map(|(_, &holders)| holders);
        let ln_innocent: f64 = theirs().map(|holders| (-(1.0 - elsewhere) / holders as f64).ln_1p()).sum();
        // Where the product is lost in rounding, the model is still not certain.
        let probability = (-ln_innocent.exp_m1()).min(1.0 - f64::EPSILON);
        let (rows_shared, rows_only_theirs) =
            (theirs().count() as u64, theirs().filter(|&holders| holders == 1).count() as u64);
        let of_one = |&recipient: &usize| Guilt { recipient, probability, rows_shared, rows_only_theirs };
        if rows_shared == 0 { Vec::new() } else { self.recipients.iter().map(of_one).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::prf::{DerivedKey, Purpose};
    use crate::keys::secret::MarkingSecret;
    use crate::sketch::{SAMPLED_ROWS, Sampler, SketchBuilder};

    /// A sketch of rows that are numbers.
    fn sketch(rows: impl IntoIterator<Item = u64>) -> Sketch {
        let key = || DerivedKey::new(&MarkingSecret::from_bytes([3; 32]), Purpose::Sketch, "t", 1, None);
        let sampler = Sampler::new(key());
        let mut builder = SketchBuilder::new(Vec::new());
        for row in rows {
            let id = key().word(&row.to_le_bytes());
            builder.add(1, sampler.sample(id, std::iter::empty()).into_iter().collect(), &sampler);
        }
        builder.finish(&sampler)
    }

    fn close(found: f64, wanted: f64) -> bool {
        (found - wanted).abs() < 1e-12
    }

    #[test]
    fn the_formula_is_that_of_the_paper() {
        // Rows 0 and 1 were given to the first alone, 2 to both, 3 to the second alone, 9 to nobody.
        let (first, second) = (sketch([0, 1, 2]), sketch([2, 3]));
        let found = suspicion(&sketch([0, 2, 3, 9]), &[vec![&first], vec![&second], vec![]], 0.2);
        assert_eq!((found.rows_compared, found.tells_apart, found.guilt.len()), (4, true, 2));
        // 1 - (1 - 0.8 / 1) (1 - 0.8 / 2) for both.
        for (guilt, recipient) in found.guilt.iter().zip([0, 1]) {
            assert_eq!((guilt.recipient, guilt.rows_shared, guilt.rows_only_theirs), (recipient, 2, 1));
            assert!(close(guilt.probability, 1.0 - 0.2 * 0.6), "{guilt:?}");
        }
        let found = suspicion(&sketch([0, 1, 2]), &[vec![&first], vec![&second]], 0.5);
        assert!(close(found.guilt[0].probability, 1.0 - 0.5 * 0.5 * 0.75));
        assert!(close(found.guilt[1].probability, 0.25));
        assert_eq!(found.guilt[1].rows_only_theirs, 0);
    }

    #[test]
    fn several_releases_of_one_recipient_are_one_holding() {
        let (first, second, both) = (sketch(0..10), sketch(5..20), sketch(0..20));
        let leak = sketch(0..20);
        let parts = suspicion(&leak, &[vec![&first, &second], vec![&first]], ELSEWHERE);
        let whole = suspicion(&leak, &[vec![&both], vec![&first]], ELSEWHERE);
        assert_eq!(parts, whole);
        assert_eq!((parts.guilt[0].rows_shared, parts.guilt[0].rows_only_theirs), (20, 10));
    }

    #[test]
    fn who_had_the_same_rows_is_told_apart_by_nothing() {
        let (source, other) = (sketch(0..100), sketch(200..300));
        let again = sketch(0..100);
        let held = [vec![&source], vec![&source], vec![&other], vec![&again]];
        let found = suspicion(&sketch(20..60), &held, ELSEWHERE);
        assert!(!found.tells_apart);
        assert_eq!(found.guilt.iter().map(|guilt| guilt.recipient).collect::<Vec<_>>(), [0, 1, 3]);
        let wanted = 1.0 - (1.0 - 0.5 / 3.0f64).powi(40);
        assert!(found.guilt.iter().all(|guilt| close(guilt.probability, wanted)), "{found:?}");
        let alone = suspicion(&sketch(200..210), &held, ELSEWHERE);
        assert!(alone.tells_apart, "one holder is told apart from all who are none");
        assert_eq!((alone.guilt.len(), alone.guilt[0].rows_only_theirs), (1, 10));
    }

    #[test]
    fn strangers_rows_and_nothing_at_all_suspect_nobody() {
        let source = sketch(0..100);
        for (leak, held) in [
            (sketch(500..600), vec![vec![&source]]),
            (sketch(0..0), vec![vec![&source]]),
            (sketch(0..10), vec![]),
            (sketch(0..10), vec![vec![]]),
        ] {
            let found = suspicion(&leak, &held, ELSEWHERE);
            assert_eq!(found.guilt, [], "{found:?}");
        }
    }

    #[test]
    fn a_thin_sample_compares_fewer_rows_and_is_never_certain() {
        let large = sketch(0..3 * SAMPLED_ROWS as u64);
        let leak = sketch(0..300);
        let found = suspicion(&leak, &[vec![&large], vec![&leak]], ELSEWHERE);
        assert!((50..150).contains(&found.rows_compared), "a third of 300: {found:?}");
        assert!(!found.tells_apart);
        let many = suspicion(&large, &[vec![&large]], ELSEWHERE);
        assert_eq!(many.rows_compared, ROWS_COMPARED as u64);
        assert!(many.guilt[0].probability < 1.0);
    }
}

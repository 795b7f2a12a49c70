//! Which value a cell may be exchanged for, so that frequencies stay as they are.
//!
//! Let `w(v)` be the plausibility of value `v` in the row and `S(v)` the values that `v` may become: those of the other parity
//! within reach. The spin draws a partner `u` from `S(v)` in proportion to `w`, and the cell is a carrier with probability
//! `min(1, w(S(v)) / w(S(u)))`. Half of the carriers then change, whatever the codeword says. So of the rows that hold `v`,
//!
//! ```text
//! w(v) * w(u) / w(S(v)) * min(1, w(S(v)) / w(S(u))) / 2  =  w(v) * w(u) * min(1 / w(S(v)), 1 / w(S(u))) / 2
//! ```
//!
//! go to `u`, and, the expression being symmetric, as many come back: the frequencies stay (detailed balance, Hastings 1970).
//! Without it a rare value that is its parity's only one would be written as often as all the frequent ones together.
//!
//! Nothing here looks at the wanted bit, so carriers are the same for all recipients.

/// The partner of `here`, if the cell is a carrier. `others` gives the values that one may become, with positive weights.
pub fn exchange<V: Copy>(here: V, spin: u16, others: impl Fn(V) -> Vec<(V, f64)>) -> Option<V> {
    let [choice, chance] = draws(spin);
    let reachable = others(here);
    let leaving: f64 = reachable.iter().map(|(_, weight)| weight).sum();
    let mut rest = choice * leaving;
    let mut partner = None;
    for (value, weight) in reachable {
        partner = Some(value);
        rest -= weight;
        if rest < 0.0 {
            break;
        }
    }
    let partner = partner?;
    let returning: f64 = others(partner).iter().map(|(_, weight)| weight).sum();
    (chance * returning < leaving).then_some(partner)
}

/// How likely a cell of a copy that holds `here` says a bit at random, in 64ths: half of the probability that it is no carrier.
///
/// It is a carrier if the original was `here` and is exchanged, or if the original was another value whose partner is `here`;
/// half of the carriers change.
pub fn doubt<V: Copy + PartialEq>(
    here: V,
    weight: f64,
    spin: u16,
    others: impl Fn(V) -> Vec<(V, f64)> + Copy,
) -> u8 {
    let came: f64 = others(here)
        .into_iter()
        .filter(|(from, _)| exchange(*from, spin, others) == Some(here))
        .map(|(_, weight)| weight / 2.0)
        .sum();
    let (carrier, all) = match exchange(here, spin, others) {
        Some(_) => (came + weight / 2.0, came + weight / 2.0),
        None => (came, came + weight),
    };
    if all > 0.0 { ((1.0 - carrier / all) * 32.0).round() as u8 } else { 32 }
}

/// Two numbers from 0 up to 1, spread from a spin by splitmix64 (Steele, Lea and Flood 2014).
fn draws(spin: u16) -> [f64; 2] {
    // Another start than the shuffle of categories has: the two must not go together.
    let mut state = u64::from(spin) ^ 0x6578_6368_616e_6765;
    [(); 2].map(|()| {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        (mixed >> 11) as f64 / (1_u64 << 53) as f64
    })
}

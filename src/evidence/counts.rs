//! How often each position of the code was read as 0 and as 1, and how sure those reads are.
//!
//! Plain reads, by far the most, are counted in a dense table; reads that the leak may have turned (noise was found in their
//! column) in a sorted one beside it, by position and [reliability](Bit::flip). Reads that say nothing are not counted.
//!
//! Invariants: counts form a commutative monoid, so partial counts of many workers add up to the same whole in any order. Their
//! size is bounded by the code's length (times 32, if every reliability occurs everywhere), never by the leak's.

use std::collections::BTreeMap;

use crate::mark::marker::Bit;

/// Counts for each position of a code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Plain reads: `[zeros, ones]` for each position.
    plain: Vec<[u32; 2]>,
    /// The others: `[zeros, ones]` by position and flip.
    soft: BTreeMap<(u32, u8), [u32; 2]>,
    read: u64,
}

/// The reads of one position that are equally sure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Group {
    /// The position of the code.
    pub position: u32,
    /// How likely the leak has turned each of them, in 64ths, as in [`Bit::flip`].
    pub flip: u8,
    /// How many read as 0.
    pub zeros: u32,
    /// How many read as 1.
    pub ones: u32,
}

impl Group {
    /// One read as a group.
    pub fn of(bit: Bit) -> Group {
        let Bit { position, value, flip } = bit;
        Group { position, flip, zeros: u32::from(!value), ones: u32::from(value) }
    }

    /// The same, turned with a further probability of `flip` 64ths.
    fn turned(self, flip: u8) -> Group {
        // One of the two turns the bit, not both.
        let (a, b) = (f64::from(flip) / 64.0, self.flip_probability());
        Group { flip: ((a + b - 2.0 * a * b) * 64.0).ceil() as u8, ..self }
    }

    /// The probability that a read of the group was turned.
    pub fn flip_probability(self) -> f64 {
        f64::from(self.flip) / 64.0
    }
}

impl Counts {
    /// The empty counts of a code of `length` positions.
    pub fn new(length: usize) -> Counts {
        Counts { plain: vec![[0; 2]; length], soft: BTreeMap::new(), read: 0 }
    }

    /// Counts one read; one that says nothing is left out.
    pub fn add(&mut self, bit: Bit) {
        self.add_group(Group::of(bit));
    }

    /// The same, turned with a further probability of `flip` 64ths.
    pub fn add_turned(&mut self, bit: Bit, flip: u8) {
        self.add_group(Group::of(bit).turned(flip));
    }

    /// Adds the counts of another part of the same leak; both must be of one code.
    pub fn merge(&mut self, other: &Counts) {
        assert_eq!(self.plain.len(), other.plain.len(), "counts of two different codes");
        for (mine, theirs) in self.plain.iter_mut().zip(&other.plain) {
            add_pair(mine, theirs);
        }
        for (&place, theirs) in &other.soft {
            add_pair(self.soft.entry(place).or_default(), theirs);
        }
        self.read += other.read;
    }

    /// The same counts, each read turned with a further probability of `flip` 64ths.
    #[must_use]
    pub fn turned(&self, flip: u8) -> Counts {
        if flip == 0 {
            return self.clone();
        }
        let mut turned = Counts::new(self.plain.len());
        self.groups().for_each(|group| turned.add_group(group.turned(flip)));
        turned
    }

    fn add_group(&mut self, group: Group) {
        if group.flip >= Bit::NOTHING {
            return;
        }
        let counts = match group.flip {
            0 => &mut self.plain[group.position as usize],
            flip => self.soft.entry((group.position, flip)).or_default(),
        };
        add_pair(counts, &[group.zeros, group.ones]);
        self.read += u64::from(group.zeros) + u64::from(group.ones);
    }

    /// The number of carriers read, those that say nothing left out.
    pub fn read(&self) -> u64 {
        self.read
    }

    /// Everything that was read, positions ascending, within a position the surest first.
    pub fn groups(&self) -> impl Iterator<Item = Group> + '_ {
        self.plain.iter().enumerate().flat_map(move |(j, &[zeros, ones])| {
            let position = j as u32;
            let plain = Group { position, flip: 0, zeros, ones };
            let soft = self.soft.range((position, 0)..(position + 1, 0));
            let soft = soft.map(|(&(position, flip), &[zeros, ones])| Group { position, flip, zeros, ones });
            (zeros + ones > 0).then_some(plain).into_iter().chain(soft)
        })
    }
}

fn add_pair(mine: &mut [u32; 2], theirs: &[u32; 2]) {
    mine.iter_mut().zip(theirs).for_each(|(mine, theirs)| *mine = mine.saturating_add(*theirs));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bit(position: u32, value: bool, flip: u8) -> Bit {
        Bit { position, value, flip }
    }

    #[test]
    fn parts_add_up_in_any_order() {
        let (mut a, mut b, mut whole) = (Counts::new(8), Counts::new(8), Counts::new(8));
        for read in [bit(1, true, 0), bit(1, false, 0), bit(7, true, 0), bit(1, true, 9)] {
            a.add(read);
            whole.add(read);
        }
        for read in [bit(1, true, 0), bit(0, false, 0), bit(1, false, 9), bit(0, true, 31)] {
            b.add(read);
            whole.add(read);
        }
        let mut ba = b.clone();
        ba.merge(&a);
        a.merge(&b);
        assert_eq!(a, whole);
        assert_eq!(ba, whole);
        assert_eq!(whole.read(), 8);
        let groups: Vec<_> = whole.groups().map(|g| (g.position, g.flip, g.zeros, g.ones)).collect();
        assert_eq!(groups, [(0, 0, 1, 0), (0, 31, 0, 1), (1, 0, 1, 2), (1, 9, 1, 1), (7, 0, 0, 1)]);
    }

    #[test]
    fn what_says_nothing_is_not_counted() {
        let mut counts = Counts::new(4);
        counts.add(bit(2, true, Bit::NOTHING));
        assert_eq!(counts, Counts::new(4));
        assert_eq!(counts.groups().count(), 0);
    }
}

//! How often each position of the code was read as 0 and as 1.
//!
//! Counts form a commutative monoid: partial counts of many workers add up to the same whole in any order. Their
//! size depends on the code's length alone, never on the leak's.

/// Counts for each position of a code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counts {
    /// `[zeros, ones]` for each position.
    by_position: Vec<[u32; 2]>,
    read: u64,
}

impl Counts {
    /// The empty counts of a code of `length` positions.
    pub fn new(length: usize) -> Counts {
        Counts { by_position: vec![[0; 2]; length], read: 0 }
    }

    /// One carrier at `position` reads as `bit`.
    pub fn add(&mut self, position: u32, bit: bool) {
        let count = &mut self.by_position[position as usize][usize::from(bit)];
        *count = count.saturating_add(1);
        self.read += 1;
    }

    /// Adds the counts of another part of the same leak; both must be of one code.
    pub fn merge(&mut self, other: &Counts) {
        assert_eq!(self.by_position.len(), other.by_position.len(), "counts of two different codes");
        for (mine, theirs) in self.by_position.iter_mut().zip(&other.by_position) {
            mine[0] = mine[0].saturating_add(theirs[0]);
            mine[1] = mine[1].saturating_add(theirs[1]);
        }
        self.read += other.read;
    }

    /// The number of carriers read.
    pub fn read(&self) -> u64 {
        self.read
    }

    /// The positions that were read at least once, ascending, with `(zeros, ones)`.
    pub fn positions(&self) -> impl Iterator<Item = (u32, u32, u32)> + '_ {
        self.by_position
            .iter()
            .enumerate()
            .filter(|(_, n)| n[0] + n[1] > 0)
            .map(|(j, n)| (j as u32, n[0], n[1]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_add_up_in_any_order() {
        let (mut a, mut b, mut whole) = (Counts::new(8), Counts::new(8), Counts::new(8));
        for (j, bit) in [(1, true), (1, false), (7, true)] {
            a.add(j, bit);
            whole.add(j, bit);
        }
        for (j, bit) in [(1, true), (0, false)] {
            b.add(j, bit);
            whole.add(j, bit);
        }
        let mut ba = b.clone();
        ba.merge(&a);
        a.merge(&b);
        assert_eq!(a, whole);
        assert_eq!(ba, whole);
        assert_eq!(whole.read(), 5);
        assert_eq!(whole.positions().collect::<Vec<_>>(), [(0, 1, 0), (1, 1, 2), (7, 0, 1)]);
    }
}

//! Where the structural bytes are: the delimiter, the terminator and the quote, found 64 bytes at a time.
//!
//! A field of a data file is often five to ten bytes long, so a search that is called once per field (memchr)
//! spends its time on being called. Here a chunk of 64 bytes becomes one 64-bit mask, and the callers walk over
//! its set bits; simdjson made the technique known (Langdale and Lemire, "Parsing Gigabytes of JSON per
//! Second", 2019, section 3.1). The quoting rule itself stays in the callers, one branch per set bit, because
//! simdjson's way of finding quoted regions, by the parity of the quotes before, is wrong for `5" disk`.
//!
//! On x86-64 the mask comes from SSE2, which every such processor has, so nothing is detected at run time; AVX2
//! would be worth little more, because walking the bits costs several times what finding them does. Other
//! machines take the portable twin, eight bytes at a time in an integer, which makes splitting about three times
//! slower, the speed of the `csv` crate. A test holds the two to each other. Also tried and left (November 2026):
//! positions written to a queue in groups of eight, as simdjson does, was 10 % faster and twice as long.

/// Bytes looked at in one step: as many as a mask has bits.
const CHUNK_BYTES: usize = u64::BITS as usize;

/// The positions of up to three chosen bytes in a slice, in order.
///
/// A lending scanner rather than an `Iterator`: the caller may look at the bytes in between.
pub(in crate::table::format) struct Marks<'a> {
    bytes: &'a [u8],
    needles: [u8; 3],
    /// Bit `i` is set when byte `chunk_start + i` is a needle that hasn't been given yet.
    mask: u64,
    chunk_start: usize,
    next_chunk: usize,
}

impl<'a> Marks<'a> {
    /// Scans `bytes` for any of the three `needles`, which may repeat.
    pub(in crate::table::format) fn new(bytes: &'a [u8], needles: [u8; 3]) -> Self {
        Marks { bytes, needles, mask: 0, chunk_start: 0, next_chunk: 0 }
    }

    /// The next position that holds a needle.
    #[inline(always)]
    pub(in crate::table::format) fn next_mark(&mut self) -> Option<usize> {
        while self.mask == 0 {
            if !self.load() {
                return None;
            }
        }
        let position = self.chunk_start + self.mask.trailing_zeros() as usize;
        self.mask &= self.mask - 1;
        Some(position)
    }

    /// Moves to the next chunk; false at the end of the bytes.
    #[inline(always)]
    fn load(&mut self) -> bool {
        let rest = &self.bytes[self.next_chunk..];
        self.chunk_start = self.next_chunk;
        if let Some(chunk) = rest.first_chunk::<CHUNK_BYTES>() {
            self.mask = find(chunk, self.needles);
            self.next_chunk += CHUNK_BYTES;
            return true;
        }
        self.load_last(rest.len())
    }

    #[cold]
    #[inline(never)]
    fn load_last(&mut self, length: usize) -> bool {
        if length == 0 {
            return false;
        }
        let mut chunk = [0; CHUNK_BYTES];
        chunk[..length].copy_from_slice(&self.bytes[self.next_chunk..]);
        // The padding could be mistaken for a needle, so its bits are cleared.
        self.mask = find(&chunk, self.needles) & ((1 << length) - 1);
        self.next_chunk = self.bytes.len();
        true
    }
}

/// Bit `i` of the result is set when `chunk[i]` is one of `needles`.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn find(chunk: &[u8; CHUNK_BYTES], needles: [u8; 3]) -> u64 {
    // SAFETY: SSE2 belongs to the x86-64 baseline, so every processor that runs this code has it. The function
    // takes a reference to an array and uses no pointer.
    unsafe { find_sse2(chunk, needles) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "sse2")]
#[inline]
fn find_sse2(chunk: &[u8; CHUNK_BYTES], needles: [u8; 3]) -> u64 {
    use std::arch::x86_64::{_mm_cmpeq_epi8, _mm_movemask_epi8, _mm_or_si128, _mm_set_epi64x, _mm_set1_epi8};

    // Not `array::map`, which isn't inlined into a function with target features and would be called for each chunk.
    let [a, b, c] = needles;
    let (a, b, c) = (a.cast_signed(), b.cast_signed(), c.cast_signed());
    let (a, b, c) = (_mm_set1_epi8(a), _mm_set1_epi8(b), _mm_set1_epi8(c));
    let mut mask = 0;
    let (lanes, _) = chunk.as_chunks::<16>();
    for (i, lane) in lanes.iter().enumerate() {
        let (halves, _) = lane.as_chunks::<8>();
        let lane = _mm_set_epi64x(i64::from_le_bytes(halves[1]), i64::from_le_bytes(halves[0]));
        let either = _mm_or_si128(_mm_cmpeq_epi8(lane, a), _mm_cmpeq_epi8(lane, b));
        let found = _mm_or_si128(either, _mm_cmpeq_epi8(lane, c));
        mask |= u64::from(_mm_movemask_epi8(found).cast_unsigned()) << (16 * i);
    }
    mask
}

#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
fn find(chunk: &[u8; CHUNK_BYTES], needles: [u8; 3]) -> u64 {
    find_portable(chunk, needles)
}

/// [`find`] in plain integers.
#[cfg(any(test, not(target_arch = "x86_64")))]
#[inline(always)]
fn find_portable(chunk: &[u8; CHUNK_BYTES], needles: [u8; 3]) -> u64 {
    const LOW_BITS: u64 = 0x7f7f_7f7f_7f7f_7f7f;
    // Gathers the top bit of every byte into the top byte of the product; the partial products never collide.
    const GATHER: u64 = 0x0002_0408_1020_4081;

    let splat = needles.map(|needle| u64::from_le_bytes([needle; 8]));
    let mut mask = 0;
    let (words, _) = chunk.as_chunks::<8>();
    for (i, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        // The top bit of a byte stays clear exactly when the byte equals the needle: no carry leaves a byte.
        let differs = splat.map(|needle| {
            let x = word ^ needle;
            ((x & LOW_BITS) + LOW_BITS) | x
        });
        let equal = !(differs[0] & differs[1] & differs[2]) & !LOW_BITS;
        mask |= (equal.wrapping_mul(GATHER) >> 56) << (8 * i);
    }
    mask
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn plain(bytes: &[u8], needles: [u8; 3]) -> Vec<usize> {
        (0..bytes.len()).filter(|&i| needles.contains(&bytes[i])).collect()
    }

    fn marks(bytes: &[u8], needles: [u8; 3]) -> Vec<usize> {
        let mut marks = Marks::new(bytes, needles);
        std::iter::from_fn(|| marks.next_mark()).collect()
    }

    proptest! {
        #[test]
        fn marks_are_the_positions_of_the_needles(
            bytes in prop::collection::vec(0_u8..6, 0..300),
            needles in prop::array::uniform3(0_u8..6),
        ) {
            prop_assert_eq!(marks(&bytes, needles), plain(&bytes, needles));
        }

        #[test]
        fn the_portable_twin_agrees(
            chunk in prop::collection::vec(any::<u8>(), CHUNK_BYTES),
            needles in prop::array::uniform3(any::<u8>()),
        ) {
            let chunk: [u8; CHUNK_BYTES] = chunk.try_into().unwrap();
            prop_assert_eq!(find(&chunk, needles), find_portable(&chunk, needles));
        }
    }

    #[test]
    fn every_byte_value_is_found_at_every_place() {
        for byte in 0..=u8::MAX {
            for place in 0..CHUNK_BYTES {
                let mut chunk = [!byte; CHUNK_BYTES];
                chunk[place] = byte;
                assert_eq!(find(&chunk, [byte; 3]), 1 << place);
                assert_eq!(find_portable(&chunk, [byte; 3]), 1 << place);
            }
        }
    }
}

//! Mutations of bytes: what transfer, truncation, other programs and people of ill will make of a file.

use rand::RngExt as _;
use rand::rngs::StdRng;

/// Bytes that mean something to some format, or are the ends of ranges.
const BYTES: &[u8] = b"\0\x01\x7f\x80\xc0\xfe\xff \t\r\n\"'`,;|\\/<>&(){}[]:=-+#*.0129eEnN";

/// Numbers at the ends of ranges, as lengths, counts and offsets are.
const NUMBERS: &[u64] = &[
    0,
    1,
    2,
    7,
    0x7f,
    0x80,
    0xff,
    0x100,
    0x7fff,
    0x8000,
    0xffff,
    0x1_0000,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_fff0,
    0xffff_ffff,
    0x1_0000_0000,
    0x7fff_ffff_ffff_ffff,
    0x8000_0000_0000_0000,
    u64::MAX,
];

/// The longest file that is made, so that each takes little time.
const MAX_BYTES: usize = 1 << 16;

/// The most changes that are made at once: few reach far into a reader, many get stuck at its door.
const MAX_CHANGES: u32 = 5;

/// `seed` with some changes, which may put in parts of `other` and some of `tokens`.
pub fn mutated(rng: &mut StdRng, seed: &[u8], other: &[u8], tokens: &[&str]) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    let most = rng.random_range(1..=MAX_CHANGES);
    for _ in 0..rng.random_range(1..=most) {
        change(rng, &mut bytes, other, tokens);
        bytes.truncate(MAX_BYTES);
    }
    bytes
}

fn change(rng: &mut StdRng, bytes: &mut Vec<u8>, other: &[u8], tokens: &[&str]) {
    let kind = rng.random_range(0..18);
    if bytes.is_empty() {
        return bytes.extend_from_slice(other);
    }
    let at = rng.random_range(0..bytes.len());
    match kind {
        0 | 1 | 13 => bytes[at] ^= 1 << rng.random_range(0..8),
        2 | 3 | 14 => bytes[at] = BYTES[rng.random_range(0..BYTES.len())],
        4 | 15 => put_number(rng, &mut bytes[at..]),
        5 | 16 => move_number(rng, &mut bytes[at..]),
        6 => bytes.truncate(at),
        7 => drop(bytes.drain(run(rng, at, bytes.len()))),
        8 => {
            let again = bytes[run(rng, at, bytes.len())].to_vec();
            let times = if rng.random_ratio(1, 8) { rng.random_range(1..500) } else { 1 };
            let times = times.min(MAX_BYTES / again.len());
            drop(bytes.splice(at..at, again.repeat(times)));
        }
        9 => {
            // Two neighbouring runs change places.
            let (first, second) = (run(rng, at, bytes.len()), bytes.len());
            let end = run(rng, first.end.min(second - 1), second).end.max(first.end);
            bytes[first.start..end].rotate_left(first.len());
        }
        10 if !other.is_empty() => {
            let start = rng.random_range(0..other.len());
            let from = run(rng, start, other.len());
            let to = if rng.random() { run(rng, at, bytes.len()) } else { at..at };
            drop(bytes.splice(to, other[from].iter().copied()));
        }
        11 if !other.is_empty() => {
            bytes.truncate(at);
            bytes.extend_from_slice(&other[rng.random_range(0..other.len())..]);
        }
        _ if !tokens.is_empty() => {
            let token = tokens[rng.random_range(0..tokens.len())].bytes();
            let times = if rng.random_ratio(1, 16) { rng.random_range(1..5000) } else { 1 };
            let end = if rng.random() { at } else { (at + token.len()).min(bytes.len()) };
            let token = token.collect::<Vec<u8>>().repeat(times);
            drop(bytes.splice(at..end, token));
        }
        _ => bytes.insert(at, rng.random()),
    }
}

/// A run from `at` on, short more often than long.
fn run(rng: &mut StdRng, at: usize, length: usize) -> std::ops::Range<usize> {
    let most = 1_usize << rng.random_range(1..14);
    at..at + rng.random_range(1..=most.min(length - at).max(1))
}

/// Overwrites a number of 2, 4 or 8 bytes.
fn put_number(rng: &mut StdRng, bytes: &mut [u8]) {
    let number = NUMBERS[rng.random_range(0..NUMBERS.len())];
    write_number(rng, bytes, |_| number);
}

/// Adds a little to such a number, or takes it away.
fn move_number(rng: &mut StdRng, bytes: &mut [u8]) {
    let by = rng.random_range(-16_i64..=16);
    write_number(rng, bytes, |number| number.wrapping_add_signed(by));
}

fn write_number(rng: &mut StdRng, bytes: &mut [u8], change: impl Fn(u64) -> u64) {
    let width = (1 << rng.random_range(0..4)).min(bytes.len());
    let is_big = rng.random();
    let bytes = &mut bytes[..width];
    if is_big {
        bytes.reverse();
    }
    let mut number = [0; 8];
    number[..width].copy_from_slice(bytes);
    bytes.copy_from_slice(&change(u64::from_le_bytes(number)).to_le_bytes()[..width]);
    if is_big {
        bytes.reverse();
    }
}

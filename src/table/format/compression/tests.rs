//! There and back, damage, and what is made to fill disks.

use std::io::{Read, Write, repeat};
use std::time::{Duration, Instant};

use flate2::GzBuilder;
use proptest::prelude::*;
use rand::{RngExt, SeedableRng, rngs::StdRng};

use super::*;
use crate::Error;
use crate::table::format::block::Reading;
use crate::table::format::reason::read_failed;

const GZIP: &[u8] = b"\x1f\x8b\x08\0\0\0\0\0\0\xff";

fn container(compression: Compression) -> Container {
    let head = if compression == Compression::Gzip { GZIP } else { ZSTD_MAGIC };
    Container::of(head).expect("it is packed")
}

fn packed(bytes: &[u8], like: &Container) -> Vec<u8> {
    let mut packer = Packer::new(Vec::new(), like).unwrap();
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}

/// What came out, and the error or whether it is torn.
fn unpacked(packed: &[u8], reading: Reading, bounds: Bounds) -> (Vec<u8>, Result<bool, Error>) {
    let compression = sniff(packed).unwrap_or(Compression::Gzip);
    let mut unpacker = Unpacker::new(packed, compression, bounds, reading).unwrap();
    let mut bytes = Vec::new();
    let read = unpacker.read_to_end(&mut bytes).map(|_| unpacker.torn().is_torn());
    (bytes, read.map_err(read_failed))
}

fn strict(packed: &[u8]) -> Result<Vec<u8>, Error> {
    let (bytes, read) = unpacked(packed, Reading::Strict, Bounds::default());
    read.map(|_| bytes)
}

fn table() -> Vec<u8> {
    (0..20_000).flat_map(|row| format!("{row},{},x\n", row * 7919 % 1009).into_bytes()).collect()
}

const BOTH: [Compression; 2] = [Compression::Gzip, Compression::Zstd];

proptest! {
    #[test]
    fn what_is_packed_is_unpacked_as_it_was(bytes in proptest::collection::vec(0..9u8, 0..3000)) {
        for compression in BOTH {
            let packed = packed(&bytes, &container(compression));
            prop_assert_eq!(sniff(&packed), Some(compression));
            prop_assert_eq!(&strict(&packed).unwrap(), &bytes);
            prop_assert_eq!(unpacked(&packed, Reading::Tolerant, Bounds::default()).0, bytes.clone());
        }
    }
}

#[test]
fn the_same_is_packed_the_same_way_and_like_the_original() {
    let builder = GzBuilder::new().filename("a.csv").comment("c").mtime(1234).operating_system(3);
    let mut original = builder.write(Vec::new(), flate2::Compression::best());
    original.write_all(&table()).unwrap();
    let original = original.finish().unwrap();
    let copy = packed(&table(), &Container::of(&original).unwrap());
    assert_eq!(copy, packed(&table(), &Container::of(&original).unwrap()));
    // But for the byte that says how hard it tried.
    assert_eq!((&copy[..8], &copy[9..18]), (&original[..8], &original[9..18]));
    for checksum in [false, true] {
        let mut original = zstd::Encoder::new(Vec::new(), 9).unwrap();
        original.include_checksum(checksum).unwrap();
        let original = original.finish().unwrap();
        let copy = packed(&table(), &Container::of(&original).unwrap());
        assert_eq!(copy[4] & 4 != 0, checksum);
        assert_eq!(strict(&copy).unwrap(), table());
    }
}

#[test]
fn all_members_and_frames_are_read() {
    for compression in BOTH {
        let like = container(compression);
        let two = [packed(b"a,b\n", &like), packed(b"1,2\n", &like)].concat();
        assert_eq!(strict(&two).unwrap(), b"a,b\n1,2\n");
    }
    let skipped =
        [&b"\x50\x2a\x4d\x18\x02\0\0\0xy"[..], &packed(b"a\n", &container(Compression::Zstd))].concat();
    assert_eq!(strict(&skipped).unwrap(), b"a\n");
}

#[test]
fn damage_is_an_error_or_the_end() {
    for compression in BOTH {
        let whole = packed(&table(), &container(compression));
        let cut = &whole[..whole.len() * 2 / 3];
        let error = strict(cut).unwrap_err();
        assert_eq!(error.to_string(), format!("the {} data ends too early", compression.name()));
        assert!(error.hint().is_some());
        let (bytes, torn) = unpacked(cut, Reading::Tolerant, Bounds::default());
        assert!(torn.unwrap() && bytes.len() > table().len() / 3 && table().starts_with(&bytes));
        let garbage = [&whole[..], b"what follows is no gzip and no zstd"].concat();
        let error = strict(&garbage).unwrap_err();
        assert_eq!(error.to_string(), format!("the {} data is damaged", compression.name()));
        assert_eq!(unpacked(&garbage, Reading::Tolerant, Bounds::default()).0, table());
    }
}

#[test]
fn a_reader_that_fails_is_not_taken_for_damage() {
    for compression in BOTH {
        struct Failing;
        impl Read for Failing {
            fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
                Err(std::io::Error::other("the line went dead"))
            }
        }
        for reading in [Reading::Strict, Reading::Tolerant] {
            let mut unpacker = Unpacker::new(Failing, compression, Bounds::default(), reading).unwrap();
            let error = read_failed(unpacker.read(&mut [0; 9]).unwrap_err());
            assert_eq!(error.to_string(), "could not read: the line went dead");
        }
    }
}

#[test]
fn what_is_made_to_fill_disks_is_stopped() {
    for compression in BOTH {
        let mut packer = Packer::new(Vec::new(), &container(compression)).unwrap();
        std::io::copy(&mut repeat(0).take(1 << 30), &mut packer).unwrap();
        let bomb = packer.finish().unwrap();
        for reading in [Reading::Strict, Reading::Tolerant] {
            let start = Instant::now();
            let mut unpacker = Unpacker::new(&bomb[..], compression, Bounds::default(), reading).unwrap();
            let error = std::io::copy(&mut unpacker, &mut std::io::sink()).map_err(read_failed).unwrap_err();
            assert_eq!(error.to_string(), "unpacked, it is more than 500 times as large");
            assert!(start.elapsed() < Duration::from_secs(5), "{compression:?}");
        }
        let bounds = Bounds { max_bytes: 1000, ..Bounds::default() };
        let (bytes, read) = unpacked(&bomb, Reading::Strict, bounds);
        assert_eq!(read.unwrap_err().to_string(), "unpacked, it is more than 1000 bytes");
        assert!(bytes.len() <= 1000);
    }
}

#[test]
fn a_frame_that_wants_too_much_memory_is_refused() {
    // No single segment, a window of 2^31 bytes, one empty last block.
    let frame = [ZSTD_MAGIC, &[0, 21 << 3, 1, 0, 0]].concat();
    for reading in [Reading::Strict, Reading::Tolerant] {
        let error = unpacked(&frame, reading, Bounds::default()).1.unwrap_err();
        let expected = "the zstd data needs more than 134217728 bytes of memory to be unpacked";
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn no_mutation_of_packed_bytes_panics() {
    let mut random = StdRng::seed_from_u64(11);
    for compression in BOTH {
        let valid = packed(&table()[..3000], &container(compression));
        for _ in 0..2000 {
            let mut bytes = valid.clone();
            for _ in 0..random.random_range(1..5) {
                let at = random.random_range(0..bytes.len().max(1));
                match random.random_range(0..4) {
                    0 => bytes.truncate(at.max(8)),
                    1 => bytes.extend_from_within(at.min(bytes.len())..),
                    _ => bytes
                        .iter_mut()
                        .skip(at)
                        .take(1)
                        .for_each(|byte| *byte ^= 1 << random.random_range(0..8)),
                }
            }
            let _ = Container::of(&bytes);
            let bounds = Bounds { max_bytes: 1 << 20, ..Bounds::default() };
            let (before, read) = unpacked(&bytes, Reading::Strict, bounds);
            let (kept, _) = unpacked(&bytes, Reading::Tolerant, bounds);
            assert!(kept.len() + (64 << 10) >= before.len());
            if let Err(error) = read {
                assert!(error.hint().is_some());
            }
        }
    }
}

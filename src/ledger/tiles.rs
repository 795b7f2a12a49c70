//! Tiles: how a tree of a given size is cut into files, and what the files are called.
//!
//! **Idea.** Level `L` of the tiles holds the hashes of perfect subtrees of 256^L leaves, 256 to a file. Beside them,
//! `entries` holds the leaves themselves, 256 to a bundle, each with its length in two big-endian bytes. Only the last
//! file of a row may hold fewer than 256; its name then ends in `.p/<width>`.
//!
//! **Invariants.** The set of files is a function of the size ([`of_tree`]); a full tile never changes.
//!
//! Partial tiles of earlier sizes are removed when a new checkpoint stands, although tlog-tiles would keep them until
//! the tile is full: so the folder holds exactly one tree, and each of its bytes is covered by the one signed root. A
//! published copy is a snapshot, and an auditor with an older checkpoint asks for a consistency proof.
//!
//! Source: C2SP tlog-tiles, <https://c2sp.org/tlog-tiles>.

use super::merkle::Hash;

/// Hashes or entries in a full tile: the tree is cut every eight levels.
pub const TILE_WIDTH: u64 = 256;

/// Longest leaf, in bytes: its length is stored in two bytes.
pub const LEAF_LIMIT_BYTES: usize = u16::MAX as usize;

/// Longest bundle, in bytes.
pub(super) const BUNDLE_LIMIT_BYTES: u64 = TILE_WIDTH * (2 + LEAF_LIMIT_BYTES as u64);

/// What a tile holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Row {
    /// The leaves.
    Entries,
    /// Hashes of subtrees of 256^level leaves.
    Hashes(u8),
}

/// One file of a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tile {
    /// What it holds.
    pub row: Row,
    /// Its place in the row, from 0.
    pub number: u64,
    /// How many hashes or entries it holds, 1 to 256.
    pub width: u64,
}

impl Tile {
    /// The path below `log/`: `tile/0/x001/x234/067` or `tile/entries/000.p/5`.
    pub fn path(&self) -> String {
        let row = match self.row {
            Row::Entries => "entries".to_owned(),
            Row::Hashes(level) => level.to_string(),
        };
        let mut number = format!("{:03}", self.number % 1000);
        let mut rest = self.number / 1000;
        while rest > 0 {
            number = format!("x{:03}/{number}", rest % 1000);
            rest /= 1000;
        }
        let partial = if self.width < TILE_WIDTH { format!(".p/{}", self.width) } else { String::new() };
        format!("tile/{row}/{number}{partial}")
    }
}

/// How many hashes or leaves a row holds in a tree of `size` leaves.
pub fn row_length(row: Row, size: u64) -> u64 {
    match row {
        Row::Entries => size,
        Row::Hashes(level) => size.checked_shr(8 * u32::from(level)).unwrap_or(0),
    }
}

/// The rows of a tree of `size` leaves: entries, then hashes from the leaves up.
pub fn rows(size: u64) -> impl Iterator<Item = Row> {
    let levels = (0..8).map(Row::Hashes);
    std::iter::once(Row::Entries).chain(levels).filter(move |row| row_length(*row, size) > 0)
}

/// The tile of a row that holds the hash or leaf `index`, in a tree of `size` leaves.
pub fn tile_at(row: Row, index: u64, size: u64) -> Tile {
    let number = index / TILE_WIDTH;
    let width = TILE_WIDTH.min(row_length(row, size) - number * TILE_WIDTH);
    Tile { row, number, width }
}

/// The tiles of a row in a tree of `size` leaves, from the one that holds hash or leaf `from` on.
pub fn of_row(row: Row, from: u64, size: u64) -> impl Iterator<Item = Tile> {
    let end = row_length(row, size).div_ceil(TILE_WIDTH);
    (from / TILE_WIDTH..end).map(move |number| tile_at(row, number * TILE_WIDTH, size))
}

/// Every tile of a tree of `size` leaves.
pub fn of_tree(size: u64) -> impl Iterator<Item = Tile> {
    rows(size).flat_map(move |row| of_row(row, 0, size))
}

/// The partial tiles of a tree of `size` leaves.
pub fn partial(size: u64) -> impl Iterator<Item = Tile> {
    rows(size)
        .filter(move |row| !row_length(*row, size).is_multiple_of(TILE_WIDTH))
        .map(move |row| tile_at(row, row_length(row, size) - 1, size))
}

/// Whether a path below `log/` has the form of a tile's name.
pub fn is_tile_path(path: &str) -> bool {
    path.strip_prefix("tile/").is_some_and(|rest| {
        let row_ends = rest.find('/').unwrap_or(0);
        let (row, number) = rest.split_at(row_ends);
        let is_row = row == "entries" || row.parse::<u8>().is_ok();
        is_row && number.bytes().all(|b| b.is_ascii_digit() || b"/x.p".contains(&b))
    })
}

/// The bytes of a tile of hashes.
pub fn encode_hashes(hashes: &[Hash]) -> Vec<u8> {
    hashes.concat()
}

/// The hashes of a tile of exactly `width`.
pub fn decode_hashes(bytes: &[u8], width: u64) -> Option<Vec<Hash>> {
    let (hashes, rest) = bytes.as_chunks::<32>();
    (rest.is_empty() && hashes.len() as u64 == width).then(|| hashes.to_vec())
}

/// The bytes of a bundle. Every leaf must be at most [`LEAF_LIMIT_BYTES`] long.
pub fn encode_leaves<L: AsRef<[u8]>>(leaves: &[L]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for leaf in leaves.iter().map(AsRef::as_ref) {
        let length = u16::try_from(leaf.len()).expect("a leaf fits its two length bytes");
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(leaf);
    }
    bytes
}

/// The leaves of a bundle. The second value says whether the bytes ended with the last leaf: a cut bundle still gives
/// the leaves before the cut, so that the first bad entry can be named.
pub fn decode_leaves(mut bytes: &[u8]) -> (Vec<&[u8]>, bool) {
    let mut leaves = Vec::new();
    while let Some((length, rest)) = bytes.split_first_chunk::<2>() {
        let Some((leaf, rest)) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length))) else {
            return (leaves, false);
        };
        leaves.push(leaf);
        bytes = rest;
    }
    (leaves, bytes.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_specification() {
        let tile = |number, width| Tile { row: Row::Hashes(0), number, width }.path();
        assert_eq!(tile(1_234_067, 256), "tile/0/x001/x234/067");
        assert_eq!(tile(0, 256), "tile/0/000");
        assert_eq!(tile(999, 5), "tile/0/999.p/5");
        assert_eq!(tile(1000, 1), "tile/0/x001/000.p/1");
        let bundle = Tile { row: Row::Entries, number: 273, width: 112 };
        assert_eq!(bundle.path(), "tile/entries/273.p/112");
    }

    #[test]
    fn the_tree_of_70_000_leaves_has_the_files_of_the_specification() {
        // The example of the specification: 273 full tiles and a partial of 112, one full and a partial of 17, one of 1.
        let paths: Vec<String> = of_tree(70_000).map(|t| t.path()).collect();
        for expected in ["tile/0/272", "tile/0/273.p/112", "tile/1/000", "tile/1/001.p/17", "tile/2/000.p/1"]
        {
            assert!(paths.iter().any(|p| p == expected), "{expected}");
        }
        assert_eq!(paths.len(), 2 * 274 + 2 + 1);
        let partial: Vec<String> = partial(70_000).map(|t| t.path()).collect();
        assert_eq!(
            partial,
            ["tile/entries/273.p/112", "tile/0/273.p/112", "tile/1/001.p/17", "tile/2/000.p/1"]
        );
        assert_eq!(of_tree(0).count(), 0);
        assert_eq!(
            of_tree(256).map(|t| t.path()).collect::<Vec<_>>(),
            ["tile/entries/000", "tile/0/000", "tile/1/000.p/1"]
        );
        assert_eq!(rows(u64::MAX).count(), 9);
    }

    #[test]
    fn tile_paths_are_told_from_other_files() {
        assert!(of_tree(70_000).all(|tile| is_tile_path(&tile.path())));
        for other in ["checkpoint", "tile/.DS_Store", "tile/0/.DS_Store", "tile/entries/000.bak", "tile/0"] {
            assert!(!is_tile_path(other), "{other}");
        }
    }

    #[test]
    fn bundles_read_back_and_hostile_ones_stop() {
        let leaves = [b"one".to_vec(), Vec::new(), vec![7; LEAF_LIMIT_BYTES]];
        let bytes = encode_leaves(&leaves);
        let (read, whole) = decode_leaves(&bytes);
        assert!(whole && read == leaves.iter().map(Vec::as_slice).collect::<Vec<_>>());
        assert_eq!(decode_leaves(&[0, 1, 9, 0xff, 0xff, 1]), (vec![&[9][..]], false));
        assert_eq!(decode_leaves(&[0, 0, 5]), (vec![&[][..]], false));
    }
}

//! The tree as it stands in the files of `log/`: reading, checking and growing it.
//!
//! **Idea.** A tile's hashes are nodes of the tree at every eighth level; the seven levels between are folded from
//! them when asked for. Growing appends to each row's last tile and carries one hash up per tile that became full.
//!
//! **Invariant.** Files are read whole and must have exactly the length that the tree's size gives them.

use std::{
    collections::BTreeMap,
    io,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use rayon::prelude::*;

use super::{
    disk,
    merkle::{self, Hash, Nodes, leaf_hash, root_of},
    prune::{KEPT_FOLDER, decode_kept},
    reason::Reason,
    tiles::{self, BUNDLE_LIMIT_BYTES, Row, TILE_WIDTH, Tile, row_length, tile_at},
};
use crate::error::{Error, Result};

/// Tiles kept in memory while proofs are made, 8 kB each.
const CACHED_TILES: usize = 64;

/// A tree of a given size in the tiles below a folder.
pub(super) struct Tree {
    folder: PathBuf,
    size: u64,
    /// Tiles of a tree that has been computed and not written yet.
    unwritten: BTreeMap<Tile, Arc<Vec<Hash>>>,
    cache: Mutex<BTreeMap<Tile, Arc<Vec<Hash>>>>,
    /// A copy of the log alone: of pruned bundles it has nothing but their hashes.
    is_published: bool,
}

/// Reads a leaf, or says what is wrong with it.
pub(super) trait Read<T>: Fn(&[u8]) -> Result<T, String> + Sync {}

impl<T, F: Fn(&[u8]) -> Result<T, String> + Sync> Read<T> for F {}

/// What an append changes: files to write, and the root that they add up to.
pub(super) struct Growth {
    /// Path below `log/` and bytes, in the order of writing.
    pub(super) files: Vec<(String, Vec<u8>)>,
    /// Entries after the append.
    pub(super) size: u64,
    /// Root after the append.
    pub(super) root: Hash,
}

impl Tree {
    /// The tree of `size` leaves below `folder`. Reads nothing yet.
    pub(super) fn new(folder: PathBuf, size: u64) -> Self {
        Tree { folder, size, unwritten: BTreeMap::new(), cache: Mutex::default(), is_published: false }
    }

    /// The tree in a copy of the published part. Bundles may be missing, and whether they may is for the caller to judge.
    pub(super) fn published(folder: PathBuf, size: u64) -> Self {
        Tree { is_published: true, ..Tree::new(folder, size) }
    }

    /// The root, from the right edge: at most one tile of each row is read.
    pub(super) fn root(&self) -> Result<Hash> {
        merkle::root(self, self.size)
    }

    /// One leaf with its hash, which agrees with its tile; whether the tile belongs to the root is for the caller.
    pub(super) fn leaf(&self, index: u64) -> Result<(Vec<u8>, Hash)> {
        let tile = tile_at(Row::Entries, index, self.size);
        let place = index % TILE_WIDTH;
        let leaf = match self.kept(tile)? {
            Some(kept) => {
                let mut kept = decode_kept(&kept).ok_or_else(|| damaged_kept(tile))?.into_iter();
                let found = kept.find(|(kept, _)| *kept == place).map(|(_, leaf)| leaf.to_vec());
                found.ok_or(Reason::Pruned(index))?
            }
            None => {
                let bytes = self.bytes(tile)?;
                let leaf = tiles::decode_leaves(&bytes).0.get(place as usize).map(|leaf| leaf.to_vec());
                leaf.ok_or_else(|| missing(index, tile))?
            }
        };
        let hash = leaf_hash(&leaf);
        if hash != self.node(0, index)? {
            return Err(changed(index));
        }
        Ok((leaf, hash))
    }

    /// Reads every leaf, on all cores, visits them in order, and proves them all: each against its hash in the lowest row,
    /// each row against the one below, and the whole against `root`. What `visit` was given holds only if this returns
    /// `Ok`. The first entry that is wrong is the one that the error names.
    pub(super) fn walk<T: Send>(
        &self,
        root: &Hash,
        read: impl Read<T>,
        mut visit: impl FnMut(u64, T) -> Result<()>,
    ) -> Result<()> {
        let mut rising = Vec::new();
        for tile in tiles::of_row(Row::Entries, 0, self.size) {
            let hashes = self.walk_bundle(tile, &read, &mut visit)?;
            if tile.width == TILE_WIDTH {
                rising.push(root_of(&hashes));
            }
        }
        let mut level = 1;
        while !rising.is_empty() {
            let mut above = Vec::new();
            for (tile, hashes) in tiles::of_row(Row::Hashes(level), 0, self.size).zip(rising.chunks(256)) {
                if *self.hashes(tile)? != hashes {
                    return Err(damaged(tile, "it does not follow from the row below"));
                }
                if tile.width == TILE_WIDTH {
                    above.push(root_of(hashes));
                }
            }
            (rising, level) = (above, level + 1);
        }
        if self.root()? != *root {
            return Err(Reason::Root.into());
        }
        Ok(())
    }

    /// Visits the leaves of one bundle and gives their hashes.
    fn walk_bundle<T: Send>(
        &self,
        bundle: Tile,
        read: &impl Read<T>,
        visit: &mut impl FnMut(u64, T) -> Result<()>,
    ) -> Result<Vec<Hash>> {
        let first = bundle.number * TILE_WIDTH;
        if let Some(kept) = self.kept(bundle)? {
            return self.walk_kept(bundle, &kept, read, visit);
        }
        if self.is_published && bundle.width == TILE_WIDTH && !self.has_bundle(bundle.number) {
            return Ok(self.hashes(Tile { row: Row::Hashes(0), ..bundle })?.to_vec());
        }
        let bytes = self.bytes(bundle).map_err(|e| e.at_entry(first))?;
        // Both files are read leniently, so that a cut one still names the first entry behind the cut.
        let recorded = self.bytes(Tile { row: Row::Hashes(0), ..bundle }).map_err(|e| e.at_entry(first))?;
        let (leaves, whole) = tiles::decode_leaves(&bytes);
        let read = leaves.par_iter().map(|leaf| (leaf_hash(leaf), read(leaf)));
        let mut read = read.collect::<Vec<_>>().into_iter();
        let mut hashes = Vec::with_capacity(TILE_WIDTH as usize);
        for (index, place) in (first..).zip(0..bundle.width as usize) {
            let (hash, read) = read.next().ok_or_else(|| missing(index, bundle))?;
            if recorded.get(32 * place..32 * (place + 1)) != Some(&hash) {
                return Err(changed(index));
            }
            visit(index, read.map_err(|what| Reason::Entry { index, what })?)?;
            hashes.push(hash);
        }
        if !whole || leaves.len() as u64 > bundle.width {
            return Err(damaged(bundle, "it goes on after its last entry"));
        }
        if recorded.len() as u64 != 32 * bundle.width {
            return Err(damaged(Tile { row: Row::Hashes(0), ..bundle }, "it goes on after its last hash"));
        }
        Ok(hashes)
    }

    /// Visits what is left of a pruned bundle, and gives the recorded hashes of all its leaves.
    fn walk_kept<T>(
        &self,
        bundle: Tile,
        kept: &[u8],
        read: &impl Read<T>,
        visit: &mut impl FnMut(u64, T) -> Result<()>,
    ) -> Result<Vec<Hash>> {
        let hashes = self.hashes(Tile { row: Row::Hashes(0), ..bundle })?;
        for (place, leaf) in decode_kept(kept).ok_or_else(|| damaged_kept(bundle))? {
            let index = bundle.number * TILE_WIDTH + place;
            if hashes.get(place as usize) != Some(&leaf_hash(leaf)) {
                return Err(changed(index));
            }
            visit(index, read(leaf).map_err(|what| Reason::Entry { index, what })?)?;
        }
        Ok(hashes.to_vec())
    }

    /// The leaves of a bundle that was not pruned.
    pub(super) fn bundle(&self, number: u64) -> Result<Vec<Vec<u8>>> {
        let bundle = tile_at(Row::Entries, number * TILE_WIDTH, self.size);
        let mut leaves = Vec::with_capacity(bundle.width as usize);
        let mut keep = |_, leaf| {
            leaves.push(leaf);
            Ok(())
        };
        self.walk_bundle(bundle, &|leaf: &[u8]| Ok(leaf.to_vec()), &mut keep)?;
        Ok(leaves)
    }

    /// Whether a full bundle was pruned: another file stands for it. Its own may still be there, or again.
    pub(super) fn is_pruned(&self, number: u64) -> bool {
        self.kept_path(number).is_file()
    }

    /// Whether the file of a full bundle is there.
    pub(super) fn has_bundle(&self, number: u64) -> bool {
        self.bundle_path(number).is_file()
    }

    /// What is left of a bundle, if it was pruned.
    fn kept(&self, bundle: Tile) -> Result<Option<Vec<u8>>> {
        if self.is_published || bundle.width < TILE_WIDTH || !self.is_pruned(bundle.number) {
            return Ok(None);
        }
        self.kept_bytes(bundle.number).map(Some)
    }

    /// What is left of a pruned bundle.
    pub(super) fn kept_bytes(&self, number: u64) -> Result<Vec<u8>> {
        let path = self.kept_path(number);
        disk::read(&path, BUNDLE_LIMIT_BYTES + TILE_WIDTH).map_err(|e| Error::io("read", &path, e))
    }

    /// Where it stands: beside the published log.
    pub(super) fn kept_path(&self, number: u64) -> PathBuf {
        self.folder.with_file_name(KEPT_FOLDER).join(number.to_string())
    }

    /// Where a full bundle of entries stands.
    pub(super) fn bundle_path(&self, number: u64) -> PathBuf {
        self.folder.join(Tile { row: Row::Entries, number, width: TILE_WIDTH }.path())
    }

    /// Computes the tree with `leaves` appended. Writes nothing.
    pub(super) fn grow<L: AsRef<[u8]>>(&self, leaves: &[L]) -> Result<Growth> {
        let size = self.size + leaves.len() as u64;
        let mut files = self.grown_bundles(leaves)?;
        let mut grown = Tree::new(self.folder.clone(), size);
        let mut rising: Vec<Hash> = leaves.iter().map(|l| leaf_hash(l.as_ref())).collect();
        let mut level = 0;
        while !rising.is_empty() {
            let row = Row::Hashes(level);
            let before = row_length(row, self.size);
            let mut hashes = match before % TILE_WIDTH {
                0 => Vec::new(),
                _ => self.hashes(tile_at(row, before - 1, self.size))?.to_vec(),
            };
            hashes.append(&mut rising);
            for (tile, hashes) in tiles::of_row(row, before, size).zip(hashes.chunks(TILE_WIDTH as usize)) {
                if tile.width == TILE_WIDTH {
                    rising.push(root_of(hashes));
                }
                files.push((tile.path(), tiles::encode_hashes(hashes)));
                grown.unwritten.insert(tile, Arc::new(hashes.to_vec()));
            }
            level += 1;
        }
        Ok(Growth { files, size, root: grown.root()? })
    }

    fn grown_bundles<L: AsRef<[u8]>>(&self, leaves: &[L]) -> Result<Vec<(String, Vec<u8>)>> {
        let before = match self.size % TILE_WIDTH {
            0 => Vec::new(),
            _ => self.bundle(self.size / TILE_WIDTH)?,
        };
        let all: Vec<&[u8]> =
            before.iter().map(Vec::as_slice).chain(leaves.iter().map(AsRef::as_ref)).collect();
        let size = self.size + leaves.len() as u64;
        let bundles = tiles::of_row(Row::Entries, self.size, size).zip(all.chunks(TILE_WIDTH as usize));
        Ok(bundles.map(|(tile, leaves)| (tile.path(), tiles::encode_leaves(leaves))).collect())
    }

    /// The hashes of a tile.
    fn hashes(&self, tile: Tile) -> Result<Arc<Vec<Hash>>> {
        if let Some(hashes) = self.unwritten.get(&tile) {
            return Ok(hashes.clone());
        }
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(hashes) = cache.get(&tile) {
            return Ok(hashes.clone());
        }
        let hashes = tiles::decode_hashes(&self.bytes(tile)?, tile.width);
        let hashes =
            Arc::new(hashes.ok_or_else(|| damaged(tile, "it has another length than its name says"))?);
        if cache.len() >= CACHED_TILES {
            cache.clear();
        }
        cache.insert(tile, hashes.clone());
        Ok(hashes)
    }

    fn bytes(&self, tile: Tile) -> Result<Vec<u8>> {
        let path = self.folder.join(tile.path());
        disk::read(&path, BUNDLE_LIMIT_BYTES).map_err(|e| match e.kind() {
            io::ErrorKind::NotFound => damaged(tile, "it is missing"),
            io::ErrorKind::FileTooLarge => damaged(tile, "it is longer than a tile can be"),
            _ => Error::io("read", &path, e),
        })
    }
}

impl Nodes for Tree {
    fn node(&self, level: u8, index: u64) -> Result<Hash> {
        let (row, height) = (Row::Hashes(level / 8), level % 8);
        let first = index << height;
        let hashes = self.hashes(tile_at(row, first, self.size))?;
        let place = (first % TILE_WIDTH) as usize;
        Ok(root_of(&hashes[place..place + (1 << height)]))
    }
}

fn damaged(tile: Tile, what: &'static str) -> Error {
    Reason::Tile { path: tile.path(), what }.into()
}

fn damaged_kept(bundle: Tile) -> Error {
    let index = bundle.number * TILE_WIDTH;
    let what = format!("the file `{KEPT_FOLDER}/{}` that it should be in is damaged", bundle.number);
    Reason::Entry { index, what }.into()
}

fn missing(index: u64, bundle: Tile) -> Error {
    let what = format!("it is missing from its bundle `{}`", bundle.path());
    Reason::Entry { index, what }.into()
}

fn changed(index: u64) -> Error {
    Reason::Entry { index, what: "its bytes do not match its hash in the tree".to_owned() }.into()
}

/// Says which entry an error about a file is about.
trait AtEntry {
    fn at_entry(self, index: u64) -> Error;
}

impl AtEntry for Error {
    fn at_entry(self, index: u64) -> Error {
        if self.is_integrity() { Reason::Entry { index, what: self.to_string() }.into() } else { self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::disk::Disk;

    fn leaf(index: u64) -> Vec<u8> {
        format!("leaf {index}").into_bytes()
    }

    /// Grows a tree on disk to `size` by appends of the given lengths.
    fn grown(folder: &std::path::Path, appends: &[u64]) -> (Tree, Hash) {
        let (mut size, mut root) = (0, root_of(&[]));
        for count in appends {
            let leaves: Vec<_> = (size..size + count).map(leaf).collect();
            let growth = Tree::new(folder.to_path_buf(), size).grow(&leaves).unwrap();
            for (path, bytes) in &growth.files {
                Disk::default().write(&folder.join(path), bytes).unwrap();
            }
            (size, root) = (growth.size, growth.root);
        }
        (Tree::new(folder.to_path_buf(), size), root)
    }

    #[test]
    fn a_tree_does_not_depend_on_the_appends_that_made_it() {
        for appends in [&[700][..], &[1, 254, 1, 1, 300, 143], &[255, 2, 443], &[256, 256, 188]] {
            let folder = tempfile::tempdir().unwrap();
            let (tree, root) = grown(folder.path(), appends);
            let plain: Vec<Hash> = (0..700).map(|i| leaf_hash(&leaf(i))).collect();
            assert_eq!(root, root_of(&plain));
            assert_eq!(tree.root().unwrap(), root);
            let mut seen = Vec::new();
            let mut see = |_, leaf| {
                seen.push(leaf);
                Ok(())
            };
            tree.walk(&root, |leaf: &[u8]| Ok(leaf.to_vec()), &mut see).unwrap();
            assert_eq!(seen, (0..700).map(leaf).collect::<Vec<_>>());
            for index in [0, 255, 256, 511, 699] {
                let proof = merkle::inclusion_proof(&tree, index, 700).unwrap();
                let hash = tree.leaf(index).unwrap().1;
                assert!(merkle::verify_inclusion(&hash, index, 700, &proof, &root));
            }
        }
    }

    #[test]
    fn two_levels_of_tiles_carry_up() {
        let folder = tempfile::tempdir().unwrap();
        let (tree, root) = grown(folder.path(), &[65_535, 2]);
        assert!(folder.path().join("tile/2/000.p/1").is_file());
        tree.walk(&root, |_: &[u8]| Ok(()), |_, ()| Ok(())).unwrap();
    }
}

//! Archives of every kind, hostile ones among them.

use std::fs::File;
use std::io::{Cursor, Read, Seek, Write, repeat};
use std::path::Path;
use std::time::{Duration, Instant};

use ::tar::{Builder, EntryType, Header};
use ::zip::ZipWriter;
use ::zip::write::SimpleFileOptions;
use rand::{RngExt, SeedableRng, rngs::StdRng};

use super::*;
use crate::error::Result;
use crate::table::format::block::Reading;
use crate::table::format::compression::{Compression, Unpacker};

/// Names and contents, or what is wrong.
fn all(members: impl Iterator<Item = Result<Member>>) -> Vec<Result<(String, String, bool), String>> {
    let read = |mut member: Member| {
        let mut bytes = Vec::new();
        member.file.read_to_end(&mut bytes).unwrap();
        (member.name, String::from_utf8_lossy(&bytes).into_owned(), member.is_torn)
    };
    members.map(|member| member.map(read).map_err(|error| error.to_string())).collect()
}

fn whole(name: &str, text: &str) -> Result<(String, String, bool), String> {
    Ok((name.to_owned(), text.to_owned(), false))
}

fn file_of(bytes: &[u8]) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file.rewind().unwrap();
    file
}

/// Name, text and whether it is torn; or what is wrong.
type Seen = Result<(String, String, bool), String>;

fn zip_of(bytes: &[u8], limits: Limits) -> Result<Vec<Seen>> {
    zip_members(file_of(bytes), limits).map(all)
}

fn zipped(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in members {
        writer.start_file(*name, SimpleFileOptions::default()).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// A header with a name that the library would refuse to write.
fn header(name: &[u8], kind: EntryType, bytes: u64) -> Header {
    let mut header = Header::new_gnu();
    header.as_mut_bytes()[..name.len()].copy_from_slice(name);
    header.set_entry_type(kind);
    header.set_size(bytes);
    header.set_cksum();
    header
}

fn tarred() -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    builder.append(&header(b"d/", EntryType::Directory, 0), &b""[..]).unwrap();
    builder.append(&header(b"../../a\x1b.csv", EntryType::Regular, 4), &b"a\n1\n"[..]).unwrap();
    builder.append(&header(b"link", EntryType::Symlink, 0), &b""[..]).unwrap();
    builder.append(&header(b"device", EntryType::Char, 0), &b""[..]).unwrap();
    builder.append(&header(b"d/._a.csv", EntryType::Regular, 3), &b"mac"[..]).unwrap();
    let long = format!("{}a.csv", "long/".repeat(30));
    builder.append_data(&mut header(b"", EntryType::Regular, 600), &long, &b"x".repeat(600)[..]).unwrap();
    builder.append(&header(b"b.csv", EntryType::Regular, 512), &b"y".repeat(512)[..]).unwrap();
    builder.append(&header(b"c.csv", EntryType::Regular, 1), &b"z"[..]).unwrap();
    builder.into_inner().unwrap()
}

fn tar_of(bytes: &[u8], limits: Limits) -> Vec<Result<(String, String, bool), String>> {
    all(tar_members(bytes, limits))
}

#[test]
fn files_of_a_tar_are_given_in_order_and_links_are_not() {
    let tar = tarred();
    assert_eq!(sniff(&tar), Some(Kind::Tar));
    assert_eq!(sniff(&[0; 1024]), None);
    let long = format!("{}a.csv", "long/".repeat(30));
    let expected = [
        whole("../../a\u{fffd}.csv", "a\n1\n"),
        whole(&long, &"x".repeat(600)),
        whole("b.csv", &"y".repeat(512)),
        whole("c.csv", "z"),
    ];
    assert_eq!(tar_of(&tar, Limits::default()), expected);
}

#[test]
fn a_reader_below_that_gives_up_says_why() {
    let mut builder = Builder::new(Vec::new());
    builder.append(&header(b"a", EntryType::Regular, 1 << 20), repeat(0).take(1 << 20)).unwrap();
    let packed = zstd::encode_all(&builder.into_inner().unwrap()[..], 3).unwrap();
    let bounds = Bounds { max_bytes: 10_000, ..Bounds::default() };
    let reader = Unpacker::new(Cursor::new(packed), Compression::Zstd, bounds, Reading::Tolerant).unwrap();
    let expected = [Err("a: unpacked, it is more than 10000 bytes".to_owned())];
    assert_eq!(all(tar_members(reader, Limits::default())), expected);
}

#[test]
fn a_tar_that_is_cut_gives_what_is_there() {
    let mut builder = Builder::new(Vec::new());
    builder.append(&header(b"a", EntryType::Regular, 2000), &b"a".repeat(2000)[..]).unwrap();
    builder.append(&header(b"b", EntryType::Regular, 2000), &b"b".repeat(2000)[..]).unwrap();
    let tar = builder.into_inner().unwrap();
    let torn = Ok(("b".to_owned(), "b".repeat(952), true));
    assert_eq!(tar_of(&tar[..2560 + 512 + 952], Limits::default()), [whole("a", &"a".repeat(2000)), torn]);
    let damaged = Err("the tar archive is damaged".to_owned());
    assert_eq!(tar_of(&tar[..2560 + 100], Limits::default()), [whole("a", &"a".repeat(2000)), damaged]);
}

#[test]
fn headers_of_a_tar_without_end_are_refused() {
    let long = header(b"././@LongLink", EntryType::GNULongName, 1 << 40);
    let endless = std::io::Cursor::new(long.as_bytes().to_vec()).chain(repeat(b'x'));
    assert_eq!(all(tar_members(endless, Limits::default())), [Err("the tar archive is damaged".to_owned())]);
    let huge = header(b"a", EntryType::Regular, u64::MAX >> 1);
    let endless = std::io::Cursor::new(huge.as_bytes().to_vec()).chain(repeat(b'x'));
    let bounds = Bounds { max_bytes: 1 << 20, ..Bounds::default() };
    let limits = Limits { bounds, ..Limits::default() };
    assert_eq!(
        all(tar_members(endless, limits)),
        [Err("a: unpacked, it is more than 1048576 bytes".to_owned())]
    );
}

#[test]
fn files_of_a_zip_are_given_in_order() {
    let zip =
        zipped(&[("a.csv", b"a\n1\n"), ("d/b.csv", b"b"), (".DS_Store", b"x"), ("__MACOSX/a.csv", b"x")]);
    assert_eq!(sniff(&zip), Some(Kind::Zip));
    let expected = [whole("a.csv", "a\n1\n"), whole("d/b.csv", "b")];
    assert_eq!(zip_of(&zip, Limits::default()).unwrap(), expected);
    assert_eq!(zip_of(&zip[..40], Limits::default()).unwrap_err().to_string(), "the zip archive is damaged");
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    writer.add_directory("d/", SimpleFileOptions::default()).unwrap();
    writer.add_symlink("link", "/etc/passwd", SimpleFileOptions::default()).unwrap();
    let zip = writer.finish().unwrap().into_inner();
    assert_eq!(zip_of(&zip, Limits::default()).unwrap(), []);
}

#[test]
fn an_encrypted_member_is_an_error_of_its_own() {
    let mut zip = zipped(&[("a.csv", b"a\n1\n"), ("b.csv", b"b")]);
    let central = zip.windows(4).position(|bytes| bytes == b"PK\x01\x02").unwrap();
    (zip[6], zip[central + 8]) = (zip[6] | 1, zip[central + 8] | 1);
    let expected = [Err("a.csv: it is encrypted".to_owned()), whole("b.csv", "b")];
    assert_eq!(zip_of(&zip, Limits::default()).unwrap(), expected);
}

#[test]
fn a_damaged_member_leaves_the_others_and_what_came_before() {
    let mut random = StdRng::seed_from_u64(1);
    let noise: Vec<u8> = (0..100_000).map(|_| random.random_range(b'0'..=b'9')).collect();
    let mut zip = zipped(&[("a.csv", &noise), ("b.csv", b"b")]);
    zip[20_000..20_100].fill(0xff);
    let members = zip_of(&zip, Limits::default()).unwrap();
    let (name, text, is_torn) = members[0].clone().unwrap();
    assert!(
        name == "a.csv" && is_torn && text.len() > 10_000 && noise.starts_with(&text.as_bytes()[..10_000])
    );
    assert_eq!(members[1], whole("b.csv", "b"));
}

#[test]
fn what_is_made_to_fill_disks_is_stopped() {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    writer.start_file("zeros", SimpleFileOptions::default()).unwrap();
    std::io::copy(&mut repeat(0).take(1 << 30), &mut writer).unwrap();
    let zip = writer.finish().unwrap().into_inner();
    let start = Instant::now();
    // Deflate gets to a thousand at most.
    let limits = Limits { bounds: Bounds { max_ratio: 50, ..Bounds::default() }, ..Limits::default() };
    let expected = [Err("zeros: unpacked, it is more than 50 times as large".to_owned())];
    assert_eq!(zip_of(&zip, limits).unwrap(), expected);
    assert!(start.elapsed() < Duration::from_secs(5));
    let many = zipped(&[("a", b"1"), ("b", b"2"), ("c", b"3")]);
    let limits = Limits { max_members: 2, ..Limits::default() };
    let expected = [whole("a", "1"), whole("b", "2"), Err("it has more than 2 members".to_owned())];
    assert_eq!(zip_of(&many, limits).unwrap(), expected);
}

#[test]
fn no_mutation_of_an_archive_panics() {
    let mut random = StdRng::seed_from_u64(3);
    let bounds = Bounds { max_bytes: 1 << 16, ..Bounds::default() };
    let limits = Limits { bounds, max_members: 50 };
    let zip = zipped(&[("a.csv", b"a\n1\n"), ("d/b.csv", &b"1,2,3\n".repeat(50))]);
    for valid in [zip, tarred()] {
        for _ in 0..2000 {
            let mut bytes = valid.clone();
            for _ in 0..random.random_range(1..5) {
                let at = random.random_range(0..bytes.len().max(1));
                match random.random_range(0..5) {
                    0 => bytes.truncate(at),
                    1 => bytes.extend_from_within(at.min(bytes.len())..),
                    _ => bytes
                        .iter_mut()
                        .skip(at)
                        .take(1)
                        .for_each(|byte| *byte ^= 1 << random.random_range(0..8)),
                }
            }
            let _ = sniff(&bytes);
            let _ = zip_of(&bytes, limits);
            tar_of(&bytes, limits);
        }
    }
}

#[test]
fn files_of_a_folder_are_given_in_order_and_links_are_told() {
    let root = tempfile::tempdir().unwrap();
    let make = |name: &str| {
        let path = root.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, name).unwrap();
    };
    ["b.csv", "a/z.csv", "a/b/c.csv", "c.csv", ".hidden", ".git/x"].iter().for_each(|name| make(name));
    #[cfg(unix)]
    std::os::unix::fs::symlink("/etc", root.path().join("etc")).unwrap();
    let names = |limits| {
        let leaves = folder(root.path(), limits).unwrap();
        let files = leaves.map(|leaf| leaf.and_then(Leaf::file));
        files.map(|leaf| leaf.map(|leaf| leaf.name).map_err(|error| error.to_string())).collect::<Vec<_>>()
    };
    let mut expected = ["a/b/c.csv", "a/z.csv", "b.csv", "c.csv"].map(|name| Ok(name.to_owned())).to_vec();
    if cfg!(unix) {
        expected.push(Err("etc: it is a link, which is not followed".to_owned()));
    }
    assert_eq!(names(Limits::default()), expected);
    let few = names(Limits { max_members: 7, ..Limits::default() });
    assert_eq!(few, [Err("the folder has more than 7 files and folders".to_owned())]);
    assert!(folder(Path::new("/nowhere at all"), Limits::default()).is_err());
}

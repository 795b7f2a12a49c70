//! Object stores, against a real server on this machine: what becomes visible there, and when.
//!
//! Without a Python that has moto the tests are passed over, and that is said.

mod server;

use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;

use crate::cli::{Desk, Said, visits};
use crate::formats::write::Text;
use server::{Bucket, Proxy};

/// What no file and no message may hold.
const SECRET: &str = "hush-hush-hush";

/// More than one part of an upload, and more than one piece of a read.
fn long_visits() -> String {
    let text = visits(50_000).replace("sent home", &"sent home, ".repeat(15));
    assert!(text.len() > 9 << 20);
    text
}

fn command(desk: &Desk, port: u16) -> std::process::Command {
    let mut command = desk.dyepack();
    command.env("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{port}")).env("AWS_ALLOW_HTTP", "true");
    command.env("AWS_ACCESS_KEY_ID", "anybody").env("AWS_SECRET_ACCESS_KEY", SECRET);
    command.env("AWS_REGION", "us-east-1").env("TMPDIR", desk.path("tmp"));
    command
}

fn run(desk: &Desk, port: u16, args: &[&str]) -> Said {
    let said = Said::from(command(desk, port).args(args).output().unwrap());
    assert!(!said.stderr.contains(SECRET), "{}", said.stderr);
    assert_eq!(names(&desk.path("tmp")), [""; 0]);
    said
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// A desk with a folder for temporary files.
fn desk() -> Desk {
    let desk = Desk::ready();
    std::fs::create_dir(desk.path("tmp")).unwrap();
    desk
}

fn stamp<'a>(input: &'a str, output: &'a str) -> Vec<&'a str> {
    vec!["stamp", input, "--dataset", "visits", "--to", "bob", "-o", output, "--release-id", "r1"]
}

#[test]
fn an_object_is_stamped_into_an_object_and_traced() {
    let Some(bucket) = Bucket::new() else { return };
    let desk = desk();
    bucket.put("in/visits.csv", &desk.read("visits.csv"));
    let (input, output) = (bucket.url("in/visits.csv"), bucket.url("out/b%20%E4%BD%8F.csv"));
    let said = run(&desk, bucket.port, &[&stamp(&input, &output)[..], &["--json"]].concat()).ok();
    assert_eq!(said.json()["output"]["path"], output.as_str());
    let entry = desk.run(&["ledger", "show", "r1"]).ok();
    assert!(entry.out().contains(&format!(r#""source":{{"path":"{input}""#)), "{}", entry.out());

    // The same bytes as from file to file.
    desk.stamp("bob", "r2").ok();
    assert_eq!(bucket.get("out/b%20%E4%BD%8F.csv").unwrap(), desk.read("bob.csv"));
    assert_eq!(bucket.uploads(), 0);

    bucket.put("leak.csv", &desk.read("bob.csv")[..9000]);
    for more in [&["--blind"][..], &["--reference", &input]] {
        let leak = bucket.url("leak.csv");
        let said = run(&desk, bucket.port, &[&["trace", &leak][..], more].concat()).ok();
        assert!(said.out().starts_with("IDENTIFIED  bob (Bob's Bureau)\n"), "{}", said.out());
        assert_eq!(said.out().contains("original"), more.len() == 2, "{}", said.out());
    }
    for (path, bytes) in desk.files_below("home") {
        let holds = bytes.windows(SECRET.len()).any(|window| window == SECRET.as_bytes());
        assert!(!holds, "{}", path.display());
    }
}

#[test]
fn formats_that_are_read_here_and_there_and_many_recipients_work_too() {
    let Some(bucket) = Bucket::new() else { return };
    let desk = desk();
    desk.write("visits.parquet", Text::parse(&desk.read("visits.csv")).parquet());
    bucket.put("visits.parquet", &desk.read("visits.parquet"));
    let (input, output) = (bucket.url("visits.parquet"), bucket.url("{recipient}/visits.parquet"));
    let args = ["stamp", &input, "--dataset", "visits", "--to-all", "-o", &output];
    run(&desk, bucket.port, &args).ok();
    let leak = bucket.url("bob/visits.parquet");
    let said = run(&desk, bucket.port, &["trace", &leak]).ok();
    assert!(said.out().starts_with("EXACT"), "{}", said.out());
    assert_ne!(bucket.get("acme/visits.parquet"), bucket.get("bob/visits.parquet"));
}

#[test]
fn all_objects_below_a_name_are_one_leak() {
    let Some(bucket) = Bucket::new() else { return };
    let desk = desk();
    desk.stamp("bob", "r1").ok();
    let copy = desk.read("bob.csv");
    std::fs::create_dir_all(desk.path("dump/b")).unwrap();
    for (name, bytes) in [
        ("dump/a.csv", &copy[..9000]),
        ("dump/b/c.csv", &[&b"visit,seen,ward,cost,note\n"[..], &copy[9030..]].concat()),
        ("dump/b/d.txt", b"no table at all"),
        ("dump/.hidden", b"a,b\n1,2\n"),
    ] {
        desk.write(name, bytes);
        bucket.put(name, bytes);
    }
    bucket.put("dump/empty/", b"");
    bucket.put("dumped.csv", &desk.read("visits.csv"));
    let leak = |place: &str| {
        let said = run(&desk, bucket.port, &["trace", place, "--blind", "--json"]).ok();
        let mut json = said.json();
        assert_eq!(json["leak"]["path"].take(), place);
        json
    };
    let here = leak("dump");
    assert_eq!(here["accused"][0]["recipient"], "bob");
    assert_eq!(leak(&bucket.url("dump/")), here);
    let nothing = bucket.url("nothing/");
    run(&desk, bucket.port, &["trace", &nothing]).fails(
        2,
        &format!("{nothing}: there is nothing below it"),
        "check the name",
    );
}

#[test]
fn an_object_that_is_there_is_replaced_only_on_demand() {
    let Some(bucket) = Bucket::new() else { return };
    let desk = desk();
    bucket.put("out.csv", b"precious");
    let output = bucket.url("out.csv");
    let args = stamp("visits.csv", &output);
    let exists = (format!("`{output}` exists"), "choose another name, or replace it with --force");
    run(&desk, bucket.port, &args).fails(2, &exists.0, exists.1);
    assert_eq!((bucket.get("out.csv").unwrap(), desk.entries()), (b"precious".to_vec(), 3));
    run(&desk, bucket.port, &[&args[..], &["--force"]].concat()).ok();
    assert_eq!(bucket.get("out.csv").unwrap().len(), desk.read("visits.csv").len());
    assert_eq!((bucket.uploads(), desk.entries()), (0, 4));
}

#[test]
fn an_object_that_appears_at_the_last_moment_is_left_alone() {
    let Some(bucket) = Bucket::new() else { return };
    let desk = desk();
    let other = Bucket { name: bucket.name.clone(), port: bucket.port };
    let proxy = Proxy::new(&bucket, move |request| {
        if is_completion(request) {
            other.put("out.csv", b"precious");
        }
        None
    });
    let output = bucket.url("out.csv");
    run(&desk, proxy.port, &stamp("visits.csv", &output)).fails(
        2,
        &format!("`{output}` exists"),
        "the release is on record: `--release-id r1` with the same input gives the same bytes",
    );
    assert_eq!((bucket.get("out.csv").unwrap(), desk.entries()), (b"precious".to_vec(), 4));
    assert_eq!(bucket.uploads(), 0);
    // And it can be made good, under another name.
    let better = bucket.url("better.csv");
    run(&desk, bucket.port, &stamp("visits.csv", &better)).ok();
    assert_eq!(desk.entries(), 4);
}

fn is_completion(request: &str) -> bool {
    request.starts_with("POST ") && request.contains("uploadId=")
}

#[test]
fn a_copy_is_an_object_only_after_it_is_on_record() {
    let Some(bucket) = Bucket::new() else { return };
    let desk = std::sync::Arc::new(desk());
    let (seen, other) = (desk.clone(), Bucket { name: bucket.name.clone(), port: bucket.port });
    let proxy = Proxy::new(&bucket, move |request| {
        let expected = if is_completion(request) { 4 } else { 3 };
        let is_put_late = request.starts_with("PUT ") && other.uploads() != 1;
        let is_right = seen.entries() == expected && other.get("out.csv").is_none() && !is_put_late;
        (!is_right && !request.starts_with("HEAD ")).then_some(403)
    });
    run(&desk, proxy.port, &stamp("visits.csv", &bucket.url("out.csv"))).ok();
    assert_eq!((proxy.count("PUT", "partNumber=1"), proxy.count("POST", "uploadId=")), (1, 1));
    assert!(bucket.get("out.csv").is_some());
}

#[test]
fn a_release_that_is_refused_late_leaves_nothing_in_the_store() {
    let Some(bucket) = Bucket::new() else { return };
    let desk = desk();
    let proxy = Proxy::new(&bucket, |_| None);
    let output = bucket.url("out.csv");
    let mut child =
        command(&desk, proxy.port).args(stamp("-", &output)).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.as_mut().unwrap().write_all(visits(10).as_bytes()).unwrap();
    let began = (0..2000).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(10));
        !names(&desk.path("tmp")).is_empty()
    });
    desk.run(&["recipient", "suspend", "bob"]).ok();
    drop(child.stdin.take());
    let said = Said::from(child.wait_with_output().unwrap()).exits(3);
    assert!(began && said.stderr.starts_with("error: recipient `bob` was suspended on "), "{}", said.stderr);
    // It had been sent.
    assert_eq!((proxy.count("PUT", "partNumber=1"), proxy.count("DELETE", "uploadId=")), (1, 1));
    // The refusal is on record.
    assert_eq!((bucket.get("out.csv"), bucket.uploads(), desk.entries()), (None, 0, 5));
    assert_eq!(names(&desk.path("tmp")), [""; 0]);
}

#[test]
fn an_upload_that_fails_half_way_leaves_nothing_anywhere() {
    let Some(bucket) = Bucket::new() else { return };
    let desk = desk();
    desk.write("visits.csv", long_visits());
    let proxy = Proxy::new(&bucket, |request| request.contains("partNumber=2").then_some(403));
    let output = bucket.url("out.csv");
    run(&desk, proxy.port, &stamp("visits.csv", &output)).fails(
        2,
        &format!("{output}: the store refuses access"),
        "access is taken from the environment: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, \
         AWS_REGION, AWS_ENDPOINT_URL",
    );
    assert_eq!((proxy.count("PUT", "partNumber=1"), proxy.count("DELETE", "uploadId=")), (1, 1));
    assert_eq!((bucket.get("out.csv"), bucket.uploads(), desk.entries()), (None, 0, 3));

    // Without the fault it arrives whole, in several parts.
    run(&desk, bucket.port, &stamp("visits.csv", &output)).ok();
    desk.stamp("bob", "r2").ok();
    assert_eq!(bucket.get("out.csv").unwrap(), desk.read("bob.csv"));
}

#[test]
fn an_object_that_changes_while_it_is_read_is_noticed() {
    let Some(bucket) = Bucket::new() else { return };
    let desk = desk();
    let text = long_visits();
    bucket.put("in.csv", text.as_bytes());
    let other = Bucket { name: bucket.name.clone(), port: bucket.port };
    let (pieces, changed) = (std::sync::atomic::AtomicUsize::new(0), text.replace("south", "north"));
    let proxy = Proxy::new(&bucket, move |request| {
        let is_second =
            request.starts_with("GET ") && pieces.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 1;
        if is_second {
            other.put("in.csv", changed.as_bytes());
        }
        None
    });
    let input = bucket.url("in.csv");
    run(&desk, proxy.port, &stamp(&input, "out.csv")).fails(
        2,
        &format!("{input}: the object changed while it was read"),
        "wait until whoever writes it has finished",
    );
    assert_eq!(desk.entries(), 3);
    assert!(!desk.path("out.csv").exists());
}

#[test]
fn what_can_not_be_had_is_said_without_secrets() {
    let Some(bucket) = Bucket::new() else { return };
    let desk = desk();
    let gone = bucket.url("gone.csv");
    run(&desk, bucket.port, &stamp(&gone, "out.csv")).fails(
        2,
        &format!("{gone}: there is no such object"),
        "check the name; that of a folder ends with `/`",
    );
    let query = format!("az://exports/a.csv?sv=2022&sig={SECRET}");
    for args in [stamp(&query, "out.csv"), stamp("visits.csv", &query), vec!["trace", &query]] {
        run(&desk, bucket.port, &args).fails(
            2,
            "the url `az://exports/a.csv` has a user, a query or a fragment",
            "credentials come from the environment; in a name `?` is written %3F and `#` %23",
        );
    }
    let folder = bucket.url("out/");
    run(&desk, bucket.port, &stamp("visits.csv", &folder)).fails(
        2,
        &format!("the url `{folder}` names no object"),
        "name an object in it; a folder can only be traced",
    );
    run(&desk, bucket.port, &stamp(&folder, "out.csv")).fails(
        2,
        &format!("`{folder}` is a folder"),
        "name one file",
    );
    std::fs::create_dir(desk.path("parts")).unwrap();
    desk.write("parts/a.csv", desk.read("visits.csv"));
    let output = bucket.url("parts");
    run(&desk, bucket.port, &stamp("parts", &output)).fails(
        2,
        &format!("a folder can't go to `{output}`"),
        "name a folder on the disk with `-o`, and copy it to the store afterwards",
    );
    let proxy = Proxy::new(&bucket, |_| Some(400));
    let said = run(&desk, proxy.port, &stamp(&gone, "out.csv")).exits(2);
    assert!(
        said.stderr.starts_with(&format!("error: {gone}: could not read: 400 Bad Request\n")),
        "{}",
        said.stderr
    );
    assert_eq!(desk.entries(), 3);
}

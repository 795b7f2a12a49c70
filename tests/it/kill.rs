//! Real processes that are killed, run out of disk, or may not write: no acknowledged release is lost, no copy is outside without
//! an entry, no tree is broken, and nothing but temporary files is left.
//!
//! `DYEPACK_KILLS` is the number of rounds (20 by default, 1,000 for the record), `DYEPACK_SEED` the seed; both are printed.
#![cfg(unix)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

use super::cli::{Desk, Said};

/// Processes that stamp on one home at once.
const STAMPERS: u64 = 4;

fn number_from(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

fn stamp_args(release: &str) -> Vec<String> {
    let out = format!("{release}.csv");
    let args =
        ["stamp", "visits.csv", "--dataset", "visits", "--to", "acme", "-o", &out, "--release-id", release];
    args.map(str::to_owned).to_vec()
}

/// By release, the hash of the copy that the ledger names.
fn on_record(desk: &Desk) -> BTreeMap<String, String> {
    let list = desk.run(&["ledger", "list", "--json"]).ok().out();
    let leaves = list.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let releases =
        leaves.map(|leaf| leaf["leaf"]["entry"].clone()).filter(|entry| entry["kind"] == "release");
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    releases.map(|entry| (text(&entry["release"]), text(&entry["output"]["blake3"]))).collect()
}

/// What must hold whatever happened. `acknowledged` are the releases that processes said they made.
fn check(desk: &Desk, acknowledged: &[String]) {
    desk.run(&["ledger", "verify"]).ok();
    let on_record = on_record(desk);
    for release in acknowledged {
        assert!(on_record.contains_key(release), "{release} was acknowledged, and is not on record");
        assert!(
            desk.path(&format!("{release}.csv")).exists(),
            "{release} was acknowledged, and is not there"
        );
    }
    for name in desk.names() {
        if let Some(release) = name.strip_suffix(".csv").filter(|release| release.starts_with("k-")) {
            let hash = blake3::hash(&desk.read(&name)).to_hex().to_string();
            assert_eq!(on_record.get(release), Some(&hash), "{name} is outside without its entry");
        } else {
            let is_known = ["home", "policy.toml", "visits.csv"].contains(&name.as_str());
            assert!(is_known || (name.starts_with(".dyepack-") && name.ends_with(".tmp")), "{name} is left");
        }
    }
    for (path, _) in desk.files_below("home/ledger") {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        assert!(name != "stage" && !name.ends_with(".tmp"), "{} is left", path.display());
    }
}

/// Waits for the process, or kills it; whether it said that it was done.
fn end(mut child: Child, kill: bool) -> bool {
    if kill {
        // It may have ended meanwhile.
        let _ = child.kill();
    }
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!stderr.contains("panicked"), "{stderr}");
    output.status.success()
}

#[test]
fn killed_processes_lose_and_leak_nothing() {
    let (rounds, seed) = (number_from("DYEPACK_KILLS", 20), number_from("DYEPACK_SEED", 7));
    println!("DYEPACK_KILLS={rounds} DYEPACK_SEED={seed}");
    let mut rng = StdRng::seed_from_u64(seed);
    let desk = Desk::ready();
    let began = Instant::now();
    Said::from(desk.dyepack().args(stamp_args("k-first")).output().unwrap()).ok();
    // So that some are killed early, some at the end, and some not at all.
    let longest = began.elapsed().as_micros() as u64;
    let (mut acknowledged, mut killed) = (vec!["k-first".to_owned()], 0);
    for round in 0..rounds {
        let releases: Vec<String> = (0..STAMPERS).map(|i| format!("k-{round}-{i}")).collect();
        let children: Vec<Child> = releases
            .iter()
            .map(|release| desk.dyepack().args(stamp_args(release)).spawn().unwrap())
            .collect();
        // Now and then the key is rotated under them.
        let rotation = (round % 5 == 4).then(|| desk.dyepack().args(["key", "rotate"]).spawn().unwrap());
        for (release, child) in releases.into_iter().zip(children) {
            std::thread::sleep(Duration::from_micros(rng.random_range(0..longest)));
            // One in five may end by itself.
            let kill = rng.random_ratio(4, 5);
            match end(child, kill) {
                true => acknowledged.push(release),
                false => killed += u32::from(kill),
            }
        }
        if let Some(rotation) = rotation {
            end(rotation, rng.random());
        }
        check(&desk, &acknowledged);
    }
    println!("{} acknowledged, {killed} killed, {} on record", acknowledged.len(), on_record(&desk).len());
    // It goes on, and traces what was made in any epoch.
    Said::from(desk.dyepack().args(stamp_args("k-last")).output().unwrap()).ok();
    for release in acknowledged.iter().take(3) {
        desk.trace(&[&format!("{release}.csv")]).ok();
    }
    assert!(killed > 0, "nothing was killed");
}

/// Runs `dyepack` where no file may grow beyond so many blocks of 512 bytes.
fn run_limited(desk: &Desk, blocks: u64, args: &[String]) -> Said {
    let mut command = Command::new("sh");
    // The signal is ignored, so that the write fails as on a full disk.
    command.args(["-c", &format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"")]);
    command.arg(env!("CARGO_BIN_EXE_dyepack")).args(args);
    command.current_dir(desk.path("")).env_clear().env("DYEPACK_HOME", "home").env("USER", "tester");
    Said::from(command.output().unwrap())
}

/// Files that can't grow: every write in turn is the one that fails.
#[test]
fn a_full_disk_is_an_error_and_loses_nothing() {
    let desk = Desk::ready();
    let (mut failed, mut acknowledged) = (0, Vec::new());
    for blocks in
        [0, 1, 2, 3, 4, 8, 16, 24, 28, 32, 40, 48, 64, 128, 256, 512, 768, 1024, 1100, 2048, 1 << 20]
    {
        let release = format!("k-{blocks}");
        let said = run_limited(&desk, blocks, &stamp_args(&release));
        match said.code {
            0 => acknowledged.push(release),
            2 => {
                failed += 1;
                assert!(said.stderr.starts_with("error: "), "{}", said.stderr);
                let is_on_record = said.stderr.contains("the release is on record");
                assert!(is_on_record || !desk.path(&format!("{release}.csv")).exists(), "{}", said.stderr);
            }
            code => panic!("{blocks} blocks: exit {code}: {}", said.stderr),
        }
        check(&desk, &acknowledged);
    }
    println!("{failed} failed, {} went through", acknowledged.len());
    assert!(failed > 3 && !acknowledged.is_empty());
    Said::from(desk.dyepack().args(stamp_args("k-after")).output().unwrap()).ok();
}

/// A file system with room for little, if this process may mount one.
#[test]
fn a_small_file_system_fills_up_and_loses_nothing() {
    let desk = Desk::ready();
    let place = desk.path("home");
    let aside = desk.path("aside");
    fs::rename(&place, &aside).unwrap();
    fs::create_dir(&place).unwrap();
    let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=3m", "tmpfs"]).arg(&place).output();
    if !mounted.is_ok_and(|output| output.status.success()) {
        return println!("passed over: no file system can be mounted");
    }
    let copied = Command::new("cp").arg("-a").arg(aside.join(".")).arg(&place).status().unwrap();
    fs::remove_dir_all(&aside).unwrap();
    let outcome = std::panic::catch_unwind(|| {
        assert!(copied.success());
        let (mut failed, mut acknowledged) = (0, Vec::new());
        for i in 0..200 {
            let release = format!("k-{i}");
            let said = Said::from(desk.dyepack().args(stamp_args(&release)).output().unwrap());
            if said.code == 0 {
                acknowledged.push(release);
                // What others write takes the room.
                fs::write(desk.path(&format!("home/ballast{i}")), vec![1; 100_000]).ok();
                continue;
            }
            failed += 1;
            assert!(said.code == 2 || said.stderr.contains("index"), "{}", said.stderr);
            if failed == 3 {
                break;
            }
        }
        assert_eq!(failed, 3, "it never filled up");
        for i in 0..200 {
            let _ = fs::remove_file(desk.path(&format!("home/ballast{i}")));
        }
        check(&desk, &acknowledged);
        println!("{} acknowledged before it was full", acknowledged.len());
    });
    let unmounted = Command::new("umount").arg(&place).status().unwrap();
    assert!(unmounted.success());
    if let Err(panic) = outcome {
        std::panic::resume_unwind(panic);
    }
}

/// A user who may read the home and not write it: this one, or `nobody` if this one may everything.
fn without_rights(desk: &Desk) -> Option<Command> {
    let all = |what: &[&str]| {
        Command::new(what[0]).args(&what[1..]).arg(desk.path("")).status().is_ok_and(|s| s.success())
    };
    let probe = desk.path("home/probe");
    if !all(&["chmod", "-R", "a-w"]) {
        return None;
    }
    if fs::write(&probe, "").is_err() {
        return Some(Command::new(env!("CARGO_BIN_EXE_dyepack")));
    }
    let _ = fs::remove_file(&probe);
    let mut command = Command::new("setpriv");
    command
        .args(["--reuid", "65534", "--regid", "65534", "--clear-groups"])
        .arg(env!("CARGO_BIN_EXE_dyepack"));
    let mut trial = Command::new("setpriv");
    trial.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]).arg(env!("CARGO_BIN_EXE_dyepack"));
    let may_run = trial.arg("--version").output().is_ok_and(|output| output.status.success());
    (all(&["chown", "-R", "65534:65534"]) && may_run).then_some(command)
}

#[test]
fn a_home_that_is_read_only_is_an_error() {
    let desk = Desk::ready();
    let before = desk.files_below("home");
    let Some(mut command) = without_rights(&desk) else {
        return println!("passed over: this user may write everywhere");
    };
    command.current_dir(desk.path("")).env_clear().env("DYEPACK_HOME", "home");
    let out = tempfile::tempdir().unwrap();
    fs::set_permissions(out.path(), std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
    let target = out.path().join("copy.csv");
    let said = Said::from(
        command
            .args(["stamp", "visits.csv", "--dataset", "visits", "--to", "acme", "-o"])
            .arg(&target)
            .output()
            .unwrap(),
    );
    let _ = Command::new("chmod").args(["-R", "u+w"]).arg(desk.path("")).status();
    assert_eq!(said.code, 2, "{}", said.stderr);
    assert!(
        said.stderr.starts_with("error: could not open `home/ledger/lock`: Permission denied"),
        "{}",
        said.stderr
    );
    assert!(!Path::new(&target).exists() && fs::read_dir(out.path()).unwrap().count() == 0);
    assert_eq!(desk.files_below("home"), before);
}

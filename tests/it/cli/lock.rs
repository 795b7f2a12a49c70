//! One process at a time: the others wait, and then say for whom.

use std::fs::File;
use std::io::Write as _;
use std::thread;
use std::time::Duration;

use super::Desk;

/// The ledger's lock as another process holds it.
fn held(desk: &Desk) -> File {
    let mut lock = File::options().write(true).truncate(true).open(desk.path("home/ledger/lock")).unwrap();
    lock.lock().unwrap();
    lock.write_all(b"process 4711: stamp\n").unwrap();
    lock
}

#[test]
fn who_holds_the_ledger_is_said() {
    let desk = Desk::ready();
    let _lock = held(&desk);
    desk.trace(&["visits.csv", "--lock-timeout", "0.2"]).fails(
        2,
        "the ledger is in use by process 4711: stamp (waited 200 ms)",
        "wait for it to end, or wait longer with `--lock-timeout`",
    );
}

#[test]
fn a_lock_that_comes_free_is_waited_for() {
    let desk = Desk::ready();
    let lock = held(&desk);
    let waiter = thread::spawn(move || {
        thread::sleep(Duration::from_millis(100));
        drop(lock);
    });
    desk.stamp("acme", "r1").ok();
    waiter.join().unwrap();
}

#[test]
fn many_may_stamp_at_once() {
    let desk = Desk::ready();
    thread::scope(|threads| {
        for i in 0..4 {
            let desk = &desk;
            threads.spawn(move || {
                let (out, release) = (format!("out{i}.csv"), format!("r{i}"));
                let args = [
                    "stamp",
                    "visits.csv",
                    "--dataset",
                    "visits",
                    "--to",
                    "acme",
                    "-o",
                    &out,
                    "--release-id",
                    &release,
                ];
                desk.run(&args).ok();
            });
        }
    });
    assert_eq!(desk.entries(), 7);
    desk.run(&["ledger", "verify"]).ok();
    assert!((1..4).all(|i| desk.read(&format!("out{i}.csv")) == desk.read("out0.csv")));
}

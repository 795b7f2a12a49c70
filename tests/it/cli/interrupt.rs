//! Ctrl-C: no output, no temporary file, no entry.
#![cfg(unix)]

use std::io::Write as _;
use std::process::Stdio;
use std::time::{Duration, Instant};

use super::{Desk, Said, signal};

#[test]
fn an_interrupt_leaves_nothing_behind_even_while_a_pipe_is_silent() {
    for name in ["INT", "TERM"] {
        let desk = Desk::ready();
        let args = ["stamp", "-", "--dataset", "visits", "--to", "acme", "-o", "out.csv"];
        let mut child = desk.dyepack().args(args).stdin(Stdio::piped()).spawn().unwrap();
        // The pipe stays open and says nothing more.
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(super::visits(10).as_bytes()).unwrap();
        let began = desk.comes(".tmp");
        let sent = Instant::now();
        signal(&child, name);
        let said = Said::from(child.wait_with_output().unwrap()).exits(2);
        assert!(began, "nothing was begun");
        assert!(sent.elapsed() < Duration::from_secs(20), "it waited for the pipe");
        assert!(said.stderr.contains("interrupted"), "{}", said.stderr);
        assert_eq!(desk.names(), ["home", "policy.toml", "visits.csv"]);
        assert_eq!(desk.entries(), 3);
        drop(stdin);
    }
}

//! `ledger timestamp`: the request, an answer by an authority of `openssl ts` made on the spot, and openssl's own check of it.

use std::process::{Command, Output};

use super::Desk;

const CONFIG: &str = "[tsa]\ndefault_tsa = local\n[local]\n\
    serial = serial\nsigner_cert = tsa.pem\nsigner_key = tsa.key\n\
    signer_digest = sha256\ndefault_policy = 1.2.3.4.1\ndigests = sha256\naccuracy = secs:1\n\
    clock_precision_digits = 3\ness_cert_id_alg = sha256\n";

fn openssl(desk: &Desk, args: &str) -> Option<Output> {
    Command::new("openssl").current_dir(desk.path("")).args(args.split(' ')).output().ok()
}

#[track_caller]
fn done(desk: &Desk, args: &str) {
    let output = openssl(desk, args).unwrap();
    assert!(output.status.success(), "{args}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Makes an authority in the desk's folder.
fn authority(desk: &Desk) {
    desk.write("tsa.cnf", CONFIG);
    desk.write("extension", "extendedKeyUsage = critical,timeStamping\n");
    done(desk, "req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -subj /CN=Test -days 2");
    done(desk, "req -newkey rsa:2048 -nodes -keyout tsa.key -out tsa.csr -subj /CN=Authority");
    done(
        desk,
        "x509 -req -in tsa.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out tsa.pem -days 2 \
         -extfile extension",
    );
}

#[test]
fn a_checkpoint_is_timestamped_and_openssl_agrees() {
    let desk = Desk::ready();
    if openssl(&desk, "version").is_none() {
        return println!("skipped: no openssl");
    }
    let said = desk.run(&["ledger", "timestamp", "request", "-o", "head.tsq"]).ok();
    assert_eq!(said.stderr, "request over the checkpoint of 3 entries written\n");
    desk.run(&["ledger", "checkpoint", "--bare", "-o", "head"]).ok();
    done(&desk, "ts -query -data head -sha256 -cert -no_nonce -out theirs.tsq");
    assert_eq!(desk.read("head.tsq"), desk.read("theirs.tsq"));

    // The ledger goes on while the authority answers.
    desk.stamp("acme", "r1").ok();
    authority(&desk);
    done(&desk, "ts -reply -config tsa.cnf -queryfile head.tsq -out head.tsr");
    let said = desk.run(&["ledger", "timestamp", "attach", "head.tsr"]).ok();
    assert!(said.stderr.starts_with("the checkpoint of 3 entries existed at 20"), "{}", said.stderr);
    let command = said.out().replace("AUTHORITY.pem", "ca.pem").replace('\'', "");
    let command = command.trim().strip_prefix("openssl ").unwrap();
    done(&desk, command);
    done(&desk, "ts -verify -data head -in head.tsr -CAfile ca.pem");
    assert!(
        !openssl(&desk, "ts -verify -data tsa.cnf -in head.tsr -CAfile ca.pem").unwrap().status.success()
    );

    let list = desk.run(&["ledger", "timestamp", "list"]).ok().out();
    assert!(list.starts_with("        3 entries  20"), "{list}");
    assert_eq!(desk.run(&["ledger", "verify", "--json"]).ok().json()["timestamps"], 1);
    done(&desk, "ts -query -data tsa.cnf -sha256 -cert -out other.tsq");
    done(&desk, "ts -reply -config tsa.cnf -queryfile other.tsq -out other.tsr");
    desk.run(&["ledger", "timestamp", "attach", "other.tsr"]).fails(
        2,
        "other.tsr: the timestamp is over none of the checkpoints that were kept for one",
        "make the request with `dyepack ledger timestamp request`",
    );
    desk.run(&["ledger", "timestamp", "attach", "tsa.cnf"]).fails(
        2,
        "tsa.cnf: the timestamp can't be read: it is no answer of a timestamp authority",
        "it should be the authority's answer, as `openssl ts -reply` reads it",
    );
}

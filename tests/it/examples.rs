//! Every program in `examples/` runs to its end; each checks its own outcome.

#[path = "../../examples/copy.rs"]
#[allow(dead_code, reason = "its `main` reads this test's own arguments")]
mod copy;
#[path = "../../examples/generate.rs"]
#[allow(dead_code, reason = "its `main` reads this test's own arguments")]
mod generate;
#[path = "../../examples/stamp.rs"]
mod stamp;
#[path = "../../examples/trace.rs"]
mod trace;

#[test]
fn copy_example_runs() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    std::fs::write(path("in.csv"), "a,b\n1,2\n").expect("a file in it");
    copy::run(&["csv", &path("in.csv"), &path("out.csv")]).expect("examples/copy.rs");
    copy::run(&["read", &path("in.csv")]).expect("examples/copy.rs");
    assert_eq!(std::fs::read_to_string(path("out.csv")).expect("its output"), "a,b\n1,2\n");
}

#[test]
fn generate_example_runs() {
    let mut table = Vec::new();
    generate::run(["20".to_owned(), "7".to_owned()].into_iter(), &mut table).expect("examples/generate.rs");
    assert_eq!(table.split_inclusive(|&byte| byte == b'\n').count(), 21, "a header and twenty rows");
}

#[test]
fn stamp_example_runs() {
    stamp::main().expect("examples/stamp.rs");
}

#[test]
fn trace_example_runs() {
    trace::main().expect("examples/trace.rs");
}

//! Every program in `examples/` runs to its end; each checks its own outcome.

#[path = "../../examples/stamp.rs"]
mod stamp;
#[path = "../../examples/trace.rs"]
mod trace;

#[test]
fn stamp_example_runs() {
    stamp::main().expect("examples/stamp.rs");
}

#[test]
fn trace_example_runs() {
    trace::main().expect("examples/trace.rs");
}

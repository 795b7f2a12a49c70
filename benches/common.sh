# What the scripts beside share: a folder of their own, a release build, a timer and a home. To be sourced.

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export DYEPACK_HOME="$work/home"

cargo build --release --bins --examples --quiet
bin=${CARGO_TARGET_DIR:-target}/release

# What one run leaves to be written to the disk must not slow the next.
timed() { local what=$1; shift; sync; command time -f "$what %e %U+%S %M" "$@" 2> >(tail -n 1) > /dev/null; }

# Makes a home in which `stays`, what `examples/generate` writes, may be given to `acme`.
make_home() {
    "$bin/dyepack" init --no-passphrase 2> /dev/null
    "$bin/dyepack" recipient add acme --name Acme 2> /dev/null
    "$bin/dyepack" policy adopt examples/policies/hospital.toml 2> /dev/null
}

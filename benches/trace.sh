#!/usr/bin/env bash
# Tracing a leak of many rows, as whole processes in turn, beside a read of the same file by polars:
#   polars read_csv, `dyepack trace` blind, with the reference, and with the reference when the key columns are gone.
# Prints one line a run: what, wall seconds, CPU seconds, peak memory in KB. Needs GNU time, and for the comparison Python with
# polars (`pip install polars`); without them that line is left out, and said so.
#
#   benches/trace.sh [ROWS] [LEAKED] [ROUNDS]      1,000,000 rows, as many leaked, and 3 rounds by default
set -euo pipefail
cd "$(dirname "$0")/.."
rows=${1:-1000000} leaked=${2:-$rows} rounds=${3:-3}
. benches/common.sh
# `trace` ends with 1 when it names nobody: that is a measurement too.
timed() {
    local what=$1; shift; sync
    command time -f "$what %e %U+%S %M" "$@" 2> >(tail -n 1) > /dev/null || true
}

"$bin/examples/generate" "$rows" > "$work/stays.csv"
"$bin/dyepack" init --no-passphrase 2> /dev/null
for n in $(seq 20); do "$bin/dyepack" recipient add "partner-$n" --name "Partner $n" 2> /dev/null; done
grep -v '^vault' examples/policies/hospital.toml > "$work/policy.toml"
"$bin/dyepack" policy adopt "$work/policy.toml" 2> /dev/null
"$bin/dyepack" stamp "$work/stays.csv" --dataset stays --to partner-7 -o "$work/out.csv" 2> /dev/null
# Where the release entry looks for it, the reference would be found without being asked for.
mv "$work/stays.csv" "$work/reference.csv"
{ head -n 1 "$work/out.csv"; tail -n +2 "$work/out.csv" | shuf -n "$leaked" --random-source="$work/reference.csv"; } > "$work/leak.csv"
cut -d, -f3- "$work/leak.csv" > "$work/keyless.csv"
ls -l "$work/leak.csv" | awk '{ print $5, "bytes" }'

for _ in $(seq "$rounds"); do
    if python3 -c 'import polars' 2> /dev/null; then
        timed "polars-read      " python3 -c 'import polars, sys; polars.read_csv(sys.argv[1])' "$work/leak.csv"
    else
        echo "polars-read       left out: Python has no polars"
    fi
    timed "trace-blind      " "$bin/dyepack" trace "$work/leak.csv"
    timed "trace-reference  " "$bin/dyepack" trace "$work/leak.csv" --reference "$work/reference.csv"
    timed "trace-by-content " "$bin/dyepack" trace "$work/keyless.csv" --reference "$work/reference.csv"
done

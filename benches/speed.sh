#!/usr/bin/env bash
# Whole processes on one large file, in turn, so that a machine whose speed drifts treats all alike:
#   plain `csv` crate copy, `cp`, `dyepack stamp`, plain `csv` crate read, `dyepack trace`.
# Prints one line a run: what, wall seconds, CPU seconds, peak memory in KB. Needs GNU time.
#
#   benches/speed.sh [ROWS] [ROUNDS]      10,300,000 rows (1.0 GB) and 3 rounds by default
set -euo pipefail
cd "$(dirname "$0")/.."
rows=${1:-10300000} rounds=${2:-3}
. benches/common.sh

"$bin/examples/generate" "$rows" > "$work/stays.csv"
make_home
ls -l "$work/stays.csv" | awk '{ print $5, "bytes" }'

for _ in $(seq "$rounds"); do
    timed "csv-copy" "$bin/examples/copy" csv "$work/stays.csv" "$work/copy.csv"; rm -f "$work/copy.csv"
    timed "cp      " cp "$work/stays.csv" "$work/copy.csv"; rm -f "$work/copy.csv" "$work/out.csv"
    timed "stamp   " "$bin/dyepack" stamp "$work/stays.csv" --dataset stays --to acme -o "$work/out.csv"
    timed "csv-read" "$bin/examples/copy" read "$work/out.csv"
    timed "trace   " "$bin/dyepack" trace --blind "$work/out.csv"
done

#!/usr/bin/env bash
# Whole processes on one large Parquet file, in turn: polars from scan to sink, `cp`, `dyepack stamp`.
# Prints one line a run: what, wall seconds, CPU seconds, peak memory in KB. What Python and the import of polars take
# by themselves is a line too. Needs GNU time, and a Python with polars and pyarrow (DYEPACK_PYTHON names it).
#
#   benches/parquet.sh [ROWS] [ROUNDS] [GROUP]      3,000,000 rows and 3 rounds by default
#
# GROUP is the number of rows in a row group, by default that of pyarrow (1,048,576), or `polars`: then polars writes the file.
set -euo pipefail
cd "$(dirname "$0")/.."
rows=${1:-3000000} rounds=${2:-3} group=${3:-1048576}
python=${DYEPACK_PYTHON:-python3}
. benches/common.sh

"$bin/examples/generate" "$rows" > "$work/stays.csv"
"$python" -c '
import sys, polars, pyarrow.csv, pyarrow.parquet
source, out, group = sys.argv[1:]
table = pyarrow.csv.read_csv(source)
if group == "polars":
    pyarrow.parquet.write_table(table, source, compression="zstd")
    polars.scan_parquet(source).sink_parquet(out, compression="zstd")
else:
    pyarrow.parquet.write_table(table, out, compression="zstd", row_group_size=int(group))
print(table.num_columns, "columns")' "$work/stays.csv" "$work/stays.parquet" "$group"
rm "$work/stays.csv"
make_home
wc -c < "$work/stays.parquet" | awk '{ print $1, "bytes" }'

copy='
import sys, polars
polars.scan_parquet(sys.argv[1]).sink_parquet(sys.argv[2], compression="zstd")'
for _ in $(seq "$rounds"); do
    timed "import" "$python" -c "import polars"
    timed "polars" "$python" -c "$copy" "$work/stays.parquet" "$work/copy.parquet"; rm -f "$work/copy.parquet"
    timed "cp    " cp "$work/stays.parquet" "$work/copy.parquet"; rm -f "$work/copy.parquet" "$work/out.parquet"
    timed "stamp " "$bin/dyepack" stamp "$work/stays.parquet" --dataset stays --to acme -o "$work/out.parquet"
done

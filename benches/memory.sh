#!/usr/bin/env bash
# Peak memory of `stamp` and `trace`, format by format, for a table and for one with ten times as many rows.
# Prints one line for each: format, rows, megabytes of the file, MB at the peak of stamp, MB at the peak of a blind trace of the copy.
# Needs GNU time, and a Python with pyarrow, pandas, duckdb and openpyxl (DYEPACK_PYTHON names it).
#
#   benches/memory.sh [ROWS]      300,000 rows and 3,000,000 by default
set -euo pipefail
cd "$(dirname "$0")/.."
rows=${1:-300000}
python=${DYEPACK_PYTHON:-python3}
. benches/common.sh

make_home

convert='
import csv, json, sqlite3, sys
import pyarrow.csv, pyarrow.ipc, pyarrow.parquet
source, out, suffix = sys.argv[1:]
if suffix in ("parquet", "arrow"):
    table = pyarrow.csv.read_csv(source)
    if suffix == "parquet":
        pyarrow.parquet.write_table(table, out, compression="zstd", row_group_size=100_000)
    else:
        with pyarrow.ipc.new_file(out, table.schema) as file:
            file.write_table(table, max_chunksize=65_536)
    sys.exit()
rows = csv.reader(open(source, newline=""))
head = next(rows)
if suffix == "ndjson":
    with open(out, "w") as file:
        file.writelines(json.dumps(dict(zip(head, row))) + "\n" for row in rows)
elif suffix == "sql":
    quoted = lambda row: "(" + ",".join("\x27" + cell.replace("\x27", "\x27\x27") + "\x27" for cell in row) + ")"
    with open(out, "w") as file:
        file.write("CREATE TABLE stays (" + ", ".join(name + " text" for name in head) + ");\n")
        file.writelines("INSERT INTO stays VALUES " + quoted(row) + ";\n" for row in rows)
elif suffix == "sqlite":
    base = sqlite3.connect(out)
    base.execute("CREATE TABLE stays (" + ", ".join(name + " TEXT" for name in head) + ")")
    base.executemany("INSERT INTO stays VALUES (" + ",".join("?" * len(head)) + ")", rows)
    base.commit()
elif suffix == "xlsx":
    import openpyxl
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("stays")
    sheet.append(head)
    for row in rows:
        sheet.append(row)
    book.save(out)'

measure() {
    local suffix=$1 count=$2
    local file="$work/stays.$suffix" copy="$work/copy.$suffix"
    "$bin/examples/generate" "$count" 7 > "$work/source.csv"
    case $suffix in
        csv) mv "$work/source.csv" "$file" ;;
        csv.gz) gzip -1 < "$work/source.csv" > "$file" ;;
        *) "$python" -c "$convert" "$work/source.csv" "$file" "$suffix" ;;
    esac
    local stamp trace
    stamp=$(command time -f %M "$bin/dyepack" stamp "$file" --dataset stays --to acme -o "$copy" 2>&1 > /dev/null | tail -n 1)
    # Exit code 0 says that somebody was named; GNU time adds a line of its own otherwise.
    trace=$(command time -f %M "$bin/dyepack" trace "$copy" --blind 2>&1 > /dev/null | tail -n 1)
    echo "$suffix $count $(($(stat -c %s "$file") >> 20)) $((stamp >> 10)) $((trace >> 10))"
    rm -f "$work/source.csv" "$file" "$copy"
}

echo "format rows file_MB stamp_MB trace_MB"
for suffix in csv csv.gz ndjson sql parquet arrow sqlite; do
    measure "$suffix" "$rows"
    measure "$suffix" $((rows * 10))
done
# A sheet has at most 1,048,576 rows.
measure xlsx $((rows / 10))
measure xlsx "$rows"

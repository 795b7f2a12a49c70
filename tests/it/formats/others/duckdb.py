# Exports a copy with DuckDB in all the ways it has, and prints the names of the files.
import sys
import duckdb

(copy,) = sys.argv[1:]
exports = {
    "duck.csv": "format csv",
    "duck.tsv": "format csv, delimiter '\t'",
    "duck.parquet": "format parquet",
    "duck.zstd.parquet": "format parquet, compression zstd, parquet_version v2",
    "duck.ndjson": "format json",
    "duck.json": "format json, array true",
}
for name, options in exports.items():
    duckdb.sql(f"copy (from '{copy}' order by cost, visit) to '{name}' ({options})")
    print(name)

# Writes a table as Parquet, Arrow and xlsx with several writers and types, and prints the names of the files.
import sys
import duckdb
import pandas
import pyarrow
import pyarrow.feather
import pyarrow.parquet

(csv,) = sys.argv[1:]
table = pandas.read_csv(csv, parse_dates=["seen"])

table.to_parquet("pandas.parquet")
table.to_feather("pandas.arrow")
table.to_excel("pandas.xlsx", index=False)

typed = pyarrow.table(
    {
        "visit": pyarrow.array(table["visit"], pyarrow.large_string()),
        "seen": pyarrow.array(table["seen"], pyarrow.timestamp("ms", "UTC")),
        "ward": pyarrow.array(table["ward"]).dictionary_encode(),
        "cost": pyarrow.array(table["cost"].map("{:.2f}".format)).cast(pyarrow.decimal128(12, 2)),
        "note": pyarrow.array(table["note"]),
    }
)
pyarrow.parquet.write_table(typed, "pyarrow.parquet", compression="zstd", data_page_version="2.0")
pyarrow.feather.write_feather(typed, "pyarrow.arrow", compression="lz4", chunksize=100)
duckdb.sql(f"copy (from '{csv}') to 'duckdb.parquet'")

print("pandas.parquet", "pandas.arrow", "pandas.xlsx", "pyarrow.parquet", "pyarrow.arrow", "duckdb.parquet", sep="\n")

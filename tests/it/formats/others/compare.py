# Opens a file and its copy with all that read it, checks that types are the same, and prints how many cells are not.
import sys
import duckdb
import pandas
import pyarrow.feather
import pyarrow.parquet

source, copy = sys.argv[1:]


def apart(read):
    before, after = read(source), read(copy)
    assert list(before.dtypes) == list(after.dtypes), (before.dtypes, after.dtypes)
    assert list(before.columns) == list(after.columns) and len(before) == len(after)
    assert before["visit"].equals(after["visit"]) and before["note"].equals(after["note"])
    return int((before != after).sum().sum())


def with_arrow(read):
    before, after = read(source), read(copy)
    assert before.schema.equals(after.schema, check_metadata=True), (before.schema, after.schema)
    after.validate(full=True)
    return apart(lambda name: read(name).to_pandas())


def with_duckdb(name):
    return duckdb.sql(f"from '{name}'").df()


if source.endswith(".parquet"):
    counts = {apart(pandas.read_parquet), with_arrow(pyarrow.parquet.read_table), apart(with_duckdb)}
elif source.endswith(".arrow"):
    counts = {apart(pandas.read_feather), with_arrow(pyarrow.feather.read_table)}
else:
    counts = {apart(pandas.read_excel)}
assert len(counts) == 1, counts
print(*counts)

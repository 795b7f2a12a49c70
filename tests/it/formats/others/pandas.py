# Reads a copy with pandas, writes it in all the ways it has, and prints the names of the files.
import sys
import pandas

(copy,) = sys.argv[1:]
read = {
    "csv": pandas.read_csv,
    "ndjson": lambda name: pandas.read_json(name, lines=True),
    "parquet": pandas.read_parquet,
    "xlsx": pandas.read_excel,
}
# In another order, so that no export is the copy itself.
table = read[copy.rsplit(".", 1)[1]](copy).iloc[::-1]

table.to_csv("index.csv")
table.to_csv("plain.csv", index=False)
for orient in ["records", "split", "columns", "values", "index", "table"]:
    table.to_json(orient + ".json", orient=orient)
table.to_json("iso.json", orient="records", date_format="iso")
table.to_json("lines.json", orient="records", lines=True)
table.to_parquet("again.parquet")
table.to_excel("again.xlsx")
table.to_excel("plain.xlsx", index=False)
table.to_markdown("markdown")
table.reset_index(drop=True).to_feather("feather")

print("index.csv", "plain.csv", "records.json", "split.json", "columns.json", "values.json", "index.json", sep="\n")
print("table.json", "iso.json", "lines.json", "again.parquet", "again.xlsx", "plain.xlsx", "markdown", "feather", sep="\n")

# Times are printed one space from the column before them, with a space in them: not told apart yet.
if table["seen"].dtype.kind != "M":
    table.to_string("string")
    print("string")

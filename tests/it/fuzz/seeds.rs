//! Small files of every format, from which others are made by mutation.

use std::io::{Cursor, Write as _};
use std::sync::Arc;

use arrow_array::types::Int32Type;
use arrow_array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, DictionaryArray, Float32Array, Int64Array,
    ListArray, RecordBatch, StringArray, StructArray, TimestampMillisecondArray,
};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::{WriterProperties, WriterVersion};
use rand::RngExt as _;
use rand::rngs::StdRng;

use super::mutate::mutated;
use super::write::Text;

/// What is tested together: a reader, or a wrapping around one.
pub struct Reader {
    pub name: &'static str,
    seeds: Vec<Seed>,
    tokens: &'static [&'static str],
}

/// A file by its parts, so that what is packed can be changed as it was before it was packed.
struct Seed {
    parts: Vec<(String, Vec<u8>)>,
    pack: Pack,
}

#[derive(Clone, Copy, PartialEq)]
enum Pack {
    Not,
    Gzip,
    Zstd,
    Utf16,
    Gb18030,
    Zip,
    Tar,
}

impl Seed {
    fn packed(&self) -> Vec<u8> {
        pack(self.pack, &self.parts)
    }
}

fn pack(how: Pack, parts: &[(String, Vec<u8>)]) -> Vec<u8> {
    let first = &parts[0].1;
    match how {
        Pack::Not => first.clone(),
        Pack::Gzip => {
            let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            gzip.write_all(first).expect("memory");
            gzip.finish().expect("memory")
        }
        Pack::Zstd => zstd::encode_all(first.as_slice(), 1).expect("memory"),
        Pack::Utf16 => {
            let text = String::from_utf8_lossy(first);
            [0xfeff].into_iter().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
        }
        Pack::Gb18030 => encoding_rs::GB18030.encode(&String::from_utf8_lossy(first)).0.into_owned(),
        Pack::Zip => {
            let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
            let stored =
                zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
            for (name, bytes) in parts {
                zip.start_file(name.as_str(), stored).expect("memory");
                zip.write_all(bytes).expect("memory");
            }
            zip.finish().expect("memory").into_inner()
        }
        Pack::Tar => {
            let mut tar = tar::Builder::new(Vec::new());
            for (name, bytes) in parts {
                let mut header = tar::Header::new_gnu();
                header.set_size(bytes.len() as u64);
                tar.append_data(&mut header, name, bytes.as_slice()).expect("memory");
            }
            tar.into_inner().expect("memory")
        }
    }
}

impl Reader {
    /// A file that may be anything. The same for the same state of `rng`.
    pub fn file(&self, rng: &mut StdRng) -> Vec<u8> {
        let seed = &self.seeds[rng.random_range(0..self.seeds.len())];
        let other = &self.seeds[rng.random_range(0..self.seeds.len())];
        if seed.pack == Pack::Not || rng.random_ratio(1, 4) {
            return mutated(rng, &seed.packed(), &other.packed(), self.tokens);
        }
        let part = rng.random_range(0..seed.parts.len());
        let from = &other.parts[rng.random_range(0..other.parts.len())].1;
        let mut parts = seed.parts.clone();
        parts[part].1 = mutated(rng, &parts[part].1, from, self.tokens);
        pack(seed.pack, &parts)
    }

    /// A file of about so many bytes: a seed in which some tokens come again and again. For the same state of `rng` only their
    /// number depends on the bytes.
    pub fn swollen(&self, rng: &mut StdRng, bytes: usize) -> (String, Vec<u8>) {
        let number = rng.random_range(0..self.seeds.len());
        let seed = &self.seeds[number];
        let tokens =
            (0..rng.random_range(1..=3)).map(|_| self.tokens[rng.random_range(0..self.tokens.len())]);
        let tokens = tokens.collect::<String>();
        let mut parts = seed.parts.clone();
        let part = parts.iter_mut().map(|(_, part)| part).max_by_key(|part| part.len()).expect("a part");
        let at = rng.random_range(0..=part.len());
        drop(part.splice(at..at, tokens.repeat(bytes / tokens.len()).into_bytes()));
        (format!("{}, seed {number}, {tokens:?} at {at}", self.name), pack(seed.pack, &parts))
    }

    /// The seeds as they are.
    pub fn seeds(&self) -> impl Iterator<Item = Vec<u8>> {
        self.seeds.iter().map(Seed::packed)
    }
}

/// A few rows with what rows have: numbers, dates, gaps, quotes, letters of several scripts.
fn table() -> Text {
    let csv = "Id,weight,seen,note,town\n\
        1,70.5,2024-01-31T10:20:30,\"a, \"\"b\"\"\",Ulm\n\
        2,,2024-02-01T00:00:00,,M\u{fc}nchen\n\
        30000000000,8,,\"two\nlines\",\u{4e2d}\u{6587}\n\
        -4,0.001,1969-12-31T23:59:59,it's \\ <b>&,Bad Ems\n\
        5,1e3,2030-06-30T12:00:00,NULL,\u{1f600}\n\
        6,6,2024-01-31T10:20:30,x,Ulm\n";
    Text::parse(csv.as_bytes())
}

fn plain(bytes: impl Into<Vec<u8>>) -> Seed {
    packed(Pack::Not, bytes)
}

fn packed(pack: Pack, bytes: impl Into<Vec<u8>>) -> Seed {
    Seed { parts: vec![("visits.csv".into(), bytes.into())], pack }
}

/// A zip archive by what is in it.
fn unzipped(bytes: &[u8]) -> Seed {
    let mut zip = zip::ZipArchive::new(Cursor::new(bytes)).expect("an archive");
    let length = zip.len();
    let part = |number| {
        let mut member = zip.by_index(number).expect("a member");
        let mut bytes = Vec::new();
        std::io::copy(&mut member, &mut bytes).expect("memory");
        (member.name().expect("a name").into_owned(), bytes)
    };
    Seed { parts: (0..length).map(part).collect(), pack: Pack::Zip }
}

/// Columns of the types that no text has.
fn typed() -> RecordBatch {
    let towns: DictionaryArray<Int32Type> =
        [Some("Ulm"), None, Some("Ulm"), Some("Bonn")].into_iter().collect();
    let lists = [Some(vec![Some(1), None]), None, Some(vec![]), Some(vec![Some(3), Some(4), Some(5)])];
    let names: ArrayRef = Arc::new(StringArray::from(vec![Some("Ann"), None, Some(""), Some("\u{fc}")]));
    let ages: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), Some(-2), None, Some(i64::MAX)]));
    let columns: [(&str, ArrayRef); 8] = [
        ("alive", Arc::new(BooleanArray::from(vec![Some(true), None, Some(false), Some(true)]))),
        ("born", Arc::new(Date32Array::from(vec![Some(19_000), None, Some(-1), Some(0)]))),
        ("weight", Arc::new(Float32Array::from(vec![Some(0.1), None, Some(f32::MAX), Some(-0.0)]))),
        ("price", Arc::new(Decimal128Array::from(vec![Some(12_345), None, Some(-1), Some(0)]))),
        ("seen", Arc::new(TimestampMillisecondArray::from(vec![0, 1, -1, 1 << 40]).with_timezone("UTC"))),
        ("town", Arc::new(towns)),
        ("codes", Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>(lists))),
        (
            "person",
            Arc::new(StructArray::try_from(vec![("name", names), ("age", ages)]).expect("equal lengths")),
        ),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.map(|(name, array)| (name, array, true)))
        .expect("columns of one length")
}

fn parquet(compression: Compression, version: WriterVersion) -> Vec<u8> {
    let batch = typed();
    let properties =
        WriterProperties::builder().set_compression(compression).set_writer_version(version).build();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties)).expect("a schema");
    writer.write(&batch).expect("memory");
    writer.into_inner().expect("memory")
}

fn arrow_file() -> Vec<u8> {
    let batch = typed();
    let mut writer = arrow_ipc::writer::FileWriter::try_new(Vec::new(), &batch.schema()).expect("a schema");
    writer.write(&batch).expect("memory");
    writer.into_inner().expect("memory")
}

fn arrow_stream(compression: Option<arrow_ipc::CompressionType>) -> Vec<u8> {
    let batch = typed();
    let options =
        arrow_ipc::writer::IpcWriteOptions::default().try_with_compression(compression).expect("known");
    let mut writer =
        arrow_ipc::writer::StreamWriter::try_new_with_options(Vec::new(), &batch.schema(), options)
            .expect("a schema");
    writer.write(&batch).expect("memory");
    writer.write(&batch).expect("memory");
    writer.into_inner().expect("memory")
}

const MARKDOWN: &str =
    "look:\n\n> | id | name |\n> |----|:----:|\n> | 1 | Anna Berg |\n> | 2 | a\\|b |\n\nwow | ok\n";
const MYSQL: &str =
    "+----+------+\n| id | name |\n+----+------+\n|  1 | Ann  |\n|  2 | Bo   |\n+----+------+\n";
const PSQL: &str = " id | name \n----+------\n  1 | Ann\n  2 | \n(2 rows)\n";
const BOXES: &str = "┌───────┬─────────┐\n│  id   │  name   │\n├───────┼─────────┤\n\
    │     1 │ Ann     │\n└───────┴─────────┘\n";
const GRID: &str =
    "+----+------+\n| id | name |\n+====+======+\n| 1  | Anna |\n|    | Berg |\n+----+------+\n";
const CARDS: &str = "Id: 1\nName: Ann\n\nId: 2\nName: Bo: x\n";
const EXPANDED: &str = "-[ RECORD 1 ]---\nid   | 1\nname | Ann\n-[ RECORD 2 ]---\nid   | 2\nname | \n";
const VERTICAL: &str = "*************************** 1. row ***************************\n  id: 1\nname: Ann\n\
    *************************** 2. row ***************************\n  id: 2\nname: Bo\n";
const LOG: &str = "t=10:20 level=info id=1 name=\"Ann \\\"B\\\"\"\nt=10:21 id=2 extra=x\n";
const PRINTED: &str = "    id        name  weight\n0    1   Anna Berg    70.5\n1    2          Bo       8\n\
    ..  ..         ...     ...\n9   10     Cy Long   100.0\n";
const PAGES: &str = "Report of the ward\n\n\
    id   name        town\n1    Anna Berg   Ulm\n2    Bo          Bad Ems\n\n\
    \x20            page 1\n\u{c}id   name       town\n3    Cy         Ulm\n4    Di Wu      Bonn\n";
const NESTED: &str = "{\"resourceType\":\"Bundle\",\
    \"entry\":[{\"resource\":{\"id\":\"a\",\"name\":[{\"family\":\"B\",\
    \"given\":[\"C\",\"D\"]}],\"n\":1.50e2,\"x\":null}},{\"resource\":{\"id\":\"b\\u00e4\\ud83d\\ude00\",\"t\":true}}]}";
const STATEMENTS: &str = "SET x=1;\nINSERT INTO a.b (id, \"n\", [t]) VALUES (1, N'it''s', 0x41), \
    (-2.5e1, NULL, E'\\x41');\n\
    /*!40000 x */ -- y\nINSERT INTO c VALUES (1,$$a$$,'b' ),(2,DEFAULT,TRUE);\nGO\n\
    COPY a (x, y) FROM stdin;\n1\t\\N\n2\ta\\tb\\x41\\101\n\\.\n";

/// All readers.
pub fn readers() -> Vec<Reader> {
    [texts(), binaries(), workbooks(), wrappings()].into_iter().flatten().collect()
}

fn texts() -> Vec<Reader> {
    let table = table();
    let csv = table.csv();
    let semicolons = String::from_utf8_lossy(&csv).replace(',', ";").replace('\n', "\r\n");
    let csvs = vec![plain(csv), plain(format!("\u{feff}{semicolons}"))];
    let loose = [MARKDOWN, MYSQL, PSQL, BOXES, GRID, CARDS, EXPANDED, VERTICAL, LOG, PRINTED, PAGES];
    let sqls = vec![plain(table.copy_block()), plain(table.inserts()), plain(STATEMENTS)];
    let jsons = vec![plain(table.json()), plain(table.ndjson()), plain(NESTED)];
    vec![
        Reader {
            name: "csv",
            seeds: csvs,
            tokens: &["\"", "\"\"", ",", ";", "\t", "\n", "\r\n", "\r", "\u{feff}", "sep=;\n", "a,"],
        },
        Reader {
            name: "loose text",
            seeds: loose.into_iter().map(plain).collect(),
            tokens: &[
                "|",
                "+--",
                "-- ",
                "  ",
                "=",
                ": ",
                "\\|",
                "\n\n",
                "\u{2502}",
                "\u{2500}",
                "-[ RECORD 1 ]",
                "id=",
                "\"",
                "\u{c}",
                "...",
                "(2 rows)",
                "> ",
                "\t",
            ],
        },
        Reader {
            name: "json",
            seeds: jsons,
            tokens: &[
                "{", "}", "[", "]", "\"", "\\\"", "\\u0041", "\\ud800", ":", ",", "null", "true", "1e999",
                "-0", "{\"a\":", "[[", "\n", "{}\n",
            ],
        },
        Reader {
            name: "sql",
            seeds: sqls,
            tokens: &[
                "INSERT INTO t VALUES (",
                "COPY t FROM stdin;\n",
                "\\.\n",
                "'",
                "''",
                "\\'",
                "\\",
                ");",
                "(",
                "/*",
                "*/",
                "--",
                "$$",
                "$a$",
                "E'",
                "0x",
                "NULL",
                "CREATE TABLE t (",
                "\t",
                "\\N",
                "`",
                "[",
                ",",
            ],
        },
    ]
}

fn binaries() -> Vec<Reader> {
    let table = table();
    let parquets = vec![
        plain(table.parquet()),
        plain(parquet(Compression::UNCOMPRESSED, WriterVersion::PARQUET_1_0)),
        plain(parquet(Compression::UNCOMPRESSED, WriterVersion::PARQUET_2_0)),
        plain(parquet(Compression::SNAPPY, WriterVersion::PARQUET_1_0)),
    ];
    let arrows = vec![
        plain(table.arrow()),
        plain(arrow_file()),
        plain(arrow_stream(None)),
        plain(arrow_stream(Some(arrow_ipc::CompressionType::LZ4_FRAME))),
    ];
    vec![
        Reader {
            name: "parquet",
            seeds: parquets,
            tokens: &["PAR1", "\x15\x04", "\x19\x1c", "\x16\u{0}", "\x01\x01\x01", "\x7f\x7f\x7f"],
        },
        Reader {
            name: "arrow",
            seeds: arrows,
            tokens: &["ARROW1\0\0", "\u{0}\u{0}\u{0}\u{0}", "\x01\0\0\0", "\x7f\0\0\0", "\x08\0\0\0\0\0\0\0"],
        },
        Reader {
            name: "sqlite",
            seeds: vec![plain(table.sqlite())],
            tokens: &[
                "\x0d\0\0\0",
                "\x05\0\0\0",
                "CREATE TABLE t (a,b)",
                "CREATE VIEW v AS SELECT * FROM t",
                "\x02\x02",
                "GENERATED ALWAYS AS (a)",
                "WITHOUT ROWID",
            ],
        },
    ]
}

fn workbooks() -> Vec<Reader> {
    let xml = &[
        "<row>",
        "<row r=\"9\">",
        "<c t=\"s\"><v>0</v></c>",
        "<c r=\"XFD1048576\"><v>1</v></c>",
        "</c>",
        "<c/>",
        "&#x41;",
        "&amp;",
        "&",
        "<![CDATA[",
        "]]>",
        "<!--",
        "-->",
        "<?x?>",
        "<!DOCTYPE a [<!ENTITY b \"c\">]>",
        "s=\"1\"",
        "r=\"A1\"",
        "</row>",
        "</sheetData>",
        "<table:table-cell table:number-columns-repeated=\"1048576\"/>",
        "<table:table-row table:number-rows-repeated=\"1048576\">",
        "table:number-columns-repeated=\"16384\"",
        "<text:s text:c=\"1000000000\"/>",
    ];
    let binary =
        &["\0\0\0\0", "\x01\0", "\x7f\x7f", "\x07", "\x0a\0\0\0", "\x01\x0c", "\x3c\0", "\x7f\0\0\0"];
    let xlsxs = vec![
        unzipped(&table().xlsx()),
        unzipped(include_bytes!("../../../testdata/fuzz/styled.xlsx")),
        plain(table().xlsx()),
    ];
    let xlsb = include_bytes!("../../../testdata/fuzz/visits.xlsb");
    let ods = include_bytes!("../../../testdata/fuzz/visits.ods");
    let xls = include_bytes!("../../../testdata/fuzz/visits.xls");
    vec![
        Reader { name: "xlsx", seeds: xlsxs, tokens: xml },
        Reader { name: "xlsb", seeds: vec![unzipped(xlsb), plain(*xlsb)], tokens: binary },
        Reader { name: "ods", seeds: vec![unzipped(ods), plain(*ods)], tokens: xml },
        Reader { name: "xls", seeds: vec![plain(*xls)], tokens: binary },
    ]
}

fn wrappings() -> Vec<Reader> {
    let table = table();
    let csv = table.csv();
    let tokens = &[
        "PK\x03\x04",
        "PK\x01\x02",
        "PK\x05\x06",
        "\x1f\u{8}",
        "ustar",
        "../",
        "a/",
        "\0\0\0\0",
        "0000777",
        "\n",
        ",",
    ];
    let packs = [Pack::Gzip, Pack::Zstd].into_iter().flat_map(|pack| {
        [packed(pack, csv.clone()), packed(pack, table.ndjson()), packed(pack, table.inserts())]
    });
    let encodings = [Pack::Utf16, Pack::Gb18030].into_iter().flat_map(|pack| {
        [packed(pack, csv.clone()), packed(pack, table.json()), packed(pack, table.copy_block())]
    });
    let archives = [Pack::Zip, Pack::Tar].into_iter().map(|pack| {
        let inner = packed(Pack::Zip, csv.clone()).packed();
        let parts =
            [("a.csv", csv.clone()), ("b/c.json", table.json()), ("d.zip", inner), ("e.txt", MYSQL.into())];
        Seed { parts: parts.map(|(name, bytes)| (name.to_owned(), bytes)).into(), pack }
    });
    vec![
        Reader { name: "compression", seeds: packs.collect(), tokens },
        Reader { name: "encoding", seeds: encodings.collect(), tokens },
        Reader { name: "archive", seeds: archives.collect(), tokens },
    ]
}

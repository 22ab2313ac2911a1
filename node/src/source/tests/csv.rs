//! Datasets in CSV files.

use std::io::Write;

use arrow_schema::DataType;
use flate2::Compression;
use flate2::write::GzEncoder;
use insitu_engine::datasource::MemTable;

use super::*;
use crate::dataset::MisfitReason;

/// Settings of an open dataset `d.t`, then its columns.
fn dataset(settings: &str, columns: &str) -> String {
    let source = "source = { format = \"csv\", path = \"t.csv\" }";
    let source = if settings.contains("source") { "" } else { source };
    format!("[[dataset]]\nname = \"d.t\"\nprotection = \"open\"\n{source}\n{settings}\n{columns}")
}

/// A column that is a dimension.
fn column(name: &str, scalar_type: &str, more: &str) -> String {
    format!(
        "[[dataset.column]]\nname = \"{name}\"\ntype = \"{scalar_type}\"\nlabel = \"dimension\"\n{more}\n"
    )
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn values_come_out_typed_and_exact() {
    let columns = [
        column("name", "text", "from = \"Full name\""),
        column("district", "text", "from = \"Area\"\nderive = \"drop-last-word\""),
        column("persons", "integer", "position = 4\nthousands_separator = \",\""),
        column("area", "decimal", "decimal_places = 2"),
        column("ratio", "float", ""),
        column("born", "date", "date_format = \"%d/%m/%Y\"\nblank = \"null\""),
        column("seen", "date", ""),
        column("ok", "boolean", ""),
    ]
    .concat();
    let text = "\u{feff}Full name,Area,n,n,area,ratio,born,seen,ok\r\n\
        \"O\"\"Brien, \n Ann\",Leeds 005C,x,\"1,563\",12.5,0.5,31/01/1931,2018-01-31,yes\r\n\
        ,East Riding 001A,,-7,-0.05, 1e3 ,,2016-02-29,FALSE\r\n";
    let (loaded, session) =
        load_one(&dataset("", &columns), &[("t.csv", text.as_bytes())]).await.unwrap();
    let schema = loaded.table.schema();
    let types: Vec<&DataType> = schema.fields().iter().map(|field| field.data_type()).collect();
    assert_eq!(
        types,
        [
            &DataType::Utf8,
            &DataType::Utf8,
            &DataType::Int64,
            &DataType::Decimal128(38, 2),
            &DataType::Float64,
            &DataType::Date32,
            &DataType::Date32,
            &DataType::Boolean,
        ]
    );
    assert!(schema.fields().iter().all(|field| field.is_nullable()));
    let expect = "\
+-----------+-------------+---------+-------+--------+------------+------------+-------+
| name      | district    | persons | area  | ratio  | born       | seen       | ok    |
+-----------+-------------+---------+-------+--------+------------+------------+-------+
| O\"Brien,  | Leeds       | 1563    | 12.50 | 0.5    | 1931-01-31 | 2018-01-31 | true  |
|  Ann      |             |         |       |        |            |            |       |
|           | East Riding | -7      | -0.05 | 1000.0 |            | 2016-02-29 | false |
+-----------+-------------+---------+-------+--------+------------+------------+-------+";
    assert_eq!(shown(&rows(&loaded, &session).await), expect);
    assert_eq!(loaded.quality.to_string(), "2 rows; `name`: 1 NULL; `born`: 1 NULL");
}

#[tokio::test]
async fn misfits_are_told_by_place_without_the_value() {
    let columns = column("n", "integer", "") + &column("d", "date", "");
    let text = b"n,d\n1,2018-01-01\nSECRET,2018-01-01\n\"2\n\",31/12/2018\n,2018-01-01\n\xff,2018-01-01\n1,2,3\n4\n\"5\"x,6\n";
    let message = failure(&dataset("", &columns), &[("t.csv", text)]).await;
    assert_eq!(
        message,
        "7: t.csv:3:n: isn't a whole number, t.csv:4:d: isn't a date, t.csv:6:n: is blank, t.csv:7:n: isn't UTF-8, \
         t.csv:8: 3 fields instead of 2, t.csv:9: 1 fields instead of 2, t.csv:10: text after a closing quote; \
         correct the file, or allow so many with `misfits_max = 7` (misfits become NULL, such rows are left out)"
    );
    assert!(!message.contains("SECRET") && !message.contains("31/12"));
}

#[tokio::test]
async fn only_the_first_places_of_many_misfits_are_kept() {
    let text = format!("n\n{}", "x\n".repeat(20_000));
    let message =
        failure(&dataset("", &column("n", "integer", "")), &[("t.csv", text.as_bytes())]).await;
    assert!(message.starts_with("20000: t.csv:2:n: isn't a whole number, "), "{message}");
    assert_eq!(message.matches("t.csv").count(), 10, "{message}");
    assert!(message.contains("t.csv:11:n: isn't a whole number, ...; correct"), "{message}");
}

#[tokio::test]
async fn allowed_misfits_become_null_and_torn_rows_are_left_out() {
    let columns = column("n", "integer", "") + &column("c", "text", "");
    let text = b"n,c\n1,a\nx,b\n3\n4,d\n";
    let declared = dataset("misfits_max = 2", &columns);
    let (loaded, session) = load_one(&declared, &[("t.csv", text)]).await.unwrap();
    assert_eq!(
        shown(&rows(&loaded, &session).await),
        "+---+---+\n| n | c |\n+---+---+\n| 1 | a |\n|   | b |\n| 4 | d |\n+---+---+"
    );
    let found = report(&loaded);
    assert_eq!((found.rows, found.rows_left_out, found.misfits.total()), (3, 1, 2));
    assert_eq!(
        loaded.quality.to_string(),
        "3 rows, 1 left out; misfits: 2: t.csv:3:n: isn't a whole number, t.csv:4: 1 fields instead of 2; \
         `n`: 1 NULL"
    );
    let message = failure(&dataset("misfits_max = 1", &columns), &[("t.csv", text)]).await;
    assert!(message.starts_with("2: "), "{message}");
}

/// A stray quote in one row, and what reading it as a misfit would leave out silently.
#[tokio::test]
async fn no_number_of_misfits_allows_a_stray_quote() {
    let columns = column("n", "integer", "") + &column("c", "text", "");
    let rows =
        |from: usize, to: usize| -> String { (from..to).map(|n| format!("{n},x\n")).collect() };
    let around = |row: &str| format!("n,c\n{}{row}{}", rows(0, 200), rows(201, 400));
    for (row, reason) in [
        // To the end of the file.
        ("200,\"x\n", "t.csv:202: a quote that is never closed"),
        ("\"200,x\n", "t.csv:202: a quote that is never closed"),
        // To the next stray quote, however the record ends there.
        ("200,\"x\n1,x\n2,\"y\n", "t.csv:202: text after a closing quote"),
        ("200,\"x\n1,x\n2,x\"\n", "t.csv:202:"),
        ("200,\"x\n1,x\",x\n", "t.csv:202: 3 fields instead of 2"),
        ("\"200,x\n1,x\r2,\",x\n", "t.csv:202:n: isn't a whole number"),
    ] {
        let text = around(row);
        for allowed in ["", "misfits_max = 1", "misfits_max = 1000000"] {
            let loaded = load_one(&dataset(allowed, &columns), &[("t.csv", text.as_bytes())]).await;
            let message = match loaded {
                Err(error) => error.to_string(),
                // What closes where a field ends is a text of several lines, and nothing tells it from one.
                Ok((loaded, _)) if reason.ends_with(':') => {
                    assert_eq!(loaded.quality.rows(), 400);
                    continue;
                }
                Ok((loaded, _)) => panic!("{row:?}: {}", loaded.quality),
            };
            assert!(message.contains(reason), "{row:?}: {message}");
            assert!(message.contains("from t.csv:202 on: a stray quote"), "{row:?}: {message}");
            assert!(!message.contains("misfits_max"), "{row:?}: {message}");
        }
    }
}

#[tokio::test]
async fn values_outside_domain_and_bounds_are_counted_and_kept() {
    let declared = "[[dataset]]\nname = \"d.t\"\nprotection = \"protected\"\nunit = \"id\"\n\
        unit_unique_per_row = false\nunits_at_one_node = true\nprofile = \"standard\"\nrelease = \"at-node\"\n\
        source = { format = \"csv\", path = \"t.csv\" }\n\
        [[dataset.column]]\nname = \"id\"\ntype = \"integer\"\nlabel = \"unit\"\n\
        [[dataset.column]]\nname = \"band\"\ntype = \"text\"\nlabel = \"dimension\"\ndomain = [\"A\"]\n\
        [[dataset.column]]\nname = \"age\"\ntype = \"integer\"\nlabel = \"dimension\"\n\
        domain = { first = 0, last = 105 }\n\
        [[dataset.column]]\nname = \"cost\"\ntype = \"decimal\"\ndecimal_places = 2\nlabel = \"measure\"\n\
        bounds = { low = 0, high = \"9.99\" }\n";
    let text = b"id,band,age,cost\n1,A,0,9.99\n1,B,106,10\n,A,5,-0.01\n";
    let (loaded, session) = load_one(declared, &[("t.csv", text)]).await.unwrap();
    assert_eq!(
        loaded.quality.to_string(),
        "3 rows; `id`: 1 NULL; `band`: 1 outside the domain; `age`: 1 outside the domain; \
         `cost`: 2 outside the bounds"
    );
    assert!(shown(&rows(&loaded, &session).await).contains("| 1  | B    | 106 | 10.00 |"));
}

#[tokio::test]
async fn a_closed_domain_makes_other_values_misfits() {
    let months = "domain = [\"2018-01-01\", 2018-02-01]\ndomain_closed = true";
    let columns = column("month", "date", months)
        + &column("c", "text", "domain = [\"A\"]\ndomain_closed = true");
    let text = b"month,c\n2018-02-01,A\n2018-03-01,A\n2018-01-01,\n2018-01-01,B\n";
    let (loaded, _) =
        load_one(&dataset("misfits_max = 9", &columns), &[("t.csv", text)]).await.unwrap();
    let found = report(&loaded);
    let reasons: Vec<MisfitReason> =
        found.misfits.places().iter().map(|misfit| misfit.reason).collect();
    assert_eq!(reasons, [MisfitReason::OutsideDomain, MisfitReason::OutsideDomain]);
    assert!(found.columns.iter().all(|column| column.outside_domain == 0 && 1 <= column.nulls));
}

#[tokio::test]
async fn headers_are_found_or_missed_with_a_suggestion() {
    let columns = column("crime_type", "text", "")
        + &column("persons", "integer", "from = \"Persons\"")
        + &column("last", "text", "position = 9")
        + &column("z", "text", "");
    let text = b"Crime type,Persons,,Persons\na,1,,2\n";
    assert_eq!(
        failure(&dataset("", &columns), &[("t.csv", text)]).await,
        "`t.csv`: no column `crime_type`; did you mean `Crime type`? \u{b7} `Persons` heads columns 2, 4; use \
         `position` instead of `from` \u{b7} `last` is declared at position 9 of 4; correct it \u{b7} no column \
         `z`; set `from` to a name that is in the file"
    );
    let columns =
        column("a", "text", "from = \"Crime type\"") + &column("b", "integer", "position = 4");
    let (loaded, session) = load_one(&dataset("", &columns), &[("t.csv", text)]).await.unwrap();
    assert!(shown(&rows(&loaded, &session).await).contains("| a | 2 |"));
}

#[tokio::test]
async fn files_without_header_and_with_other_delimiters_are_read() {
    let source = "source = { format = \"csv\", files = [\"t.csv\", \"u.csv\"], header = false, delimiter = \"|\" }";
    let columns = column("a", "integer", "position = 2");
    let files: [(&str, &[u8]); 2] = [("t.csv", b"x|1\ny|2"), ("u.csv", b"z|3|\n\n\nz|4|\n")];
    let (loaded, session) = load_one(&dataset(source, &columns), &files).await.unwrap();
    let shown = shown(&rows(&loaded, &session).await);
    assert_eq!(shown.lines().count(), 8, "{shown}");
    assert_eq!(loaded.quality.rows(), 4);
}

#[tokio::test]
async fn unusable_files_are_named_with_what_to_do() {
    let declared = dataset("", &column("a", "text", ""));
    let compressed = gzip(&b"a\n1\n".repeat(1_000));
    for (bytes, expect) in [
        (b"".as_slice(), "`t.csv` is empty; a file without rows still has its header"),
        (&compressed[..compressed.len() / 2], "`t.csv` is damaged or cut short"),
        (b"\xff\xfea\0\n\0", "`t.csv` is UTF-16 text; save it as CSV in UTF-8"),
        (b"b\n1\n", "`t.csv`: no column `a`"),
        (b"a\n\"open", "1: t.csv:2: a quote that is never closed"),
    ] {
        let message = failure(&declared, &[("t.csv", bytes)]).await;
        assert!(message.starts_with(expect), "{message}");
    }
    let message = failure(&declared, &[]).await;
    assert_eq!(
        message,
        "`t.csv` doesn't exist; correct the path, which is relative to the data folder"
    );
}

#[tokio::test]
async fn a_file_of_a_header_alone_has_no_rows() {
    let declared = dataset("", &column("a", "text", ""));
    for text in ["a", "a\n", "\u{feff}a\r\n\r\n"] {
        let (loaded, session) = load_one(&declared, &[("t.csv", text.as_bytes())]).await.unwrap();
        assert_eq!(loaded.quality.rows(), 0);
        assert_eq!(
            rows(&loaded, &session).await.iter().map(RecordBatch::num_rows).sum::<usize>(),
            0
        );
    }
}

#[tokio::test]
async fn memory_is_bounded_and_the_error_recommends_parquet() {
    let text = format!("a\n{}", format!("{}\n", "x".repeat(1_000)).repeat(2_000));
    let bytes = gzip(text.as_bytes());
    let config = config(&dataset("", &column("a", "text", "")));
    let session = SessionContext::new();
    let store = store(&[("t.csv", &bytes)]).await;
    for (mib_max, is_served) in [(1, false), (16, true)] {
        let limits = SourceLimits { mib_max };
        let registry = load(&config.datasets, &store, &opened(&session), limits, &state()).await;
        assert_eq!(registry.failures().is_empty(), is_served);
        for failure in registry.failures() {
            let message = failure.error.to_string();
            assert!(message.contains("more than the 1 MiB"), "{message}");
            assert!(message.contains("convert the file to Parquet"), "{message}");
        }
    }
}

#[tokio::test]
async fn one_broken_dataset_keeps_no_other_from_being_served() {
    let columns = column("a", "integer", "");
    let declared = ["one", "two", "three"].map(|name| {
        format!(
            "[[dataset]]\nname = \"d.{name}\"\nprotection = \"open\"\n\
             source = {{ format = \"csv\", path = \"{name}.csv\" }}\n{columns}"
        )
    });
    let files: [(&str, &[u8]); 3] =
        [("one.csv", b"a\n1\n"), ("two.csv", b"a\nx\n"), ("three.csv", b"a\n3\n")];
    let (mut registry, _) = load_all(&declared.concat(), &files).await;
    let served: Vec<String> =
        registry.iter().map(|loaded| loaded.dataset.name.to_string()).collect();
    assert_eq!(served, ["d.one", "d.three"]);
    let failures = registry.take_failures();
    assert_eq!(failures.len(), 1);
    assert_eq!(failures[0].name.to_string(), "d.two");
    assert!(registry.failures().is_empty() && !registry.is_empty());
}

#[tokio::test]
async fn rows_are_spread_over_two_partitions() {
    let text = format!("a\n{}", "1\n".repeat(20_000));
    let (loaded, session) =
        load_one(&dataset("", &column("a", "integer", "")), &[("t.csv", text.as_bytes())])
            .await
            .unwrap();
    let table = loaded.table.downcast_ref::<MemTable>().unwrap();
    let mut sizes = Vec::new();
    for partition in &table.batches {
        sizes.push(partition.read().await.iter().map(RecordBatch::num_rows).collect::<Vec<_>>());
    }
    assert_eq!(sizes, [vec![8_192, 3_616], vec![8_192]]);
    let total: usize = rows(&loaded, &session).await.iter().map(RecordBatch::num_rows).sum();
    assert_eq!(total, 20_000);
}

/// A dataset whose owner says that no unit has two rows.
const UNIQUE: &str = "[[dataset]]\nname = \"d.t\"\nprotection = \"protected\"\nunit = \"id\"\n\
    unit_unique_per_row = true\nunits_at_one_node = true\nprofile = \"standard\"\nrelease = \"at-node\"\n\
    source = { format = \"csv\", path = \"t.csv\" }\n\
    [[dataset.column]]\nname = \"id\"\ntype = \"text\"\nlabel = \"unit\"\n";

#[tokio::test]
async fn the_units_field_isnt_published_by_its_position() {
    let twin = column("twin", "text", "position = 1");
    let message = failure(&format!("{UNIQUE}{twin}"), &[("t.csv", b"id,x\n1,2\n")]).await;
    assert_eq!(message, "`t.csv`: `twin` is read from the same field as the unit; hide it");
}

#[tokio::test]
async fn a_promise_of_unique_units_is_checked() {
    let unique: String = (0..20_000).map(|id| format!("id-{id},\n")).collect();
    let unique = format!("id,x\n{unique},a\n,b\n");
    let (loaded, _) = load_one(UNIQUE, &[("t.csv", unique.as_bytes())]).await.unwrap();
    assert_eq!(loaded.quality.to_string(), "20002 rows; `id`: 2 NULL");
    let repeated = format!("{unique}id-7,\n");
    let message = failure(UNIQUE, &[("t.csv", repeated.as_bytes())]).await;
    assert_eq!(
        message,
        "column `id` has the same unit in several rows; write `unit_unique_per_row = false`, or rows would be \
         counted for units"
    );
    let whole = UNIQUE.replace("\"text\"", "\"integer\"");
    let message = failure(&whole, &[("t.csv", b"id\n1\n2\n01\n")]).await;
    assert!(message.contains("same unit in several rows"), "{message}");
}

//! A file from end to end: tables made, published in every layout, asked about, judged.

use std::collections::BTreeMap;
use std::path::Path;

use arrow_array::RecordBatch;
use arrow_schema::DataType;
use datafusion::prelude::{SessionConfig, SessionContext};
use insitu_tests::{Analyst, Federation};

use super::local::Local;
use super::naming::Named;
use super::publish::{Layout, Table, departments};
use super::records::{self, Expected, Question, Step};
use super::render;
use super::verdict::{Likeness, Rows, Verdict, Verdicts, likeness, refused, same_rows};

/// One record in so many is asked, unless all are wanted. No multiple of three: layouts change from line to line.
pub(super) const SAMPLE: u32 = 7;

/// Orders of rows that a statement is tried over before its answer is called open.
const ORDERS: u64 = 6;

/// Tables of one federation: each is a dataset in every layout.
const TABLES_AT_ONCE: usize = 40;

/// A question with the tables it reads, in the state they have when it is asked.
struct Asking {
    question: Question,
    named: Named,
    tables: BTreeMap<String, Table>,
}

/// Judges the records of a file.
pub(super) async fn judge(file: &Path) -> Verdicts {
    let mut verdicts = Verdicts::new();
    let (asking, tables) = prepare(file, &mut verdicts).await;
    let name = file.file_name().unwrap().to_str().unwrap();
    let mut asking = asking.into_iter().peekable();
    let mut first = 0;
    while asking.peek().is_some() {
        // Questions come in the order in which their tables were made.
        let end = (first + TABLES_AT_ONCE).min(tables.len());
        let held = &tables[first..end];
        let federation = Federation::start(&departments(held)).await;
        let mut analyst = federation.analyst_without_statuses().await;
        let all_held = |a: &Asking| a.tables.values().all(|t| held.iter().any(|u| same(t, u)));
        while let Some(next) = asking.next_if(all_held) {
            verdicts.push((next.question.line, judged(name, &next, &mut analyst).await));
        }
        let Some(next) = asking.peek() else { break };
        let position = |t: &Table| tables.iter().position(|u| same(t, u)).unwrap();
        first = next.tables.values().map(position).min().unwrap_or(end);
        let last = next.tables.values().map(position).max().unwrap_or(end);
        assert!(last < first + TABLES_AT_ONCE, "tables of one question are too far apart");
    }
    verdicts.sort_by_key(|(line, _)| *line);
    verdicts
}

/// Whether a record is asked: every one with `INSITU_ORACLE=all` or `=layouts`, else one in [`SAMPLE`].
fn is_asked(line: u32) -> bool {
    std::env::var_os("INSITU_ORACLE").is_some() || line.is_multiple_of(SAMPLE)
}

fn same(one: &Table, other: &Table) -> bool {
    one.name == other.name && one.version == other.version
}

/// Sets everything up, and finds what each question reads. What isn't applicable has its verdict already.
async fn prepare(file: &Path, verdicts: &mut Verdicts) -> (Vec<Asking>, Vec<Table>) {
    let local = Local::new(&file.parent().unwrap().join("data"));
    let mut tables: Vec<Table> = Vec::new();
    // What tables were read as, until something is set up anew.
    let mut known: BTreeMap<String, Option<Table>> = BTreeMap::new();
    let mut asking = Vec::new();
    for step in records::read(file) {
        match step {
            Step::SetUp(sql) => {
                local.set_up(&sql).await;
                known.clear();
            }
            Step::Other { line, what } => verdicts.push((line, Verdict::NotApplicable(what))),
            Step::Question(question) if !is_asked(question.line) => {}
            Step::Question(question) => {
                let line = question.line;
                let Some(named) = Named::read(&question.sql, &local.tables()) else {
                    verdicts.push((line, Verdict::NotApplicable("syntax")));
                    continue;
                };
                let mut read = BTreeMap::new();
                let mut why = None;
                for name in named.tables() {
                    if !known.contains_key(&name) {
                        let table = read_table(&local, &name, &mut tables).await;
                        known.insert(name.clone(), table);
                    }
                    match &known[&name] {
                        None => why = Some("table"),
                        Some(table) => {
                            let left_out = |(column, _): &(String, DataType)| named.names(column);
                            if !table.left_out.is_empty()
                                && (named.names_all() || table.left_out.iter().any(left_out))
                            {
                                why = Some("type");
                            }
                            read.insert(name, table.clone());
                        }
                    }
                }
                match why {
                    Some(why) => verdicts.push((line, Verdict::NotApplicable(why))),
                    None => asking.push(Asking { question, named, tables: read }),
                }
            }
        }
    }
    (asking, tables)
}

/// The table's rows as they are now, as a version of their own if they differ from those before.
async fn read_table(local: &Local, name: &str, tables: &mut Vec<Table>) -> Option<Table> {
    let rows = local.rows(name).await?;
    let version = tables.iter().filter(|t| t.name == name).count();
    let table = Table::of(name, version, &rows)?;
    let known = tables.iter().rev().find(|t| t.name == name);
    if let Some(known) = known.filter(|k| k.rows == table.rows && k.left_out == table.left_out) {
        return Some(known.clone());
    }
    tables.push(table.clone());
    Some(table)
}

/// Asks in every layout; the least good verdict counts.
async fn judged(file: &str, asking: &Asking, analyst: &mut Analyst) -> Verdict {
    let mut worst = Verdict::Equal;
    for layout in layouts(asking.question.line) {
        let sql = asking.named.text(|table| asking.tables[table].schema(layout));
        let answer = analyst.ask(&sql).await.map(|a| rows(&a.batches)).map_err(|told| told.0);
        let verdict = match (&answer, &asking.question.expected) {
            (Err(told), expected) => not_answered(told, expected),
            (Ok(rows), _) => answered(asking, layout, &sql, rows).await,
        };
        if tells()
            && let Ok(Verdict::Refused(_) | Verdict::Types | Verdict::Open | Verdict::Order) =
                &verdict
        {
            let words = verdict.as_ref().unwrap().words();
            println!(
                "{file}:{} {words}: {}\n  {answer:?}",
                asking.question.line,
                sql.replace('\n', " ")
            );
        }
        let line = asking.question.line;
        let is_mended = MENDED.iter().any(|(of, at, right)| {
            *of == file
                && *at == line
                && answer.as_ref().is_ok_and(|rows| rows.values == [[*right]])
        });
        let verdict = if is_mended { Ok(Verdict::Digits) } else { verdict };
        let verdict = verdict.unwrap_or_else(|why| {
            let told = match &answer {
                Ok(rows) => rows.values.iter().map(|r| r.join(" ")).collect::<Vec<_>>().join("\n"),
                Err(told) => told.clone(),
            };
            let expected = &asking.question.expected;
            Verdict::Different(format!(
                "{file}:{line} {}: {why}\n{sql}\n-- answered\n{told}\n-- expected\n{expected:?}",
                layout.name()
            ))
        });
        worst = worst.max(verdict);
        // Without tables every layout is the same.
        if asking.tables.is_empty() {
            break;
        }
    }
    worst
}

/// Records of the engine's own inexactness: the file, the line, and the one value that is right. A fifth of the way from 20 to
/// 30 isn't 21.99999.
const MENDED: [(&str, u32, &str); 1] = [("aggregate.slt", 4478, "22")];

/// Every layout with `INSITU_ORACLE=layouts`, or one, which changes from record to record.
fn layouts(line: u32) -> Vec<Layout> {
    if std::env::var("INSITU_ORACLE").is_ok_and(|mode| mode == "layouts") {
        return Layout::ALL.to_vec();
    }
    let turn = usize::try_from(line).unwrap() % Layout::ALL.len();
    vec![Layout::ALL[turn]]
}

/// Whether what is refused is printed.
fn tells() -> bool {
    std::env::var_os("INSITU_ORACLE_TELL").is_some()
}

fn not_answered(told: &str, expected: &Expected) -> Result<Verdict, String> {
    match (refused(told), expected) {
        (None, _) => Err("a fault".to_owned()),
        (Some(_), Expected::Error) => Ok(Verdict::FailsToo),
        // All that could be made here is published.
        (Some("Q105"), Expected::Rows { .. }) => Ok(Verdict::NotApplicable("table")),
        (Some(code), Expected::Rows { .. }) => Ok(Verdict::Refused(code)),
    }
}

async fn answered(
    asking: &Asking,
    layout: Layout,
    sql: &str,
    rows: &Rows,
) -> Result<Verdict, String> {
    let expected = &asking.question.expected;
    let ordered = asking.named.orders();
    match likeness(rows, ordered, expected) {
        Likeness::Same => return Ok(Verdict::Equal),
        Likeness::Digits => return Ok(Verdict::Digits),
        Likeness::Unlike => {}
    }
    let in_layout = |table: &Table| table.in_order(layout);
    let exact = with_exact_quantiles(sql);
    if exact != sql {
        let one = one_engine(asking, layout, in_layout, &exact).await;
        if one.is_ok_and(|one| same_rows(rows, &one, ordered) != Likeness::Unlike) {
            return Ok(Verdict::Exact);
        }
    }
    let one = one_engine(asking, layout, in_layout, sql).await;
    let one = one.map_err(|error| format!("one engine fails: {error}"))?;
    if same_rows(rows, &one, ordered) == Likeness::Unlike {
        for seed in 0..ORDERS {
            let other = one_engine(asking, layout, |table| table.shuffled(seed), sql).await;
            if other.is_ok_and(|other| same_rows(&other, &one, ordered) == Likeness::Unlike) {
                return Ok(Verdict::Open);
            }
        }
        let one: Vec<String> = one.values.iter().map(|r| r.join(" ")).collect();
        return Err(format!("one engine says otherwise:\n{}", one.join("\n")));
    }
    // With the rows in their own order the types are all that differs from the suite.
    let own = one_engine(asking, layout, |table| table.rows.clone(), sql).await;
    Ok(match own.map(|own| likeness(&own, ordered, expected)) {
        Ok(Likeness::Same | Likeness::Digits) => Verdict::Order,
        Ok(Likeness::Unlike) | Err(_) => Verdict::Types,
    })
}

/// The statement with exact quantiles for those that the engine only approximates.
fn with_exact_quantiles(sql: &str) -> String {
    sql.replace("approx_median(", "median(").replace("approx_percentile_cont(", "percentile_cont(")
}

/// What one engine says to the statement, over the declared types, with rows in this order.
async fn one_engine(
    asking: &Asking,
    named: Layout,
    in_order: impl Fn(&Table) -> RecordBatch,
    sql: &str,
) -> Result<Rows, String> {
    let mut config = SessionConfig::new().with_target_partitions(1);
    config.options_mut().sql_parser.map_string_types_to_utf8view = false;
    let engine = SessionContext::new_with_config(config);
    for table in asking.tables.values() {
        let schema = table.schema(named);
        engine.sql(&format!("CREATE SCHEMA IF NOT EXISTS {schema}")).await.unwrap();
        let name = format!("{schema}.{}", table.name);
        engine.register_batch(name.as_str(), in_order(table)).unwrap();
    }
    let frame = engine.sql(sql).await.map_err(|e| e.to_string())?;
    frame.collect().await.map(|batches| rows(&batches)).map_err(|e| e.to_string())
}

fn rows(batches: &[RecordBatch]) -> Rows {
    let floats = batches
        .first()
        .map(|b| b.columns().iter().map(|c| c.data_type().is_floating()).collect::<Vec<_>>());
    Rows { values: render::rows(batches), floats: floats.unwrap_or_default() }
}

//! Answers are the engine's, and work is the same whoever is there.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use arrow_array::{Int64Array, StringArray};
use insitu_engine::common::ScalarValue;
use insitu_engine::datasource::{MemTable, provider_as_source};
use insitu_engine::logical_expr::{
    Expr, LogicalPlan, LogicalPlanBuilder, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility, case, col, lit, when,
};

use super::super::run::{Engine, Holds, Spread};
use super::super::unwanted::Wanted;
use super::*;

/// True of every row, with a count of the rows it was asked about.
#[derive(Debug, Clone)]
struct Asked {
    rows: Arc<AtomicUsize>,
    signature: Signature,
}

impl PartialEq for Asked {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.rows, &other.rows)
    }
}

impl Eq for Asked {}

impl Hash for Asked {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

impl ScalarUDFImpl for Asked {
    fn name(&self) -> &'static str {
        "asked"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        self.rows.fetch_add(args.number_rows, Ordering::Relaxed);
        let truths = BooleanArray::from(vec![true; args.number_rows]);
        Ok(ColumnarValue::Array(Arc::new(truths)))
    }
}

/// `asked(column)`, and the count.
fn asked(column: &str) -> (Expr, Arc<AtomicUsize>) {
    let rows = Arc::new(AtomicUsize::new(0));
    let signature = Signature::any(1, Volatility::Immutable);
    let function = Asked { rows: Arc::clone(&rows), signature };
    (ScalarUDF::new_from_impl(function).call(vec![col(column)]), rows)
}

fn scan(name: &str, batches: Vec<RecordBatch>) -> LogicalPlanBuilder {
    let table = MemTable::try_new(batches[0].schema(), vec![batches]).unwrap();
    LogicalPlanBuilder::scan(name, provider_as_source(Arc::new(table)), None).unwrap()
}

fn engine() -> Engine {
    Engine::for_tests(256 << 20)
}

/// The rows that a plan comes to, in order, as a question about open data or about protected ones.
async fn run(engine: &Engine, plan: LogicalPlan, spread: Spread, protected: bool) -> Vec<String> {
    let holds =
        if protected { Holds::Share(engine.share(spread, |all| all)) } else { Holds::Reservations };
    let minute = Duration::from_secs(60);
    let ran = engine.run(plan, spread, holds, Wanted::default(), usize::MAX, minute);
    let mut rows = Vec::new();
    for batch in ran.await.unwrap() {
        for row in 0..batch.num_rows() {
            let values = batch.columns().iter();
            let values = values.map(|c| ScalarValue::try_from_array(c, row).unwrap());
            rows.push(values.map(|v| format!("{v:?}")).collect::<Vec<_>>().join(" "));
        }
    }
    rows.sort_unstable();
    rows
}

/// Every combination of true, false and unknown, a number that tells rows from each other, and a text.
fn truth_values() -> LogicalPlanBuilder {
    let all = [Some(true), Some(false), None];
    let rows: Vec<[Option<bool>; 3]> = all
        .into_iter()
        .flat_map(|a| all.into_iter().flat_map(move |b| all.map(move |c| [a, b, c])))
        .collect();
    let truth =
        |at: usize| Arc::new(rows.iter().map(|r| r[at]).collect::<BooleanArray>()) as ArrayRef;
    let number = Int64Array::from_iter_values(0..27);
    let text: StringArray = (0..27).map(|i| (i % 4 != 0).then(|| format!("text {i}"))).collect();
    let batch = RecordBatch::try_from_iter_with_nullable([
        ("a", truth(0), true),
        ("b", truth(1), true),
        ("c", truth(2), true),
        ("n", Arc::new(number) as ArrayRef, false),
        ("t", Arc::new(text) as ArrayRef, true),
    ]);
    scan("t", vec![batch.unwrap()])
}

#[tokio::test]
async fn what_is_evaluated_whole_comes_to_the_same() {
    let (a, b, c) = (|| col("a"), || col("b"), || col("c"));
    let engine = engine();
    let conditions = [
        a().and(b()),
        a().or(b()),
        a().and(b()).and(c()),
        a().or(b()).or(c()),
        a().and(b().or(c())),
        a().or(b().and(c())),
        Expr::Not(Box::new(a().and(b()))).or(c().is_null()),
        a().and(lit(ScalarValue::Boolean(None))).or(col("n").lt(lit(9_i64))),
    ];
    let cases = [
        when(a(), lit("is a")).when(b(), col("t")).otherwise(lit("neither")).unwrap(),
        when(a(), col("t")).when(b().and(c()), lit("b and c")).end().unwrap(),
        when(a().or(b()), col("n")).otherwise(col("n") * lit(-1_i64)).unwrap(),
        case(col("n")).when(lit(3_i64), lit(1_i64)).when(lit(5_i64), col("n")).end().unwrap(),
        when(c(), lit(ScalarValue::Utf8(None))).otherwise(col("t")).unwrap(),
    ];
    for spread in [Spread::OneThread, Spread::AllThreads] {
        for condition in &conditions {
            let filtered = || truth_values().filter(condition.clone()).unwrap();
            let shown =
                || truth_values().project([condition.clone().alias("x"), col("n")]).unwrap();
            for plan in [filtered().build().unwrap(), shown().build().unwrap()] {
                let [plain, whole] = [false, true].map(|p| run(&engine, plan.clone(), spread, p));
                assert_eq!(plain.await, whole.await, "{condition}");
            }
        }
        for case in &cases {
            let plan = truth_values().project([case.clone().alias("x"), col("n")]).unwrap();
            let plan = plan.build().unwrap();
            let [plain, whole] = [false, true].map(|p| run(&engine, plan.clone(), spread, p));
            assert_eq!(plain.await, whole.await, "{case}");
        }
    }
}

const BATCH: i64 = 4_000;

/// People, of whom the last is the victim, or isn't there.
fn people(victim: bool) -> LogicalPlanBuilder {
    let ids = (0..BATCH)
        .map(|id| if victim && id == BATCH - 1 { "victim".to_owned() } else { format!("p{id}") });
    let ids = StringArray::from_iter_values(ids);
    scan("people", vec![RecordBatch::try_from_iter([("id", Arc::new(ids) as ArrayRef)]).unwrap()])
}

/// Attack 46: the second condition is evaluated for the rows of a batch in which one is true, or unknown.
#[tokio::test]
async fn attack_46_one_row_makes_no_condition_necessary() {
    let engine = engine();
    let is_victim = || col("id").eq(lit("victim"));
    let unknown =
        || when(is_victim(), lit(ScalarValue::Boolean(None))).otherwise(lit(false)).unwrap();
    let conditions: [fn(Expr, Expr) -> Expr; 3] = [
        |victim, heavy| victim.and(heavy),
        |victim, heavy| Expr::Not(Box::new(victim)).or(Expr::Not(Box::new(heavy))),
        |victim, heavy| when(victim, heavy).otherwise(lit(true)).unwrap(),
    ];
    let mut told = 0;
    for condition in conditions {
        for victim_is in [is_victim(), unknown()] {
            for spread in [Spread::OneThread, Spread::AllThreads] {
                let rows_asked = async |protected: bool, victim: bool| {
                    let (heavy, rows) = asked("id");
                    let plan = people(victim).filter(condition(victim_is.clone(), heavy));
                    run(&engine, plan.unwrap().build().unwrap(), spread, protected).await;
                    rows.load(Ordering::Relaxed)
                };
                let [with, without] = [rows_asked(true, true).await, rows_asked(true, false).await];
                assert_eq!([with, without], [BATCH as usize; 2]);
                let [with, without] =
                    [rows_asked(false, true).await, rows_asked(false, false).await];
                if with == BATCH as usize && without == 0 {
                    told += 1;
                }
            }
        }
    }
    // Without the rule it tells: all rows, or none.
    assert!(0 < told, "the engine evaluates what it doesn't need");
}

/// Two people with visits, one without, one without an id; and the visits of somebody else. Of each side those alone who
/// are said, out of what `heavy` has looked at.
fn joined(kind: JoinType, heavy: [Expr; 2], only: [Option<&str>; 2]) -> LogicalPlan {
    let ids = StringArray::from(vec![Some("a"), Some("b"), Some("b"), Some("c"), None]);
    let n = Int64Array::from_iter_values(0..5);
    let own = StringArray::from(vec![Some("a"), Some("b"), Some("x"), None]);
    let age = Int64Array::from_iter_values([40, 50, 60, 70]);
    let rows: [(&str, ArrayRef); 2] = [("id", Arc::new(ids)), ("n", Arc::new(n))];
    let there: [(&str, ArrayRef); 2] = [("own", Arc::new(own)), ("age", Arc::new(age))];
    let side = |name: &str, columns: [(&str, ArrayRef); 2], heavy: &Expr, only: Option<&str>| {
        let id = columns[0].0.to_owned();
        let rows = scan(name, vec![RecordBatch::try_from_iter(columns).unwrap()]);
        let rows = rows.filter(heavy.clone()).unwrap();
        match only {
            Some(only) => rows.filter(col(id).eq(lit(only))).unwrap(),
            None => rows,
        }
    };
    let rows = side("rows", rows, &heavy[0], only[0]);
    let there = side("there", there, &heavy[1], only[1]).build().unwrap();
    rows.join(there, kind, (vec!["id"], vec!["own"]), None).unwrap().build().unwrap()
}

/// Attack 46: nobody on one side of a join makes the other side needless.
#[tokio::test]
async fn attack_46_a_join_reads_its_other_side_whoever_is_there() {
    let engine = engine();
    let kinds = [JoinType::Inner, JoinType::Left, JoinType::LeftSemi, JoinType::LeftAnti];
    let whom = [None, Some("a"), Some("c"), Some("nobody")];
    let sides = whom.into_iter().flat_map(|rows| whom.map(|there| [rows, there]));
    let sides: Vec<_> = sides.collect();
    let mut left_out = 0;
    for kind in kinds {
        for spread in [Spread::OneThread, Spread::AllThreads] {
            for only in &sides {
                let mut found = Vec::new();
                for protected in [false, true] {
                    let ((ours, of_rows), (theirs, of_there)) = (asked("id"), asked("own"));
                    let plan = joined(kind, [ours, theirs], *only);
                    found.push(run(&engine, plan, spread, protected).await);
                    let looked_at = [of_rows, of_there].map(|rows| rows.load(Ordering::Relaxed));
                    if protected {
                        assert_eq!(looked_at, [5, 4], "{kind} of {only:?}");
                    } else if looked_at.contains(&0) {
                        left_out += 1;
                    }
                }
                assert_eq!(found[0], found[1], "{kind} of {only:?}");
            }
        }
    }
    // Without the rule it tells.
    assert!(0 < left_out, "the engine reads what it doesn't need");
}

/// Attack 46: a condition about both sides of a join is evaluated for every pair.
#[tokio::test]
async fn attack_46_a_condition_on_both_sides_of_a_join_is_evaluated_for_every_pair() {
    let engine = engine();
    let people = |name: &str, column: &str, victim: bool| {
        let ids = StringArray::from_iter_values((0..BATCH).map(|id| format!("p{id}")));
        let last = |id: i64| if victim && id == BATCH - 1 { 1 } else { 0 };
        let has = Int64Array::from_iter_values((0..BATCH).map(last));
        let id = format!("{column}_id");
        let columns: [(&str, ArrayRef); 2] = [(&id, Arc::new(ids)), (column, Arc::new(has))];
        scan(name, vec![RecordBatch::try_from_iter(columns).unwrap()])
    };
    let pairs_asked = async |protected: bool, victim: bool| {
        let (heavy, rows) = asked("b_id");
        let both = (col("a") + col("b")).eq(lit(1_i64));
        let unknown = when(both, lit(ScalarValue::Boolean(None))).otherwise(lit(false)).unwrap();
        let there = people("there", "b", false).build().unwrap();
        let joined = people("rows", "a", victim).join(
            there,
            JoinType::Inner,
            (vec!["a_id"], vec!["b_id"]),
            Some(Expr::Not(Box::new(unknown.and(heavy)))),
        );
        let plan = joined.unwrap().build().unwrap();
        run(&engine, plan, Spread::AllThreads, protected).await;
        rows.load(Ordering::Relaxed)
    };
    let [with, without] = [pairs_asked(true, true).await, pairs_asked(true, false).await];
    assert_eq!([with, without], [BATCH as usize; 2]);
    // Without the rule it tells.
    assert_ne!(pairs_asked(false, true).await, pairs_asked(false, false).await);
}

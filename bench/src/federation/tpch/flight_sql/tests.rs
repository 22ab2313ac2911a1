//! What servers are asked, so that a figure is known to be of conditions and columns handed down, and of nothing else.

use datafusion::physical_plan::displayable;

use super::super::answers::same;
use super::super::one_engine::OneEngine;
use super::super::questions::{QUESTIONS, Question};
use super::super::tables::department;
use super::*;

/// For each question what both servers are asked: the columns, and the rows that the condition leaves.
const ASKED: [&str; 6] = [
    "SELECT lineitem.l_quantity, lineitem.l_extendedprice, lineitem.l_discount, lineitem.l_tax, \
     lineitem.l_returnflag, lineitem.l_linestatus FROM lineitem \
     WHERE (lineitem.l_shipdate <= CAST('1998-09-02' AS DATE))",
    "SELECT orders.o_orderpriority FROM orders \
     WHERE ((orders.o_orderdate >= CAST('1993-07-01' AS DATE)) \
     AND (orders.o_orderdate < CAST('1993-10-01' AS DATE)))",
    "SELECT lineitem.l_extendedprice, lineitem.l_discount FROM lineitem \
     WHERE (((((lineitem.l_shipdate >= CAST('1994-01-01' AS DATE)) \
     AND (lineitem.l_shipdate < CAST('1995-01-01' AS DATE))) AND (lineitem.l_discount >= 0.05)) \
     AND (lineitem.l_discount <= 0.07)) AND (lineitem.l_quantity < 24.00))",
    "SELECT lineitem.l_shipmode FROM lineitem \
     WHERE ((((((lineitem.l_shipmode = 'MAIL') OR (lineitem.l_shipmode = 'SHIP')) \
     AND (lineitem.l_receiptdate > lineitem.l_commitdate)) \
     AND (lineitem.l_shipdate < lineitem.l_commitdate)) \
     AND (lineitem.l_receiptdate >= CAST('1994-01-01' AS DATE))) \
     AND (lineitem.l_receiptdate < CAST('1995-01-01' AS DATE)))",
    "SELECT lineitem.l_extendedprice, lineitem.l_discount FROM lineitem \
     WHERE ((lineitem.l_shipdate >= CAST('1995-09-01' AS DATE)) \
     AND (lineitem.l_shipdate < CAST('1995-10-01' AS DATE)))",
    "SELECT lineitem.l_suppkey, lineitem.l_extendedprice, lineitem.l_discount FROM lineitem \
     WHERE ((lineitem.l_shipdate >= CAST('1996-01-01' AS DATE)) \
     AND (lineitem.l_shipdate < CAST('1996-04-01' AS DATE)))",
];

#[tokio::test]
async fn servers_are_asked_for_rows_that_the_conditions_leave_and_add_nothing_up() {
    let peer = FlightSql::over(&departments()).await.unwrap();
    for (question, wanted) in QUESTIONS.iter().zip(ASKED) {
        assert_eq!(asked(&peer, question.sql).await, [wanted; 2], "{}", question.name);
    }
}

#[tokio::test]
async fn it_answers_as_one_engine_does() {
    let departments = departments();
    let peer = FlightSql::over(&departments).await.unwrap();
    let one = OneEngine::over(&departments).await;
    for Question { name, sql } in &QUESTIONS {
        let (rows, truth) = (peer.ask(sql).await.unwrap(), one.ask(sql).await);
        assert!(!truth.is_empty() && same(&truth, &rows), "{name}: {rows:?} and not {truth:?}");
    }
}

#[tokio::test]
async fn where_its_crate_puts_the_rule_by_default_servers_are_asked_for_everything() {
    let session = SessionContext::new_with_state(datafusion_federation::default_session_state());
    let peer = FlightSql::start(session, &departments()).await.unwrap();
    for question in &QUESTIONS {
        for sql in asked(&peer, question.sql).await {
            assert!(!sql.contains("WHERE"), "{}: {sql}", question.name);
            let columns = Table::ALL.iter().find(|t| sql.ends_with(&format!("FROM {}", t.name())));
            assert_eq!(sql.matches(", ").count() + 1, columns.unwrap().columns().len(), "{sql}");
        }
    }
}

#[tokio::test]
async fn what_fails_is_told_by_the_class_of_its_error() {
    let peer = FlightSql::over(&departments()).await.unwrap();
    let at_one = format!("SELECT abs({}) FROM server_0.orders", i64::MIN);
    let [nowhere, at_a_server] = ["SELECT * FROM nowhere", &at_one];
    assert_eq!(peer.ask(nowhere).await.unwrap_err(), "Error during planning");
    assert_eq!(peer.ask(at_a_server).await.unwrap_err(), "at a server: Arrow error");
}

/// Two, with a part of the rows each.
fn departments() -> Vec<Department> {
    let held = |node| Table::ALL.map(|table| (table, table.parquet(0.001, node, 2))).to_vec();
    (0..2).map(|node| department(node, held(node))).collect()
}

/// The SQL that the servers are sent for a question.
async fn asked(peer: &FlightSql, sql: &str) -> Vec<String> {
    let plan = peer.session.sql(sql).await.unwrap().create_physical_plan().await.unwrap();
    let plan = displayable(plan.as_ref()).indent(false).to_string();
    let sent = plan.lines().filter_map(|line| line.split_once("base_sql="));
    sent.map(|(_, sql)| sql.to_owned()).collect()
}

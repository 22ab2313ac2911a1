//! Statements from text to answer: announced alike everywhere, prepared, bound, redeemed again.

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{ArrayRef, Int64Array, NullArray, StringArray};
use arrow_flight::sql::{
    ActionClosePreparedStatementRequest, ActionCreatePreparedStatementRequest,
    ActionCreatePreparedStatementResult, TicketStatementQuery,
};
use tonic::Code;

use super::*;

async fn prepare(client: &mut Client, sql: &str) -> ActionCreatePreparedStatementResult {
    let request =
        ActionCreatePreparedStatementRequest { query: sql.to_owned(), transaction_id: None };
    let results = client.act("CreatePreparedStatement", packed(&request)).await.unwrap();
    Any::decode(&*results[0]).unwrap().unpack().unwrap().unwrap()
}

fn packed(message: &impl ProstMessageExt) -> Vec<u8> {
    message.as_any().encode_to_vec()
}

fn row(columns: Vec<ArrayRef>) -> RecordBatch {
    // Clients name columns as they like.
    let names = (0..columns.len()).map(|i| format!("p{i}"));
    let columns = names.zip(columns).map(|(name, column)| (name, column, true));
    RecordBatch::try_from_iter_with_nullable(columns).unwrap()
}

fn number(n: i64) -> ArrayRef {
    Arc::new(Int64Array::from(vec![n]))
}

fn first(batch: &RecordBatch) -> Option<i64> {
    batch.column(0).as_primitive::<Int64Type>().iter().next().unwrap()
}

#[tokio::test]
async fn a_schema_is_the_same_wherever_it_is_said() {
    let served = served().await;
    let mut ada = served.ada().await;
    for sql in [
        "SELECT 1 AS a, 'x' AS b, CAST(1.5 AS DECIMAL(10, 2)) AS c, DATE '2024-03-31' AS d",
        "SELECT count(*) AS n, sum(a) AS s FROM (VALUES (1), (2)) AS t(a)",
        "SELECT a FROM (VALUES (1), (2)) AS t(a) WHERE a > 9",
        "SELECT upper('x') || 'y' AS t, NULL AS u",
    ] {
        let schema = ada.schema(&statement(sql)).await.unwrap();
        let info = ada.info(&statement(sql)).await.unwrap();
        let sent = ada.messages(ticket(&info)).await.unwrap();
        let created = prepare(&mut ada, sql).await;
        let of_prepared = prepared(&created.prepared_statement_handle);
        assert_eq!(info.schema, schema, "{sql}");
        assert_eq!(created.dataset_schema, schema, "{sql}");
        assert_eq!(ada.schema(&of_prepared).await.unwrap(), schema, "{sql}");
        assert_eq!(ada.info(&of_prepared).await.unwrap().schema, schema, "{sql}");
        assert_eq!(Schema::try_from(&sent[0]).unwrap(), announced(&schema), "{sql}");
        assert_eq!((info.total_records, info.total_bytes), (-1, -1));
        assert!(announced(&created.parameter_schema).fields().is_empty());
    }
}

#[tokio::test]
async fn a_poll_is_complete_at_once() {
    let served = served().await;
    let mut ada = served.ada().await;
    let request = ada.request(descriptor(&statement("SELECT 1")));
    let poll = ada.inner.poll_flight_info(request).await.unwrap().into_inner();
    assert_eq!((poll.progress, poll.flight_descriptor), (Some(1.0), None));
    assert!(poll.expiration_time.is_some());
    assert_eq!(first(&ada.get(ticket(&poll.info.unwrap())).await.unwrap()), Some(1));
}

#[tokio::test]
async fn parameters_are_bound_by_number() {
    let served = served().await;
    let mut ada = served.ada().await;
    for count in [1_i64, 2, 11] {
        // Each weighs ten times the one before, so that a wrong order is seen.
        let weights: Vec<i64> = (0..count).map(|i| 10_i64.pow(u32::try_from(i).unwrap())).collect();
        let terms: Vec<String> =
            weights.iter().zip(1..).map(|(w, i)| format!("CAST(${i} AS BIGINT) * {w}")).collect();
        let created = prepare(&mut ada, &format!("SELECT {} AS n", terms.join(" + "))).await;
        let fields = announced(&created.parameter_schema);
        assert_eq!(fields.fields().len(), usize::try_from(count).unwrap());
        let values: Vec<i64> = (1..=count).map(|i| i % 10).collect();
        let expected: i64 = values.iter().zip(&weights).map(|(v, w)| v * w).sum();
        let handle = created.prepared_statement_handle;
        let bound =
            ada.bind(&handle, &row(values.into_iter().map(number).collect())).await.unwrap();
        // Clients go on with the handle that came back, or ignore it.
        assert_eq!(bound, handle);
        let info = ada.info(&prepared(&handle)).await.unwrap();
        assert_eq!(first(&ada.get(ticket(&info)).await.unwrap()), Some(expected));
    }
}

#[tokio::test]
async fn a_null_is_a_value_like_any_other() {
    let served = served().await;
    let mut ada = served.ada().await;
    let handle = prepare(&mut ada, "SELECT $1 + 1 AS n").await.prepared_statement_handle;
    let null: ArrayRef = Arc::new(NullArray::new(1));
    for (value, expected) in [(number(4), Some(5)), (null, None)] {
        ada.bind(&handle, &row(vec![value])).await.unwrap();
        let info = ada.info(&prepared(&handle)).await.unwrap();
        assert_eq!(first(&ada.get(ticket(&info)).await.unwrap()), expected);
    }
}

#[tokio::test]
async fn a_number_of_rows_may_be_a_parameter() {
    let served = served().await;
    let mut ada = served.ada().await;
    let sql = "SELECT n FROM (VALUES (1), (2), (3)) AS v (n) ORDER BY n LIMIT $1 OFFSET $2";
    let created = prepare(&mut ada, sql).await;
    let fields = announced(&created.parameter_schema);
    assert!(fields.fields().iter().all(|f| *f.data_type() == arrow_schema::DataType::Int64));
    let handle = created.prepared_statement_handle;
    let null = || -> ArrayRef { Arc::new(NullArray::new(1)) };
    for (limit, offset, expected) in [
        (number(1), number(1), Some(2)),
        (null(), number(2), Some(3)),
        (number(i64::MAX), number(1), Some(2)),
        (number(1), null(), Some(1)),
    ] {
        ada.bind(&handle, &row(vec![limit, offset])).await.unwrap();
        let info = ada.info(&prepared(&handle)).await.unwrap();
        assert_eq!(first(&ada.get(ticket(&info)).await.unwrap()), expected);
    }
    // One that isn't a number of rows.
    let refused = ada.bind(&handle, &row(vec![number(-1), number(0)])).await.unwrap_err();
    assert!(refused.message().starts_with("Q109"), "{}", refused.message());
}

#[tokio::test]
async fn a_bound_value_is_what_its_literal_is() {
    let served = served().await;
    let mut ada = served.ada().await;
    let half: ArrayRef = Arc::new(arrow_array::Float64Array::from(vec![2.5]));
    let decimal: ArrayRef = Arc::new(
        arrow_array::Decimal128Array::from(vec![25]).with_precision_and_scale(3, 1).unwrap(),
    );
    for (condition, literal) in
        [("n < $1", "n < 2.5"), ("n = $1", "n = 2.5"), ("n IN (7, $1)", "n IN (7, 2.5)")]
    {
        let sql = |condition| {
            format!("SELECT count(*) AS n FROM (VALUES (1), (2), (3)) AS v (n) WHERE {condition}")
        };
        let info = ada.info(&statement(&sql(literal))).await.unwrap();
        let expected = first(&ada.get(ticket(&info)).await.unwrap());
        let handle = prepare(&mut ada, &sql(condition)).await.prepared_statement_handle;
        for value in [&half, &decimal] {
            ada.bind(&handle, &row(vec![Arc::clone(value)])).await.unwrap();
            let info = ada.info(&prepared(&handle)).await.unwrap();
            let got = first(&ada.get(ticket(&info)).await.unwrap());
            assert_eq!(got, expected, "{condition}: {value:?}");
        }
    }
    // What a client was told of the result stays true, and a number of rows is a whole one.
    let yes: ArrayRef = Arc::new(arrow_array::BooleanArray::from(vec![true]));
    for (sql, value, code) in [
        ("SELECT count(*) * $1 AS n FROM (VALUES (1), (2)) AS v (n)", &half, "Q110"),
        ("SELECT n FROM (VALUES (1), (2), (3)) AS v (n) LIMIT $1", &half, "Q109"),
        ("SELECT n FROM (VALUES (1), (2), (3)) AS v (n) LIMIT $1", &yes, "Q110"),
        ("SELECT count(*) AS n FROM (VALUES (1), (2)) AS v (n) WHERE n = $1", &yes, "Q110"),
    ] {
        let handle = prepare(&mut ada, sql).await.prepared_statement_handle;
        let refused = ada.bind(&handle, &row(vec![Arc::clone(value)])).await.unwrap_err();
        assert!(refused.message().starts_with(code), "{sql}: {}", refused.message());
    }
}

#[tokio::test]
async fn parameters_that_do_not_fit_are_refused() {
    let served = served().await;
    let mut ada = served.ada().await;
    let handle = prepare(&mut ada, "SELECT $1 + 1 AS n").await.prepared_statement_handle;
    let text: ArrayRef = Arc::new(StringArray::from(vec!["canary-7f"]));
    let two: ArrayRef = Arc::new(Int64Array::from(vec![1, 2]));
    for columns in [vec![], vec![number(1), number(2)], vec![two], vec![text]] {
        let status = ada.bind(&handle, &row_or_none(columns)).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument);
        assert!(status.message().starts_with("Q110"), "{}", status.message());
        assert!(!status.message().contains("canary-7f"), "{}", status.message());
    }
    // Unbound still.
    let status = ada.info(&prepared(&handle)).await.unwrap_err();
    assert!(status.message().starts_with("Q110"), "{}", status.message());
}

fn row_or_none(columns: Vec<ArrayRef>) -> RecordBatch {
    if columns.is_empty() {
        let options = arrow_array::RecordBatchOptions::new().with_row_count(Some(1));
        RecordBatch::try_new_with_options(Arc::new(Schema::empty()), columns, &options).unwrap()
    } else {
        row(columns)
    }
}

#[tokio::test]
async fn what_was_announced_keeps_its_parameters() {
    let served = served().await;
    let mut ada = served.ada().await;
    let handle = prepare(&mut ada, "SELECT $1 + 1 AS n").await.prepared_statement_handle;
    ada.bind(&handle, &row(vec![number(1)])).await.unwrap();
    let before = ada.info(&prepared(&handle)).await.unwrap();
    ada.bind(&handle, &row(vec![number(10)])).await.unwrap();
    let after = ada.info(&prepared(&handle)).await.unwrap();
    assert_eq!(first(&ada.get(ticket(&after)).await.unwrap()), Some(11));
    // Twice the same: a ticket may be redeemed again.
    for _ in 0..2 {
        assert_eq!(first(&ada.get(ticket(&before)).await.unwrap()), Some(2));
    }
}

#[tokio::test]
async fn a_closed_statement_is_gone_and_may_be_closed_again() {
    let served = served().await;
    let mut ada = served.ada().await;
    let handle = prepare(&mut ada, "SELECT 1 AS n").await.prepared_statement_handle;
    let close =
        packed(&ActionClosePreparedStatementRequest { prepared_statement_handle: handle.clone() });
    // Somebody else's closing does nothing, and tells nothing.
    assert!(served.ben().await.act("ClosePreparedStatement", close.clone()).await.is_ok());
    assert!(ada.info(&prepared(&handle)).await.is_ok());
    assert!(ada.act("ClosePreparedStatement", close.clone()).await.unwrap().is_empty());
    let status = ada.info(&prepared(&handle)).await.unwrap_err();
    assert_eq!(status.code(), Code::PermissionDenied);
    assert!(ada.act("ClosePreparedStatement", close).await.is_ok());
}

#[tokio::test]
async fn handles_altered_or_of_somebody_else_say_nothing() {
    let served = served().await;
    let (mut ada, mut ben) = (served.ada().await, served.ben().await);
    let info = ada.info(&statement("SELECT 42 AS n")).await.unwrap();
    let handle = handle(&ticket(&info));
    let with = |bytes: Vec<u8>| Ticket {
        ticket: packed(&TicketStatementQuery { statement_handle: bytes.into() }).into(),
    };
    let theirs = ben.messages(ticket(&info)).await.unwrap_err();
    let mut altered: Vec<Vec<u8>> = (0..handle.len())
        .map(|at| {
            let mut bytes = handle.to_vec();
            bytes[at] ^= 1;
            bytes
        })
        .collect();
    altered.extend([Vec::new(), handle[1..].to_vec(), [&handle[..], b"x"].concat()]);
    for bytes in altered {
        let status = ada.messages(with(bytes)).await.unwrap_err();
        assert_eq!(status.code(), Code::PermissionDenied);
        assert_eq!(status.message(), theirs.message());
    }
    let statement = prepare(&mut ada, "SELECT 1 AS n").await.prepared_statement_handle;
    let status = ben.info(&prepared(&statement)).await.unwrap_err();
    assert_eq!(status.message(), theirs.message());
    assert_eq!(first(&ada.get(ticket(&info)).await.unwrap()), Some(42));
}

#[tokio::test]
async fn a_ticket_says_nothing_of_the_statement() {
    let served = served().await;
    let mut ada = served.ada().await;
    let info = ada.info(&statement("SELECT 'canary-7f' AS t")).await.unwrap();
    let bytes = ticket(&info).ticket;
    for word in [&b"canary"[..], b"SELECT", b"ada"] {
        assert!(!bytes.windows(word.len()).any(|window| window == word));
    }
    assert!(info.endpoint[0].expiration_time.is_some());
}

#[tokio::test]
async fn a_thousand_open_statements_are_refused_and_the_next_query_is_fine() {
    let served = served().await;
    let mut ada = served.ada().await;
    let request = packed(&ActionCreatePreparedStatementRequest {
        query: "SELECT 1".to_owned(),
        transaction_id: None,
    });
    let mut refused = None;
    for _ in 0..200 {
        if let Err(status) = ada.act("CreatePreparedStatement", request.clone()).await {
            refused = Some(status);
            break;
        }
    }
    let status = refused.unwrap();
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert!(status.message().starts_with("L507"), "{}", status.message());
    assert_eq!(first(&ada.query("SELECT 1").await.unwrap()), Some(1));
    assert!(served.ben().await.act("CreatePreparedStatement", request).await.is_ok());
}

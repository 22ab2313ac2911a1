//! What isn't served, what can't be read, and how refusals arrive.

use arrow_flight::sql::{
    CommandGetCatalogs, CommandGetTables, CommandStatementIngest, CommandStatementSubstraitPlan,
    CommandStatementUpdate,
};
use arrow_flight::{Criteria, FlightData};
use insitu_disclosure::RefusalCode;
use tonic::Code;

use super::*;

#[tokio::test]
async fn what_is_not_served_is_unimplemented() {
    let served = served().await;
    let mut ada = served.ada().await;
    let code = |status: Status| status.code();
    let request = ada.request(Criteria::default());
    let flights = ada.inner.list_flights(request).await.map(drop).unwrap_err();
    assert_eq!(code(flights), Code::Unimplemented);
    let request = ada.request(stream::iter([FlightData::default()]));
    let exchange = ada.inner.do_exchange(request).await.map(drop).unwrap_err();
    assert_eq!(code(exchange), Code::Unimplemented);
    let substrait = CommandStatementSubstraitPlan::default();
    assert_eq!(code(ada.info(&substrait).await.unwrap_err()), Code::Unimplemented);
    assert_eq!(code(ada.schema(&substrait).await.unwrap_err()), Code::Unimplemented);
    for descriptor in [
        descriptor(&CommandStatementUpdate::default()),
        descriptor(&CommandStatementIngest::default()),
        descriptor(&substrait),
    ] {
        let message = FlightData { flight_descriptor: Some(descriptor), ..FlightData::default() };
        assert_eq!(code(ada.put(vec![message]).await.unwrap_err()), Code::Unimplemented);
    }
    let mut in_transaction = statement("SELECT 1");
    in_transaction.transaction_id = Some(Bytes::from_static(b"t"));
    assert_eq!(code(ada.info(&in_transaction).await.unwrap_err()), Code::Unimplemented);
}

#[tokio::test]
async fn a_refused_statement_is_never_unimplemented_and_comes_with_its_reasons() {
    let served = served().await;
    let mut ada = served.ada().await;
    for (sql, expected, code) in [
        ("CREATE TABLE t (a INT)", RefusalCode::Q103, Code::InvalidArgument),
        ("EXPLAIN ANALYZE SELECT 1", RefusalCode::Q103, Code::InvalidArgument),
        ("SELECT", RefusalCode::Q102, Code::InvalidArgument),
        ("", RefusalCode::Q101, Code::InvalidArgument),
        ("SELECT a FROM no.where", RefusalCode::Q105, Code::NotFound),
        ("SELECT repeat('x', 9)", RefusalCode::Q108, Code::InvalidArgument),
    ] {
        for status in [
            ada.info(&statement(sql)).await.unwrap_err(),
            ada.schema(&statement(sql)).await.unwrap_err(),
        ] {
            let refusals = crate::status::refusals(&status).unwrap();
            assert_eq!(refusals.first().code(), expected, "{sql}");
            assert_eq!(status.code(), code, "{sql}");
            assert!(status.message().starts_with(expected.as_str()), "{sql}");
        }
    }
}

#[tokio::test]
async fn what_can_not_be_read_is_an_error_and_the_next_query_is_fine() {
    let served = served().await;
    let mut ada = served.ada().await;
    let code = |status: Status| status.code();
    for descriptor in [
        FlightDescriptor::default(),
        FlightDescriptor::new_path(vec!["police".to_owned()]),
        FlightDescriptor::new_cmd("SELECT 1"),
        FlightDescriptor::new_cmd(vec![0xff; 64]),
    ] {
        let request = ada.request(descriptor.clone());
        let info = ada.inner.get_flight_info(request).await.map(drop).unwrap_err();
        assert_eq!(code(info), Code::InvalidArgument, "{descriptor:?}");
        let message = FlightData { flight_descriptor: Some(descriptor), ..FlightData::default() };
        assert_eq!(code(ada.put(vec![message]).await.unwrap_err()), Code::InvalidArgument);
    }
    for bytes in [vec![], vec![0xff; 64], descriptor(&statement("SELECT 1")).cmd.to_vec()] {
        let ticket = Ticket { ticket: bytes.into() };
        let status = ada.messages(ticket).await.unwrap_err();
        assert!(matches!(status.code(), Code::InvalidArgument | Code::Unimplemented), "{status:?}");
    }
    assert_eq!(code(ada.put(vec![]).await.unwrap_err()), Code::InvalidArgument);
    assert_eq!(
        code(ada.put(vec![FlightData::default()]).await.unwrap_err()),
        Code::InvalidArgument
    );
    let long =
        CommandGetTables { catalog: Some("x".repeat(5 << 20)), ..CommandGetTables::default() };
    assert!(ada.info(&long).await.is_err());
    assert_eq!(ada.query("SELECT 1").await.unwrap().num_rows(), 1);
}

#[tokio::test]
async fn no_literal_and_no_type_of_ours_is_in_a_message() {
    let served = served().await;
    let mut ada = served.ada().await;
    for sql in [
        "SELECT CAST('canary-7f' AS INT)",
        "SELECT 1 / 0 + CAST('canary-7f' AS DATE)",
        "SELECT a.b.c.d.e FROM (SELECT 'canary-7f' AS x) AS t",
        "SELECT sum('canary-7f')",
    ] {
        let Err(status) = ada.query(sql).await else { continue };
        for word in ["canary-7f", "DataFusion", "ArrowError", "Error(", "src/", "Status {"] {
            assert!(!status.message().contains(word), "{sql}: {}", status.message());
        }
    }
}

#[tokio::test]
async fn the_catalogue_has_the_same_schema_in_every_place() {
    let served = served().await;
    let mut ada = served.ada().await;
    let info = ada.info(&CommandGetCatalogs {}).await.unwrap();
    assert_eq!(ada.schema(&CommandGetCatalogs {}).await.unwrap(), info.schema);
    let sent = ada.messages(ticket(&info)).await.unwrap();
    assert_eq!(Schema::try_from(&sent[0]).unwrap(), announced(&info.schema));
    let none = ada.info(&CommandGetTables::default()).await.unwrap();
    let sent = ada.messages(ticket(&none)).await.unwrap();
    assert_eq!(sent.len(), 1);
}

//! Actions: sessions, cancellation, renewal, explanation.

use std::collections::HashMap;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_flight::sql::{ActionCancelQueryRequest, ActionCancelQueryResult, CommandGetCatalogs};
use arrow_flight::{
    CancelFlightInfoRequest, CancelFlightInfoResult, CancelStatus, Empty, FlightEndpoint,
    RenewFlightEndpointRequest,
};
use tonic::Code;

use super::super::session_messages::{
    CloseSessionResult, CloseStatus, ErrorValue, GetSessionOptionsResult, OptionValue,
    SessionOptionValue, SetSessionOptionsRequest, SetSessionOptionsResult,
};
use super::*;

async fn set(client: &mut Client, name: &str, value: &str) -> Option<i32> {
    let value = SessionOptionValue { option_value: Some(OptionValue::Text(value.to_owned())) };
    let request =
        SetSessionOptionsRequest { session_options: HashMap::from([(name.to_owned(), value)]) };
    let results = client.act("SetSessionOptions", request.encode_to_vec()).await.unwrap();
    let result = SetSessionOptionsResult::decode(&*results[0]).unwrap();
    result.errors.get(name).map(|error| error.value)
}

async fn get(client: &mut Client, name: &str) -> Option<OptionValue> {
    let results = client.act("GetSessionOptions", Bytes::new()).await.unwrap();
    let mut result = GetSessionOptionsResult::decode(&*results[0]).unwrap();
    result.session_options.remove(name).unwrap().option_value
}

#[tokio::test]
async fn sessions_hold_options_and_are_closed() {
    let served = served().await;
    let (mut ada, mut ben) = (served.ada().await, served.ben().await);
    let text = |text: &str| Some(OptionValue::Text(text.to_owned()));
    assert_eq!(get(&mut ada, "catalog").await, text("insitu"));
    assert_eq!(set(&mut ada, "project", "P-17").await, None);
    assert_eq!(set(&mut ada, "partial", "on").await, Some(ErrorValue::InvalidValue.into()));
    assert_eq!(set(&mut ada, "volume", "11").await, Some(ErrorValue::InvalidName.into()));
    // No longer than the gateway allows.
    assert_eq!(set(&mut ada, "deadline", "21").await, Some(ErrorValue::InvalidValue.into()));
    assert_eq!(get(&mut ada, "deadline").await, Some(OptionValue::Whole(20)));
    assert_eq!(get(&mut ada, "project").await, text("P-17"));
    assert_eq!(get(&mut ben, "project").await, text(""));
    let results = ada.act("CloseSession", Bytes::new()).await.unwrap();
    let closed = CloseSessionResult::decode(&*results[0]).unwrap();
    assert_eq!(closed.status, i32::from(CloseStatus::Closed));
    assert_eq!(get(&mut ada, "project").await, text(""));
}

#[tokio::test]
async fn a_cookie_is_a_session_of_its_own() {
    let served = served().await;
    let login = ("authorization", "Bearer token-of-ada");
    let cookie = ("cookie", "arrow_flight_session_id=0123456789abcdef0123456789abcdef");
    let mut with = served.client(&[login, cookie]).await;
    let mut without = served.client(&[login]).await;
    assert_eq!(set(&mut with, "statuses", "on").await, None);
    assert_eq!(get(&mut with, "statuses").await, Some(OptionValue::Text("on".to_owned())));
    assert_eq!(get(&mut without, "statuses").await, Some(OptionValue::Text("off".to_owned())));
}

#[tokio::test]
async fn a_cancelled_ticket_is_gone() {
    let served = served().await;
    let (mut ada, mut ben) = (served.ada().await, served.ben().await);
    for by_flight in [true, false] {
        let info = ada.info(&statement("SELECT 1")).await.unwrap();
        let (name, body) = if by_flight {
            let request = CancelFlightInfoRequest { info: Some(info.clone()) };
            ("CancelFlightInfo", request.encode_to_vec())
        } else {
            let request = ActionCancelQueryRequest { info: info.encode_to_vec().into() };
            ("CancelQuery", request.as_any().encode_to_vec())
        };
        let status = ben.act(name, body.clone()).await.unwrap_err();
        assert_eq!(status.code(), Code::PermissionDenied);
        let results = ada.act(name, body.clone()).await.unwrap();
        let cancelled = if by_flight {
            CancelFlightInfoResult::decode(&*results[0]).unwrap().status
        } else {
            let result: ActionCancelQueryResult =
                Any::decode(&*results[0]).unwrap().unpack().unwrap().unwrap();
            result.result
        };
        assert_eq!(cancelled, i32::from(CancelStatus::Cancelled));
        let status = ada.messages(ticket(&info)).await.unwrap_err();
        assert!(status.message().starts_with("A302"), "{}", status.message());
        let again = ada.act(name, body).await.unwrap_err();
        assert!(again.message().starts_with("A302"), "{}", again.message());
    }
}

#[tokio::test]
async fn the_catalogue_is_there_at_once_and_not_cancelled() {
    let served = served().await;
    let mut ada = served.ada().await;
    let info = ada.info(&CommandGetCatalogs {}).await.unwrap();
    let request = CancelFlightInfoRequest { info: Some(info.clone()) };
    let results = ada.act("CancelFlightInfo", request.encode_to_vec()).await.unwrap();
    let result = CancelFlightInfoResult::decode(&*results[0]).unwrap();
    assert_eq!(result.status(), CancelStatus::NotCancellable);
    let catalogs = ada.get(ticket(&info)).await.unwrap();
    assert_eq!(catalogs.column(0).as_string::<i32>().value(0), "insitu");
}

#[tokio::test]
async fn a_ticket_is_renewed_by_its_analyst() {
    let served = served().await;
    let (mut ada, mut ben) = (served.ada().await, served.ben().await);
    let info = ada.info(&statement("SELECT 7")).await.unwrap();
    let endpoint = info.endpoint[0].clone();
    let request = RenewFlightEndpointRequest { endpoint: Some(endpoint.clone()) };
    let request = request.encode_to_vec();
    assert!(ben.act("RenewFlightEndpoint", request.clone()).await.is_err());
    let results = ada.act("RenewFlightEndpoint", request).await.unwrap();
    let renewed = FlightEndpoint::decode(&*results[0]).unwrap();
    assert_eq!(renewed.ticket, endpoint.ticket);
    let seconds = |e: &FlightEndpoint| e.expiration_time.as_ref().map(|t| (t.seconds, t.nanos));
    assert!(seconds(&endpoint) < seconds(&renewed));
    let answer = ada.get(renewed.ticket.unwrap()).await.unwrap();
    assert_eq!(answer.column(0).as_primitive::<Int64Type>().value(0), 7);
}

#[tokio::test]
async fn an_explanation_is_text_and_a_refusal_a_refusal() {
    let served = served().await;
    let mut ada = served.ada().await;
    let results = ada.act("insitu.explain", "SELECT 1").await.unwrap();
    assert_eq!(results.len(), 1);
    assert!(!std::str::from_utf8(&results[0]).unwrap().is_empty());
    let status = ada.act("insitu.explain", "DROP TABLE a.b").await.unwrap_err();
    assert!(status.message().starts_with("Q103"), "{}", status.message());
    let status = ada.act("insitu.explain", vec![0xff, 0xfe]).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
}

#[tokio::test]
async fn what_is_listed_is_served_and_nothing_else() {
    let served = served().await;
    let mut ada = served.ada().await;
    let request = ada.request(Empty {});
    let listed = all(ada.inner.list_actions(request).await.unwrap()).await.unwrap();
    let mut served_actions: Vec<String> = Vec::new();
    for name in [
        "CreatePreparedStatement",
        "CreatePreparedSubstraitPlan",
        "ClosePreparedStatement",
        "BeginTransaction",
        "EndTransaction",
        "BeginSavepoint",
        "EndSavepoint",
        "CancelQuery",
        "CancelFlightInfo",
        "RenewFlightEndpoint",
        "SetSessionOptions",
        "GetSessionOptions",
        "CloseSession",
        "insitu.explain",
        "insitu.other",
        "",
    ] {
        match ada.act(name, Bytes::new()).await {
            Err(status) if status.code() == Code::Unimplemented => {}
            Ok(_) | Err(_) => served_actions.push(name.to_owned()),
        }
    }
    let mut listed: Vec<String> = listed.into_iter().map(|action| action.r#type).collect();
    listed.sort_unstable();
    served_actions.sort_unstable();
    assert_eq!(listed, served_actions);
}

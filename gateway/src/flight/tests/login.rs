//! Logging in, and everything that nobody unknown gets.

use arrow_flight::{Action, Criteria, Empty, FlightData, HandshakeRequest};
use tonic::Code;

use super::*;

async fn check(client: &mut Client, expected: Code) {
    let command = statement("SELECT 1");
    let info = client.info(&command).await.map(drop);
    let schema = client.schema(&command).await.map(drop);
    let request = client.request(descriptor(&command));
    let poll = client.inner.poll_flight_info(request).await.map(drop);
    let request = client.request(Ticket::new("x"));
    let get = client.inner.do_get(request).await.map(drop);
    let request = client.request(stream::iter([FlightData::default()]));
    let put = client.inner.do_put(request).await.map(drop);
    let request = client.request(stream::iter([FlightData::default()]));
    let exchange = client.inner.do_exchange(request).await.map(drop);
    let request = client.request(Action::new("GetSessionOptions", ""));
    let action = client.inner.do_action(request).await.map(drop);
    let request = client.request(Empty {});
    let actions = client.inner.list_actions(request).await.map(drop);
    let request = client.request(Criteria::default());
    let flights = client.inner.list_flights(request).await.map(drop);
    let request = client.request(stream::iter([HandshakeRequest::default()]));
    let handshake = client.inner.handshake(request).await.map(drop);
    for (rpc, result) in [
        ("GetFlightInfo", info),
        ("GetSchema", schema),
        ("PollFlightInfo", poll),
        ("DoGet", get),
        ("DoPut", put),
        ("DoExchange", exchange),
        ("DoAction", action),
        ("ListActions", actions),
        ("ListFlights", flights),
        ("Handshake", handshake),
    ] {
        let status = result.unwrap_err();
        assert_eq!(status.code(), expected, "{rpc}");
        assert!(status.message().starts_with("A301: "), "{rpc}");
    }
}

#[tokio::test]
async fn nobody_unknown_gets_anything() {
    let served = served().await;
    check(&mut served.client(&[]).await, Code::Unauthenticated).await;
    for header in ["Bearer token-of-ad", "Basic bm9ib2R5OnRva2Vu", "token-of-ada"] {
        let mut client = served.client(&[("authorization", header)]).await;
        check(&mut client, Code::Unauthenticated).await;
    }
}

#[tokio::test]
async fn a_password_gets_a_bearer_token_that_works() {
    let served = served().await;
    // "ada:token-of-ada", as Go writes it and as Java does.
    for basic in ["Basic YWRhOnRva2VuLW9mLWFkYQ", "Basic YWRhOnRva2VuLW9mLWFkYQ=="] {
        let mut client = served.client(&[("authorization", basic)]).await;
        // Without a single message, as Go's client does it.
        let request = client.request(stream::iter(Vec::<HandshakeRequest>::new()));
        let response = client.inner.handshake(request).await.unwrap();
        let header = |name| response.metadata().get(name).unwrap().to_str().unwrap().to_owned();
        let (bearer, cookie) = (header("authorization"), header("set-cookie"));
        assert_eq!(all(response).await.unwrap().len(), 1);
        let headers = [("authorization", bearer.as_str()), ("cookie", cookie.as_str())];
        let mut logged_in = served.client(&headers).await;
        assert_eq!(logged_in.query("SELECT 1").await.unwrap().num_rows(), 1);
    }
}

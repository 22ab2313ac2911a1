//! Federation: other departments, the gateway and the network between them.

use std::sync::Arc;

use arrow_flight::flight_service_client::FlightServiceClient;
use arrow_flight::{FlightData, FlightDescriptor, Ticket};
use insitu_disclosure::reference::Editions;
use insitu_disclosure::{
    Comparison, DatasetName, Input, Literal, Measure, MeasureKind, Profile, Scalar, Tabulation,
    admit,
};
use insitu_node::Node;
use insitu_node::server::{Link, serve};
use insitu_proto::request::{NodeRequest, QueryId, Question};
use insitu_proto::v1;
use insitu_proto::v1::control_client::ControlClient;
use insitu_proto::warrant::Asked;
use insitu_tests::link::{GatewayEnd, showing};
use insitu_tests::{Federation, departments};
use tokio::net::TcpListener;
use tonic::transport::Channel;

use super::lab::{Lab, NO_RULES, VICTIM, What, advantage, is_member, people};
use super::town::{TOWNS, department};

fn holds(bytes: &[u8], needle: &str) -> bool {
    bytes.windows(needle.len()).any(|w| w == needle.as_bytes())
}

#[test]
fn attack_52_values_of_one_department_shipped_to_another() {
    // Unprotected, a join is quickest if the few keys of one side are sent to the other.
    let sql = "SELECT h.band, t.n FROM (SELECT band, count(*) AS n FROM councils.homes GROUP BY band) AS h \
               JOIN (SELECT area, count(*) AS n FROM health.episodes WHERE icd10 <> 'canary' GROUP BY area) AS t \
               ON t.area = h.band";
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let mut all = vec![department(true)];
        all.extend(departments::councils());
        let federation = Federation::start(&all).await;
        for tap in 0..4 {
            federation.tap(tap).clear();
        }
        federation.analyst().await.ask(sql).await.unwrap();
        assert!(holds(&federation.tap(0).received(), "canary"), "the tap sees what is asked");
        for tap in 1..4 {
            let asked = federation.tap(tap).received();
            assert!(holds(&asked, "councils") && !holds(&asked, "canary"));
            assert!(!holds(&asked, "area") && !holds(&asked, "icd10"), "one dataset each");
        }
    });
}

#[test]
fn attack_53_a_gateway_that_splits_or_rewrites() {
    // A hostile gateway asks in pieces. The node's guard sees every piece, whoever put it together.
    let guess = |profile, trial: u8| {
        let lab = Lab::new(profile, trial);
        let known = people(0..60);
        let mut all = known.clone();
        all.extend(people(is_member(trial).then_some(VICTIM)));
        lab.ask(What::Rows, "rewritten", &known) < lab.ask(What::Rows, "asked", &all)
    };
    assert_eq!(advantage(20, |t| guess(NO_RULES, t)), 0.5);
    assert_eq!(advantage(40, |t| guess(Profile::STANDARD, t)), 0.0);
    // And a question that the gateway should have refused is refused at the node by the same function.
    let held = TOWNS.federation(0).gateway().datasets();
    let dataset = held.into_iter().find(|d| d.name.to_string() == "health.episodes").unwrap();
    let scan = Input::Scan { dataset: dataset.name.clone(), fingerprint: 0 };
    let predicate = Scalar::Compare {
        op: Comparison::Equal,
        left: Box::new(Scalar::Column("person".to_owned())),
        right: Box::new(Scalar::Literal(Literal::Utf8("victim".to_owned()))),
    };
    let named = Tabulation {
        input: Input::Filter { input: Box::new(scan), predicate },
        keys: Vec::new(),
        sets: Vec::new(),
        measures: vec![Measure { kind: MeasureKind::Rows, filter: None }],
        groups_max: 10,
    };
    assert!(admit(named, dataset).unwrap_err().to_string().contains("D202"));
}

#[test]
fn attack_55_an_outage_as_a_difference() {
    // Band H has one home, Ashford's: the total with Ashford less the total without would show it.
    let totals = [1 + 20 + 4 + 20 + 5 + 20 + 6, 20 + 5 + 20 + 6];
    assert_eq!(totals[0] - totals[1] - 24, 1);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let federation = Federation::start(&departments::councils()).await;
        let mut analyst = federation.analyst().await;
        let sql = "SELECT count(*) FROM councils.homes";
        assert!(analyst.cells(sql).await.is_ok());
        federation.end(0);
        federation.wait_for(2).await;
        let told = analyst.refused(sql).await;
        assert!(told.contains("N401") && !told.chars().any(|c| c == '5'), "{told}");
    });
}

const LINK: &str = "secret-of-the-link-to-the-town";

/// The town's node, which answers for two conditions, and its gateway.
struct Town {
    node: Arc<Node>,
    address: std::net::SocketAddr,
    gateway: GatewayEnd,
    fingerprint: u64,
    serving: tokio::task::AbortHandle,
}

impl Drop for Town {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Town {
    async fn start() -> Self {
        let mut town = department(true);
        town.config = town.config.replace("\nrelease = ", "\nconditions_max = 2\nrelease = ");
        let node = town.load().await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let link = Link::Listen { listener, secret: LINK.to_owned() };
        let serving = tokio::spawn(serve(Arc::clone(&node), link, std::future::pending()));
        let serving = serving.abort_handle();
        let gateway = GatewayEnd::dial(address, LINK).await;
        let mut control = ControlClient::new(gateway.channel.clone());
        let describe = gateway.call(v1::DescribeRequest {}, &Asked::Describe);
        let catalog = control.describe(describe).await.unwrap().into_inner();
        let dataset = insitu_proto::catalog::decode_all(&catalog).unwrap().remove(0);
        let fingerprint = insitu_proto::catalog::fingerprint(&dataset);
        Self { node, address, gateway, fingerprint, serving }
    }

    /// The question how many rows there are, in an area or in all, for this query.
    fn ticket(&self, query: u8, area: Option<&str>) -> Vec<u8> {
        let dataset = DatasetName::new("health", "episodes").unwrap();
        let scan = Input::Scan { dataset, fingerprint: self.fingerprint };
        let input = match area {
            None => scan,
            Some(area) => {
                let predicate = Scalar::Compare {
                    op: Comparison::Equal,
                    left: Box::new(Scalar::Column("area".to_owned())),
                    right: Box::new(Scalar::Literal(Literal::Utf8(area.to_owned()))),
                };
                Input::Filter { input: Box::new(scan), predicate }
            }
        };
        let measures = vec![Measure { kind: MeasureKind::Rows, filter: None }];
        let tabulation =
            Tabulation { input, keys: Vec::new(), sets: Vec::new(), measures, groups_max: 10 };
        let question = Question::Tabulation(tabulation);
        let query_id = QueryId([query; 16]);
        let request =
            NodeRequest { query_id, time_ms_max: 60_000, question, editions: Editions::new() };
        request.encode().unwrap()
    }

    /// What the gateway signs for this ticket.
    fn signed(&self, query: u8, ticket: &[u8]) -> Vec<u8> {
        self.gateway.warrants.issue(&Asked::Get { query_id: QueryId([query; 16]), ticket })
    }

    /// What becomes of a question of the gateway's own.
    async fn asked(&self, query: u8, area: Option<&str>) -> Result<(), String> {
        let ticket = self.ticket(query, area);
        get(&self.gateway.channel, &ticket, &self.signed(query, &ticket)).await
    }
}

/// What becomes of a `DoGet` with this in the place of a Warrant.
async fn get(channel: &Channel, ticket: &[u8], shown: &[u8]) -> Result<(), String> {
    let request = showing(Ticket { ticket: ticket.to_vec().into() }, shown);
    let answer = FlightServiceClient::new(channel.clone()).do_get(request).await;
    answer.map(|_| ()).map_err(|status| status.message().to_owned())
}

#[test]
fn attack_56_replayed_or_altered_requests() {
    const REFUSED: &str = "the call has no Warrant that fits";
    let runtime = tokio::runtime::Runtime::new().unwrap();
    // Without the rule, here by a gateway that signs whatever is asked: what was repeated is answered, and what was
    // altered is charged, so that nothing is left of the budget for the gateway's next question.
    runtime.block_on(async {
        let town = Town::start().await;
        assert_eq!(town.asked(1, Some("A")).await, Ok(()));
        let stranger = [town.asked(1, Some("A")).await, town.asked(2, None).await];
        assert_eq!(stranger.iter().filter(|answer| answer.is_ok()).count(), 2);
        assert_eq!(town.asked(3, Some("B")).await, Err("D211".to_owned()));
    });
    // With it. Who sits in the connection has seen a question that was answered, and holds another one back.
    runtime.block_on(async {
        let town = Town::start().await;
        let other = GatewayEnd::dial(town.address, LINK).await;
        let seen = town.ticket(1, Some("A"));
        let of_seen = town.signed(1, &seen);
        assert_eq!(get(&town.gateway.channel, &seen, &of_seen).await, Ok(()));
        let held = town.ticket(2, Some("A"));
        let of_held = town.signed(2, &held);
        let wider = town.ticket(2, None);
        let for_another_query = town.ticket(3, Some("A"));
        let (query_id, command) = (QueryId([2; 16]), &held);
        let of_put = town.gateway.warrants.issue(&Asked::Put { query_id, command });
        let of_ping = town.gateway.warrants.issue(&Asked::Ping);
        let of_describe = town.gateway.warrants.issue(&Asked::Describe);
        let elsewhere = other.warrants.issue(&Asked::Get { query_id, ticket: &wider });
        let mut forged = of_held.clone();
        forged[31] ^= 1;
        let mut counted_on = of_held.clone();
        counted_on[35] += 100;
        let here = &town.gateway.channel;
        let tries: [(&str, &Channel, &[u8], &[u8]); 14] = [
            ("again", here, &seen, &of_seen),
            ("again, elsewhere", &other.channel, &seen, &of_seen),
            ("held back, elsewhere", &other.channel, &held, &of_held),
            ("a wider question", here, &wider, &of_held),
            ("the same for another query", here, &for_another_query, &of_held),
            ("another's Warrant", here, &wider, &of_seen),
            ("of a DoPut", here, &held, &of_put),
            ("of a Ping", here, &held, &of_ping),
            ("of a Describe", here, &held, &of_describe),
            ("of another connection", here, &wider, &elsewhere),
            ("another HMAC", here, &held, &forged),
            ("another number", here, &seen, &counted_on),
            ("no HMAC", here, &held, &of_held[32..]),
            ("nothing", here, &wider, &[]),
        ];
        let mut accepted = 0;
        for (name, channel, ticket, shown) in tries {
            let answer = get(channel, ticket, shown).await;
            accepted += u32::from(answer.is_ok());
            assert_eq!(answer.unwrap_err(), REFUSED, "{name}");
        }
        // A question's Warrant serves no other call.
        let mut control = ControlClient::new(here.clone());
        accepted += u32::from(control.ping(showing(v1::PingRequest {}, &of_held)).await.is_ok());
        let describe = showing(v1::DescribeRequest {}, &of_held);
        accepted += u32::from(control.describe(describe).await.is_ok());
        let first = FlightData::default().with_descriptor(FlightDescriptor::new_cmd(held.clone()));
        let put = showing(futures::stream::iter([first]), &of_held);
        accepted += u32::from(FlightServiceClient::new(here.clone()).do_put(put).await.is_ok());
        assert_eq!((accepted, town.node.working()), (0, 0), "answered or running");
        // No forgery has spent a number: what was held back is answered, late and once.
        assert_eq!(get(here, &held, &of_held).await, Ok(()));
        assert_eq!(get(here, &held, &of_held).await.unwrap_err(), REFUSED);
        // One that is held back for long isn't.
        let older = town.ticket(4, None);
        let of_older = town.signed(4, &older);
        for _ in 0..5_000 {
            let _ = town.gateway.warrants.issue(&Asked::Ping);
        }
        let ping = town.gateway.call(v1::PingRequest {}, &Asked::Ping);
        ControlClient::new(here.clone()).ping(ping).await.unwrap();
        assert_eq!(get(here, &older, &of_older).await.unwrap_err(), REFUSED);
        // And nothing was charged but the one condition that the gateway asked for.
        assert_eq!(town.asked(5, Some("B")).await, Ok(()));
        assert_eq!(town.asked(6, Some("C")).await, Err("D211".to_owned()));
    });
}

#[test]
fn attack_58_a_person_named_to_another_department() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let mut all = departments::councils();
        all.push(departments::reference());
        let federation = Federation::start(&all).await;
        for tap in 0..4 {
            federation.tap(tap).clear();
        }
        let sql = "SELECT count(*) FROM councils.homes WHERE account = 'named-person'";
        assert!(sql.contains("named-person"), "passed on, every department would read it");
        let told = federation.analyst().await.refused(sql).await;
        assert!(told.contains("D202"), "{told}");
        for tap in 0..4 {
            assert!(!holds(&federation.tap(tap).received(), "named-person"));
        }
        // What isn't stopped: any other word of a question goes to those who hold the dataset, and to nobody else.
        let sql = "SELECT count(*) FROM councils.homes WHERE band = 'named-person'";
        federation.analyst().await.ask(sql).await.unwrap();
        let reached =
            [0, 1, 2, 3].map(|tap| holds(&federation.tap(tap).received(), "named-person"));
        assert_eq!(reached, [true, true, true, false]);
    });
}

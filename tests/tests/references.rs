//! Joins of protected rows to open reference data, end to end: what is looked up is what a stored column would say;
//! contents travel once; what isn't a content is refused and the node goes on.

use std::fmt::Write as _;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, StringArray};
use arrow_flight::FlightData;
use arrow_flight::flight_service_client::FlightServiceClient;
use insitu_disclosure::reference::{Edition, ReferenceContent};
use insitu_disclosure::{
    DatasetName, Input, Key, Measure, MeasureKind, Reference, Scalar, ScalarType, Tabulation,
};
use insitu_node::server::{Link, serve};
use insitu_proto::frames::encode_reference;
use insitu_proto::request::{NodeRequest, QueryId, Question};
use insitu_proto::warrant::{Asked, Issuer};
use insitu_tests::link::{GatewayEnd, showing};
use insitu_tests::{Cells, Department, Federation, departments};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use tokio::net::TcpListener;
use tonic::Status;

use crate::reference_pairs::{PAIRS, are_alike};

/// Areas of the reference; `Y` is in no row, and `Z` isn't in the reference.
pub(crate) const AREAS: [(&str, &str); 6] = [
    ("A", "North"),
    ("B", "North"),
    ("C", "South"),
    ("D", "South"),
    ("E", "O'Neill's"),
    ("Y", "West"),
];

fn region_of(area: &str) -> &'static str {
    AREAS.iter().find(|(a, _)| *a == area).map_or("", |(_, region)| *region)
}

/// People with an area, perhaps none, the area's region as a stored column, and an income: one row each.
pub(crate) fn people(seed: u64) -> Vec<String> {
    let mut random = StdRng::seed_from_u64(seed);
    (0..900)
        .map(|person| {
            let area =
                ["A", "A", "A", "B", "C", "C", "D", "E", "Z", ""][random.random_range(0..10)];
            let sex = ["F", "M"][random.random_range(0..2)];
            let income = random.random_range(0..1_000);
            format!("p{person},{area},{},{sex},{income}\n", region_of(area))
        })
        .collect()
}

/// A department with some of the people.
pub(crate) fn town(node: usize, rows: &[String], profile: &str, release: &str) -> Department {
    let config = format!(
        r#"
[node]
id = "town-{node}"
department = "Town {node}"

[[dataset]]
name = "town.people"
source = {{ format = "csv", path = "people.csv" }}
protection = "protected"
unit = "person"
unit_unique_per_row = true
units_at_one_node = true
profile = "{profile}"
release = "{release}"

[[dataset.column]]
name = "person"
type = "text"
label = "unit"

[[dataset.column]]
name = "area"
type = "text"
label = "dimension"
blank = "null"

[[dataset.column]]
name = "region"
type = "text"
label = "dimension"
blank = "null"

[[dataset.column]]
name = "sex"
type = "text"
label = "dimension"
domain = ["F", "M"]

[[dataset.column]]
name = "income"
type = "integer"
label = "measure"
bounds = {{ low = 0, high = 1000 }}
breakpoints = [250, 500, 750]
"#
    );
    let csv = format!("person,area,region,sex,income\n{}", rows.concat());
    Department { config, files: vec![("people.csv".to_owned(), csv.into_bytes())] }
}

/// The open reference, with a number of residents for each area.
pub(crate) fn areas(regions: &[(&str, &str)]) -> Department {
    let mut csv = "area,region,residents\n".to_owned();
    for (i, (area, region)) in regions.iter().enumerate() {
        let _ = writeln!(csv, "{area},\"{region}\",{}", 100 * (i + 1));
    }
    let config = r#"
[node]
id = "statistics"
department = "Statistics Office"

[[dataset]]
name = "ref.areas"
source = { format = "csv", path = "areas.csv" }
protection = "open"

[[dataset.column]]
name = "area"
type = "text"
label = "dimension"
blank = "null"

[[dataset.column]]
name = "region"
type = "text"
label = "dimension"

[[dataset.column]]
name = "residents"
type = "integer"
label = "measure"
bounds = { low = 0, high = 1000000000 }
"#;
    Department {
        config: config.to_owned(),
        files: vec![("areas.csv".to_owned(), csv.into_bytes())],
    }
}

/// The answers to one side of the pairs, rows in one order.
async fn answers(
    departments: &[Department],
    side: fn(&(&'static str, &'static str)) -> &'static str,
) -> Vec<Cells> {
    let federation = Federation::start(departments).await;
    let mut analyst = federation.analyst().await;
    let mut all = Vec::new();
    for pair in &PAIRS {
        let sql = side(pair);
        let mut cells = analyst.cells(sql).await.unwrap_or_else(|told| panic!("{sql}\n{told}"));
        cells.sort();
        assert!(!cells.is_empty(), "{sql}");
        all.push(cells);
    }
    all
}

fn compared(looked_up: &[Cells], stored: &[Cells]) {
    for ((pair, looked_up), stored) in PAIRS.iter().zip(looked_up).zip(stored) {
        let (one, other) = pair;
        assert!(are_alike(one, looked_up, stored), "{one}\n{looked_up:?}\n{other}\n{stored:?}");
    }
    let shown = stored.iter().flatten().flatten().filter(|cell| cell.parse::<f64>().is_ok());
    assert!(60 < shown.count(), "most cells are shown");
}

/// Where counts depend on who is in a cell and not on how it was asked for: cell for cell the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_looked_up_is_what_a_stored_column_says() {
    for profile in ["ons-ckm", "midpoint-6"] {
        let departments = [town(0, &people(1), profile, "at-node"), areas(&AREAS)];
        let looked_up = answers(&departments, |pair| pair.0).await;
        compared(&looked_up, &answers(&departments, |pair| pair.1).await);
    }
}

/// At any split of the people over nodes, one of them empty.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_does_not_depend_on_the_split_over_nodes() {
    let all = people(2);
    for (seed, profile) in [(0, "ons-ckm"), (1, "ons-ckm"), (2, "midpoint-6")] {
        let whole = [town(0, &all, profile, "at-gateway"), areas(&AREAS)];
        let stored = answers(&whole, |pair| pair.1).await;
        let mut random = StdRng::seed_from_u64(seed);
        let mut homes: [Vec<String>; 4] = std::array::from_fn(|_| Vec::new());
        for row in &all {
            homes[random.random_range(0..3)].push(row.clone());
        }
        let nodes = homes.iter().enumerate();
        let mut split: Vec<Department> =
            nodes.map(|(i, rows)| town(i, rows, profile, "at-gateway")).collect();
        split.push(areas(&AREAS));
        compared(&answers(&split, |pair| pair.0).await, &stored);
    }
}

/// With noise on the question: its spellings through the join have one coordinate, and so one noise.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn spellings_of_a_look_up_have_one_noise() {
    let cell = "SELECT count(*) FROM town.people p";
    let spellings = [
        format!("{cell} JOIN ref.areas a ON p.area = a.area WHERE a.region = 'North'"),
        format!("{cell} LEFT JOIN ref.areas a ON p.area = a.area WHERE a.region IN ('North')"),
        format!("{cell} WHERE area IN (SELECT area FROM ref.areas WHERE region = 'North')"),
        format!("{cell} WHERE EXISTS (SELECT 1 FROM ref.areas a WHERE a.area = p.area AND 'North' = a.region)"),
        "SELECT n FROM (SELECT a.region, count(*) AS n FROM ref.areas a JOIN town.people p ON p.area = a.area GROUP BY ROLLUP (a.region)) AS t WHERE region = 'North'".to_owned(),
        "SELECT count(*) FILTER (WHERE a.region = 'North') FROM town.people p LEFT JOIN ref.areas a ON p.area = a.area".to_owned(),
    ];
    let mut values = Vec::new();
    for seed in 0..3 {
        let departments = [town(0, &people(seed), "standard", "at-node"), areas(&AREAS)];
        // Each asked first of a node that remembers nothing, so that the guard has no part in it.
        let mut told = Vec::new();
        for sql in &spellings {
            let federation = Federation::start(&departments).await;
            told.push(federation.analyst().await.cells(sql).await.unwrap());
        }
        assert!(told.windows(2).all(|pair| pair[0] == pair[1]), "{told:?}");
        values.push(told[0][0][0].clone());
    }
    values.dedup();
    assert!(1 < values.len(), "other people, other counts: {values:?}");
}

/// After the stored column, the joined one of the same people is told the same by the guard.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_join_draws_no_second_noise_for_the_same_people() {
    let federation =
        Federation::start(&[town(0, &people(3), "standard", "at-node"), areas(&AREAS)]).await;
    let mut analyst = federation.analyst().await;
    for (looked_up, stored) in &PAIRS[..5] {
        let mut first = analyst.cells(stored).await.unwrap();
        let mut second = analyst.cells(looked_up).await.unwrap();
        first.sort();
        second.sort();
        assert_eq!(first, second, "{looked_up}");
    }
}

fn holds(bytes: &[u8], needle: &str) -> usize {
    bytes.windows(needle.len()).filter(|w| *w == needle.as_bytes()).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_content_goes_to_each_node_once_and_a_question_stays_small() {
    let rows = people(4);
    let (one, other) = rows.split_at(450);
    let federation = Federation::start(&[
        town(0, one, "standard", "at-gateway"),
        town(1, other, "standard", "at-gateway"),
        areas(&AREAS),
    ])
    .await;
    let mut analyst = federation.analyst().await;
    let by = |measure: &str| {
        format!(
            "SELECT a.region, {measure} FROM town.people p JOIN ref.areas a ON p.area = a.area GROUP BY 1"
        )
    };
    let clear = || (0..3).for_each(|node| federation.tap(node).clear());
    clear();
    analyst.ask(&by("count(*)")).await.unwrap();
    for node in 0..2 {
        assert_eq!(holds(&federation.tap(node).received(), "O'Neill's"), 1, "node {node}");
    }
    assert_eq!(holds(&federation.tap(2).sent(), "O'Neill's"), 1, "the open rows, once");
    // From now on one small round trip to each, and none to who published the reference.
    for sql in [by("sum(p.income)"), by("count(*) FILTER (WHERE p.sex = 'F')")] {
        clear();
        analyst.ask(&sql).await.unwrap();
        for node in 0..2 {
            let received = federation.tap(node).received();
            assert_eq!(holds(&received, "O'Neill's"), 0);
            assert!(received.len() <= 2_048, "{} bytes", received.len());
            assert_eq!(holds(&received, "town.people"), 1, "one request");
        }
        assert_eq!(holds(&federation.tap(2).sent(), "O'Neill's"), 0);
    }
    // Another column is another content; EXPLAIN asks nobody.
    clear();
    let explained = federation.gateway();
    let sql = "SELECT a.residents, count(*) FROM town.people p JOIN ref.areas a ON p.area = a.area GROUP BY 1";
    let options = insitu_gateway::query::Options::default();
    let text = explained.explain(sql.as_bytes(), &options).await.unwrap();
    assert!(text.contains("by look-up of residents in ref.areas by area"), "{text}");
    assert!(text.contains("where NOT (look-up of area in ref.areas by area IS NULL)"), "{text}");
    assert_eq!(holds(&federation.tap(2).received(), "ref.areas"), 0);
    analyst.ask(sql).await.unwrap();
    assert_eq!(holds(&federation.tap(0).received(), "O'Neill's"), 0, "the region isn't needed");
}

/// A department whose reference changed: another content, under the same name.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_edition_is_looked_up_in_as_soon_as_it_is_announced() {
    let rows = people(5);
    let mut federation =
        Federation::start(&[town(0, &rows, "ons-ckm", "at-node"), areas(&AREAS)]).await;
    let by_region = "SELECT a.region, count(*) FROM town.people p JOIN ref.areas a ON p.area = a.area GROUP BY 1 ORDER BY 1";
    let mut analyst = federation.analyst().await;
    let before = analyst.cells(by_region).await.unwrap();
    federation.end(1);
    federation.wait_for(1).await;
    // Away is refused, although the node still has the content.
    let told = analyst.refused(by_region).await;
    assert!(told.starts_with("N401: Statistics Office"), "{told}");
    let moved: Vec<(&str, &str)> =
        AREAS.iter().map(|(a, r)| (*a, if *a == "B" { "South" } else { *r })).collect();
    federation.begin(&areas(&moved)).await;
    federation.wait_for(2).await;
    let after = analyst.cells(by_region).await.unwrap();
    let count = |cells: &Cells, region: &str| -> i64 {
        cells.iter().find(|row| row[0] == region).unwrap()[1].parse().unwrap()
    };
    let in_b = i64::try_from(rows.iter().filter(|row| row.contains(",B,")).count()).unwrap();
    let left = count(&before, "North") - count(&after, "North");
    let came = count(&after, "South") - count(&before, "South");
    assert!(left.abs_diff(in_b) <= 10 && came.abs_diff(in_b) <= 10, "{before:?} {after:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_owner_can_forbid_joins_to_reference_data() {
    let mut forbidding = departments::health();
    forbidding.config = forbidding
        .config
        .replace("release = \"at-node\"", "release = \"at-node\"\nreference_joins = false");
    let federation = Federation::start(&[forbidding, departments::reference()]).await;
    let mut analyst = federation.analyst().await;
    let told = analyst
        .refused("SELECT a.region, count(*) FROM health.visits v LEFT JOIN ref.areas a ON v.area = a.area GROUP BY 1")
        .await;
    assert!(told.starts_with("D213: `health.visits` isn't joined to reference data."), "{told}");
    analyst.ask("SELECT area, count(*) FROM health.visits GROUP BY area").await.unwrap();
}

/// Profiles that refuse `CASE` refuse look-ups: a content could be any `CASE`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_case_is_refused_a_look_up_is() {
    for (profile, inner, left) in
        [("strict", "D204", ""), ("round-5", "D204", "D203"), ("exact", "D204", "D203")]
    {
        let federation =
            Federation::start(&[town(0, &people(6), profile, "at-node"), areas(&AREAS)]).await;
        let mut analyst = federation.analyst().await;
        for (join, expect) in [("JOIN", inner), ("LEFT JOIN", left)] {
            let sql = format!(
                "SELECT a.region, count(*) FROM town.people p {join} ref.areas a ON p.area = a.area GROUP BY 1"
            );
            if expect.is_empty() {
                assert!(!analyst.cells(&sql).await.unwrap().is_empty(), "{profile} {join}");
            } else {
                let told = analyst.refused(&sql).await;
                assert!(told.starts_with(expect), "{profile} {join}: {told}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_fit_a_nodes_memory_is_refused_and_the_node_goes_on() {
    let mut small = town(0, &people(7), "standard", "at-node");
    small.config = small.config.replace("[[dataset]]", "reference_mib_max = 1\n\n[[dataset]]");
    let many: Vec<(String, String)> = (0..20_000)
        .map(|i| (format!("area-{i}"), format!("region with a long name {i}")))
        .collect();
    let many: Vec<(&str, &str)> = many.iter().map(|(a, r)| (a.as_str(), r.as_str())).collect();
    let federation = Federation::start(&[small, areas(&many)]).await;
    let mut analyst = federation.analyst().await;
    let told = analyst
        .refused("SELECT a.region, count(*) FROM town.people p LEFT JOIN ref.areas a ON p.area = a.area GROUP BY 1")
        .await;
    assert!(told.starts_with("L506"), "{told}");
    assert!(told.contains("Town 0"), "{told}");
    analyst.ask("SELECT area, count(*) FROM town.people GROUP BY area").await.unwrap();
}

const SECRET: &str = "secret-of-a-gateway";

/// A node that listens, and a gateway's connection to it.
async fn node(department: Department) -> (GatewayEnd, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let node = department.load().await.unwrap();
    let link = Link::Listen { listener, secret: SECRET.to_owned() };
    let task = tokio::spawn(async move {
        serve(node, link, std::future::pending()).await.unwrap();
    });
    (GatewayEnd::dial(address, SECRET).await, task)
}

fn content(regions: &[&str]) -> ReferenceContent {
    let reference =
        Reference { dataset: DatasetName::new("ref", "areas").unwrap(), key: "area".to_owned() };
    let columns = ["area", "region"].map(|name| (name.to_owned(), ScalarType::Utf8)).to_vec();
    let names: Vec<String> = (0..regions.len()).map(|i| format!("area {i:05}")).collect();
    let column = |values: Vec<&str>| -> ArrayRef { Arc::new(StringArray::from(values)) };
    let batch = RecordBatch::try_from_iter_with_nullable([
        ("area", column(names.iter().map(String::as_str).collect()), true),
        ("region", column(regions.to_vec()), true),
    ]);
    ReferenceContent::received(reference, columns, &[batch.unwrap()]).unwrap()
}

/// Sends a content, with what is signed for it.
async fn put(end: &GatewayEnd, messages: Vec<FlightData>, warrants: &Issuer) -> Result<(), Status> {
    let command = messages.first().and_then(|m| m.flight_descriptor.clone()).unwrap_or_default();
    let asked = Asked::Put { query_id: QueryId([4; 16]), command: &command.cmd };
    let request = showing(futures::stream::iter(messages), &warrants.issue(&asked));
    let mut client = FlightServiceClient::new(end.channel.clone());
    let mut results = client.do_put(request).await?.into_inner();
    results.message().await.map(|result| assert!(result.is_none()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_takes_contents_from_its_gateway_only_and_only_as_they_are_named() {
    let mut town = town(0, &people(8), "standard", "at-node");
    town.config = town.config.replace("[[dataset]]", "reference_mib_max = 1\n\n[[dataset]]");
    let (client, task) = node(town).await;
    let signed = &client.warrants;
    let messages =
        |content: &ReferenceContent| encode_reference(QueryId([4; 16]), content).unwrap();
    let right = messages(&content(&["North", "South"]));
    let code = |outcome: Result<(), Status>| {
        let status = outcome.unwrap_err();
        match insitu_proto::refusal::decode(status.details()) {
            Ok(insitu_proto::refusal::Unanswered::Refused(refusals)) => {
                let told = refusals.to_string();
                assert!(!told.contains("North"), "nothing of the content: {told}");
                refusals.first().code().as_str()
            }
            _ => panic!("{status:?}"),
        }
    };
    // Of whoever has another key, of this connection or not; and what the gateway signed for another content.
    let (elsewhere, other_task) = node(departments::reference()).await;
    let stranger = put(&client, right.clone(), &elsewhere.warrants).await.unwrap_err();
    assert_eq!(stranger.code(), tonic::Code::Unauthenticated);
    other_task.abort();
    let other = messages(&content(&["North"]))[0].flight_descriptor.clone().unwrap().cmd;
    let other = signed.issue(&Asked::Put { query_id: QueryId([4; 16]), command: &other });
    let swapped = showing(futures::stream::iter(right.clone()), &other);
    let swapped = FlightServiceClient::new(client.channel.clone()).do_put(swapped).await;
    assert_eq!(swapped.unwrap_err().code(), tonic::Code::Unauthenticated);
    // Another content under this one's name; cut off; a byte changed; nothing at all.
    let mut swapped = messages(&content(&["North", "North"]));
    swapped[0].flight_descriptor = right[0].flight_descriptor.clone();
    let mut cut = right.clone();
    cut.pop();
    let mut changed = right.clone();
    let mut body = changed[1].data_body.to_vec();
    body[0] ^= 1;
    changed[1].data_body = body.into();
    for wrong in [swapped, cut, changed, Vec::new()] {
        assert_eq!(code(put(&client, wrong, signed).await), "N404");
    }
    // More than there is room for, and a message larger than a node reads.
    let many = vec!["a region with a name that takes some room"; 20_000];
    assert_eq!(code(put(&client, messages(&content(&many)), signed).await), "L506");
    let mut large = right.clone();
    large[1].data_body = vec![0_u8; 1 << 20].into();
    assert!(put(&client, large, signed).await.is_err());
    // After all this the node still takes what is right.
    put(&client, right, signed).await.unwrap();
    task.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_joins_nothing_takes_no_content() {
    let (client, task) = node(departments::reference()).await;
    let messages = encode_reference(QueryId([4; 16]), &content(&["North"])).unwrap();
    let status = put(&client, messages, &client.warrants).await.unwrap_err();
    assert_eq!(status.message(), "D213");
    task.abort();
}

/// Written down once: what is sent is what other versions read.
#[test]
fn a_question_that_looks_up_has_these_bytes() {
    let reference = Reference {
        dataset: DatasetName::new("ons", "population").unwrap(),
        key: "lsoa".to_owned(),
    };
    let region = Scalar::Lookup {
        reference: reference.clone(),
        column: "region".to_owned(),
        value_type: ScalarType::Utf8,
        key: Box::new(Scalar::Column("lsoa".to_owned())),
    };
    let question = Tabulation {
        input: Input::Scan {
            dataset: DatasetName::new("police", "crimes").unwrap(),
            fingerprint: 1,
        },
        keys: vec![Key { scalar: region }],
        sets: Vec::new(),
        measures: vec![Measure { kind: MeasureKind::Rows, filter: None }],
        groups_max: 100,
    };
    let request = NodeRequest {
        query_id: QueryId([7; 16]),
        time_ms_max: 5_000,
        question: Question::Tabulation(question),
        editions: [(reference, Edition([9; 32]))].into(),
    };
    let bytes = request.encode().unwrap();
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, golden("look_up"));
    assert_eq!(NodeRequest::decode(&bytes), Ok(request));
    // The content's name too, since it is known on both sides.
    let edition = content(&["North", "South"]).edition().to_string();
    assert_eq!(edition, golden("edition"));
}

fn golden(name: &str) -> String {
    let path = format!("{}/tests/golden/{name}.hex", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).unwrap().trim().to_owned()
}

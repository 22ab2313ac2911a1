//! Metadata: plans, totals, observed values, buffers and errors beside the answer.

use arrow_array::{Array as _, Int64Array};
use arrow_buffer_bytes::holds;
use arrow_flight::sql::client::FlightSqlServiceClient;
use insitu_disclosure::Profile;
use tonic::transport::Endpoint;

use super::lab::{Lab, VICTIM, What};
use super::town::{TOWNS, is_refused_as, tells_nothing};

/// Looking into the buffers of a column.
mod arrow_buffer_bytes {
    use arrow_array::Array;

    /// Whether the number is in any buffer of the column, shown or not.
    pub(super) fn holds(column: &dyn Array, number: i64) -> bool {
        let data = column.to_data();
        let needle = number.to_le_bytes();
        data.buffers().iter().any(|b| b.as_slice().windows(8).any(|w| w == needle))
    }
}

#[test]
fn attack_48_plans_that_know_the_data() {
    let count = "SELECT count(*) FROM health.episodes WHERE area = 'Z'";
    for explain in ["EXPLAIN ANALYZE", "EXPLAIN VERBOSE", "EXPLAIN (ANALYZE)"] {
        is_refused_as(&format!("{explain} {count}"), count, "Q103");
    }
    // The explanations that are offered don't look at the data.
    for explain in ["EXPLAIN", "EXPLAIN FORMAT TEXT", "EXPLAIN (FORMAT JSON)"] {
        let told = [0, 1].map(|town| TOWNS.ask(town, &format!("{explain} {count}")).unwrap());
        assert!(!told[0].is_empty());
        assert_eq!(told[0], told[1]);
    }
    let plans = [0, 1].map(|town| {
        let gateway = TOWNS.federation(town).gateway();
        let options = insitu_gateway::query::Options::default();
        TOWNS.block_on(gateway.explain(count.as_bytes(), &options)).unwrap()
    });
    assert_eq!(plans[0], plans[1]);
}

#[test]
fn attack_49_totals_catalogues_and_observed_values() {
    let sql = "SELECT area, count(*) FROM health.episodes GROUP BY area";
    assert_ne!(TOWNS.truth(0, sql).unwrap().len(), TOWNS.truth(1, sql).unwrap().len());
    let infos = [0, 1].map(|town| {
        TOWNS.block_on(async {
            let address = TOWNS.federation(town).address();
            let channel = Endpoint::from_shared(format!("http://{address}")).unwrap();
            let mut client = FlightSqlServiceClient::new(channel.connect().await.unwrap());
            client.set_token("token-of-the-tests".to_owned());
            let info = client.execute(sql.to_owned(), None).await.unwrap();
            (info.total_records, info.total_bytes, info.schema)
        })
    });
    assert_eq!((infos[0].0, infos[0].1), (-1, -1));
    assert_eq!(infos[0], infos[1]);
    is_refused_as("SELECT * FROM information_schema.tables", sql, "Q105");
    // The victim's values aren't among the keys; those with a public domain stand whether they occur or not.
    assert!(
        tells_nothing("SELECT icd10 FROM health.episodes WHERE area = 'Z' GROUP BY icd10")
            .is_empty()
    );
    let ages =
        tells_nothing("SELECT age, count(*) FROM health.episodes WHERE area = 'Z' GROUP BY age");
    assert_eq!(ages.len(), 111);
}

#[test]
fn attack_50_a_suppressed_value_in_a_buffer() {
    let telling = 424_243;
    // An engine that only clears the validity bit sends the value along.
    let hidden = Int64Array::new(vec![telling].into(), Some(vec![false].into()));
    assert!(hidden.is_null(0) && holds(&hidden, telling));
    let lab = Lab::new(Profile::STANDARD, 50);
    let batch = lab.batch(What::Sum, "Z", 0, &[(VICTIM, i128::from(telling))]).unwrap();
    assert!(batch.column(0).is_null(0));
    assert!(batch.columns().iter().all(|column| !holds(column.as_ref(), telling)));
}

#[test]
fn attack_51_errors_with_details() {
    let sql = "SELECT area, CAST(icd10 AS INT) FROM health.episodes WHERE area = 'Z'";
    let unprotected = TOWNS.truth(0, sql).unwrap_err();
    assert!(unprotected.contains("F20"), "{unprotected}");
    let told = [0, 1].map(|town| TOWNS.ask(town, sql).unwrap_err());
    assert_eq!(told[0], told[1]);
    assert!(!told[0].contains("F20"), "{}", told[0]);
}

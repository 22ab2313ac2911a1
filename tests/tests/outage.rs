//! A department that isn't there: a named Refusal, never a smaller total.

use insitu_tests::{Federation, departments};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_department_is_named_and_nothing_is_totalled() {
    let federation = Federation::start(&departments::all()).await;
    let mut analyst = federation.analyst().await;
    let sql = "SELECT band, count(*) FROM councils.homes GROUP BY band";
    assert_eq!(analyst.cells(sql).await.unwrap()[0], ["A", "15"]);
    // Brent's node goes away.
    federation.end(2);
    federation.wait_for(4).await;
    let told = analyst.refused(sql).await;
    assert!(told.contains("N401") && told.contains("Brent Council"), "{told}");
    assert!(!told.contains("Ashford"), "{told}");
    // The others go on.
    let cells = analyst.cells("SELECT count(*) FROM health.visits").await.unwrap();
    assert_eq!(cells, [["100"]]);
}

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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_department_that_is_there_and_announces_the_dataset_no_more_is_told_apart() {
    let mut councils = departments::councils();
    let mut federation = Federation::start(&councils).await;
    let mut analyst = federation.analyst().await;
    let sql = "SELECT band, count(*) FROM councils.homes GROUP BY band";
    assert_eq!(analyst.cells(sql).await.unwrap()[0], ["A", "15"]);
    // Brent's node comes back with another dataset only, for which it isn't even registered.
    federation.end(1);
    federation.wait_for(2).await;
    let brent = &mut councils[1];
    brent.config = brent.config.replace("councils.homes", "councils.flats");
    federation.begin(brent).await;
    federation.wait_for(3).await;
    let told = analyst.refused(sql).await;
    assert!(told.starts_with("N404: Brent Council is connected, but doesn't announce"), "{told}");
    assert!(!told.contains("isn't connected"), "{told}");
}

//! Answers that are sent at fixed times. Lower bounds only, and bounds of many seconds: a busy machine
//! makes everything later, and nothing earlier.

use std::time::{Duration, Instant};

use insitu_tests::{Department, Federation, departments};

/// The department, with these times for its dataset.
fn at_times(mut department: Department, times: &str) -> Department {
    let release = "\nrelease = ";
    assert!(department.config.contains(release));
    department.config =
        department.config.replace(release, &format!("\nanswer_times = {times}{release}"));
    department
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_and_what_fails_while_running_are_sent_at_a_time() {
    let mut health = at_times(departments::health(), r#"["700ms", "28s"]"#);
    health.config = health.config.replace("id = \"health\"", "id = \"health\"\ngroups_max = 5");
    let federation = Federation::start(&[health, departments::reference()]).await;
    let mut analyst = federation.analyst().await;
    let first = Duration::from_millis(700);
    let began = Instant::now();
    let cells = analyst.cells("SELECT count(*) FROM health.visits WHERE area = 'A'").await.unwrap();
    assert_eq!(cells.len(), 1);
    assert!(first <= began.elapsed());
    // A limit that is met depends on data.
    let began = Instant::now();
    let told = analyst.refused("SELECT age, count(*) FROM health.visits GROUP BY age").await;
    assert!(told.starts_with("L504"), "{told}");
    assert!(first <= began.elapsed());
    // Together with open data, which has no times.
    let began = Instant::now();
    let joined = "SELECT r.area, n FROM ref.areas AS r JOIN \
                  (SELECT area, count(*) AS n FROM health.visits GROUP BY area) AS v ON v.area = r.area";
    analyst.cells(joined).await.unwrap();
    assert!(first <= began.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_decided_from_the_text_is_told_at_once() {
    let time = Duration::from_secs(29);
    let federation = Federation::start(&[at_times(departments::health(), r#"["29s"]"#)]).await;
    let mut analyst = federation.analyst().await;
    let began = Instant::now();
    assert!(analyst.refused("SELECT person FROM health.visits").await.contains("D201"));
    assert!(analyst.refused("SELECT max(cost) FROM health.visits").await.contains("D205"));
    assert!(began.elapsed() < time);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_hangs_up_while_an_answer_waits_leaves_nothing_behind() {
    let time = Duration::from_secs(29);
    let federation = Federation::start(&[at_times(departments::health(), r#"["29s"]"#)]).await;
    let mut analyst = federation.analyst().await;
    let info = analyst.announce("SELECT count(*) FROM health.visits").await.unwrap();
    let began = Instant::now();
    let fetching = tokio::spawn(async move { analyst.fetch(&info).await.map(|_| ()) });
    while federation.node(0).working() == 0 {
        assert!(began.elapsed() < time, "the node doesn't begin");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // The work takes a moment, the waiting nearly half a minute.
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(federation.node(0).working() > 0, "the answer waits");
    fetching.abort();
    while federation.node(0).working() > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(began.elapsed() < time, "it didn't just run out");
}

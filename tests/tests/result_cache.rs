//! Tables that a gateway keeps for an analyst who asks again: the same answer, as long as it would be given anew.

use std::time::{Duration, Instant};

use insitu_tests::{Analyst, Department, Federation, departments};

const BANDS: &str = "SELECT band, count(*) FROM councils.homes GROUP BY band";

async fn keeping(departments: &[Department]) -> Federation {
    Federation::start_with(departments, |settings| {
        settings.result_cache_bytes = 1 << 20;
        settings.analysts.push(("another".to_owned(), "token-of-another".to_owned()));
    })
    .await
}

/// How often each of the departments was asked since this was last looked at.
fn asked(federation: &Federation, departments: std::ops::Range<usize>) -> Vec<usize> {
    let of = |department| {
        let received = federation.tap(department).received();
        federation.tap(department).clear();
        let names = ["councils.homes", "health.visits", "ref.areas"].map(str::as_bytes);
        received.windows(14).filter(|w| names.iter().any(|name| w.starts_with(name))).count()
    };
    departments.map(of).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repeat_asks_nobody_and_what_is_another_question_does() {
    let federation = keeping(&departments::councils()).await;
    let mut analyst = federation.analyst().await;
    let first = analyst.cells(BANDS).await.unwrap();
    assert_eq!(asked(&federation, 0..3), [1, 1, 1]);
    assert_eq!(analyst.cells(BANDS).await.unwrap(), first);
    // In other words above, and in a session of its own: the departments would be asked the same.
    let wider = "SELECT upper(band) AS b, n FROM (SELECT band, count(*) AS n FROM councils.homes GROUP BY band) AS t";
    let again = federation.analyst().await.cells(wider).await.unwrap();
    assert_eq!(again, first);
    assert_eq!(asked(&federation, 0..3), [0, 0, 0]);
    let filtered = "SELECT band, count(*) FROM councils.homes WHERE band <> 'H' GROUP BY band";
    analyst.cells(filtered).await.unwrap();
    assert_eq!(asked(&federation, 0..3), [1, 1, 1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_learns_from_a_quick_answer_what_somebody_else_asked() {
    let federation = keeping(&departments::councils()).await;
    let first = federation.analyst().await.cells(BANDS).await.unwrap();
    assert_eq!(asked(&federation, 0..3), [1, 1, 1]);
    let mut another = Analyst::connect(federation.address(), "token-of-another").await;
    assert_eq!(another.cells(BANDS).await.unwrap(), first, "the same answer");
    assert_eq!(asked(&federation, 0..3), [1, 1, 1], "and the same work for it");
    another.cells(BANDS).await.unwrap();
    assert_eq!(asked(&federation, 0..3), [0, 0, 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_department_nothing_kept_is_answered() {
    let federation = keeping(&departments::councils()).await;
    let mut analyst = federation.analyst().await;
    analyst.cells(BANDS).await.unwrap();
    analyst.cells(BANDS).await.unwrap();
    assert_eq!(asked(&federation, 0..3), [1, 1, 1]);
    federation.end(1);
    federation.wait_for(2).await;
    let told = analyst.refused(BANDS).await;
    assert!(told.contains("N401") && told.contains("Brent Council"), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_data_and_other_terms_are_asked_for() {
    let mut councils = departments::councils();
    let mut federation = keeping(&councils).await;
    let mut analyst = federation.analyst().await;
    let first = analyst.cells(BANDS).await.unwrap();
    assert_eq!(first[0][1], "15");
    // Brent comes back with 40 homes more in band `A`.
    let before = councils[1].clone();
    for home in 0..40 {
        councils[1].files[0].1.extend(format!("brent-new{home},A,0\n").into_bytes());
    }
    federation.end(1);
    federation.wait_for(2).await;
    let with_more = federation.begin(&councils[1]).await;
    federation.wait_for(3).await;
    asked(&federation, 0..3);
    let second = analyst.cells(BANDS).await.unwrap();
    let count: i64 = second[0][1].parse().unwrap();
    assert!((45..=65).contains(&count), "{second:?}");
    assert_eq!(asked(&federation, 0..1), [1]);
    assert_eq!(analyst.cells(BANDS).await.unwrap(), second);
    assert_eq!(asked(&federation, 0..1), [0]);
    // And with the old data under other terms: whatever was kept of them, these weren't.
    let mut changed = before;
    changed.config = changed
        .config
        .replace("profile = \"standard\"", "profile = \"standard\"\nthreshold_units = 30");
    // Another of the same name takes the place of the node of the second time once that is gone.
    with_more.abort();
    federation.begin(&changed).await;
    let began = Instant::now();
    while !analyst.cells(BANDS).await.is_ok_and(|cells| cells[0][1] == "[c]") {
        assert!(began.elapsed() < Duration::from_secs(20), "the old terms stay");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repeat_is_sent_at_the_same_times_as_any_answer() {
    let mut health = departments::health();
    health.config =
        health.config.replace("\nrelease = ", "\nanswer_times = [\"700ms\", \"28s\"]\nrelease = ");
    let federation = keeping(&[health]).await;
    let mut analyst = federation.analyst().await;
    let sql = "SELECT sex, count(*) FROM health.visits GROUP BY sex";
    for requests in [1, 0] {
        let began = Instant::now();
        analyst.cells(sql).await.unwrap();
        assert!(Duration::from_millis(700) <= began.elapsed(), "{requests} requests");
        assert_eq!(asked(&federation, 0..1), [requests]);
    }
}

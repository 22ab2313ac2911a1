//! A budget of conditions, end to end: what is charged, what is free, and who is told what.

use insitu_tests::{Department, Federation, departments};

/// The department, with so many conditions for its dataset.
fn with_budget(mut department: Department, conditions_max: u32) -> Department {
    let release = "\nrelease = ";
    assert!(department.config.contains(release));
    department.config = department
        .config
        .replace(release, &format!("\nconditions_max = {conditions_max}{release}"));
    department
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn beyond_the_budget_new_conditions_are_refused_and_old_ones_answered() {
    let federation = Federation::start(&[with_budget(departments::health(), 3)]).await;
    let mut analyst = federation.analyst().await;
    let all = "SELECT count(*) FROM health.visits";
    let in_a = "SELECT count(*) FROM health.visits WHERE area = 'A'";
    let first = [analyst.cells(all).await.unwrap(), analyst.cells(in_a).await.unwrap()];
    // A breakdown is not another condition, whatever it is by; nor is the same in other words.
    for free in [
        "SELECT area, count(*) FROM health.visits GROUP BY area",
        "SELECT sex, count(DISTINCT person), sum(cost) FROM health.visits GROUP BY sex",
        "SELECT age, count(*) FROM health.visits WHERE area IN ('A') GROUP BY age",
        "SELECT count(*) FILTER (WHERE area = 'A') FROM health.visits",
        "SELECT count(*) FROM health.visits WHERE coalesce(area, 'Z') = 'A'",
        "SELECT count(*) FROM health.visits WHERE NOT nvl(area, 'Z') <> 'A' AND area IS NOT NULL",
        "SELECT count(*) FROM health.visits WHERE CASE WHEN area IS NULL THEN 'Z' ELSE area END IN ('A')",
    ] {
        analyst.cells(free).await.unwrap();
    }
    // Two more don't fit, so neither is charged; one does.
    let two = "SELECT count(*) FILTER (WHERE sex = 'F'), count(*) FILTER (WHERE sex = 'M') FROM health.visits";
    let told = analyst.refused(two).await;
    assert!(
        told.starts_with(
            "D211: Department of Health answers 3 different conditions for each state of \
             `health.visits`, and these were asked."
        ),
        "{told}"
    );
    assert!(told.contains("which is still answered"), "{told}");
    analyst.cells("SELECT count(*) FROM health.visits WHERE sex = 'F'").await.unwrap();
    // A choice of rows in a key is a condition too.
    for new in [
        "SELECT count(*) FROM health.visits WHERE sex = 'M'",
        "SELECT CASE WHEN age < 40 THEN 'a' ELSE 'b' END, count(*) FROM health.visits GROUP BY 1",
    ] {
        assert!(analyst.refused(new).await.starts_with("D211: "), "{new}");
    }
    // The same for everybody, and repeats are what they were.
    let mut other = federation.analyst().await;
    assert!(
        other.refused("SELECT count(*) FROM health.visits WHERE sex = 'M'").await.contains("D211")
    );
    let again = [other.cells(all).await.unwrap(), other.cells(in_a).await.unwrap()];
    assert_eq!(again, first);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_the_gateway_releases_the_smallest_budget_holds_and_nobody_is_asked_beyond_it() {
    let mut councils = departments::councils();
    let last = councils.pop().unwrap();
    let mut all: Vec<Department> =
        councils.into_iter().map(|council| with_budget(council, 9)).collect();
    all.push(with_budget(last, 1));
    let federation = Federation::start(&all).await;
    let mut analyst = federation.analyst().await;
    let was_asked = |word: &str| {
        let seen = (0..3).map(|council| federation.tap(council).received());
        seen.filter(|bytes| bytes.windows(word.len()).any(|w| w == word.as_bytes())).count()
    };
    let of = |band: &str| format!("SELECT count(*) FROM councils.homes WHERE band = '{band}'");
    analyst.cells(&of("first")).await.unwrap();
    assert_eq!(was_asked("first"), 3);
    let told = analyst.refused(&of("second")).await;
    assert!(told.starts_with("D211: `councils.homes` answers 1 different conditions"), "{told}");
    assert_eq!(was_asked("second"), 0);
    analyst.cells(&of("first")).await.unwrap();
}

//! Federation: other departments, the gateway and the network between them.

use insitu_disclosure::{Profile, admit};
use insitu_tests::{Federation, departments};

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
    use insitu_disclosure::{Comparison, Input, Literal, Measure, MeasureKind, Scalar, Tabulation};
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

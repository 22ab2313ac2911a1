//! Configurations without errors, and what they come to.

use insitu_disclosure::AnswerTimes;
use insitu_disclosure::dataset::{
    Bounds, Breakpoints, Domain, ProtectedUnit, Protection, ReleaseMode,
};
use insitu_disclosure::label::Label;
use insitu_disclosure::policy::Profile;
use insitu_disclosure::tabulation::{Literal, ScalarType};

use super::*;
use crate::dataset::{Blank, Derivation, Place, Source};

#[test]
fn reads_everything_that_is_written() {
    let config = parse(FULL).unwrap();
    assert_eq!(config.node.id, "leeds-1");
    assert_eq!((config.node.memory_mib, config.node.source_mib_max), (256, 1_024));
    assert_eq!((config.node.query_seconds_max, config.node.groups_max), (30, 100_000));
    assert_eq!(config.node.anchors_max, 1_000_000);
    let link = config.link.unwrap();
    assert_eq!(link.secret_file(), Path::new("etc/secrets/leeds.secret"));
    assert!(matches!(link, Link::Uplink { gateway, .. } if gateway == "127.0.0.1:50060"));
    assert_eq!(config.data_folder, Path::new("etc"));
    let [descriptor] = config.datasets.as_slice() else { panic!() };
    let dataset = &descriptor.dataset;
    assert_eq!(dataset.name.to_string(), "councils.council_tax");
    assert_eq!(
        dataset.protection,
        Protection::Protected {
            unit: ProtectedUnit::Column { name: "account".to_owned(), unique_per_row: false },
            profile: Profile { threshold_units: 12, rounding_base: 10, ..Profile::STANDARD },
            release: ReleaseMode::AtGateway,
            units_at_one_node: true,
            record_key: None,
            perturbation: None,
            conditions_max: None,
            answer_times: AnswerTimes::at_once(),
            rows_about: None,
            reference_joins: true,
            unit_joins: Default::default(),
        }
    );
    let [account, band, age, moved_in, arrears, notes] = dataset.columns.as_slice() else {
        panic!()
    };
    assert_eq!((account.label, notes.label), (Label::Unit, Label::Hidden));
    let codes = ["A", "B"].map(|code| Literal::Utf8(code.to_owned())).to_vec();
    assert_eq!(band.domain, Some(Domain::Codes(codes)));
    assert_eq!(age.domain, Some(Domain::Range(0, 105)));
    assert_eq!(moved_in.breakpoints, Some(Breakpoints::Months));
    assert_eq!(arrears.scalar_type, ScalarType::Decimal(2));
    assert_eq!(arrears.bounds, Some(Bounds { low: 0, high: 500_050 }));
    let cuts = [0, 50, 100].map(|value| Literal::Decimal { value, places: 2 }).to_vec();
    assert_eq!(arrears.breakpoints, Some(Breakpoints::Listed(cuts)));
    assert_eq!(arrears.measured_in.as_deref(), Some("pounds"));
}

#[test]
fn hidden_columns_are_declared_but_never_read() {
    let config = parse(FULL).unwrap();
    let Source::Csv(source) = &config.datasets[0].source else { panic!() };
    let names: Vec<&str> = source.columns.iter().map(|c| c.column.name.as_str()).collect();
    assert_eq!(names, ["account", "band", "age", "moved_in", "arrears"]);
    assert_eq!((source.header, source.delimiter, source.misfits_max), (true, b';', 3));
    let [account, band, age, moved_in, arrears] = source.columns.as_slice() else { panic!() };
    assert_eq!(account.place, Place::Header("account".to_owned()));
    assert_eq!(band.place, Place::Header("Council tax band".to_owned()));
    assert_eq!(band.derivation, Some(Derivation::Upper));
    assert_eq!((age.place.clone(), age.domain_closed), (Place::Position(3), true));
    assert!(moved_in.date_format.is_some());
    assert_eq!(arrears.thousands_separator, Some(','));
}

#[test]
fn a_blank_is_null_in_text_and_units_and_a_misfit_elsewhere() {
    let text = FULL.replace("blank = \"null\"\n", "");
    let config = parse(&text).unwrap();
    let Source::Csv(source) = &config.datasets[0].source else { panic!() };
    let blanks: Vec<Blank> = source.columns.iter().map(|column| column.blank).collect();
    assert_eq!(blanks, [Blank::Null, Blank::Null, Blank::Misfit, Blank::Misfit, Blank::Misfit]);
}

/// The demo's nodes.
const DEMO: [&str; 7] = ["police", "ons", "health", "dwp", "leeds", "bradford", "kirklees"];

#[test]
fn configurations_of_the_demo_are_read() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../cli/src/demo/nodes");
    let mut councils = Vec::new();
    for name in DEMO {
        let path = folder.join(format!("{name}.toml"));
        let text = std::fs::read_to_string(&path).unwrap();
        let config = NodeConfig::parse(&text, &path).unwrap_or_else(|errors| panic!("{errors}"));
        assert_eq!(config.node.id, format!("{name}-1"));
        assert_eq!(config.datasets.len(), 1);
        assert!(config.link.is_none());
        councils.extend(config.datasets.into_iter().map(|descriptor| descriptor.dataset));
    }
    councils.retain(|dataset| dataset.name.schema() == "councils");
    assert_eq!(councils.len(), 3);
    assert!(
        councils.windows(2).all(|pair| pair[0] == pair[1]),
        "one dataset, declared alike at three nodes"
    );
}

#[test]
fn a_folder_to_spill_to_has_room() {
    let with = |lines: &str| FULL.replace("memory_mib = 256", lines);
    assert_eq!(parse(FULL).unwrap().node.spill, None);
    let spill = parse(&with("spill_folder = \"spill\"")).unwrap().node.spill.unwrap();
    assert_eq!((spill.folder, spill.mib), ("etc/spill".into(), 4_096));
    let spill = parse(&with("spill_folder = \"/spill\"\nspill_mib = 64")).unwrap().node.spill;
    assert_eq!(spill, Some(Spill { folder: "/spill".into(), mib: 64 }));
}

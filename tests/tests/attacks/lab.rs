//! Attacks by simulation: sets of people chosen by the attacker, through the rules on cells, many times over.
//!
//! A question is about a set of units and has a spelling; another spelling is another coordinate. Rules are
//! switched off by the profile. Secrets come from stated seeds.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow_array::cast::AsArray as _;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{Array as _, RecordBatch};
use insitu_disclosure::budget::{Account, ConditionBudget, MemoryBudget, Unpaid, charge};
use insitu_disclosure::dataset::{Bounds, Domain};
use insitu_disclosure::evidence::{Adds, Cell, Contribution, SignCounts, UnitWord};
use insitu_disclosure::guard::{Guard, GuardError, Making, MemoryStore};
use insitu_disclosure::keyed::DatasetKeys;
use insitu_disclosure::noise::Infusion;
use insitu_disclosure::policy::{DifferenceGuard, Dominance, Noise};
use insitu_disclosure::reference::Editions;
use insitu_disclosure::rules::groups::counted_max;
use insitu_disclosure::rules::memory::bytes_max;
use insitu_disclosure::tabulation::{Part, PartKind};
use insitu_disclosure::{
    Admitted, AnswerTimes, Association, Column, Comparison, Dataset, DatasetName, Dispersion,
    Evidence, Input, Key, KeySet, Label, Literal, Measure, MeasureKind, PartEvidence, Pooled,
    Profile, ProtectedUnit, Protection, Release, ReleaseMode, Scalar, ScalarType, Tabulation,
    admit, protect,
};

/// Threshold only, and sharp: no noise, rounding, dominance, degrees of freedom or guard.
pub(super) const THRESHOLD_ONLY: Profile = Profile {
    threshold_blur: 0,
    threshold_blur_chosen: 0,
    noise: Noise::None,
    infusion_percent: 0,
    rounding_base: 1,
    dominance: Dominance::OFF,
    guard: DifferenceGuard::Off,
    degrees_of_freedom: 0,
    ..Profile::STANDARD
};

/// Nothing but the shape of the question is protected.
pub(super) const NO_RULES: Profile = Profile { threshold_units: 0, ..THRESHOLD_ONLY };

/// What is asked of a set of people. None of the columns has gaps, so all counts are the same number.
#[derive(Debug, Clone, Copy)]
pub(super) enum What {
    Rows,
    Units,
    Values(usize),
    Sum,
    /// The variance of the population.
    Variance,
    /// The mean of who has a value in another measure, too: everybody.
    MeanOfPairs,
    /// How many these are.
    Pairs,
}

/// How many columns `What::Values` has.
pub(super) const COLUMNS: usize = 8;

/// A dataset of people with one row each, its secret, and its guard.
#[derive(Debug)]
pub(super) struct Lab {
    dataset: Arc<Dataset>,
    seed: u8,
    /// Whether its sets are ones that a breakdown shows, and not put together by who asks.
    named: bool,
    keys: DatasetKeys,
    guard: Watched,
    budget: Arc<MemoryBudget>,
}

/// A guard, and what it is asked to do.
#[derive(Debug)]
struct Watched {
    guard: MemoryStore,
    cells: AtomicUsize,
    releases: AtomicUsize,
}

impl Default for Watched {
    fn default() -> Self {
        let (cells, releases) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Self { guard: MemoryStore::new(1_000_000), cells, releases }
    }
}

impl Guard for Watched {
    fn release(&self, made: &mut Making<'_>) -> Result<(), GuardError> {
        self.releases.fetch_add(1, Ordering::Relaxed);
        self.guard.release(&mut |judge| {
            made(&mut |cells| {
                self.cells.fetch_add(cells.len(), Ordering::Relaxed);
                judge(cells)
            })
        })
    }
}

/// A person's number, and what they cost.
pub(super) type Person = (u64, i128);

impl Lab {
    pub(super) fn new(profile: Profile, seed: u8) -> Self {
        Self::with_budget(profile, seed, None)
    }

    /// The same with a budget of so many conditions; each spelling is one.
    pub(super) fn with_budget(profile: Profile, seed: u8, conditions_max: Option<u32>) -> Self {
        let column = |name: String, scalar_type, label| Column {
            name,
            scalar_type,
            label,
            domain: None,
            breakpoints: None,
            bounds: (label == Label::Measure).then_some(Bounds { low: 0, high: 1_000_000 }),
            measured_in: None,
            unit_totals: None,
            description: None,
        };
        let mut columns = vec![
            column("person".to_owned(), ScalarType::Int64, Label::Unit),
            column("area".to_owned(), ScalarType::Utf8, Label::Dimension),
            column("cost".to_owned(), ScalarType::Int64, Label::Measure),
            column("beside".to_owned(), ScalarType::Int64, Label::Measure),
        ];
        columns.extend(
            (0..COLUMNS).map(|i| column(format!("c{i}"), ScalarType::Utf8, Label::Dimension)),
        );
        let name = DatasetName::new("lab", "people").unwrap();
        let keys = DatasetKeys::derive(&[seed; 32], &name);
        let protection = Protection::Protected {
            unit: ProtectedUnit::Column { name: "person".to_owned(), unique_per_row: true },
            profile,
            release: ReleaseMode::AtNode,
            units_at_one_node: true,
            record_key: None,
            perturbation: None,
            conditions_max,
            answer_times: AnswerTimes::at_once(),
            rows_about: None,
            reference_joins: true,
            unit_joins: Default::default(),
        };
        let (description, impossible) = (None, Vec::new());
        let dataset = Dataset {
            name,
            description,
            columns,
            impossible,
            hierarchies: Vec::new(),
            protection,
            snapshot: 0,
        };
        let (guard, budget) = (Watched::default(), Arc::new(MemoryBudget::default()));
        Self { dataset: dataset.into(), seed, named: false, keys, guard, budget }
    }

    /// The same where each set that is asked about has a name of its own in the data.
    pub(super) fn named(self) -> Self {
        Self { named: true, ..self }
    }

    /// The same where everybody costs at least so much, and the owner says so.
    pub(super) fn costs_from(self, low: i128) -> Self {
        let mut dataset = Dataset::clone(&self.dataset);
        for column in dataset.columns.iter_mut().filter(|column| column.name == "cost") {
            column.bounds = Some(Bounds { low, high: 1_000_000 });
        }
        Self { dataset: dataset.into(), ..self }
    }

    /// The same where everybody costs 1 or nothing, and the owner says so.
    pub(super) fn costs_one_or_nothing(self) -> Self {
        let mut dataset = Dataset::clone(&self.dataset);
        for column in dataset.columns.iter_mut().filter(|column| column.name == "cost") {
            column.bounds = Some(Bounds { low: 0, high: 1 });
        }
        Self { dataset: dataset.into(), ..self }
    }

    /// The same dataset, with all that was released of it, on other terms.
    pub(super) fn on_terms(self, terms: Profile) -> Self {
        let mut dataset = Dataset::clone(&self.dataset);
        if let Protection::Protected { profile, .. } = &mut dataset.protection {
            *profile = terms;
        }
        Self { dataset: dataset.into(), ..self }
    }

    /// The protected table for one cell, over a state of the data; `None` if the budget is spent.
    pub(super) fn batch(
        &self,
        what: What,
        spelling: &str,
        snapshot: u64,
        people: &[Person],
    ) -> Option<RecordBatch> {
        let admitted = self.question(what, spelling);
        let budget: Arc<dyn ConditionBudget> = Arc::clone(&self.budget) as _;
        let accounts = [(self.dataset.name.clone(), Account { snapshot, budget })].into();
        let admitted = match charge(admitted, &Editions::new(), &accounts) {
            Ok(charged) => charged.into_admitted(),
            Err(Unpaid::Spent(_)) => return None,
            Err(Unpaid::Unkept(error)) => panic!("{error}"),
        };
        let cells = vec![self.cell(&admitted, &self.keys, KeySet::NONE, Vec::new(), people)];
        Some(self.release(&admitted, Evidence { cells }, snapshot))
    }

    /// What a gateway shows of a cell to which each of these departments contributes people; each has keys of its own.
    pub(super) fn shared(
        &self,
        what: What,
        spelling: &str,
        snapshot: u64,
        departments: &[Vec<Person>],
    ) -> Option<i64> {
        let admitted = self.question(what, spelling);
        let answers = departments.iter().zip(1..).map(|(people, number)| {
            let mut secret = [self.seed; 32];
            secret[0] ^= number;
            let keys = DatasetKeys::derive(&secret, &self.dataset.name);
            let mut cells = Vec::new();
            if !people.is_empty() {
                cells.push(self.cell(&admitted, &keys, KeySet::NONE, Vec::new(), people));
            }
            let mut evidence = Evidence { cells };
            evidence.draw(&admitted, &keys, snapshot);
            (number, evidence)
        });
        let pooled = Pooled::of_departments(&admitted, answers);
        let release = Release { snapshot, guard: &self.guard };
        let batch = protect(&admitted, pooled, &release).unwrap().to_batch().unwrap();
        let values = batch.column(0).as_primitive::<Int64Type>();
        (!values.is_null(0)).then(|| values.value(0))
    }

    fn question(&self, what: What, spelling: &str) -> Admitted<Tabulation> {
        // Of a list: who asks puts the set together.
        let others = if self.named { None } else { Some("elsewhere") };
        let list = std::iter::once(spelling).chain(others);
        let predicate = Scalar::InList {
            value: Box::new(Scalar::Column("area".to_owned())),
            list: list.map(|area| Literal::Utf8(area.to_owned())).collect(),
        };
        let scan = Input::Scan { dataset: self.dataset.name.clone(), fingerprint: 0 };
        let column = |name: &str| Scalar::Column(name.to_owned());
        let (cost, beside) = (|| column("cost"), || column("beside"));
        let of_pairs = |of| MeasureKind::Association(of, beside(), cost());
        let kind = match what {
            What::Rows => MeasureKind::Rows,
            What::Units => MeasureKind::Units,
            What::Values(i) => MeasureKind::Values(Scalar::Column(format!("c{i}"))),
            What::Sum => MeasureKind::Sum(cost()),
            What::Variance => MeasureKind::Dispersion(Dispersion::VarianceOfPopulation, cost()),
            What::MeanOfPairs => of_pairs(Association::MeanOfX),
            What::Pairs => of_pairs(Association::Pairs),
        };
        let tabulation = Tabulation {
            input: Input::Filter { input: Box::new(scan), predicate },
            keys: Vec::new(),
            sets: Vec::new(),
            measures: vec![Measure { kind, filter: None }],
            groups_max: 10,
        };
        admit(tabulation, Arc::clone(&self.dataset)).unwrap()
    }

    /// How many cells a node with this limit counts for one question of many; the asker names a limit, too.
    pub(super) fn counted_max(&self, question: u32, named: u32, limit: u32) -> u32 {
        counted_max(&self.one_of_many(question, named), &self.keys, limit, usize::MAX)
    }

    /// How much of its memory a node gives one question of many.
    pub(super) fn memory_max(&self, question: u32, own: usize) -> usize {
        bytes_max(&self.one_of_many(question, 10), &self.keys, own)
    }

    fn one_of_many(&self, question: u32, named: u32) -> Admitted<Tabulation> {
        let scan = Input::Scan { dataset: self.dataset.name.clone(), fingerprint: 0 };
        let predicate = Scalar::Compare {
            op: Comparison::Equal,
            left: Box::new(Scalar::Column("area".to_owned())),
            right: Box::new(Scalar::Literal(Literal::Utf8(question.to_string()))),
        };
        let tabulation = Tabulation {
            input: Input::Filter { input: Box::new(scan), predicate },
            keys: Vec::new(),
            sets: Vec::new(),
            measures: vec![Measure { kind: MeasureKind::Rows, filter: None }],
            groups_max: named,
        };
        admit(tabulation, Arc::clone(&self.dataset)).unwrap()
    }

    /// What a node knows of these people as a cell.
    fn cell(
        &self,
        admitted: &Admitted<Tabulation>,
        secret: &DatasetKeys,
        set: KeySet,
        keys: Vec<Option<Literal>>,
        people: &[Person],
    ) -> Cell {
        let parts = admitted.tabulation().parts(admitted.dataset()).distinct;
        let dataset = admitted.dataset();
        let parts = parts.iter().map(|part| Self::part(part, dataset, secret, people)).collect();
        Cell { set, keys, parts }
    }

    fn part(
        part: &Part<'_>,
        dataset: &Dataset,
        secret: &DatasetKeys,
        people: &[Person],
    ) -> PartEvidence {
        let infusion = Infusion::of(part, dataset);
        let (origin, _) = part.origins(dataset);
        let mut found = PartEvidence::default();
        let mut signs = SignCounts::new();
        for (person, cost) in people {
            let word = secret.unit_word(&person.to_le_bytes());
            let unit = UnitWord { word, record_key: None };
            let (sum, adds) = match part.kind {
                PartKind::Rows | PartKind::Values | PartKind::Units => (0, Adds::Rows),
                PartKind::Sum => (*cost, Adds::Amounts),
                PartKind::Deviations => (cost - origin, Adds::Amounts),
                PartKind::Squares => ((cost - origin).pow(2), Adds::Amounts),
                PartKind::Products => panic!("one column only"),
                PartKind::Distinct => panic!("of open data only"),
            };
            found.add(unit, Contribution { count: 1, sum }, adds, infusion);
            signs.add(word);
        }
        found.sketch = Some(Box::new(signs.to_sketch()));
        found
    }

    fn release(
        &self,
        admitted: &Admitted<Tabulation>,
        mut evidence: Evidence,
        snapshot: u64,
    ) -> RecordBatch {
        evidence.draw(admitted, &self.keys, snapshot);
        let release = Release { snapshot, guard: &self.guard };
        protect(admitted, Pooled::of_one_department(evidence), &release)
            .unwrap()
            .to_batch()
            .unwrap()
    }

    /// The counts of `GROUP BY ROLLUP (area)`: by area, and of the total under no name. What is suppressed isn't
    /// among them.
    pub(super) fn rollup(&self, areas: &[(&str, Vec<Person>)]) -> BTreeMap<Option<String>, i64> {
        let by_area = KeySet::all(1);
        let tabulation = Tabulation {
            input: Input::Scan { dataset: self.dataset.name.clone(), fingerprint: 0 },
            keys: vec![Key { scalar: Scalar::Column("area".to_owned()) }],
            sets: vec![KeySet::NONE, by_area],
            measures: vec![Measure { kind: MeasureKind::Rows, filter: None }],
            groups_max: 10,
        };
        let mut dataset = Dataset::clone(&self.dataset);
        let codes = areas.iter().map(|(area, _)| Literal::Utf8((*area).to_owned()));
        let codes = Domain::Codes(codes.collect());
        for column in dataset.columns.iter_mut().filter(|column| column.name == "area") {
            column.domain = Some(codes.clone());
        }
        let admitted = admit(tabulation, dataset.into()).unwrap();
        let all: Vec<Person> = areas.iter().flat_map(|(_, people)| people).copied().collect();
        let mut cells = vec![self.cell(&admitted, &self.keys, KeySet::NONE, vec![None], &all)];
        cells.extend(areas.iter().map(|(area, people)| {
            let keys = vec![Some(Literal::Utf8((*area).to_owned()))];
            self.cell(&admitted, &self.keys, by_area, keys, people)
        }));
        let batch = self.release(&admitted, Evidence { cells }, 0);
        let (areas, counts) = (batch.column(0), batch.column(2).as_primitive::<Int64Type>());
        let areas = areas.as_string::<i32>().iter().map(|area| area.map(str::to_owned));
        areas.zip(counts).filter_map(|(area, count)| Some((area, count?))).collect()
    }

    /// One question with a grouping set for each of these choices: for each the counts shown of those of these people who are
    /// chosen, and of the others. `None` if the budget is spent.
    pub(super) fn chosen(
        &self,
        spelling: &str,
        choices: &[(Vec<Person>, Vec<Person>)],
    ) -> Option<Vec<[Option<i64>; 2]>> {
        let key = |choice: usize| Scalar::Compare {
            op: Comparison::Equal,
            left: Box::new(Scalar::Column("area".to_owned())),
            right: Box::new(Scalar::Literal(Literal::Utf8(format!("{spelling}, {choice}")))),
        };
        let sets: Vec<KeySet> = (0..choices.len()).map(|i| KeySet::of([i]).unwrap()).collect();
        let tabulation = Tabulation {
            input: Input::Scan { dataset: self.dataset.name.clone(), fingerprint: 0 },
            keys: (0..choices.len()).map(|choice| Key { scalar: key(choice) }).collect(),
            sets: if sets.len() == 1 { Vec::new() } else { sets.clone() },
            measures: vec![Measure { kind: MeasureKind::Rows, filter: None }],
            groups_max: 100,
        };
        let admitted = admit(tabulation, Arc::clone(&self.dataset)).unwrap();
        let budget: Arc<dyn ConditionBudget> = Arc::clone(&self.budget) as _;
        let accounts = [(self.dataset.name.clone(), Account { snapshot: 0, budget })].into();
        let admitted = match charge(admitted, &Editions::new(), &accounts) {
            Ok(charged) => charged.into_admitted(),
            Err(Unpaid::Spent(_)) => return None,
            Err(Unpaid::Unkept(error)) => panic!("{error}"),
        };
        let mut cells = Vec::new();
        for (at, (set, (chosen, others))) in sets.iter().zip(choices).enumerate() {
            for (value, people) in [(true, chosen), (false, others)] {
                let mut keys = vec![None; choices.len()];
                keys[at] = Some(Literal::Boolean(value));
                cells.push(self.cell(&admitted, &self.keys, *set, keys, people));
            }
        }
        let batch = self.release(&admitted, Evidence { cells }, 0);
        let counts = batch.column(batch.num_columns() - 2).as_primitive::<Int64Type>();
        let mut shown = vec![[None; 2]; choices.len()];
        for row in 0..batch.num_rows() {
            for (at, of_choice) in shown.iter_mut().enumerate() {
                let values = batch.column(at).as_boolean();
                if values.is_valid(row) {
                    let place = usize::from(!values.value(row));
                    of_choice[place] = counts.is_valid(row).then(|| counts.value(row));
                }
            }
        }
        Some(shown)
    }

    /// What is shown; `None` if it is suppressed, or refused.
    pub(super) fn ask(&self, what: What, spelling: &str, people: &[Person]) -> Option<i64> {
        self.ask_at(what, spelling, 0, people)
    }

    /// How many cells its guard was told of, and in how many releases.
    pub(super) fn told(&self) -> [usize; 2] {
        [&self.guard.cells, &self.guard.releases].map(|number| number.load(Ordering::Relaxed))
    }

    /// The variance that is shown; `None` if it is suppressed.
    pub(super) fn variance(&self, spelling: &str, people: &[Person]) -> Option<f64> {
        self.number(What::Variance, spelling, people)
    }

    /// The total that is shown as the mean of pairs times how many there are; `None` if one of them is suppressed.
    pub(super) fn total_of_pairs(&self, spelling: &str, people: &[Person]) -> Option<f64> {
        let pairs = self.ask(What::Pairs, spelling, people)?;
        Some(self.number(What::MeanOfPairs, spelling, people)? * pairs as f64)
    }

    fn number(&self, what: What, spelling: &str, people: &[Person]) -> Option<f64> {
        let batch = self.batch(what, spelling, 0, people)?;
        let values = batch.column(0).as_primitive::<Float64Type>();
        (!values.is_null(0)).then(|| values.value(0))
    }

    /// The same over a state of the data.
    pub(super) fn ask_at(
        &self,
        what: What,
        spelling: &str,
        snapshot: u64,
        people: &[Person],
    ) -> Option<i64> {
        let batch = self.batch(what, spelling, snapshot, people)?;
        let values = batch.column(0).as_primitive::<Int64Type>();
        (!values.is_null(0)).then(|| values.value(0))
    }
}

/// People with these numbers, who cost nothing.
pub(super) fn people(numbers: impl IntoIterator<Item = u64>) -> Vec<Person> {
    numbers.into_iter().map(|number| (number, 0)).collect()
}

/// The victim's number.
pub(super) const VICTIM: u64 = 1_000_000;

/// Whether the victim is a member in this trial: half of the time.
pub(super) const fn is_member(trial: u8) -> bool {
    trial.is_multiple_of(2)
}

/// The share of trials in which the attacker is right about the victim, minus one half.
pub(super) fn advantage(trials: u8, guess: impl Fn(u8) -> bool) -> f64 {
    let right = (0..trials).filter(|trial| guess(*trial) == is_member(*trial)).count();
    right as f64 / f64::from(trials) - 0.5
}

//! Protecting large tables, and the guard's look-ups. `cargo bench -p insitu-guard`.
//!
//! The sketches are those of sets with nobody in common, the hardest for a guard: nothing is near, so nothing ends
//! a search early.

// A benchmark may assume, as a test may.
#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    missing_docs
)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use insitu_disclosure::evidence::{Cell, SignCounts, Sketch};
use insitu_disclosure::guard::{Guard, GuardedCell, MemoryStore, Released};
use insitu_disclosure::{
    Admitted, AnswerTimes, Column, Dataset, DatasetName, Evidence, Input, Key, KeySet, Label,
    Literal, Measure, MeasureKind, PartEvidence, Pooled, Preset, ProtectedUnit, Protection,
    Release, ReleaseMode, Scalar, ScalarType, Tabulation, admit, protect,
};
use insitu_guard::AnchorStore;

/// The services', so that what is measured is what runs.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Draws that are the same in every run (splitmix64).
struct Draws(u64);

impl Draws {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A number of units.
    fn size(&mut self, sizes: Sizes) -> u64 {
        match sizes {
            Sizes::Few => 1 + self.next() % 9,
            Sizes::Small => 10 + self.next() % 31,
            // Log-uniform from 10 to 10 000.
            Sizes::Mixed => (10.0 * 1_000_f64.powf(self.unit())) as u64,
        }
    }

    fn sketch(&mut self, units: u64) -> Sketch {
        let mut counts = SignCounts::new();
        (0..units).for_each(|_| counts.add(self.next()));
        counts.to_sketch()
    }
}

#[derive(Debug, Clone, Copy)]
enum Sizes {
    /// All of them suppressed, and most compared all the same.
    Few,
    Small,
    Mixed,
}

fn question(preset: Preset, groups_max: u32) -> Admitted<Tabulation> {
    let name = DatasetName::parse("a.b").unwrap();
    let dataset = Dataset {
        name: name.clone(),
        description: None,
        columns: vec![Column {
            name: "place".to_owned(),
            scalar_type: ScalarType::Int64,
            label: Label::Dimension,
            domain: None,
            breakpoints: None,
            bounds: None,
            measured_in: None,
            unit_totals: None,
            description: None,
        }],
        impossible: Vec::new(),
        hierarchies: Vec::new(),
        protection: Protection::Protected {
            unit: ProtectedUnit::Row,
            profile: preset.profile(),
            release: ReleaseMode::AtNode,
            units_at_one_node: true,
            record_key: None,
            perturbation: None,
            conditions_max: None,
            answer_times: AnswerTimes::default(),
            rows_about: None,
            reference_joins: true,
            unit_joins: Default::default(),
        },
        snapshot: 1,
    };
    let tabulation = Tabulation {
        input: Input::Scan { dataset: name, fingerprint: 0 },
        keys: vec![Key { scalar: Scalar::Column("place".to_owned()) }],
        sets: Vec::new(),
        measures: vec![Measure { kind: MeasureKind::Rows, filter: None }],
        groups_max,
    };
    admit(tabulation, Arc::new(dataset)).unwrap()
}

fn evidence(cells: i64, sizes: Sizes) -> Evidence {
    let mut draws = Draws(1);
    let cell = |place: i64| {
        let units = draws.size(sizes);
        let part = PartEvidence {
            units: units.try_into().unwrap(),
            count: units.try_into().unwrap(),
            record_keys: (draws.next() % 4096) as i64,
            absolute: units.into(),
            largest: [1, 1],
            question: draws.next(),
            sketch: Some(Box::new(draws.sketch(units))),
            ..PartEvidence::default()
        };
        Cell { set: KeySet::all(1), keys: vec![Some(Literal::Int64(place))], parts: vec![part] }
    };
    Evidence { cells: (0..cells).map(cell).collect() }
}

/// A table of 100,000 cells, from Evidence to what is shown.
fn tables(c: &mut Criterion) {
    let mut group = c.benchmark_group("protect 100000 cells");
    group.sample_size(10).measurement_time(Duration::from_secs(10));
    for (name, preset, sizes) in [
        ("ons-ckm", Preset::OnsCkm, Sizes::Mixed),
        ("standard, mixed sizes", Preset::Standard, Sizes::Mixed),
        ("standard, small cells", Preset::Standard, Sizes::Small),
        ("standard, suppressed cells", Preset::Standard, Sizes::Few),
    ] {
        let question = question(preset, 100_000);
        let evidence = evidence(100_000, sizes);
        group.bench_function(name, |b| {
            b.iter_batched(
                || (evidence.clone(), MemoryStore::new(1_000_000)),
                |(evidence, guard)| {
                    let release = Release { snapshot: 1, guard: &guard };
                    (
                        protect(&question, Pooled::of_one_department(evidence), &release).unwrap(),
                        guard,
                    )
                },
                BatchSize::PerIteration,
            );
        });
    }
    let question = question(Preset::Standard, 100_000);
    for (name, sizes, asked_before) in [
        ("standard, mixed sizes, kept on disk", Sizes::Mixed, false),
        ("standard, mixed sizes, kept on disk before", Sizes::Mixed, true),
        ("standard, suppressed cells, kept on disk", Sizes::Few, false),
    ] {
        let evidence = evidence(100_000, sizes);
        group.bench_function(name, |b| {
            b.iter_custom(|runs| {
                let mut taken = Duration::ZERO;
                for _ in 0..runs {
                    let folder = tempfile::tempdir().unwrap();
                    let file = folder.path().join("guard");
                    let guard = AnchorStore::create(file, 1_000_000).unwrap();
                    let release = Release { snapshot: 1, guard: &guard };
                    let answer = || {
                        let pooled = Pooled::of_one_department(evidence.clone());
                        let begun = Instant::now();
                        std::hint::black_box(protect(&question, pooled, &release).unwrap());
                        begun.elapsed()
                    };
                    if asked_before {
                        answer();
                    }
                    taken += answer();
                }
                taken
            });
        });
    }
    group.finish();
}

/// One cell looked up among a million, none of which is near.
fn look_ups(c: &mut Criterion) {
    let mut group = c.benchmark_group("look up among 1000000");
    group.sample_size(10);
    for (name, sizes) in [("mixed sizes", Sizes::Mixed), ("small cells", Sizes::Small)] {
        let mut draws = Draws(7);
        let guard = MemoryStore::new(u64::MAX);
        let cell = |draws: &mut Draws| {
            let units = draws.size(sizes);
            let sketch = draws.sketch(units);
            let coordinate = u128::from(draws.next());
            GuardedCell::new(1, coordinate, units, sketch, Released::new([0; 16]).unwrap()).unwrap()
        };
        let mut kept = 0_u32;
        while kept < 1_000_000 {
            let cells: Vec<_> = (0..10_000).map(|_| cell(&mut draws)).collect();
            guard.judge(&cells).unwrap();
            kept += 10_000;
        }
        group.bench_function(name, |b| {
            b.iter_batched(
                || [cell(&mut draws)],
                |one| guard.judge(&one).unwrap(),
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, tables, look_ups);
criterion_main!(benches);

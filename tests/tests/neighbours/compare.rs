//! What may differ between a table over `D` and one over `D` without the victim, and what may not.

use std::collections::{BTreeMap, BTreeSet};

use arrow_array::cast::AsArray as _;
use arrow_array::{Array as _, ArrayRef};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use insitu_disclosure::evidence::{Cell, PartEvidence, PartShape, merge};
use insitu_disclosure::guard::decide::WINDOW;
use insitu_disclosure::guard::{Guard, GuardError, Making, MemoryStore, Verdict};
use insitu_disclosure::policy::Profile;
use insitu_disclosure::rules::edge::Edge;
use insitu_disclosure::rules::{dof, dominance, noise, rounding, threshold};
use insitu_disclosure::tabulation::{Part, PartKind, Parts};
use insitu_disclosure::{
    Admitted, Evidence, KeySet, MeasureKind, Pooled, Release, SET_COLUMN, Tabulation, protect,
};

use super::relay::{STATE, draw};

/// How many comparisons were of which kind: a test in which nothing differed would test nothing.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Seen {
    pub(super) tables: u32,
    pub(super) untouched: u32,
    pub(super) touched: u32,
    pub(super) values_differ: u32,
    pub(super) statuses_differ: u32,
    pub(super) snapped: u32,
}

impl std::ops::AddAssign for Seen {
    fn add_assign(&mut self, other: Self) {
        self.tables += other.tables;
        self.untouched += other.untouched;
        self.touched += other.touched;
        self.values_differ += other.values_differ;
        self.statuses_differ += other.statuses_differ;
        self.snapped += other.snapped;
    }
}

/// Everything is new to it, so that cells can be compared one by one.
#[derive(Debug)]
struct Forgetful;

impl Guard for Forgetful {
    fn release(&self, made: &mut Making<'_>) -> Result<(), GuardError> {
        made(&mut |cells| Ok(vec![Verdict::Fresh; cells.len()]))
    }
}

/// A cell's measures as shown: value and status, in order, by the text of its set and keys. What is
/// remarked of a value follows from it, and isn't compared.
type Shown = BTreeMap<String, Vec<(String, String)>>;

fn shown(admitted: &Admitted<Tabulation>, evidence: &Evidence, guard: &dyn Guard) -> Shown {
    let release = Release { snapshot: STATE, guard };
    let table = protect(admitted, Pooled::of_one_department(evidence.clone()), &release).unwrap();
    let batch = table.to_batch().unwrap();
    let options = FormatOptions::default().with_null("NULL");
    let text = |column: usize, row: usize| {
        ArrayFormatter::try_new(batch.column(column), &options).unwrap().value(row).to_string()
    };
    let keys = admitted.key_types().len();
    // With grouping sets a cell's set stands beside its keys.
    let sets = batch.schema().index_of(SET_COLUMN).ok();
    let first = keys + usize::from(sets.is_some());
    let all = KeySet::all(keys).mask().to_string();
    let rows = (0..batch.num_rows()).map(|row| {
        let mut key = vec![sets.map_or(all.clone(), |set| text(set, row))];
        key.extend((0..keys).map(|k| text(k, row)));
        let status = |m: usize| match batch.column(m).as_string::<i32>().value(row) {
            "u" | "low" => String::new(),
            sign => sign.to_owned(),
        };
        let measures =
            (first..batch.num_columns()).step_by(2).map(|m| (text(m, row), status(m + 1)));
        (format!("{key:?}"), measures.collect())
    });
    rows.collect()
}

/// The protected table as it leaves, byte for byte, with a guard that saw nothing before.
pub(super) fn table(admitted: &Admitted<Tabulation>, evidence: &Evidence) -> String {
    let release = Release { snapshot: STATE, guard: &MemoryStore::new(u64::MAX) };
    let batch = protect(admitted, Pooled::of_one_department(evidence.clone()), &release)
        .unwrap()
        .to_batch()
        .unwrap();
    text(batch.columns())
}

/// Every value: an array's own text leaves out what is in the middle of a long one.
pub(super) fn text(columns: &[ArrayRef]) -> String {
    let options = FormatOptions::default().with_null("NULL");
    let column = |column: &ArrayRef| {
        let values = ArrayFormatter::try_new(column.as_ref(), &options).unwrap();
        let values: Vec<String> =
            (0..column.len()).map(|row| values.value(row).to_string()).collect();
        format!("{:?}: {values:?}", column.data_type())
    };
    columns.iter().map(column).collect::<Vec<_>>().join("; ")
}

/// Cells by the text of their set and keys, as [`Shown`] has it.
fn by_key(evidence: &Evidence) -> BTreeMap<String, &Cell> {
    let key = |cell: &Cell| {
        let parts = cell.keys.iter().map(|k| match k {
            None => "NULL".to_owned(),
            Some(insitu_disclosure::Literal::Utf8(text)) => text.clone(),
            Some(literal) => literal.to_string(),
        });
        let set = cell.set.mask().to_string();
        format!("{:?}", std::iter::once(set).chain(parts).collect::<Vec<_>>())
    };
    evidence.cells.iter().map(|cell| (key(cell), cell)).collect()
}

/// Whether rows of the victim are in a part: what noise covers.
fn is_in(part: &PartEvidence) -> bool {
    part.count != 0 || part.nameless.count != 0
}

/// Compares; `with` is Evidence of `D`, `without` of `D` less the victim, `alone` of the victim's rows
/// only. Gives every difference that noise doesn't cover.
pub(super) fn compare(
    admitted: &Admitted<Tabulation>,
    with: &Evidence,
    without: &Evidence,
    alone: &Evidence,
) -> (Vec<String>, Seen) {
    let mut found = Vec::new();
    let mut seen = Seen { tables: 1, ..Seen::default() };

    // What is known of D is what is known of the others and of the victim, and nothing else: a cell
    // the victim isn't in has the same Evidence in both.
    let mut sum = merge([without.clone(), alone.clone()]);
    draw(admitted, &mut sum);
    if by_key(&sum) != by_key(with) {
        found.push("the Evidence isn't that of the others and the victim".to_owned());
    }

    let (known, known_without, victim) = (by_key(with), by_key(without), by_key(alone));
    let (first, second) = (shown(admitted, with, &Forgetful), shown(admitted, without, &Forgetful));
    let guarded = (
        shown(admitted, with, &MemoryStore::new(u64::MAX)),
        shown(admitted, without, &MemoryStore::new(u64::MAX)),
    );
    let Parts { distinct: parts, of_measures } = admitted.tabulation().parts(admitted.dataset());
    let settled = |cells: &BTreeMap<String, &Cell>, key: &str, part: usize| {
        let evidence = cells.get(key).map(|c| c.parts[part].clone()).unwrap_or_default();
        evidence.settled(PartShape::of(&parts[part], admitted.dataset()).adds).into_owned()
    };
    let keys: BTreeSet<&String> = first.keys().chain(second.keys()).collect();
    let small = ("NULL".to_owned(), "c".to_owned());
    for key in keys {
        for (m, of_measure) in of_measures.iter().enumerate() {
            // A row that isn't there is one whose cells are all suppressed.
            let cell = |shown: &Shown| shown.get(key).map_or(small.clone(), |row| row[m].clone());
            let (a, b) = (cell(&first), cell(&second));
            let touched =
                victim.get(key).is_some_and(|c| of_measure.iter().any(|p| is_in(&c.parts[*p])));
            let (ga, gb) = (cell(&guarded.0), cell(&guarded.1));
            // That there is no correlation where nothing spreads follows from shown values: it is a value too, as an
            // estimate is.
            let is_shown = |cell: &(String, String)| matches!(cell.1.as_str(), "" | "x" | "e");
            // Of two cells that are nearly equal both are shown, or none.
            let near = || {
                of_measure.iter().any(|p| {
                    let n = settled(&known, key, *p).units;
                    let same = (0..parts.len())
                        .filter(|q| scope(&parts[*q], admitted) == scope(&parts[*p], admitted));
                    let cells = known.keys();
                    let mut cells = same.flat_map(|q| cells.clone().map(move |other| (q, other)));
                    cells.any(|(q, other)| {
                        (q, other) != (*p, key) && settled(&known, other, q).units.abs_diff(n) <= 20
                    })
                })
            };
            if [&ga, &gb].map(is_shown) != [&a, &b].map(is_shown) && !near() {
                found.push(format!("{key} {m}: the guard changes a status, and no cell is near"));
            }
            if !touched {
                seen.untouched += 1;
                if a != b {
                    found.push(format!("{key} {m}: {a:?} becomes {b:?} without somebody else"));
                }
                if ga != gb {
                    seen.snapped += 1;
                    let near = of_measure.iter().any(|p| {
                        let n = settled(&known, key, *p).units;
                        victim.iter().any(|(other, c)| {
                            let same = (0..parts.len()).filter(|q| {
                                scope(&parts[*q], admitted) == scope(&parts[*p], admitted)
                            });
                            same.filter(|q| is_in(&c.parts[*q]))
                                .any(|q| settled(&known, other, q).units.abs_diff(n) < WINDOW + 1)
                        })
                    });
                    if !near {
                        found.push(format!(
                            "{key} {m}: {ga:?} becomes {gb:?}, and no released cell is near"
                        ));
                    }
                }
                continue;
            }
            seen.touched += 1;
            let pairs: Vec<_> = of_measure
                .iter()
                .map(|p| (&parts[*p], settled(&known, key, *p), settled(&known_without, key, *p)))
                .collect();
            let cell = known.get(key).or_else(|| known_without.get(key));
            let set = cell.map_or(KeySet::NONE, |cell| cell.set);
            let edge = edge(admitted, set, &of_measures, of_measure);
            match &admitted.tabulation().measures[m].kind {
                // Every bin is a count, and is compared as one.
                MeasureKind::Histogram(_) => {
                    let bins = |cell: &str| bins(cell, pairs.len());
                    let of_bins = bins(&a.0).into_iter().zip(bins(&b.0)).zip(&pairs);
                    for ((a, b), (part, x, y)) in of_bins {
                        let covered = if (a == "NULL") == (b == "NULL") {
                            a == b || value_is_covered(part, &a, &b, x, y)
                        } else {
                            status_is_covered(part, admitted, edge, x, y)
                        };
                        seen.values_differ += u32::from(a != b);
                        if !covered {
                            found.push(format!("{key} {m}: a bin of {a} becomes {b}"));
                        }
                    }
                    continue;
                }
                // It follows from the shown counts, which are compared where they are shown.
                MeasureKind::Quantile { .. } => continue,
                MeasureKind::Rows
                | MeasureKind::Values(_)
                | MeasureKind::Units
                | MeasureKind::ApproxDistinct(_)
                | MeasureKind::Sum(_)
                | MeasureKind::Mean(_)
                | MeasureKind::Dispersion(..)
                | MeasureKind::Association(..) => {}
            }
            if is_shown(&a) != is_shown(&b) {
                seen.statuses_differ += 1;
                if !pairs.iter().any(|(part, x, y)| status_is_covered(part, admitted, edge, x, y)) {
                    found
                        .push(format!("{key} {m}: {a:?} becomes {b:?}: not by the edge of a rule"));
                }
            } else if a != b {
                seen.values_differ += 1;
                if let [(part, x, y)] = pairs.as_slice()
                    && !value_is_covered(part, &a.0, &b.0, x, y)
                {
                    found.push(format!("{key} {m}: {a:?} becomes {b:?}: more than noise"));
                }
            }
        }
    }
    (found, seen)
}

/// The bins of a histogram as text; of one that is suppressed, all are.
fn bins(cell: &str, count: usize) -> Vec<String> {
    match cell.strip_prefix('[').and_then(|c| c.strip_suffix(']')) {
        Some(bins) => bins.split(", ").map(str::to_owned).collect(),
        None => vec!["NULL".to_owned(); count],
    }
}

/// What the guard compares with each other, in a dataset whose units have many rows.
fn scope(part: &Part<'_>, admitted: &Admitted<Tabulation>) -> String {
    match part.number(admitted.dataset()) {
        PartKind::Rows | PartKind::Values => "rows".to_owned(),
        PartKind::Units => "units".to_owned(),
        PartKind::Distinct
        | PartKind::Sum
        | PartKind::Deviations
        | PartKind::Squares
        | PartKind::Products => part.name(admitted.dataset()),
    }
}

/// The widest edge that one of these parts has in a cell of this set.
fn edge(
    admitted: &Admitted<Tabulation>,
    set: KeySet,
    of_measures: &[Vec<usize>],
    parts: &[usize],
) -> Edge {
    let tabulation = admitted.tabulation();
    let sharing = tabulation.measures.iter().zip(of_measures);
    let sharing = sharing.filter(|(_, places)| places.iter().any(|place| parts.contains(place)));
    let edges = sharing
        .map(|(measure, _)| Edge::of(tabulation, admitted.dataset(), set, measure.filter.as_ref()));
    edges.max().unwrap()
}

/// A status may differ where the threshold is blurred, where the victim decides on dominance, or
/// where noise brings a count below the threshold.
fn status_is_covered(
    part: &Part<'_>,
    admitted: &Admitted<Tabulation>,
    edge: Edge,
    with: &PartEvidence,
    without: &PartEvidence,
) -> bool {
    let profile = admitted.dataset().profile();
    let shape = PartShape::of(part, admitted.dataset());
    let blur = match edge {
        Edge::Named => profile.threshold_blur,
        Edge::Chosen => profile.threshold_blur.max(profile.threshold_blur_chosen),
    };
    let raised = |least: u32| i64::from(least)..=i64::from(least.saturating_add(blur));
    let passes = |evidence| threshold::passes(evidence, profile, edge, true);
    let blurred =
        raised(profile.threshold_units).contains(&with.units) && passes(with) != passes(without);
    // The same edge further up, for the parameters of a moment.
    let least = part.parameters.saturating_add(profile.degrees_of_freedom);
    let passes = |evidence| dof::passes(evidence, profile, edge, part.parameters);
    let blurred =
        blurred || (raised(least).contains(&with.units) && passes(with) != passes(without));
    let limits = dominance::limits_of(part.kind, profile.dominance);
    let dominated = shape.contributions
        && dominance::is_dominated(with, limits, edge)
            != dominance::is_dominated(without, limits, edge);
    blurred || dominated || is_low(part, with, profile) != is_low(part, without, profile)
}

fn is_low(part: &Part<'_>, evidence: &PartEvidence, profile: Profile) -> bool {
    let (of, count) = match part.kind {
        PartKind::Rows | PartKind::Values => (noise::Of::Rows, evidence.count),
        PartKind::Units => (noise::Of::Units, evidence.units),
        PartKind::Distinct
        | PartKind::Sum
        | PartKind::Deviations
        | PartKind::Squares
        | PartKind::Products => return false,
    };
    let noisy = i128::from(count) + noise::of(evidence, of, profile, None);
    rounding::round_count(noisy, profile) < i128::from(profile.threshold_units)
}

/// A value may differ by the victim's contribution, by what both layers add to both (3 a layer for
/// counts, times what units contribute in the mean; 20 % of the largest contribution a layer where a unit may contribute more than one), and
/// by rounding.
fn value_is_covered(
    part: &Part<'_>,
    a: &str,
    b: &str,
    with: &PartEvidence,
    without: &PartEvidence,
) -> bool {
    let (Ok(a), Ok(b)) = (a.parse::<f64>(), b.parse::<f64>()) else { return false };
    let own = match part.kind {
        PartKind::Rows | PartKind::Values => (with.count - without.count).unsigned_abs() as f64,
        // It is of open data only, which has no neighbours.
        PartKind::Distinct => 0.0,
        PartKind::Units => 1.0,
        PartKind::Sum | PartKind::Deviations | PartKind::Squares | PartKind::Products => {
            (with.sum - without.sum).unsigned_abs() as f64
        }
    };
    let largest = with.largest[0].max(without.largest[0]) as f64;
    // A total has a count's noise times the mean contribution: up to 6 either way.
    let mean = |e: &PartEvidence| match part.kind {
        PartKind::Sum | PartKind::Deviations | PartKind::Squares | PartKind::Products => {
            e.absolute as f64 / e.units.max(1) as f64
        }
        PartKind::Rows | PartKind::Values => e.count as f64 / e.units.max(1) as f64,
        PartKind::Units | PartKind::Distinct => 1.0,
    };
    let counted = 6.0 * (mean(with) + mean(without));
    (a - b).abs() <= own + counted + 2.0 * 2.0 * 0.2 * largest + 5.0
}

//! Dimensions of which one is, in the data, a function of another without its owner having said so: areas within regions
//! without `within`. Complementary suppression protects the tables by either apart then, and the one less the other's
//! shown cells may be a suppressed cell. Only the data tell that there are such columns, so their owner is told, by
//! name, when the data are loaded.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_schema::DataType;
use futures::TryStreamExt;
use insitu_disclosure::dataset::{DOMAIN_VALUES_MAX, Dataset};
use insitu_disclosure::hierarchy::Hierarchy;
use insitu_disclosure::label::Label;
use insitu_disclosure::policy::Complementary;
use insitu_engine::catalog::TableProvider;
use insitu_engine::datasource::provider_as_source;
use insitu_engine::logical_expr::{LogicalPlanBuilder, cast, ident};
use insitu_engine::{OpenSession, SharedPlan, physical, stream};

use super::error::SourceError;

/// The most dimensions that are looked at, two by two.
const COLUMNS_MAX: usize = 40;

/// Values with fewer rows than this each tell nothing: any column is a function of one that is unique.
const ROWS_OF_A_VALUE: usize = 4;

/// Columns of which the first determines the second, by name.
pub(super) async fn functions(
    table: &Arc<dyn TableProvider>,
    dataset: &Dataset,
    session: &OpenSession,
) -> Result<Vec<[String; 2]>, SourceError> {
    if dataset.profile().complementary == Complementary::Off {
        return Ok(Vec::new());
    }
    let dimensions = dataset.columns.iter().filter(|c| c.label == Label::Dimension);
    let names: Vec<&str> = dimensions.map(|c| c.name.as_str()).take(COLUMNS_MAX).collect();
    let mut pairs = Pairs::of(&names, &dataset.hierarchies);
    let scan = LogicalPlanBuilder::scan("rows", provider_as_source(Arc::clone(table)), None)?;
    // Whatever their type, equal values are equal texts.
    let texts = names.iter().map(|name| cast(ident(*name), DataType::Utf8).alias(*name));
    let texts = physical(session.clone(), SharedPlan::new(scan.project(texts)?.build()?)).await?;
    let mut batches = stream(session, texts)?;
    while !pairs.pairs.is_empty() {
        let Some(batch) = batches.try_next().await? else { break };
        pairs.add(&batch);
    }
    Ok(pairs.found(&names))
}

/// Two columns by their places, of which the first may determine the second.
struct Pair {
    places: [usize; 2],
    /// What of the second was found beside each value of the first; all by their hashes.
    found: HashMap<u64, u64>,
}

struct Pairs {
    hasher: RandomState,
    pairs: Vec<Pair>,
    rows: usize,
}

impl Pairs {
    /// All that no hierarchy says anything of.
    fn of(names: &[&str], hierarchies: &[Hierarchy]) -> Self {
        let lies_within = |column: &str, within: &str| {
            let mut reached = HashSet::from([column]);
            // Each pass goes one level up.
            for _ in hierarchies {
                let next = hierarchies.iter().filter(|h| reached.contains(h.column()));
                let next: Vec<&str> = next.map(Hierarchy::within).collect();
                reached.extend(next);
            }
            reached.contains(within)
        };
        let mut pairs = Vec::new();
        for (i, column) in names.iter().enumerate() {
            for (j, within) in names.iter().enumerate() {
                if i != j && !lies_within(column, within) && !lies_within(within, column) {
                    pairs.push(Pair { places: [i, j], found: HashMap::new() });
                }
            }
        }
        Self { hasher: RandomState::new(), pairs, rows: 0 }
    }

    fn add(&mut self, batch: &RecordBatch) {
        let hash = |column: &dyn arrow_array::Array| -> Option<Vec<u64>> {
            let texts = column.as_string_opt::<i32>()?;
            Some(texts.iter().map(|text| self.hasher.hash_one(text)).collect())
        };
        let hashes: Vec<Option<Vec<u64>>> = batch.columns().iter().map(|c| hash(c)).collect();
        let column = |place: usize| hashes.get(place).and_then(Option::as_ref);
        self.pairs.retain_mut(|Pair { places: [from, to], found }| {
            let Some((from, to)) = column(*from).zip(column(*to)) else { return false };
            let same = |(from, to): (&u64, &u64)| found.entry(*from).or_insert(*to) == to;
            from.iter().zip(to).all(same) && found.len() <= DOMAIN_VALUES_MAX
        });
        self.rows = self.rows.saturating_add(batch.num_rows());
    }

    fn found(self, names: &[&str]) -> Vec<[String; 2]> {
        let tells = |pair: &&Pair| {
            let values: HashSet<&u64> = pair.found.values().collect();
            let rows_of_each = self.rows.checked_div(pair.found.len()).unwrap_or(0);
            1 < values.len() && ROWS_OF_A_VALUE <= rows_of_each
        };
        let found: Vec<[usize; 2]> =
            self.pairs.iter().filter(tells).map(|pair| pair.places).collect();
        // Of two that determine each other the first is told.
        let told = found.iter().filter(|[i, j]| i < j || !found.contains(&[*j, *i]));
        let named = told.map(|places| places.map(|place| names.get(place).copied()));
        named
            .filter_map(|[column, within]| Some([column?.to_owned(), within?.to_owned()]))
            .collect()
    }
}

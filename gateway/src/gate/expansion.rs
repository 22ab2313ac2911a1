//! How large a statement becomes once its CTEs are written out where they are used.
//!
//! The planner copies a CTE to each place that names it: 18 CTEs, each using the one before it
//! twice, are a thousand bytes of text and 262,144 tables (47 s and 2 GiB of planning, measured).
//! Each CTE is counted once here, and its counts are added at each reference, so counting is as
//! short as the text. Here it is known, too, which CTE a name means: so what tables are joined by is looked at here (`joins`).

use insitu_disclosure::{Refusal, RefusalCode, Refusals};
use sqlparser::ast::{Expr, GroupByExpr, Query, SetExpr, TableFactor};

use super::from::{normal, relation_name};
use super::gated::RelationName;
use super::joins::{self, has_one_row};
use super::limits::Limits;
use super::nesting::too_deep;
use super::query::{ctes, read_clauses};
use super::refusals::count;
use super::shape::{Part, REFUSALS_MAX, Reading};

/// Counts a statement that has the right shape; returns the tables it reads.
pub(super) fn check(query: &Query, limits: &Limits) -> Result<Vec<RelationName>, Refusals> {
    let mut counter =
        Counter { limits, ctes: Vec::new(), relations: Vec::new(), refusals: Vec::new() };
    let size = counter.query(query);
    // A CTE that is too large is one reason enough.
    let refusals = size.check(limits);
    let joins = counter.refusals.drain(..).take(REFUSALS_MAX);
    match Refusals::collect(refusals.into_iter().chain(joins)) {
        Some(refusals) => Err(refusals),
        None => Ok(counter.relations),
    }
}

/// What is counted.
#[derive(Debug, Clone, Copy, Default)]
struct Size {
    relations: u64,
    joins: u64,
    set_operations: u64,
    grouping_sets: u64,
    /// How many subqueries stand inside each other.
    subqueries: u64,
    /// How many derived tables and CTEs stand upon each other.
    levels: u64,
}

impl Size {
    /// Two parts of one query: what they hold adds up, how deep they are doesn't.
    fn add(&mut self, other: Self) {
        self.relations = self.relations.saturating_add(other.relations);
        self.joins = self.joins.saturating_add(other.joins);
        self.set_operations = self.set_operations.saturating_add(other.set_operations);
        self.grouping_sets = self.grouping_sets.saturating_add(other.grouping_sets);
        self.subqueries = self.subqueries.max(other.subqueries);
        self.levels = self.levels.max(other.levels);
    }

    /// The larger of two, number by number.
    fn max(self, other: Self) -> Self {
        Self {
            relations: self.relations.max(other.relations),
            joins: self.joins.max(other.joins),
            set_operations: self.set_operations.max(other.set_operations),
            grouping_sets: self.grouping_sets.max(other.grouping_sets),
            subqueries: self.subqueries.max(other.subqueries),
            levels: self.levels.max(other.levels),
        }
    }

    fn check(self, limits: &Limits) -> Vec<Refusal> {
        let mut refusals = Vec::new();
        let arms = if self.set_operations == 0 { 0 } else { self.set_operations.saturating_add(1) };
        for (size, limit, what) in [
            (self.relations, limits.relations_max, "tables"),
            (self.joins, limits.joins_total_max, "joins"),
            (arms, limits.arms_max, "queries combined by `UNION`, `EXCEPT` and `INTERSECT`"),
            (self.grouping_sets, limits.grouping_sets_max, "grouping sets"),
        ] {
            if size > limit {
                refusals.push(Refusal::new(
                    RefusalCode::L503,
                    format!(
                        "the statement has {} {what} with its CTEs written out; the limit is {}.",
                        count(size),
                        count(limit)
                    ),
                    "Refer to each CTE less often, or split the question.",
                ));
            }
        }
        for (depth, limit, what) in [
            (self.subqueries, limits.subqueries_max, "subqueries"),
            (self.levels, limits.levels_max, "CTEs and derived tables"),
        ] {
            if depth > limit {
                refusals.push(too_deep(what, usize::try_from(limit).unwrap_or(usize::MAX)));
            }
        }
        refusals
    }
}

struct Counter<'l> {
    limits: &'l Limits,
    /// The CTEs in scope, and whether each may have one row at most; the last of a name is the one meant.
    ctes: Vec<(String, Size, bool)>,
    relations: Vec<RelationName>,
    /// Of joins.
    refusals: Vec<Refusal>,
}

impl Counter<'_> {
    /// Recursive over queries only, whose nesting `nesting.rs` bounds.
    fn query(&mut self, query: &Query) -> Size {
        let outer = self.ctes.len();
        // The planner plans a CTE even if nothing refers to it.
        let mut largest = Size::default();
        for cte in ctes(query) {
            let size = self.query(&cte.query);
            largest = largest.max(size);
            let is_single = has_one_row(&cte.query, &|name| self.is_single(name));
            self.ctes.push((normal(&cte.alias.name), size, is_single));
        }
        let size = self.clauses(query);
        self.ctes.truncate(outer);
        size.max(largest)
    }

    fn clauses(&mut self, query: &Query) -> Size {
        let mut size = Size::default();
        let mut reading = Reading::default();
        read_clauses(query, &mut reading);
        let mut waiting: Vec<Part<'_>> = reading.parts.drain(..).rev().collect();
        while let Some(part) = waiting.pop() {
            match part {
                Part::Query(inner) => size.add(self.query(inner)),
                Part::Subquery(inner) => {
                    let mut inner = self.query(inner);
                    inner.subqueries = inner.subqueries.saturating_add(1);
                    inner.levels = inner.levels.saturating_add(1);
                    size.add(inner);
                }
                Part::Table(TableFactor::Table { name, .. }) => {
                    if let Some(name) = relation_name(name) {
                        size.add(self.table(name));
                    }
                }
                Part::Body(SetExpr::SetOperation { .. }) => {
                    size.set_operations = size.set_operations.saturating_add(1);
                    part.read(self.limits, &mut reading);
                }
                Part::Select(select) => {
                    size.grouping_sets =
                        size.grouping_sets.saturating_add(grouping_sets(&select.group_by));
                    let commas = select.from.len().saturating_sub(1);
                    size.joins = size.joins.saturating_add(commas as u64);
                    let refused = joins::refusals(select, &|name| self.is_single(name));
                    self.refusals.extend(refused);
                    part.read(self.limits, &mut reading);
                }
                Part::Tables(tables) => {
                    size.joins = size.joins.saturating_add(tables.joins.len() as u64);
                    part.read(self.limits, &mut reading);
                }
                Part::Body(_) | Part::Table(_) | Part::Expr(_) => {
                    part.read(self.limits, &mut reading);
                }
            }
            waiting.extend(reading.parts.drain(..).rev());
        }
        size
    }

    /// Whether a name is that of a CTE with one row at most.
    fn is_single(&self, name: &str) -> bool {
        let found = self.ctes.iter().rev().find(|(cte, _, _)| cte == name);
        found.is_some_and(|(_, _, is_single)| *is_single)
    }

    /// A name in `FROM`: a CTE in scope, else a table.
    fn table(&mut self, name: RelationName) -> Size {
        if let [single] = name.parts()
            && let Some((_, size, _)) = self.ctes.iter().rev().find(|(cte, _, _)| cte == single)
        {
            return Size { levels: size.levels.saturating_add(1), ..*size };
        }
        if !self.relations.contains(&name) {
            self.relations.push(name);
        }
        Size { relations: 1, ..Size::default() }
    }
}

/// How many grouping sets a `GROUP BY` has; 0 for a plain one.
fn grouping_sets(group_by: &GroupByExpr) -> u64 {
    let exprs = match group_by {
        GroupByExpr::All(_) => return 0,
        GroupByExpr::Expressions(exprs, _) => exprs,
    };
    let mut product: Option<u64> = None;
    for expr in exprs {
        let sets = match expr {
            Expr::GroupingSets(sets) => sets.len() as u64,
            Expr::Rollup(keys) => keys.len() as u64 + 1,
            Expr::Cube(keys) => u32::try_from(keys.len())
                .ok()
                .and_then(|keys| 1_u64.checked_shl(keys))
                .unwrap_or(u64::MAX),
            // Any other key stands in every grouping set.
            _ => continue,
        };
        product = Some(product.unwrap_or(1).saturating_mul(sets));
    }
    product.unwrap_or(0)
}

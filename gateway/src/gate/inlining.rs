//! How large expressions become once every column is replaced by the expression behind it.
//!
//! An optimiser that moves a filter beneath a projection replaces each column in it by the
//! projection's expression. With `c1 AS (SELECT x + x AS x FROM t), c2 AS (SELECT x + x AS x FROM
//! c1), …` and `WHERE x > 0` at the end the filter doubles with each CTE, although each is read
//! once: 16 of them are 700 bytes and take half a minute of planning in a debug build, 25 would
//! take hours.
//!
//! Weights are counted by name, as far as names are known without a catalogue, and never too low: a
//! column's weight is the number of columns of real tables that its expression comes to. Aggregates
//! and window functions are a floor that no filter is moved beneath, so they weigh one. Long text
//! literals weigh by their length, because concatenation multiplies them in the same way.

use std::rc::Rc;

use insitu_disclosure::{Refusal, RefusalCode};
use sqlparser::ast::{
    Expr, Ident, OrderByKind, Query, Select, SelectItem, SelectItemQualifiedWildcardKind, SetExpr,
    TableFactor, Value, ValueWithSpan, Values,
};

use super::calls;
use super::expression;
use super::from::{condition, normal, relation_name};
use super::functions;
use super::limits::Limits;
use super::outputs::{Column, Output, Scope, Tables};
use super::query::ctes;
use super::refusals::count;
use super::select;
use super::shape::{Part, Reading};

/// Bytes of a text literal that weigh as much as one column.
const LITERAL_BYTES_PER_WEIGHT: u64 = 64;

/// Weighs a statement that has the right shape.
pub(super) fn check(query: &Query, limits: &Limits) -> Result<(), Refusal> {
    let mut scale = Scale { limits, total: 0, ctes: Vec::new() };
    match scale.query(query, None) {
        Ok(_) => Ok(()),
        Err(TooHeavy) => Err(Refusal::new(
            RefusalCode::L503,
            format!(
                "the statement refers to more than {} columns with each written out as its expression.",
                count(limits.references_max)
            ),
            "Refer less often to columns that a CTE or a subquery calculates.",
        )),
    }
}

/// The total has passed the limit.
struct TooHeavy;

struct Scale<'l> {
    limits: &'l Limits,
    total: u64,
    ctes: Vec<(String, Rc<Output>)>,
}

impl Scale<'_> {
    fn add(&mut self, weight: u64) -> Result<(), TooHeavy> {
        self.total = self.total.saturating_add(weight);
        if self.total > self.limits.references_max { Err(TooHeavy) } else { Ok(()) }
    }

    /// Recursive over queries only, whose nesting `nesting.rs` bounds.
    fn query(&mut self, query: &Query, outer: Option<&Scope<'_>>) -> Result<Output, TooHeavy> {
        let before = self.ctes.len();
        for cte in ctes(query) {
            let output = self.query(&cte.query, outer)?.renamed(&cte.alias);
            self.ctes.push((normal(&cte.alias.name), Rc::new(output)));
        }
        let (output, tables) = self.body(&query.body, outer)?;
        if let Some(order_by) = &query.order_by
            && let OrderByKind::Expressions(keys) = &order_by.kind
        {
            let scope = Scope { tables: &tables, own: Some(&output), outer };
            for key in keys {
                self.expr(&key.expr, &scope)?;
            }
        }
        self.ctes.truncate(before);
        Ok(output)
    }

    fn body(
        &mut self,
        body: &SetExpr,
        outer: Option<&Scope<'_>>,
    ) -> Result<(Output, Tables), TooHeavy> {
        match body {
            SetExpr::Select(select) => self.select(select, outer),
            SetExpr::Query(query) => Ok((self.query(query, outer)?, Tables::new())),
            SetExpr::SetOperation { left, right, .. } => {
                let (left, _) = self.body(left, outer)?;
                let (right, _) = self.body(right, outer)?;
                Ok((left.combined(&right), Tables::new()))
            }
            SetExpr::Values(values) => Ok((self.values(values, outer)?, Tables::new())),
            // Refused by `query.rs`.
            SetExpr::Insert(_)
            | SetExpr::Update(_)
            | SetExpr::Delete(_)
            | SetExpr::Merge(_)
            | SetExpr::Table(_) => Ok((Output::table(), Tables::new())),
        }
    }

    fn values(&mut self, values: &Values, outer: Option<&Scope<'_>>) -> Result<Output, TooHeavy> {
        let scope = Scope { tables: &[], own: None, outer };
        let mut columns: Vec<Column> = Vec::new();
        for row in &values.rows {
            for (position, expr) in row.content.iter().enumerate() {
                let weight = self.expr(expr, &scope)?.max(1);
                match columns.get_mut(position) {
                    Some(column) => column.weight = column.weight.max(weight),
                    None => columns.push(Column { name: None, weight }),
                }
            }
        }
        Ok(Output { columns, open: false })
    }

    fn select(
        &mut self,
        select: &Select,
        outer: Option<&Scope<'_>>,
    ) -> Result<(Output, Tables), TooHeavy> {
        let mut tables = Tables::new();
        for from in &select.from {
            let joined = from.joins.iter().map(|join| &join.relation);
            for table in std::iter::once(&from.relation).chain(joined) {
                tables.push(self.table(table, outer)?);
            }
        }
        let mut output = Output::default();
        let scope = Scope { tables: &tables, own: None, outer };
        for item in &select.projection {
            self.item(item, &scope, &mut output)?;
        }
        // The list is weighed with its names; the other clauses may use the list's aliases.
        let scope = Scope { tables: &tables, own: Some(&output), outer };
        let mut clauses = Reading::default();
        select::read_clauses(select, &mut clauses);
        let conditions = select.from.iter().flat_map(|from| &from.joins).filter_map(condition);
        clauses.exprs(conditions);
        for clause in clauses.parts {
            // The clauses of a `SELECT` are expressions, and nothing else.
            if let Part::Expr(expr) = clause {
                self.expr(expr, &scope)?;
            }
        }
        Ok((output, tables))
    }

    fn table(
        &mut self,
        table: &TableFactor,
        outer: Option<&Scope<'_>>,
    ) -> Result<(Option<String>, Rc<Output>), TooHeavy> {
        match table {
            TableFactor::Table { name, alias, .. } => {
                let name = relation_name(name);
                let last = name.as_ref().and_then(|name| name.parts().last().cloned());
                let cte = name.filter(|name| name.parts().len() == 1).and_then(|_| {
                    self.ctes.iter().rev().find(|(cte, _)| Some(cte) == last.as_ref())
                });
                let output =
                    cte.map_or_else(|| Rc::new(Output::table()), |(_, output)| Rc::clone(output));
                let Some(alias) = alias else { return Ok((last, output)) };
                let named = Some(normal(&alias.name));
                if alias.columns.is_empty() {
                    return Ok((named, output));
                }
                let copy = Output { columns: output.columns.clone(), open: output.open };
                Ok((named, Rc::new(copy.renamed(alias))))
            }
            TableFactor::Derived { subquery, alias, .. } => {
                let output = self.query(subquery, outer)?;
                Ok(match alias {
                    Some(alias) => (Some(normal(&alias.name)), Rc::new(output.renamed(alias))),
                    None => (None, Rc::new(output)),
                })
            }
            // Refused by `from.rs`.
            _ => Ok((None, Rc::new(Output::table()))),
        }
    }

    fn item(
        &mut self,
        item: &SelectItem,
        scope: &Scope<'_>,
        output: &mut Output,
    ) -> Result<(), TooHeavy> {
        match item {
            SelectItem::UnnamedExpr(expr) => {
                let weight = self.expr(expr, scope)?.max(1);
                output.columns.push(Column { name: column_name(expr), weight });
            }
            SelectItem::ExprWithAlias { expr, alias } => {
                let weight = self.expr(expr, scope)?.max(1);
                output.columns.push(Column { name: Some(normal(alias)), weight });
            }
            SelectItem::Wildcard(_) => self.wildcard(None, scope, output)?,
            SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), _) => {
                let last = relation_name(name).and_then(|name| name.parts().last().cloned());
                self.wildcard(last.as_deref(), scope, output)?;
            }
            // Refused by `select.rs`.
            SelectItem::ExprWithAliases { .. }
            | SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::Expr(_), _) => {}
        }
        Ok(())
    }

    fn wildcard(
        &mut self,
        qualifier: Option<&str>,
        scope: &Scope<'_>,
        output: &mut Output,
    ) -> Result<(), TooHeavy> {
        self.add(1)?;
        for (alias, table) in scope.tables {
            if qualifier.is_none() || alias.as_deref() == qualifier {
                self.add(table.columns.len() as u64)?;
                output.columns.extend(table.columns.iter().cloned());
                output.open |= table.open;
            }
        }
        Ok(())
    }

    /// The weight of one expression; it is added to the total.
    fn expr(&mut self, expr: &Expr, scope: &Scope<'_>) -> Result<u64, TooHeavy> {
        let mut weight = 0_u64;
        // `true` marks what stands beneath an aggregate: it adds to the total only.
        let mut waiting = vec![(Part::Expr(expr), false)];
        let mut reading = Reading::default();
        while let Some((part, beneath)) = waiting.pop() {
            let (own, floor) = match part {
                Part::Expr(expr) => {
                    expression::read(expr, &mut reading);
                    (leaf_weight(expr, scope), is_floor(expr))
                }
                Part::Query(query) | Part::Subquery(query) => {
                    self.query(query, Some(scope))?;
                    (1, false)
                }
                Part::Body(_) | Part::Select(_) | Part::Tables(_) | Part::Table(_) => (0, false),
            };
            self.add(own)?;
            if !beneath {
                weight = weight.saturating_add(own);
            }
            let beneath = beneath || floor;
            waiting.extend(reading.parts.drain(..).map(|part| (part, beneath)));
        }
        Ok(weight)
    }
}

/// The weight of the node itself, without what is beneath it.
fn leaf_weight(expr: &Expr, scope: &Scope<'_>) -> u64 {
    match expr {
        Expr::Identifier(name) => scope.weight(None, &normal(name)),
        Expr::CompoundIdentifier(parts) => match parts.as_slice() {
            [.., qualifier, name] => scope.weight(Some(&normal(qualifier)), &normal(name)),
            _ => 1,
        },
        Expr::Value(ValueWithSpan { value: Value::SingleQuotedString(text), .. }) => {
            text.len() as u64 / LITERAL_BYTES_PER_WEIGHT
        }
        floor if is_floor(floor) => 1,
        // Every other node weighs what is beneath it.
        _ => 0,
    }
}

/// Whether the expression is an aggregate's or a window function's value.
fn is_floor(expr: &Expr) -> bool {
    match expr {
        Expr::Function(function) => {
            function.over.is_some()
                || calls::offered_name(function).is_some_and(|name| functions::is_aggregate(&name))
        }
        _ => false,
    }
}

/// The name of a column that is passed on without an alias.
fn column_name(expr: &Expr) -> Option<String> {
    let last: Option<&Ident> = match expr {
        Expr::Identifier(name) => Some(name),
        Expr::CompoundIdentifier(parts) => parts.last(),
        _ => None,
    };
    last.map(normal)
}

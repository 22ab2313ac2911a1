//! Names that the answer and the table both have, where something is calculated with them to order by, or in `HAVING`. In standard SQL such a
//! name is the table's column. The engine takes the answer's: `sum(cost) AS cost ... ORDER BY sum(cost)` would be a total of
//! totals, and `1000 - age AS age ... ORDER BY age * 2` another order. Within aggregates it is written with the table's name:
//!
//! | written | read as |
//! |---|---|
//! | `SELECT a, sum(x) AS x FROM s.t GROUP BY a ORDER BY max(x)` | `... ORDER BY max(t.x)` |
//! | `SELECT a, sum(x) AS x FROM s.t GROUP BY a HAVING sum(x) > 5` | `... HAVING sum(t.x) > 5` |
//!
//! | `SELECT upper(a) AS a FROM t ORDER BY upper(a)` | `... ORDER BY a` |
//!
//! What a column of the answer is, is ordered by as that column. The rest is done where one table is read, and the statement shows that it has such a column: it is calculated with in the list of
//! columns. Over rows the engine doesn't know the two apart under any name, and the statement is refused. A key that is a name alone
//! is a column of the answer.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use sqlparser::ast::{
    Expr, GroupByExpr, Ident, ObjectNamePart, OrderByKind, Query, Select, SelectItem, SetExpr,
    TableFactor, Visit, VisitMut, Visitor, VisitorMut,
};

use insitu_disclosure::{Refusal, RefusalCode, Refusals};

use super::functions::{FunctionKind, OFFERED};
use super::refusals::quote;

/// The statement with these names written out.
pub(super) fn of_tables(mut query: Box<Query>) -> Box<Query> {
    let ControlFlow::Continue(()) = VisitMut::visit(&mut query, &mut Queries);
    query
}

struct Queries;

impl VisitorMut for Queries {
    type Break = std::convert::Infallible;

    fn post_visit_query(&mut self, query: &mut Query) -> ControlFlow<Self::Break> {
        let SetExpr::Select(select) = query.body.as_mut() else {
            return ControlFlow::Continue(());
        };
        let names = shadowed(select);
        if names.is_empty() {
            return ControlFlow::Continue(());
        }
        if let Some(order_by) = &mut query.order_by
            && let OrderByKind::Expressions(keys) = &mut order_by.kind
        {
            for key in keys {
                if let Some(alias) = column_of(&select.projection, &key.expr, &names) {
                    key.expr = Expr::Identifier(alias);
                }
            }
        }
        let Some(table) = only_table(select) else { return ControlFlow::Continue(()) };
        let mut names = Renamed { table, names, depth: 0, in_aggregate: false };
        if let Some(order_by) = &mut query.order_by
            && let OrderByKind::Expressions(keys) = &mut order_by.kind
        {
            for key in keys {
                VisitMut::visit(&mut key.expr, &mut names)?;
            }
        }
        if let Some(having) = &mut select.having {
            VisitMut::visit(having, &mut names)?;
        }
        ControlFlow::Continue(())
    }
}

/// The name of the answer's column that is this, if it is one of these and the only one.
fn column_of(columns: &[SelectItem], of: &Expr, names: &BTreeSet<String>) -> Option<Ident> {
    let named = |item: &SelectItem| match item {
        SelectItem::ExprWithAlias { expr, alias } => Some((expr.clone(), alias.clone())),
        _ => None,
    };
    let (_, alias) = columns.iter().filter_map(named).find(|(expr, _)| expr == of)?;
    let same =
        columns.iter().filter_map(named).filter(|(_, other)| folded(other) == folded(&alias));
    (same.count() == 1 && names.contains(&folded(&alias))).then_some(alias)
}

/// The name of the one table that is read.
fn only_table(select: &Select) -> Option<Ident> {
    let [from] = select.from.as_slice() else { return None };
    if !from.joins.is_empty() {
        return None;
    }
    match &from.relation {
        TableFactor::Table { alias: Some(alias), .. }
        | TableFactor::Derived { alias: Some(alias), .. } => Some(alias.name.clone()),
        TableFactor::Table { name, alias: None, .. } => match name.0.last()? {
            ObjectNamePart::Identifier(name) => Some(name.clone()),
            ObjectNamePart::Function(_) => None,
        },
        _ => None,
    }
}

/// As names are compared.
fn folded(name: &Ident) -> String {
    if name.quote_style.is_some() { name.value.clone() } else { name.value.to_lowercase() }
}

/// Names of the answer's columns that the table has, too.
fn shadowed(select: &Select) -> BTreeSet<String> {
    let mut read = Read::default();
    let mut aliases = BTreeSet::new();
    for item in &select.projection {
        if let SelectItem::ExprWithAlias { expr, alias } = item {
            let ControlFlow::Continue(()) = Visit::visit(expr, &mut read);
            // The column itself, under its name, is the same by either.
            if !matches!(expr, Expr::Identifier(column) if folded(column) == folded(alias)) {
                aliases.insert(folded(alias));
            }
        }
    }
    let read: BTreeSet<String> = read.names.union(&read.of_tables).cloned().collect();
    aliases.intersection(&read).cloned().collect()
}

/// Names outside of subqueries: those that stand alone.
#[derive(Default)]
struct Read {
    names: BTreeSet<String>,
    /// Those that stand with a table's name.
    of_tables: BTreeSet<String>,
    depth: usize,
}

impl Visitor for Read {
    type Break = std::convert::Infallible;

    fn pre_visit_query(&mut self, _: &Query) -> ControlFlow<Self::Break> {
        self.depth = self.depth.saturating_add(1);
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &Query) -> ControlFlow<Self::Break> {
        self.depth = self.depth.saturating_sub(1);
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<Self::Break> {
        match expr {
            Expr::Identifier(name) if self.depth == 0 => {
                self.names.insert(folded(name));
            }
            Expr::CompoundIdentifier(parts) if self.depth == 0 => {
                self.of_tables.extend(parts.last().map(folded));
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

/// Writes names with their table, within aggregates; never in subqueries, which have tables of their own.
struct Renamed {
    table: Ident,
    names: BTreeSet<String>,
    /// Subqueries around.
    depth: usize,
    in_aggregate: bool,
}

impl VisitorMut for Renamed {
    type Break = std::convert::Infallible;

    fn pre_visit_query(&mut self, _: &mut Query) -> ControlFlow<Self::Break> {
        self.depth = self.depth.saturating_add(1);
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &mut Query) -> ControlFlow<Self::Break> {
        self.depth = self.depth.saturating_sub(1);
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Self::Break> {
        if self.depth != 0 {
            return ControlFlow::Continue(());
        }
        if !self.in_aggregate {
            // What is in an aggregate is visited by itself, from here.
            if is_aggregate(expr) {
                self.in_aggregate = true;
                let visited = VisitMut::visit(expr, self);
                self.in_aggregate = false;
                return visited;
            }
            return ControlFlow::Continue(());
        }
        if let Expr::Identifier(name) = expr
            && self.names.contains(&folded(name))
        {
            *expr = Expr::CompoundIdentifier(vec![self.table.clone(), name.clone()]);
        }
        ControlFlow::Continue(())
    }
}

/// What is ordered by something calculated with a name that may be the answer's or the table's.
pub(super) fn check(query: &Query) -> Result<(), Refusals> {
    match Visit::visit(query, &mut Unclear) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(name) => Err(Refusals::from(Refusal::new(
            RefusalCode::Q109,
            format!(
                "{} is a column of the answer and one of the table, and something is calculated with it to order by.",
                quote(&name)
            ),
            "Give the answer's column another name: `1000 - age AS left`.",
        ))),
    }
}

struct Unclear;

impl Visitor for Unclear {
    type Break = String;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<String> {
        let (SetExpr::Select(select), Some(order_by)) = (query.body.as_ref(), &query.order_by)
        else {
            return ControlFlow::Continue(());
        };
        let OrderByKind::Expressions(keys) = &order_by.kind else {
            return ControlFlow::Continue(());
        };
        let groups = match &select.group_by {
            GroupByExpr::Expressions(keys, _) => !keys.is_empty(),
            GroupByExpr::All(_) => true,
        };
        let names = shadowed(select);
        if groups || names.is_empty() || has_aggregates(select) {
            return ControlFlow::Continue(());
        }
        for key in keys.iter().filter(|key| !matches!(key.expr, Expr::Identifier(_))) {
            let mut read = Read::default();
            let ControlFlow::Continue(()) = Visit::visit(&key.expr, &mut read);
            if let Some(name) = read.names.union(&read.of_tables).find(|name| names.contains(*name))
            {
                return ControlFlow::Break(name.clone());
            }
        }
        ControlFlow::Continue(())
    }
}

fn has_aggregates(select: &Select) -> bool {
    struct Aggregates;
    impl Visitor for Aggregates {
        type Break = ();

        fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
            let over_rows = matches!(expr, Expr::Function(function) if function.over.is_none());
            if over_rows && is_aggregate(expr) {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        }
    }
    Visit::visit(&select.projection, &mut Aggregates).is_break()
}

fn is_aggregate(expr: &Expr) -> bool {
    let Expr::Function(function) = expr else { return false };
    let name = function.name.to_string().to_lowercase();
    OFFERED.iter().any(|of| of.kind == FunctionKind::Aggregate && of.name == name)
}

#[cfg(test)]
mod tests {
    use super::super::limits::Limits;
    use super::super::{parse, tokens};
    use super::*;

    fn read(sql: &str) -> String {
        let limits = Limits::STANDARD;
        of_tables(parse::read(tokens::read(sql, &limits).unwrap().all, &limits).unwrap())
            .to_string()
    }

    #[test]
    fn names_in_calculated_keys_are_the_tables_columns() {
        for (written, expected) in [
            (
                "SELECT a, sum(x) AS x FROM s.t GROUP BY a ORDER BY sum(x) DESC, x",
                "SELECT a, sum(x) AS x FROM s.t GROUP BY a ORDER BY x DESC, x",
            ),
            (
                "SELECT a, sum(x) AS x FROM s.t GROUP BY a ORDER BY max(x) DESC, x",
                "SELECT a, sum(x) AS x FROM s.t GROUP BY a ORDER BY max(t.x) DESC, x",
            ),
            (
                "SELECT sum(x) AS x FROM t JOIN u ON t.a = u.a ORDER BY sum(x) DESC",
                "SELECT sum(x) AS x FROM t JOIN u ON t.a = u.a ORDER BY x DESC",
            ),
            (
                "SELECT upper(a) AS a FROM t ORDER BY upper(a)",
                "SELECT upper(a) AS a FROM t ORDER BY a",
            ),
            (
                "SELECT a, sum(x) AS x FROM t GROUP BY a HAVING sum(x) > 5 AND x < 9",
                "SELECT a, sum(x) AS x FROM t GROUP BY a HAVING sum(t.x) > 5 AND x < 9",
            ),
            (
                "SELECT * FROM (SELECT a, sum(x) AS x FROM s.t AS v GROUP BY a ORDER BY -max(x) LIMIT 3) AS q",
                "SELECT * FROM (SELECT a, sum(x) AS x FROM s.t AS v GROUP BY a ORDER BY -max(v.x) LIMIT 3) AS q",
            ),
        ] {
            assert_eq!(read(written), expected);
        }
    }

    #[test]
    fn over_rows_such_a_name_is_unclear() {
        for (written, is_clear) in [
            ("SELECT 1000 - age AS age FROM t ORDER BY age * 2", false),
            ("SELECT lower(a) AS a FROM t AS v ORDER BY v.a = 'b'", false),
            ("SELECT lower(v.a) AS a FROM t AS v JOIN u ON v.b = u.b ORDER BY v.a = 'b'", false),
            ("SELECT * FROM (SELECT age + 1 AS age FROM t ORDER BY -age LIMIT 2) AS q", false),
            ("SELECT 1000 - age AS age FROM t ORDER BY age", true),
            ("SELECT age AS age FROM t ORDER BY age * 2", true),
            ("SELECT 1000 - age AS rest FROM t ORDER BY age * 2, rest * 2", true),
            ("SELECT a, sum(x) AS x FROM t GROUP BY a ORDER BY -x", true),
            ("SELECT sum(x) AS x FROM t ORDER BY -x", true),
        ] {
            let limits = Limits::STANDARD;
            let query = parse::read(tokens::read(written, &limits).unwrap().all, &limits).unwrap();
            assert_eq!(check(&query).is_ok(), is_clear, "{written}");
        }
    }

    #[test]
    fn others_stay_as_they_are() {
        for written in [
            // Not a column of the table as far as the statement shows.
            "SELECT a, sum(x) AS total FROM t GROUP BY a ORDER BY total * 2",
            // The column itself.
            "SELECT x AS x FROM t ORDER BY x * 2",
            "SELECT x + 1 AS x FROM t ORDER BY x",
            // Of which table isn't known.
            "SELECT sum(x) AS x FROM t JOIN u ON t.a = u.a ORDER BY max(x)",
            // A subquery has tables of its own.
            "SELECT x + 1 AS x FROM t ORDER BY (SELECT max(x) FROM u)",
        ] {
            assert_eq!(read(written), written);
        }
    }
}

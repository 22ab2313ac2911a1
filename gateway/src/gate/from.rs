//! `FROM`: tables, derived tables and the joins between them.

use sqlparser::ast::{
    Expr, Ident, Join, JoinConstraint, JoinOperator, ObjectName, ObjectNamePart, TableAlias,
    TableAliasColumnDef, TableFactor, TableWithJoins,
};
use sqlparser::keywords::ALL_KEYWORDS;

use super::gated::RelationName;
use super::refusals::{not_offered, quote};
use super::shape::{Part, Reading};

/// What to write instead of a join without a condition.
pub(super) const JOIN_ON: &str = "Write `a JOIN b ON a.id = b.id`; only a table of one row, such as `(SELECT count(*) …)`, stands beside every row.";
const NAME_A_TABLE: &str = "Name a table, or use a subquery in brackets.";

/// Reads a table with what is joined to it.
pub(super) fn read<'a>(tables: &'a TableWithJoins, reading: &mut Reading<'a>) {
    let TableWithJoins { relation, joins } = tables;
    reading.parts.push(Part::Table(relation));
    for join in joins {
        let Join { relation, global, join_operator } = join;
        reading.parts.push(Part::Table(relation));
        reading.refuse_if(*global, || not_offered("`GLOBAL JOIN`", "Leave out `GLOBAL`."));
        read_join(join_operator, reading);
    }
}

/// What a join is joined by, if its kind is offered.
const fn constraint(operator: &JoinOperator) -> Option<&JoinConstraint> {
    match operator {
        JoinOperator::Join(constraint)
        | JoinOperator::Inner(constraint)
        | JoinOperator::Left(constraint)
        | JoinOperator::LeftOuter(constraint)
        | JoinOperator::Right(constraint)
        | JoinOperator::RightOuter(constraint)
        | JoinOperator::FullOuter(constraint)
        | JoinOperator::LeftSemi(constraint)
        | JoinOperator::RightSemi(constraint)
        | JoinOperator::LeftAnti(constraint)
        | JoinOperator::RightAnti(constraint) => Some(constraint),
        JoinOperator::CrossJoin(_)
        | JoinOperator::Semi(_)
        | JoinOperator::Anti(_)
        | JoinOperator::CrossApply
        | JoinOperator::OuterApply
        | JoinOperator::AsOf { .. }
        | JoinOperator::StraightJoin(_)
        | JoinOperator::ArrayJoin
        | JoinOperator::LeftArrayJoin
        | JoinOperator::InnerArrayJoin => None,
    }
}

/// The condition of a join, if it has one.
pub(super) const fn condition(join: &Join) -> Option<&Expr> {
    match constraint(&join.join_operator) {
        Some(JoinConstraint::On(condition)) => Some(condition),
        Some(JoinConstraint::Using(_) | JoinConstraint::Natural | JoinConstraint::None) | None => {
            None
        }
    }
}

/// The name by which the columns of a table are qualified.
pub(super) fn name_of(table: &TableFactor) -> Option<String> {
    match table {
        TableFactor::Table { alias: Some(alias), .. }
        | TableFactor::Derived { alias: Some(alias), .. } => Some(normal(&alias.name)),
        TableFactor::Table { name, alias: None, .. } => {
            relation_name(name).and_then(|name| name.parts().last().cloned())
        }
        _ => None,
    }
}

fn read_join<'a>(operator: &'a JoinOperator, reading: &mut Reading<'a>) {
    match constraint(operator) {
        Some(constraint) => {
            read_constraint(constraint, reading);
            // A column named in `USING` is that of the side that has all rows, or of whichever has one. The engine takes the left.
            let is_from_the_right = matches!(
                operator,
                JoinOperator::Right(_) | JoinOperator::RightOuter(_) | JoinOperator::FullOuter(_)
            );
            reading.refuse_if(is_from_the_right && matches!(constraint, JoinConstraint::Using(_)), || {
                not_offered(
                    "`USING` of a right or full join",
                    "Write `ON a.id = b.id`, and `b.id` above a right join, `coalesce(a.id, b.id)` above a full one.",
                )
            });
        }
        // What is joined by is looked at where CTEs are known (`joins.rs`).
        None if matches!(operator, JoinOperator::CrossJoin(JoinConstraint::None)) => {}
        None => reading.refusals.push(match operator {
            JoinOperator::Semi(_) | JoinOperator::Anti(_) => not_offered(
                "`SEMI JOIN` without a side",
                "Write `LEFT SEMI JOIN` or `LEFT ANTI JOIN`.",
            ),
            _ => not_offered("this kind of join", JOIN_ON),
        }),
    }
}

fn read_constraint<'a>(constraint: &'a JoinConstraint, reading: &mut Reading<'a>) {
    match constraint {
        JoinConstraint::On(condition) => reading.expr(condition),
        JoinConstraint::Using(columns) => {
            let plain = columns
                .iter()
                .all(|column| matches!(column.0.as_slice(), [ObjectNamePart::Identifier(_)]));
            reading.refuse_if(!plain, || {
                not_offered("a qualified name in `USING`", "Write `USING (id)`.")
            });
        }
        JoinConstraint::Natural => reading.refusals.push(not_offered(
            "`NATURAL JOIN`",
            "Name the columns: it would change its meaning when a dataset gains a column.",
        )),
        JoinConstraint::None => {
            reading.refusals.push(not_offered("a join without a condition", JOIN_ON));
        }
    }
}

/// Reads one table.
pub(super) fn read_table<'a>(table: &'a TableFactor, reading: &mut Reading<'a>) {
    match table {
        TableFactor::Table { .. } => read_named(table, reading),
        TableFactor::Derived { lateral, subquery, alias, sample } => {
            reading
                .refuse_if(*lateral, || not_offered("`LATERAL`", "Join on a condition instead."));
            reading.refuse_if(sample.is_some(), || {
                not_offered(
                    "`TABLESAMPLE`",
                    "Ask for the whole table; a sample would be another answer.",
                )
            });
            reading.parts.push(Part::Subquery(subquery));
            read_alias(alias.as_ref(), reading);
        }
        TableFactor::NestedJoin { .. } => reading.refusals.push(not_offered(
            "a join in brackets",
            "Join the tables one after the other, or make the bracket a CTE.",
        )),
        TableFactor::TableFunction { .. }
        | TableFactor::Function { .. }
        | TableFactor::UNNEST { .. }
        | TableFactor::JsonTable { .. }
        | TableFactor::OpenJsonTable { .. }
        | TableFactor::XmlTable { .. }
        | TableFactor::SemanticView { .. } => {
            reading.refusals.push(not_offered("a table function", NAME_A_TABLE));
        }
        TableFactor::Pivot { .. }
        | TableFactor::Unpivot { .. }
        | TableFactor::UnpivotExpr { .. } => reading.refusals.push(not_offered(
            "`PIVOT` or `UNPIVOT`",
            "Use `sum(x) FILTER (WHERE …)`, a column for each value.",
        )),
        TableFactor::MatchRecognize { .. } => reading
            .refusals
            .push(not_offered("`MATCH_RECOGNIZE`", "Use window functions on the released table.")),
    }
}

/// Reads a table that is given by its name.
fn read_named<'a>(table: &'a TableFactor, reading: &mut Reading<'a>) {
    let TableFactor::Table {
        name,
        alias,
        args,
        with_hints,
        version,
        with_ordinality,
        partitions,
        json_path,
        sample,
        index_hints,
    } = table
    else {
        return;
    };
    reading.refuse_if(args.is_some(), || {
        not_offered(&format!("the table function {}", quote(&name.to_string())), NAME_A_TABLE)
    });
    reading.refuse_if(sample.is_some(), || {
        not_offered("`TABLESAMPLE`", "Ask for the whole table; a sample would be another answer.")
    });
    let plain = with_hints.is_empty()
        && version.is_none()
        && !with_ordinality
        && partitions.is_empty()
        && json_path.is_none()
        && index_hints.is_empty();
    reading.refuse_if(!plain, || not_offered("an option after a table's name", "Leave it out."));
    read_table_name(name, reading);
    read_alias(alias.as_ref(), reading);
}

fn read_table_name(name: &ObjectName, reading: &mut Reading<'_>) {
    match relation_name(name) {
        Some(relation) => {
            for part in relation.parts() {
                read_name(part, reading);
            }
        }
        None => reading.refusals.push(not_offered(
            &format!("the table name {}", quote(&name.to_string())),
            "Write a name of one to three parts, such as `department.dataset`; files aren't read.",
        )),
    }
}

/// The table's name as the engine will understand it, if it is one.
pub(super) fn relation_name(name: &ObjectName) -> Option<RelationName> {
    if name.0.len() > 3 {
        return None;
    }
    let mut parts = Vec::with_capacity(name.0.len());
    for part in &name.0 {
        match part {
            ObjectNamePart::Identifier(ident) if ident.quote_style != Some('\'') => {
                parts.push(normal(ident));
            }
            ObjectNamePart::Identifier(_) | ObjectNamePart::Function(_) => return None,
        }
    }
    (!parts.is_empty()).then(|| RelationName::new(parts))
}

/// A name as the engine will understand it: lower case (ASCII, like the engine's) unless quoted.
pub(super) fn normal(ident: &Ident) -> String {
    match ident.quote_style {
        Some(_) => ident.value.clone(),
        None => ident.value.to_ascii_lowercase(),
    }
}

/// Reads the name of a CTE.
pub(super) fn read_cte_name(alias: &TableAlias, reading: &mut Reading<'_>) {
    read_alias_parts(alias, reading);
}

/// Reads a table's alias.
fn read_alias(alias: Option<&TableAlias>, reading: &mut Reading<'_>) {
    let Some(alias) = alias else { return };
    read_alias_parts(alias, reading);
    // `words.rs` made a name of every keyword it doesn't know. Where such a word stands without
    // `AS` it may have been meant as a clause, which must not be dropped in silence.
    let keyword =
        ALL_KEYWORDS.binary_search(&alias.name.value.to_ascii_uppercase().as_str()).is_ok();
    reading.refuse_if(!alias.explicit && keyword, || {
        not_offered(
            &format!("{} after a table", quote(&alias.name.value)),
            "If it is meant as the table's name, write `AS` before it.",
        )
    });
}

fn read_alias_parts(alias: &TableAlias, reading: &mut Reading<'_>) {
    let TableAlias { explicit: _, name, columns, at } = alias;
    read_name(&name.value, reading);
    for TableAliasColumnDef { name: _, data_type } in columns {
        reading.refuse_if(data_type.is_some(), || {
            not_offered("a type in a list of column names", "Use `CAST` in the `SELECT` list.")
        });
    }
    reading.refuse_if(at.is_some(), || not_offered("`AT` after a table", "Leave it out."));
}

/// Names of tables hold letters, digits, `_`, `-` and blanks.
///
/// A full stop would blur the line between `"a.b"` and `a.b`, which the engine's look-up of CTEs
/// does not draw; a slash or a colon is a file's or a server's.
fn read_name(name: &str, reading: &mut Reading<'_>) {
    let plain = name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | ' ' | '$'));
    reading.refuse_if(!plain, || {
        not_offered(
            &format!("the table name {}", quote(name)),
            "Name a dataset; files and addresses aren't read.",
        )
    });
}

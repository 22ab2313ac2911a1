//! A checked statement to the engine's raw plan: names resolved, nothing analysed or optimised yet.

use std::sync::Arc;

use arrow_schema::{DataType, Field};
use insitu_disclosure::{DatasetName, Refusal, RefusalCode, Refusals};
use insitu_engine::catalog::TableProvider;
use insitu_engine::common::tree_node::Transformed;
use insitu_engine::common::{DataFusionError, Result, TableReference};
use insitu_engine::config::ConfigOptions;
use insitu_engine::datasource::provider_as_source;
use insitu_engine::logical_expr::expr::Placeholder;
use insitu_engine::logical_expr::planner::{ContextProvider, ExprPlanner, TypePlanner};
use insitu_engine::logical_expr::{
    AggregateUDF, Expr, HigherOrderUDF, Limit, LogicalPlan, ScalarUDF, TableSource, WindowUDF,
};
use insitu_engine::sql::parser::{DFParser, Statement};
use insitu_engine::sql::planner::{ParserOptions, SqlToRel};

use super::date_arithmetic::{TimestampType, with_moments_in_ranges};
use super::error::planning_refusal;
use super::session::State;
use super::{frames, joins};
use crate::catalog::{Catalog, RemoteTable};

/// Plans a statement that passed the gate.
///
/// # Errors
/// Statements without a meaning; tables that don't exist.
pub(crate) fn parse(
    sql: &str,
    catalog: &Catalog,
    state: &State,
) -> std::result::Result<LogicalPlan, Refusals> {
    let mut statements = DFParser::parse_sql(sql).map_err(|e| planning_refusal(&e))?;
    let statement = match (statements.pop_front(), statements.is_empty()) {
        (Some(Statement::Statement(statement)), true) => Statement::Statement(statement),
        (
            Some(
                Statement::Statement(_)
                | Statement::CreateExternalTable(_)
                | Statement::CopyTo(_)
                | Statement::Explain(_)
                | Statement::Reset(_),
            )
            | None,
            _,
        ) => {
            return Err(Refusal::new(
                RefusalCode::Q103,
                "only one `SELECT` is answered.",
                "Ask with `SELECT`.",
            )
            .into());
        }
    };
    let provider = Tables { catalog, state };
    let options = ParserOptions::new()
        .with_enable_ident_normalization(true)
        .with_map_string_types_to_utf8view(false);
    let plan = SqlToRel::new_with_options(&provider, options)
        .statement_to_plan(statement)
        .and_then(row_counts_typed)
        .and_then(with_moments_in_ranges)
        .and_then(joins::for_commas)
        .map_err(|e| planning_refusal(&e))?;
    joins::check(&plan)?;
    frames::check(&plan)?;
    Ok(plan)
}

/// Gives placeholders in `LIMIT` and `OFFSET` the type of a number of rows: the engine's planner leaves them
/// without one, and would take them for text.
fn row_counts_typed(plan: LogicalPlan) -> Result<LogicalPlan> {
    let typed = |count: Option<Box<Expr>>| {
        count.map(|count| match *count {
            Expr::Placeholder(Placeholder { id, field: None }) => {
                let field = Field::new("", DataType::Int64, true);
                Box::new(Expr::Placeholder(Placeholder { id, field: Some(Arc::new(field)) }))
            }
            other => Box::new(other),
        })
    };
    let limit = |plan| match plan {
        LogicalPlan::Limit(Limit { skip, fetch, input }) => {
            Transformed::yes(LogicalPlan::Limit(Limit {
                skip: typed(skip),
                fetch: typed(fetch),
                input,
            }))
        }
        other => Transformed::no(other),
    };
    Ok(plan.transform_down_with_subqueries(|plan| Ok(limit(plan)))?.data)
}

/// The planner's view of the world: announced datasets and listed functions.
struct Tables<'a> {
    catalog: &'a Catalog,
    state: &'a State,
}

impl ContextProvider for Tables<'_> {
    fn get_table_source(&self, name: TableReference) -> Result<Arc<dyn TableSource>> {
        let in_our_catalog = name.catalog().is_none_or(|c| c == crate::CATALOG);
        let held = name
            .schema()
            .filter(|_| in_our_catalog)
            .and_then(|schema| DatasetName::new(schema, name.table()))
            .and_then(|name| self.catalog.get(&name));
        match held {
            Some(held) => {
                let table: Arc<dyn TableProvider> = Arc::new(RemoteTable::new(Arc::clone(held)));
                Ok(provider_as_source(table))
            }
            // The gate's list of relations is checked first, with a suggestion; this is the backstop.
            None => Err(DataFusionError::Plan("there is no such table".to_owned())),
        }
    }

    fn get_expr_planners(&self) -> &[Arc<dyn ExprPlanner>] {
        self.state.planners()
    }

    fn get_type_planner(&self) -> Option<Arc<dyn TypePlanner>> {
        Some(Arc::new(TimestampType))
    }

    fn get_function_meta(&self, name: &str) -> Option<Arc<ScalarUDF>> {
        self.state.session().scalar_functions().get(name).cloned()
    }

    fn get_higher_order_meta(&self, _name: &str) -> Option<Arc<HigherOrderUDF>> {
        None
    }

    fn get_aggregate_meta(&self, name: &str) -> Option<Arc<AggregateUDF>> {
        self.state.session().aggregate_functions().get(name).cloned()
    }

    fn get_window_meta(&self, name: &str) -> Option<Arc<WindowUDF>> {
        self.state.session().window_functions().get(name).cloned()
    }

    fn get_variable_type(&self, _names: &[String]) -> Option<DataType> {
        None
    }

    fn options(&self) -> &ConfigOptions {
        self.state.session().config_options()
    }

    fn udf_names(&self) -> Vec<String> {
        self.state.session().scalar_functions().keys().cloned().collect()
    }

    fn higher_order_function_names(&self) -> Vec<String> {
        Vec::new()
    }

    fn udaf_names(&self) -> Vec<String> {
        self.state.session().aggregate_functions().keys().cloned().collect()
    }

    fn udwf_names(&self) -> Vec<String> {
        self.state.session().window_functions().keys().cloned().collect()
    }
}

//! From text to something that can be run, without anything being read.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use insitu_disclosure::{DatasetName, Refusal, RefusalCode, Refusals, Tabulation};
use insitu_engine::SharedPlan;
use insitu_engine::common::{ParamValues, ScalarValue};
use insitu_engine::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, col, lit};
use insitu_proto::request::REQUEST_BYTES_MAX;

use super::bound::{literal_for, told_literal_for};
use super::{Options, Prepared, Ready};
use crate::catalog::Catalog;
use crate::explain;
use crate::gate::{self, ExplainFormat, Explained};
use crate::plan::{self, Cut, Leaf, State, ThreadsFor};

/// Checks a statement. The answer to one that is to be explained is its explanation, which is made here.
pub(super) async fn prepare(
    threads: &ThreadsFor<'_>,
    catalog: Catalog,
    state: State,
    sql: &[u8],
    options: &Options,
) -> Result<Prepared, Refusals> {
    let Some(Explained { format, statement: sql }) = gate::explained(sql, &gate::Limits::STANDARD)?
    else {
        return statement(threads, catalog, state, sql, options).await;
    };
    let document = explanation(threads, catalog, state.clone(), format, sql, options).await?;
    let options = options.clone();
    threads.run(move || told(&document, format, options, &state)).await
}

/// What is shown of a statement that isn't run.
pub(super) async fn explanation(
    threads: &ThreadsFor<'_>,
    catalog: Catalog,
    state: State,
    format: ExplainFormat,
    sql: &[u8],
    options: &Options,
) -> Result<String, Refusals> {
    let found = match statement(threads, catalog, state.clone(), sql, options).await {
        Ok(prepared) => typical(threads, &prepared, state).await,
        Err(refusals) => Err(refusals),
    };
    explain::document(format, found.as_deref().map_err(Clone::clone))
}

/// A statement whose answer is this text: a row for each line, and one for all of a document for programs.
fn told(
    document: &str,
    format: ExplainFormat,
    options: Options,
    state: &State,
) -> Result<Prepared, Refusals> {
    let rows: Vec<Vec<Expr>> = match format {
        ExplainFormat::Text => document.lines().map(|line| vec![lit(line)]).collect(),
        ExplainFormat::Json => vec![vec![lit(document)]],
    };
    let raw = LogicalPlanBuilder::values(rows)
        .and_then(|rows| rows.project([col("column1").alias("plan")]))
        .and_then(LogicalPlanBuilder::build)
        .map_err(|e| plan::planning_refusal(&e))?;
    let ready = Arc::new(ready(&raw, &options, state, Admission::Required, None)?);
    let (schema, parameters) = (Arc::clone(&ready.schema), parameter_schema(&[]));
    Ok(Prepared { raw: SharedPlan::new(raw), options, parameters, schema, ready: Some(ready) })
}

async fn statement(
    threads: &ThreadsFor<'_>,
    catalog: Catalog,
    state: State,
    sql: &[u8],
    options: &Options,
) -> Result<Prepared, Refusals> {
    let gated = gate::check(sql, &gate::Limits::STANDARD)?;
    let options = options.clone();
    threads
        .run(move || {
            known_relations(&gated, &catalog)?;
            let about = |refusals| about_types(refusals, gated.parameters());
            let raw = plan::parse(gated.sql(), &catalog, &state).map_err(about)?;
            let types = plan::parameter_types(&raw)?;
            let parameters = parameter_schema(&types);
            let ready = if types.is_empty() {
                Some(Arc::new(ready(&raw, &options, &state, Admission::Required, None)?))
            } else {
                None
            };
            let schema = match &ready {
                Some(ready) => Arc::clone(&ready.schema),
                None => {
                    let typical = typical_ready(&raw, &types, &options, &state).map_err(about)?;
                    Arc::clone(&typical.schema)
                }
            };
            Ok(Prepared { raw: SharedPlan::new(raw), options, parameters, schema, ready })
        })
        .await
}

/// Gives placeholders their values.
pub(super) async fn bind(
    threads: &ThreadsFor<'_>,
    prepared: &Prepared,
    parameters: Option<RecordBatch>,
    state: State,
) -> Result<Arc<Ready>, Refusals> {
    let values = parameter_values(prepared, parameters)?;
    if let Some(ready) = &prepared.ready {
        return Ok(Arc::clone(ready));
    }
    let prepared = prepared.clone();
    threads
        .run(move || {
            let in_told_types = in_told_types(&prepared, &values);
            match with_literals(&prepared, values, &state) {
                Ok(ready) => Ok(ready),
                Err(refusals) => match in_told_types {
                    Some(values) => with_literals(&prepared, values, &state).map_err(|_| refusals),
                    None => Err(refusals),
                },
            }
        })
        .await
}

/// The statement with these literals, if its result has the types that were told.
fn with_literals(
    prepared: &Prepared,
    values: Vec<ScalarValue>,
    state: &State,
) -> Result<Arc<Ready>, Refusals> {
    let raw = with_values(prepared.raw.get(), values)?;
    let mut ready =
        ready(&raw, &prepared.options, state, Admission::Required, Some(&prepared.schema))?;
    if ready.leaves.is_empty() && ready.schema.fields() == prepared.schema.fields() {
        // Where values leave nobody to ask about, what was told of the method still holds.
        ready.schema = Arc::clone(&prepared.schema);
    }
    if ready.schema.fields() != prepared.schema.fields() {
        return Err(Refusal::new(
            RefusalCode::Q110,
            "the values change the types of the result that were told.",
            "Write the type that you bind into the statement, such as `CAST($1 AS DOUBLE)`.",
        )
        .into());
    }
    Ok(Arc::new(ready))
}

/// The values with every number in the type that was told; `None` if they are that already.
fn in_told_types(prepared: &Prepared, values: &[ScalarValue]) -> Option<Vec<ScalarValue>> {
    let told = prepared.parameters.fields().iter().map(|field| field.data_type());
    let told = values
        .iter()
        .zip(told)
        .map(|(value, told)| told_literal_for(value, told).unwrap_or_else(|| value.clone()));
    let told: Vec<ScalarValue> = told.collect();
    (told != values).then_some(told)
}

/// The statement with NULL for every placeholder: for its shape, never for running.
pub(super) async fn typical(
    threads: &ThreadsFor<'_>,
    prepared: &Prepared,
    state: State,
) -> Result<Arc<Ready>, Refusals> {
    if let Some(ready) = &prepared.ready {
        return Ok(Arc::clone(ready));
    }
    let prepared = prepared.clone();
    threads
        .run(move || {
            let types: Vec<DataType> =
                prepared.parameters.fields().iter().map(|f| f.data_type().clone()).collect();
            typical_ready(prepared.raw.get(), &types, &prepared.options, &state).map(Arc::new)
        })
        .await
}

fn typical_ready(
    raw: &LogicalPlan,
    types: &[DataType],
    options: &Options,
    state: &State,
) -> Result<Ready, Refusals> {
    let values = plan::typical_values(raw, types).map_err(|e| plan::planning_refusal(&e))?;
    let typical = |raw: &LogicalPlan| {
        ready(&with_values(raw, values.clone())?, options, state, Admission::WhenBound, None)
    };
    // Of protected rows none may be asked for, and then there are their columns.
    typical(raw).or_else(|refusals| match plan::with_no_rows(raw) {
        Some(of_none) => typical(&of_none).map_err(|_| refusals),
        None => Err(refusals),
    })
}

/// Refusals about types of a statement with placeholders, whose types nobody may have written.
fn about_types(refusals: Refusals, parameters: u16) -> Refusals {
    let told = refusals.iter().map(|refusal| match refusal.code() {
        code @ (RefusalCode::Q107 | RefusalCode::Q109) if 0 < parameters => Refusal::new(
            code,
            refusal.message(),
            format!(
                "{} Where the type of a placeholder doesn't follow from the statement, write it, such as `CAST($1 AS BIGINT)`.",
                refusal.fix()
            ),
        ),
        _ => refusal.clone(),
    });
    Refusals::collect(told).unwrap_or(refusals)
}

fn known_relations(gated: &gate::Gated, catalog: &Catalog) -> Result<(), Refusals> {
    let unknown = gated.relations().iter().filter_map(|relation| {
        let parts: Vec<&str> = relation.parts().iter().map(String::as_str).collect();
        let name = match parts.as_slice() {
            [schema, table] => DatasetName::new(schema, table),
            [database, schema, table] if *database == crate::CATALOG => {
                DatasetName::new(schema, table)
            }
            _ => None,
        };
        let known = name.is_some_and(|name| catalog.get(&name).is_some());
        (!known).then(|| catalog.unknown(&relation.to_string()))
    });
    Refusals::collect(unknown).map_or(Ok(()), Err)
}

/// Whether a plan's Tabulations are admitted now, or once placeholders have values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Admission {
    Required,
    WhenBound,
}

fn ready(
    raw: &LogicalPlan,
    options: &Options,
    state: &State,
    admission: Admission,
    told: Option<&Schema>,
) -> Result<Ready, Refusals> {
    let Cut { upper, leaves } = plan::cut(raw)?;
    if admission == Admission::Required {
        let refusals = leaves.iter().filter_map(|leaf| match leaf {
            Leaf::Tabulation { tabulation, held, joined, .. } => joined
                .admit(Tabulation::clone(tabulation), held)
                .err()
                .or_else(|| too_long(tabulation)),
            Leaf::OpenRows { .. } => None,
        });
        let all: Vec<Refusal> =
            refusals.flat_map(|r| r.iter().cloned().collect::<Vec<_>>()).collect();
        if let Some(refusals) = Refusals::collect(all) {
            return Err(refusals);
        }
    }
    let requests = plan::share(&leaves, |together, held, joined| {
        // Placeholders without values say nothing of what could be asked together.
        admission == Admission::Required
            && too_long(together).is_none()
            && joined.admit(together.clone(), held).is_ok()
    });
    let upper = if options.statuses { plan::with_statuses(&upper)? } else { upper };
    let all_open = leaves.iter().all(|leaf| leaf.rows().is_open());
    let upper = match told {
        Some(told) if options.statuses && all_open => plan::with_told_statuses(upper, told)?,
        Some(_) | None => upper,
    };
    let optimised = plan::optimise(&upper, state)?;
    let needs = plan::open_needs(optimised.get(), &leaves)?;
    let schema = plan::client_schema(optimised.get().schema()).ok_or_else(|| {
        Refusal::new(
            RefusalCode::Q107,
            "a column of the result has a type that clients don't have.",
            "Cast it to a number, text, date or timestamp.",
        )
    })?;
    let schema = described(&schema, &leaves);
    Ok(Ready { optimised, leaves, requests, needs, schema })
}

/// The Refusal for a question that doesn't fit into a request, whoever would be asked.
fn too_long(tabulation: &Tabulation) -> Option<Refusals> {
    (!plan::fits(tabulation)).then(|| {
        Refusal::new(
            RefusalCode::L501,
            format!("the question to the departments has more than {REQUEST_BYTES_MAX} bytes."),
            "Use fewer measures, or shorter lists of literals.",
        )
        .into()
    })
}

/// The schema with what a reader needs to know of the method: published, not secret.
fn described(schema: &SchemaRef, leaves: &[Leaf]) -> SchemaRef {
    let profile = leaves
        .iter()
        .map(|l| l.rows().profile())
        .reduce(insitu_disclosure::Profile::strictest)
        .unwrap_or(insitu_disclosure::Profile::OPEN);
    let mut departments: Vec<&str> = leaves
        .iter()
        .flat_map(|l| l.references().iter().map(|(_, held)| held).chain([l.held()]))
        .flat_map(|held| held.holders.iter().map(|h| h.department.as_str()))
        .collect();
    departments.sort_unstable();
    departments.dedup();
    // Over several datasets the largest: a reader takes it for every count.
    let errors = leaves.iter().map(|l| l.rows().count_standard_error_thousandths());
    let mut metadata = profile.metadata(errors.max().unwrap_or(0));
    metadata.push(("insitu.departments".to_owned(), departments.join("; ")));
    Arc::new(Schema::new_with_metadata(schema.fields().clone(), metadata.into_iter().collect()))
}

fn parameter_schema(types: &[DataType]) -> SchemaRef {
    let fields: Vec<Field> = types
        .iter()
        .enumerate()
        .map(|(i, t)| Field::new(format!("${}", i.saturating_add(1)), t.clone(), true))
        .collect();
    Arc::new(Schema::new(fields))
}

fn with_values(raw: &LogicalPlan, values: Vec<ScalarValue>) -> Result<LogicalPlan, Refusals> {
    raw.clone()
        .replace_params_with_values(&ParamValues::from(values))
        .and_then(plan::with_engines_escape)
        .map_err(|e| plan::planning_refusal(&e))
}

/// One value for each placeholder, as a literal that may stand there.
fn parameter_values(
    prepared: &Prepared,
    parameters: Option<RecordBatch>,
) -> Result<Vec<ScalarValue>, Refusals> {
    let expected = prepared.parameters.fields();
    let (columns, rows) = match &parameters {
        None => (&[][..], 1),
        Some(batch) => (batch.columns(), batch.num_rows()),
    };
    if columns.len() != expected.len() {
        let message = format!(
            "the statement has {} placeholders, and {} values are bound.",
            expected.len(),
            columns.len()
        );
        return Err(misfit(&message).into());
    }
    if rows != 1 {
        return Err(misfit("one row of values is bound at a time.").into());
    }
    let value = |column, field: &Field| -> Result<ScalarValue, Refusals> {
        let value = ScalarValue::try_from_array(column, 0);
        // The engine's text would quote the value.
        value.ok().and_then(|v| literal_for(v, field.data_type())).ok_or_else(|| {
            misfit(&format!("the value of `{}` isn't of its type.", field.name())).into()
        })
    };
    columns.iter().zip(expected).map(|(column, field)| value(column, field)).collect()
}

fn misfit(message: &str) -> Refusal {
    Refusal::new(
        RefusalCode::Q110,
        message,
        "Bind one row with one value for each `$n`, of a type that fits.",
    )
}

#[cfg(test)]
mod tests {
    use insitu_disclosure::{Column, Dataset, Label, Protection, ScalarType};
    use insitu_engine::common::tree_node::{TreeNode as _, TreeNodeRecursion};

    use super::*;
    use crate::catalog::{Announcement, work};
    use crate::nodes::NodeId;
    use crate::plan::Session;

    fn dataset(name: &str) -> Arc<Dataset> {
        let column = |name: &str, label| Column {
            name: name.to_owned(),
            scalar_type: ScalarType::Int64,
            label,
            domain: None,
            breakpoints: None,
            bounds: None,
            unit_totals: None,
            measured_in: None,
            description: None,
        };
        Arc::new(Dataset {
            name: DatasetName::parse(name).unwrap(),
            description: None,
            columns: vec![column("area", Label::Dimension), column("n", Label::Measure)],
            impossible: Vec::new(),
            hierarchies: Vec::new(),
            protection: Protection::Open,
            snapshot: 0,
        })
    }

    /// So many nodes that hold one dataset together, and each one of its own.
    fn nodes(number: usize) -> Catalog {
        let announcement = |i: usize| {
            let own = dataset(&format!("own.n{i}"));
            let all = dataset("all.trips");
            Announcement {
                node: NodeId(format!("node-{i:03}")),
                department: format!("Department {i}"),
                registered: vec![all.name.clone(), own.name.clone()],
                announced: vec![(all, 7), (own, 8)],
                connected: true,
            }
        };
        Catalog::of(&(0..number).map(announcement).collect::<Vec<_>>())
    }

    /// Steps for the catalogue, nodes of the optimised plan, leaves, requests, and who is asked.
    fn work_for(number: usize) -> [usize; 5] {
        let before = work::steps();
        let catalog = nodes(number);
        let steps = work::steps() - before;
        let engine = Session::new(insitu_planner::Planner::shared(), 64 << 20, None).unwrap();
        let state = engine.state();
        let sql = "SELECT a.area, a.s, b.n FROM (SELECT area, sum(n) AS s FROM all.trips GROUP BY area) AS a \
                   JOIN (SELECT area, n FROM own.n1 WHERE n > 3) AS b ON a.area = b.area";
        let gated = gate::check(sql.as_bytes(), &gate::Limits::STANDARD).unwrap();
        let raw = plan::parse(gated.sql(), &catalog, state).unwrap();
        let ready = ready(&raw, &Options::default(), state, Admission::Required, None).unwrap();
        let mut plan_nodes = 0;
        let counted = ready.optimised.get().apply(|_| {
            plan_nodes += 1;
            Ok(TreeNodeRecursion::Continue)
        });
        counted.unwrap();
        let asked = ready.leaves.iter().map(|leaf| leaf.held().holders.len()).sum();
        [steps, plan_nodes, ready.leaves.len(), ready.requests.len(), asked]
    }

    #[test]
    fn planning_300_nodes_is_linear() {
        let [few, many] = [30, 300].map(work_for);
        // A node is looked at once for each of its datasets, to compare it and to find it again.
        assert_eq!([few[0], many[0]], [4 * 30, 4 * 300]);
        // The plan doesn't grow with the nodes: they are a list beside a leaf.
        assert_eq!(few[1..4], many[1..4]);
        assert_eq!([few[4], many[4]], [30 + 1, 300 + 1]);
    }
}

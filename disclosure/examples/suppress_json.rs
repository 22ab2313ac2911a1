//! Complementary suppression over standard input and output, for comparison with other software.
//!
//! In, one JSON object a line: `{"cells": [...], "relations": [...], "search_work_max"?: n}`. Out,
//! one a line: `suppressed` (positions) and `intervals` (`[cell, low, high, protected]` for each of
//! these), or `error`. `tests/python/ground_truth/test_tau_argus.py` writes and reads them.

use std::io::{BufRead, Write};

use insitu_disclosure::complementary::{CellInput, CellState, Limits, Relation, audit, suppress};
use serde_json::{Value, json};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut output = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let request: Value = serde_json::from_str(&line?)?;
        writeln!(output, "{}", answer(&request)?)?;
        // The other side waits for each answer.
        output.flush()?;
    }
    Ok(())
}

fn answer(request: &Value) -> Result<Value, &'static str> {
    let cells = items(request, "cells")?.iter().map(cell).collect::<Result<Vec<_>, _>>()?;
    let relations = items(request, "relations")?.iter().map(relation);
    let relations = relations.collect::<Result<Vec<_>, _>>()?;
    let mut limits = Limits::STANDARD;
    if let Some(work) = request.get("search_work_max") {
        limits.search_work_max = work.as_u64().ok_or("`search_work_max` isn't a number")?;
    }
    let found = suppress(&cells, &relations, &limits).and_then(|chosen| {
        audit(&cells, &relations, &chosen, &limits).map(|intervals| (chosen, intervals))
    });
    Ok(match found {
        Ok((chosen, intervals)) => {
            let positions = chosen.iter().enumerate().filter(|(_, hidden)| **hidden);
            let suppressed: Vec<usize> = positions.map(|(position, _)| position).collect();
            let bound = |value: Option<i128>| value.and_then(|value| i64::try_from(value).ok());
            let intervals: Vec<Value> = intervals
                .iter()
                .map(|i| json!([i.cell, bound(i.low), bound(i.high), i.protected]))
                .collect();
            json!({"suppressed": suppressed, "intervals": intervals})
        }
        Err(error) => json!({"error": error.to_string()}),
    })
}

fn items<'a>(value: &'a Value, name: &str) -> Result<&'a Vec<Value>, &'static str> {
    value.get(name).and_then(Value::as_array).ok_or("a list is missing")
}

fn unsigned(value: &Value, name: &str) -> Result<u64, &'static str> {
    value.get(name).and_then(Value::as_u64).ok_or("a number is missing or below 0")
}

fn cell(value: &Value) -> Result<CellInput, &'static str> {
    let state = match value.get("state").and_then(Value::as_str) {
        Some("primary") => CellState::Primary,
        Some("suppressed") => CellState::Suppressed,
        Some("fixed") => CellState::Fixed,
        Some("open") => CellState::Open,
        Some(_) | None => return Err("`state` isn't a state"),
    };
    Ok(CellInput {
        value: i128::from(unsigned(value, "value")?),
        cost: unsigned(value, "cost")?,
        state,
        lower_protection: u128::from(unsigned(value, "lower")?),
        upper_protection: u128::from(unsigned(value, "upper")?),
        non_negative: true,
        singleton: value.get("singleton").and_then(Value::as_bool).unwrap_or(false),
    })
}

fn relation(value: &Value) -> Result<Relation, &'static str> {
    let position = |value: &Value| value.as_u64().and_then(|at| usize::try_from(at).ok());
    let parts = items(value, "parts")?.iter().map(position).collect::<Option<Vec<_>>>();
    Ok(Relation {
        total: value.get("total").and_then(position).ok_or("`total` isn't a position")?,
        parts: parts.ok_or("a part isn't a position")?,
    })
}

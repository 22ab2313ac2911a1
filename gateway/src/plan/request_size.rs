//! What fits into a request. Open data needs no more than that: conditions that are too long for it are the engine's, over
//! rows.

use insitu_disclosure::{Dataset, Scalar, Tabulation};
use insitu_proto::request::{NodeRequest, OpenRows, QueryId, Question};

use super::aggregate::conjunction;
use super::upper::OpenNeed;
use crate::references::placeholders;

/// Whether a question fits, whoever is asked.
pub(crate) fn fits(tabulation: &Tabulation) -> bool {
    let mut longest = tabulation.clone();
    longest.input = longest.input.with_fingerprint(u64::MAX);
    encodes(NodeRequest {
        query_id: QueryId([0xFF; 16]),
        time_ms_max: u32::MAX,
        editions: placeholders(&longest),
        question: Question::Tabulation(longest),
    })
}

/// What is needed of a dataset under those of the conditions that fit. Without one of them all rows are needed that the
/// others choose, not the first.
pub(super) fn needed(dataset: &Dataset, need: OpenNeed, conditions: Vec<Scalar>) -> OpenNeed {
    let under = |need: &OpenNeed, conditions: &[Scalar]| OpenNeed {
        predicate: conjunction(conditions),
        ..need.clone()
    };
    let all = under(&need, &conditions);
    if rows_fit(dataset, &all) {
        return all;
    }
    let without_limit = OpenNeed { limit: None, ..need };
    let mut kept = Vec::new();
    for condition in conditions {
        kept.push(condition);
        if !rows_fit(dataset, &under(&without_limit, &kept)) {
            kept.pop();
        }
    }
    under(&without_limit, &kept)
}

fn rows_fit(dataset: &Dataset, need: &OpenNeed) -> bool {
    let rows = OpenRows {
        dataset: dataset.name.clone(),
        fingerprint: u64::MAX,
        columns: need.columns.clone(),
        predicate: need.predicate.clone(),
        limit: need.limit.clone(),
    };
    encodes(NodeRequest {
        query_id: QueryId([0xFF; 16]),
        time_ms_max: u32::MAX,
        question: Question::OpenRows(rows),
        editions: Default::default(),
    })
}

fn encodes(request: NodeRequest) -> bool {
    request.encode().is_ok()
}

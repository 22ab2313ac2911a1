//! A node's refusals, in the gateway's words. A node may say which reason it has, from a closed list;
//! its own text ends here. That text could quote data, by mistake or on purpose, or pass something off
//! as the gateway's advice, and the analyst couldn't tell. What is lost are details, which are in the
//! department's log under the query's id.

use insitu_disclosure::budget::SPENT_FIX;
use insitu_disclosure::{Dataset, Refusal, RefusalCode, Refusals};

/// The reasons of a department's node for not answering a question about datasets, the one whose rows are counted first,
/// each once; `None` if one isn't a node's to have.
pub(crate) fn in_our_words(
    department: &str,
    datasets: &[&Dataset],
    codes: &[RefusalCode],
) -> Option<Refusals> {
    let refusals: Option<Vec<Refusal>> =
        codes.iter().map(|code| reworded(department, datasets, *code)).collect();
    Refusals::collect(refusals?)
}

fn reworded(department: &str, datasets: &[&Dataset], code: RefusalCode) -> Option<Refusal> {
    let dataset = datasets.first()?;
    let (message, fix) = match code {
        // A node without a budget has none to spend.
        RefusalCode::D211 => {
            let dataset = datasets.iter().find(|d| d.conditions_max().is_some())?;
            let number = dataset.conditions_max()?;
            (
                format!(
                    "{department} answers {number} different conditions for each state of `{}`, and these \
                     were asked.",
                    dataset.name
                ),
                SPENT_FIX,
            )
        }
        RefusalCode::Q107 if dataset.is_open() => (
            format!(
                "a number in `{}` at {department} is too large to be added up exactly.",
                dataset.name
            ),
            "Leave such numbers out with a condition, or fetch the rows.",
        ),
        // The gateway admits a question first, so these come from rules that only the node has.
        RefusalCode::Q105
        | RefusalCode::Q106
        | RefusalCode::Q107
        | RefusalCode::D201
        | RefusalCode::D202
        | RefusalCode::D203
        | RefusalCode::D204
        | RefusalCode::D205
        | RefusalCode::D206
        | RefusalCode::D207
        | RefusalCode::D208
        | RefusalCode::D209
        | RefusalCode::D210
        | RefusalCode::D212
        | RefusalCode::D213
        | RefusalCode::D215
        | RefusalCode::L502
        | RefusalCode::L503 => (
            format!("{department} refuses the question under its own rules: {}.", heading(code)),
            "Look the code up, or ask the department.",
        ),
        RefusalCode::N404 => (
            format!(
                "{department} has other terms than the question was checked under, or another version."
            ),
            "Ask again; if it stays, ask the department.",
        ),
        RefusalCode::L504 => (
            format!("the answer has more groups than {department} allows."),
            "Group by fewer or coarser dimensions, or filter.",
        ),
        RefusalCode::L505 => (
            format!("{department} didn't answer within the deadline."),
            "Ask for less at once, or for a longer deadline.",
        ),
        RefusalCode::L506 => (
            format!("the query needs more memory than {department} gives a query."),
            "Group by fewer or coarser dimensions.",
        ),
        RefusalCode::X901 => (
            format!("something went wrong inside the node of {department}."),
            "Report the query id; the department's log has the details.",
        ),
        // A node knows neither statements nor analysts nor other departments.
        RefusalCode::Q101
        | RefusalCode::Q102
        | RefusalCode::Q103
        | RefusalCode::Q104
        | RefusalCode::Q108
        | RefusalCode::Q109
        | RefusalCode::Q110
        | RefusalCode::Q111
        | RefusalCode::A301
        | RefusalCode::A302
        | RefusalCode::N401
        | RefusalCode::N402
        | RefusalCode::N403
        | RefusalCode::L501
        | RefusalCode::L507 => return None,
    };
    Some(Refusal::new(code, message, fix))
}

/// What the code is about: the heading of its page.
fn heading(code: RefusalCode) -> &'static str {
    let line = code.page().lines().next().unwrap_or_default();
    line.split_once(": ").map_or(line, |(_, words)| words)
}

#[cfg(test)]
mod tests {
    use insitu_disclosure::{
        AnswerTimes, DatasetName, Profile, ProtectedUnit, Protection, ReleaseMode,
    };

    use super::*;

    /// A dataset with a budget.
    fn dataset() -> Dataset {
        Dataset {
            name: DatasetName::parse("a.b").unwrap(),
            description: None,
            columns: Vec::new(),
            impossible: Vec::new(),
            hierarchies: Vec::new(),
            protection: Protection::Protected {
                unit: ProtectedUnit::Row,
                profile: Profile::STANDARD,
                release: ReleaseMode::AtNode,
                units_at_one_node: true,
                record_key: None,
                perturbation: None,
                conditions_max: Some(7),
                answer_times: AnswerTimes::at_once(),
                rows_about: None,
                reference_joins: true,
                unit_joins: Default::default(),
            },
            snapshot: 0,
        }
    }

    #[test]
    fn a_spent_budget_is_told_with_its_number_and_only_where_there_is_one() {
        let told = in_our_words("Leeds", &[&dataset()], &[RefusalCode::D211]).unwrap().to_string();
        assert!(told.contains("Leeds answers 7 different conditions"), "{told}");
        assert!(told.contains("still answered"), "{told}");
        let open = Dataset { protection: Protection::Open, ..dataset() };
        assert_eq!(in_our_words("Leeds", &[&open], &[RefusalCode::D211]), None);
    }

    #[test]
    fn every_reason_names_the_department_and_keeps_its_code() {
        let mut known = 0;
        for code in RefusalCode::ALL {
            let Some(refusals) = in_our_words("Leeds City Council", &[&dataset()], &[code, code])
            else {
                continue;
            };
            let all: Vec<_> = refusals.iter().collect();
            assert_eq!((all.len(), all[0].code()), (1, code));
            assert!(all[0].message().contains("Leeds City Council"), "{code:?}");
            known += 1;
        }
        assert_eq!(known, 24);
    }

    #[test]
    fn a_reason_that_is_not_a_nodes_spoils_the_whole() {
        assert_eq!(in_our_words("Leeds", &[&dataset()], &[RefusalCode::A301]), None);
        assert_eq!(
            in_our_words("Leeds", &[&dataset()], &[RefusalCode::X901, RefusalCode::Q102]),
            None
        );
        assert_eq!(in_our_words("Leeds", &[&dataset()], &[]), None);
    }
}

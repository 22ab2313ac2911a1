//! The demo's questions, and what must come of each.

use insitu_disclosure::{RefusalCode, Refusals};

use crate::answer::Answer;
use crate::client::ClientError;

/// A question, as an analyst would ask it.
pub(super) struct Question {
    /// In plain words.
    pub(super) title: &'static str,
    /// As SQL, in lines for people.
    pub(super) sql: &'static str,
    /// What must come of it.
    pub(super) expected: Expected,
    /// What there is to see in it.
    pub(super) lesson: &'static str,
}

/// What must come of a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expected {
    /// A table, all of whose cells are shown.
    AllShown,
    /// A table, some of whose cells are suppressed and some shown.
    SomeSuppressed,
    /// A refusal, this code among its reasons.
    Refused(RefusalCode),
}

/// What came of a question.
pub(super) enum Outcome {
    /// A table.
    Answered(Answer),
    /// Reasons.
    Refused(Refusals),
    /// Neither.
    Failed(String),
}

impl From<Result<Answer, ClientError>> for Outcome {
    fn from(result: Result<Answer, ClientError>) -> Self {
        match result {
            Ok(answer) => Self::Answered(answer),
            Err(ClientError::Refused { refusals, .. }) => Self::Refused(refusals),
            Err(error) => Self::Failed(error.to_string()),
        }
    }
}

impl Expected {
    /// What is wrong with the outcome; `None` if it is as it must be.
    pub(super) fn surprise(self, outcome: &Outcome) -> Option<String> {
        match (self, outcome) {
            (Self::AllShown | Self::SomeSuppressed, Outcome::Answered(answer)) => {
                let (rows, suppressed) = (answer.rows(), answer.suppressed());
                let is_as_expected = match self {
                    Self::AllShown => suppressed == 0,
                    Self::SomeSuppressed | Self::Refused(_) => 0 < suppressed,
                };
                (rows == 0 || !is_as_expected)
                    .then(|| format!("{rows} rows, {suppressed} cells suppressed"))
            }
            (Self::Refused(code), Outcome::Refused(refusals)) => {
                let is_among = refusals.iter().any(|refusal| refusal.code() == code);
                (!is_among).then(|| format!("{} isn't among the reasons", code.as_str()))
            }
            (Self::AllShown | Self::SomeSuppressed, Outcome::Refused(_)) => {
                Some("it was refused".to_owned())
            }
            (Self::Refused(_), Outcome::Answered(_)) => Some("it was answered".to_owned()),
            (Self::AllShown | Self::SomeSuppressed | Self::Refused(_), Outcome::Failed(_)) => {
                Some("it failed".to_owned())
            }
        }
    }
}

/// All questions, from the simple to the forbidden.
pub(super) const QUESTIONS: [Question; 8] = [
    Question {
        title: "Two kinds of crime, by district",
        sql: "\
SELECT local_authority, crime_type, count(*) AS crimes
FROM police.crimes
WHERE month = '2018-07' AND crime_type IN ('Bicycle theft', 'Robbery')
  AND local_authority IS NOT NULL
GROUP BY local_authority, crime_type
ORDER BY crime_type, crimes DESC
LIMIT 10",
        expected: Expected::SomeSuppressed,
        lesson: "The police's own node counted, rounded to 5, and kept back the count with fewer than 10 \
                 crimes behind it.",
    },
    Question {
        title: "Crimes per 1,000 residents: protected counts beside an open census",
        sql: "\
WITH crime AS (
  SELECT local_authority, count(*) AS crimes
  FROM police.crimes WHERE month = '2018-07' GROUP BY local_authority
), people AS (
  SELECT local_authority, sum(persons) AS residents
  FROM ons.population GROUP BY local_authority
)
SELECT crime.local_authority, crimes, residents,
       round(1000.0 * crimes / residents, 1) AS per_1000
FROM crime JOIN people ON crime.local_authority = people.local_authority
ORDER BY per_1000 DESC",
        expected: Expected::AllShown,
        lesson: "Two departments answered with a table each, and the gateway joined the tables. No crime \
                 travelled.",
    },
    Question {
        title: "Where bicycles are stolen: crimes counted by what the census says of their area",
        sql: "\
SELECT CASE WHEN area.persons < 10 * area.hectares THEN 'under 10'
            WHEN area.persons < 40 * area.hectares THEN '10 to 39'
            ELSE '40 and over' END AS residents_per_hectare, count(*) AS bicycles_stolen
FROM police.crimes AS crime JOIN ons.population AS area ON crime.lsoa = area.lsoa
WHERE crime_type = 'Bicycle theft'
GROUP BY 1 ORDER BY 1",
        expected: Expected::AllShown,
        lesson: "The open census went to the police, once, and each crime was looked up there: nobody else \
                 learned its area.",
    },
    Question {
        title: "What a stay in hospital costs, by age",
        sql: "\
SELECT CASE WHEN age < 18 THEN 'under 18' WHEN age < 40 THEN '18 to 39'
            WHEN age < 65 THEN '40 to 64' ELSE '65 and over' END AS age_band,
       count(DISTINCT person_id) AS patients, round(avg(cost) / 100.0, 2) AS mean_cost_pounds
FROM health.episodes
GROUP BY 1
ORDER BY mean_cost_pounds",
        expected: Expected::AllShown,
        lesson: "One person may have 150 episodes: before a cell is shown, people are counted, not rows.",
    },
    Question {
        title: "Council tax arrears over three councils",
        sql: "\
SELECT band, count(*) AS accounts, sum(arrears) / 100 AS arrears_pounds
FROM councils.council_tax
GROUP BY band
ORDER BY band",
        expected: Expected::SomeSuppressed,
        lesson: "Three councils sent sums and how many accounts are behind each; the gateway protected the \
                 total. Of the few accounts in band H, fewer than 10 owe anything.",
    },
    Question {
        title: "A rare benefit, by region",
        sql: "\
SELECT region, count(DISTINCT person_id) AS people, count(*) AS claims
FROM dwp.claims
WHERE benefit = 'Industrial Injuries Disablement Benefit'
GROUP BY region
ORDER BY region",
        expected: Expected::SomeSuppressed,
        lesson: "A region keeps its row, since its name is public; whether anybody there claims is not.",
    },
    Question {
        title: "The rows themselves",
        sql: "SELECT person_id, cost FROM health.episodes",
        expected: Expected::Refused(RefusalCode::D201),
        lesson: "Nothing was read: the language departments understand has no word for a row.",
    },
    Question {
        title: "One person",
        sql: "SELECT count(*), sum(cost) FROM health.episodes WHERE person_id = '9990000018'",
        expected: Expected::Refused(RefusalCode::D202),
        lesson: "Nothing was read: whoever asks about one person is told how to ask about many.",
    },
];

#[cfg(test)]
mod tests {
    use insitu_disclosure::Refusal;

    use super::*;
    use crate::answer::tests::sample;

    #[test]
    fn a_surprise_is_an_outcome_of_another_kind() {
        let refused = || Outcome::Refused(Refusal::new(RefusalCode::D201, "no.", "").into());
        let answered = || Outcome::Answered(sample());
        for (expected, outcome, surprise) in [
            (Expected::SomeSuppressed, answered(), None),
            (Expected::AllShown, answered(), Some("3 rows, 1 cells suppressed")),
            (Expected::Refused(RefusalCode::D201), refused(), None),
            (Expected::Refused(RefusalCode::D202), refused(), Some("D202 isn't among the reasons")),
            (Expected::Refused(RefusalCode::D202), answered(), Some("it was answered")),
            (Expected::AllShown, refused(), Some("it was refused")),
            (Expected::AllShown, Outcome::Failed(String::new()), Some("it failed")),
        ] {
            assert_eq!(expected.surprise(&outcome).as_deref(), surprise, "{expected:?}");
        }
    }

    #[test]
    fn questions_fit_the_page() {
        for question in &QUESTIONS {
            assert!(question.sql.lines().all(|line| line.len() <= 96), "{}", question.title);
        }
    }
}

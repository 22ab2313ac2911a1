//! `dwp.claims`: benefit claims in payment, a row each.
//!
//! Claimants are residents that the hospitals may know too (three in ten of their patients are
//! here), and people of other regions. Planted on purpose:
//!
//! * Long-term illness makes a claim far more likely, and disability benefits above all; it also
//!   fills hospitals: the two tables tell more together than apart.
//! * Most claims are from one region, because the population is; Wales has seven claimants.
//! * Industrial Injuries Disablement Benefit has a few dozen claims in all: in most breakdowns, too
//!   few to show.
//! * Some people have two or three claims: rows are not people.

use std::sync::Arc;

use arrow_array::{ArrayRef, Date32Array, Int64Array, RecordBatch, StringArray};
use arrow_schema::{ArrowError, DataType, Field, Schema};

use super::areas::REGION;
use super::people::{Person, Population};
use super::seeded::Seeded;

/// 31 December 2018, in days since 1970: the day of the extract.
const START_MAX: i32 = 17_896;

/// The age from which a State Pension is paid here; the real one was moving.
const PENSION_AGE: i64 = 65;

/// A benefit, and the pence a week it pays at least and at most (rates of 2017 to 2018, rounded).
struct Benefit {
    name: &'static str,
    weekly_min: i64,
    weekly_max: i64,
}

const UNIVERSAL_CREDIT: Benefit = benefit("Universal Credit", 5_800, 28_000);
const STATE_PENSION: Benefit = benefit("State Pension", 7_300, 15_955);
const INDEPENDENCE: Benefit = benefit("Personal Independence Payment", 2_200, 14_140);
const CARERS: Benefit = benefit("Carer's Allowance", 6_270, 6_270);
const ATTENDANCE: Benefit = benefit("Attendance Allowance", 5_565, 8_310);
const HOUSING: Benefit = benefit("Housing Benefit", 4_000, 16_500);
const INDUSTRIAL: Benefit = benefit("Industrial Injuries Disablement Benefit", 3_394, 16_970);

const fn benefit(name: &'static str, weekly_min: i64, weekly_max: i64) -> Benefit {
    Benefit { name, weekly_min, weekly_max }
}

/// A benefit a person may get, and how many of 1,000 such people get it: the well, and the
/// long-term ill.
struct Chance {
    benefit: &'static Benefit,
    well: u64,
    ill: u64,
}

const fn chance(benefit: &'static Benefit, well: u64, ill: u64) -> Chance {
    Chance { benefit, well, ill }
}

/// Below pension age.
const WORKING_AGE: [Chance; 5] = [
    chance(&UNIVERSAL_CREDIT, 95, 260),
    chance(&HOUSING, 45, 160),
    chance(&CARERS, 18, 12),
    chance(&INDEPENDENCE, 12, 390),
    chance(&INDUSTRIAL, 0, 4),
];

/// From pension age on. The State Pension is paid to nearly everyone of that age; the extract holds
/// two in three, so that not all patients of 80 are in it.
const PENSIONERS: [Chance; 5] = [
    chance(&STATE_PENSION, 660, 660),
    chance(&HOUSING, 80, 130),
    chance(&ATTENDANCE, 20, 340),
    chance(&INDEPENDENCE, 10, 90),
    chance(&INDUSTRIAL, 1, 4),
];

/// One row.
struct Claim<'a> {
    person: &'a Person,
    benefit: &'static str,
    amount: i64,
    start_date: i32,
    region: &'static str,
}

/// The table `dwp.claims` of a population.
pub(crate) fn claims(population: &Population) -> Result<RecordBatch, ArrowError> {
    let claims = drawn(population);
    let rows = || claims.iter();
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter_values(rows().map(|row| row.person.nhs_number.as_str()))),
        Arc::new(StringArray::from_iter_values(rows().map(|row| row.benefit))),
        Arc::new(Int64Array::from_iter_values(rows().map(|row| row.amount))),
        Arc::new(Date32Array::from_iter_values(rows().map(|row| row.start_date))),
        Arc::new(StringArray::from_iter_values(rows().map(|row| row.region))),
    ];
    let schema = Schema::new(vec![
        Field::new("person_id", DataType::Utf8, false),
        Field::new("benefit", DataType::Utf8, false),
        Field::new("amount", DataType::Int64, false),
        Field::new("start_date", DataType::Date32, false),
        Field::new("region", DataType::Utf8, false),
    ]);
    RecordBatch::try_new(Arc::new(schema), columns)
}

/// All claims, in order of person; their numbers are in no order.
fn drawn(population: &Population) -> Vec<Claim<'_>> {
    let mut seeded = population.stream("dwp.claims");
    let mut claims = Vec::new();
    for resident in &population.residents {
        claims_of(&resident.person, REGION, &mut seeded, &mut claims);
    }
    for (person, region) in &population.elsewhere {
        let claims_before = claims.len();
        claims_of(person, region, &mut seeded, &mut claims);
        // Only their claim makes people elsewhere known at all.
        if claims.len() == claims_before {
            claims.push(Claim::draw(person, &UNIVERSAL_CREDIT, region, &mut seeded));
        }
    }
    claims
}

/// Adds the claims of one person; children have none.
fn claims_of<'a>(
    person: &'a Person,
    region: &'static str,
    seeded: &mut Seeded,
    claims: &mut Vec<Claim<'a>>,
) {
    let chances: &[Chance] = match person.age {
        ..16 => &[],
        16..PENSION_AGE => &WORKING_AGE,
        _ => &PENSIONERS,
    };
    for Chance { benefit, well, ill } in chances {
        if seeded.chance(if person.is_long_term_ill { *ill } else { *well }) {
            claims.push(Claim::draw(person, benefit, region, seeded));
        }
    }
}

impl<'a> Claim<'a> {
    /// A claim of that benefit, with its amount and its start, since the age of 16 at the earliest.
    fn draw(
        person: &'a Person,
        benefit: &'static Benefit,
        region: &'static str,
        seeded: &mut Seeded,
    ) -> Self {
        let years = if benefit.name == STATE_PENSION.name {
            person.age - PENSION_AGE
        } else {
            (person.age - 16).min(10)
        };
        let days_max = years.max(1) * 365;
        // The smaller of two draws: recent claims are the more frequent ones.
        let days = seeded.between(0, days_max).min(seeded.between(0, days_max));
        Self {
            person,
            benefit: benefit.name,
            amount: seeded.between(benefit.weekly_min, benefit.weekly_max),
            start_date: START_MAX - i32::try_from(days).unwrap_or(0),
            region,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use arrow_array::cast::AsArray;
    use arrow_array::types::{Date32Type, Int64Type};

    use super::super::health;
    use super::super::nhs_number::is_valid_test_number;
    use super::*;

    fn demo() -> (Population, RecordBatch) {
        let population = Population::demo().unwrap();
        let batch = claims(&population).unwrap();
        (population, batch)
    }

    fn people(batch: &RecordBatch) -> HashSet<&str> {
        texts(batch, "person_id").collect()
    }

    fn texts<'a>(batch: &'a RecordBatch, name: &str) -> impl Iterator<Item = &'a str> {
        batch.column_by_name(name).unwrap().as_string::<i32>().iter().flatten()
    }

    /// The claimants of each value of a column.
    fn claimants<'a>(batch: &'a RecordBatch, by: &str) -> HashMap<&'a str, usize> {
        let mut people: HashMap<&str, HashSet<&str>> = HashMap::new();
        for (value, person) in texts(batch, by).zip(texts(batch, "person_id")) {
            people.entry(value).or_default().insert(person);
        }
        people.into_iter().map(|(value, people)| (value, people.len())).collect()
    }

    #[test]
    fn has_its_size_and_some_people_twice() {
        let (_, batch) = demo();
        assert!((30_000..40_000).contains(&batch.num_rows()), "{}", batch.num_rows());
        let claims_per_100_people = batch.num_rows() * 100 / people(&batch).len();
        assert!((110..140).contains(&claims_per_100_people), "{claims_per_100_people}");
        assert!(people(&batch).into_iter().all(is_valid_test_number));
    }

    #[test]
    fn three_in_ten_patients_claim() {
        let (population, batch) = demo();
        let episodes = health::episodes(&population).unwrap();
        let (patients, claimants) = (people(&episodes), people(&batch));
        let both = patients.intersection(&claimants).count();
        let per_cent = both * 100 / patients.len();
        assert!((27..=33).contains(&per_cent), "{per_cent}");
        assert!(claimants.len() - both > 10_000, "others claim too");
    }

    #[test]
    fn illness_links_the_two_departments() {
        let (population, batch) = demo();
        let episodes = health::episodes(&population).unwrap();
        let claimants = people(&batch);
        let mut visits: HashMap<&str, usize> = HashMap::new();
        for person in texts(&episodes, "person_id") {
            *visits.entry(person).or_default() += 1;
        }
        let share = |pick: fn(usize) -> bool| {
            let patients = || visits.iter().filter(|&(_, &count)| pick(count));
            let claiming = patients().filter(|(person, _)| claimants.contains(*person)).count();
            claiming * 100 / patients().count()
        };
        assert!(share(|count| count >= 4) > share(|count| count == 1) + 15);
    }

    #[test]
    fn one_benefit_and_one_region_are_rare() {
        let (_, batch) = demo();
        let benefits = claimants(&batch, "benefit");
        assert_eq!(benefits.len(), 7);
        let industrial = benefits["Industrial Injuries Disablement Benefit"];
        assert!((20..100).contains(&industrial), "{industrial}");
        let regions = claimants(&batch, "region");
        assert_eq!(regions.len(), 10);
        assert_eq!(regions["WALES"], 7);
        assert!(regions[REGION] * 100 / people(&batch).len() > 70, "{regions:?}");
    }

    #[test]
    fn amounts_and_dates_keep_to_their_domains() {
        let (_, batch) = demo();
        let amounts = batch.column_by_name("amount").unwrap().as_primitive::<Int64Type>();
        assert!(amounts.values().iter().all(|amount| (2_200..=28_000).contains(amount)));
        let starts = batch.column_by_name("start_date").unwrap().as_primitive::<Date32Type>();
        assert!(starts.values().iter().all(|&day| (0..=START_MAX).contains(&day)));
    }
}

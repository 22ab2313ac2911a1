//! The invented population that the departments share.
//!
//! 100,000 residents of the five West Yorkshire districts, about 1 in 22 of the real number, spread
//! over the real small areas in real proportions; and 6,000 adults who live in other regions, whom
//! only benefit claims know. Ages follow the 2011 census roughly. One resident in nine has a
//! long-term illness, more of the old than of the young: they are admitted to hospital more often
//! *and* claim disability benefits more often. That is the planted truth which a question across
//! both departments should find.

use std::sync::Arc;

use super::areas::{self, Area, AreasError};
use super::nhs_number::NhsNumber;
use super::seeded::Seeded;

/// The seed behind every synthetic table of the demo.
pub(crate) const SEED: u64 = 20_260_401;

/// Residents of West Yorkshire.
pub(crate) const RESIDENTS: u64 = 100_000;

/// People elsewhere, by region; Wales has a mere handful, so that a region is too small to show.
/// The census file leaves the region of Welsh rows blank; the others are spelt as it spells them.
pub(crate) const ELSEWHERE: [(&str, usize); 9] = [
    ("NORTH WEST", 2_200),
    ("EAST MIDLANDS", 1_100),
    ("NORTH EAST", 900),
    ("LONDON", 700),
    ("WEST MIDLANDS", 450),
    ("SOUTH EAST", 350),
    ("EAST", 200),
    ("SOUTH WEST", 93),
    ("WALES", 7),
];

/// Bands of age, first and last year, with their share of residents in tenths of a per cent.
const AGES: [(u64, (i64, i64)); 10] = [
    (13, (0, 0)),
    (54, (1, 4)),
    (126, (5, 15)),
    (145, (16, 24)),
    (272, (25, 44)),
    (185, (45, 59)),
    (56, (60, 64)),
    (78, (65, 74)),
    (67, (75, 89)),
    (4, (90, 105)),
];

/// Everyone.
#[derive(Debug)]
pub(crate) struct Population {
    seed: u64,
    /// The small areas, each with its real counts.
    pub(crate) areas: Vec<Area>,
    /// Those who live in them, area by area.
    pub(crate) residents: Vec<Resident>,
    /// Those who live in other regions, with the region.
    pub(crate) elsewhere: Vec<(Person, &'static str)>,
}

/// What every department would know of a person.
#[derive(Debug)]
pub(crate) struct Person {
    /// Shared by the departments: they link by it.
    pub(crate) nhs_number: NhsNumber,
    /// In completed years, at mid-2017.
    pub(crate) age: i64,
    /// As health records it.
    pub(crate) sex: Sex,
    /// Has a long-term illness; no dataset holds this, it shows in how much else happens to them.
    pub(crate) is_long_term_ill: bool,
}

/// A person with a home in West Yorkshire.
#[derive(Debug)]
pub(crate) struct Resident {
    /// Who.
    pub(crate) person: Person,
    /// The small area they live in.
    pub(crate) lsoa: Arc<str>,
}

/// As health records it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sex {
    /// `F`
    Female,
    /// `M`
    Male,
}

impl Population {
    /// The demo's population: always the same one.
    pub(crate) fn demo() -> Result<Self, AreasError> {
        Self::generate(SEED)
    }

    /// The population that follows from a seed.
    pub(crate) fn generate(seed: u64) -> Result<Self, AreasError> {
        let areas = areas::west_yorkshire()?;
        let mut seeded = Seeded::stream(seed, "people");
        let mut nhs_numbers = NhsNumber::test_range();
        let shares = shares(RESIDENTS, &areas, |area| area.persons);
        let mut residents = Vec::new();
        for (area, share) in areas.iter().zip(shares) {
            residents.extend(nhs_numbers.by_ref().take(share).map(|nhs_number| Resident {
                person: Person::draw(nhs_number, &AGES, &mut seeded),
                lsoa: Arc::clone(&area.lsoa),
            }));
        }
        let mut elsewhere = Vec::new();
        for (region, count) in ELSEWHERE {
            elsewhere.extend(nhs_numbers.by_ref().take(count).map(|nhs_number| {
                (Person::draw(nhs_number, AGES.get(3..).unwrap_or(&AGES), &mut seeded), region)
            }));
        }
        Ok(Self { seed, areas, residents, elsewhere })
    }

    /// The random stream of one dataset of this population.
    pub(crate) fn stream(&self, dataset: &str) -> Seeded {
        Seeded::stream(self.seed, dataset)
    }
}

impl Person {
    /// A person of the age distribution.
    fn draw(nhs_number: NhsNumber, ages: &[(u64, (i64, i64))], seeded: &mut Seeded) -> Self {
        let (first, last) = seeded.pick(ages).unwrap_or_default();
        let age = seeded.between(first, last);
        // Women live longer.
        let women_per_mille = if age < 75 { 505 } else { 610 };
        let sex = if seeded.chance(women_per_mille) { Sex::Female } else { Sex::Male };
        let ill_per_mille = match age {
            ..16 => 25,
            16..45 => 60,
            45..65 => 140,
            65..80 => 270,
            _ => 400,
        };
        Self { nhs_number, age, sex, is_long_term_ill: seeded.chance(ill_per_mille) }
    }
}

impl Sex {
    /// As the column holds it.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::Female => "F",
            Self::Male => "M",
        }
    }
}

/// Splits a number over the areas in proportion to a count, exactly: each running total is rounded
/// down, so that no area is off by as much as one.
pub(crate) fn shares(split: u64, areas: &[Area], count: impl Fn(&Area) -> u64) -> Vec<usize> {
    let total: u64 = areas.iter().map(&count).sum::<u64>().max(1);
    let mut running = 0;
    let mut given = 0;
    areas
        .iter()
        .map(|area| {
            running += count(area);
            let due = split * running / total;
            let share = due - given;
            given = due;
            usize::try_from(share).unwrap_or(0)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use super::super::nhs_number::is_valid_test_number;
    use super::*;

    #[test]
    fn everyone_has_their_own_valid_test_number() {
        let population = Population::demo().unwrap();
        let residents = population.residents.iter().map(|resident| &resident.person);
        let everyone = residents.chain(population.elsewhere.iter().map(|(person, _)| person));
        let numbers: Vec<&str> = everyone.map(|person| person.nhs_number.as_str()).collect();
        assert_eq!(numbers.len(), 106_000);
        assert_eq!(numbers.iter().collect::<HashSet<_>>().len(), 106_000);
        assert!(numbers.iter().all(|number| is_valid_test_number(number)));
    }

    #[test]
    fn areas_have_residents_in_real_proportion() {
        let population = Population::demo().unwrap();
        let total: u64 = population.areas.iter().map(|area| area.persons).sum();
        let mut here: HashMap<&str, u32> = HashMap::new();
        for resident in &population.residents {
            *here.entry(&resident.lsoa).or_default() += 1;
        }
        for area in &population.areas {
            let due = area.persons as f64 * RESIDENTS as f64 / total as f64;
            assert!((f64::from(here[&*area.lsoa]) - due).abs() < 1.0, "{area:?}");
        }
    }

    #[test]
    fn ages_and_illness_look_like_people() {
        let residents = Population::demo().unwrap().residents;
        let per_mille = |pick: fn(&Person) -> bool| {
            residents.iter().filter(|r| pick(&r.person)).count() * 1_000 / residents.len()
        };
        assert!(residents.iter().all(|r| (0..=105).contains(&r.person.age)));
        assert!((140..160).contains(&per_mille(|p| p.age >= 65)));
        assert!((100..125).contains(&per_mille(|p| p.is_long_term_ill)));
        assert!((500..530).contains(&per_mille(|p| p.sex == Sex::Female)));
    }
}

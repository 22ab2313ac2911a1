//! `health.episodes`: hospital episodes of three years, one row each, in order of admission.
//!
//! The skew that disclosure control meets in real hospital data is planted on purpose:
//!
//! * More than half of the residents have no episode, most others one or two. Being long-term ill
//!   makes admission more likely and repeats far more so.
//! * About one resident in a thousand is a frequent attender with 20 to 150 episodes, nearly all in
//!   one chapter (dialysis, chemotherapy, psychiatry, chest). A small area's count of rows may thus
//!   be one person: counting rows instead of people shows them.
//! * Costs are lognormal round a median that depends on the chapter; about one in 4,000 is 100 to
//!   400 times as large (transplants, gene therapies) and dominates any small cell it falls in.
//! * One cost in 125 is missing, and so is one person's number in 300: never linked, and not to be
//!   counted as a person.

use std::sync::Arc;

use arrow_array::{ArrayRef, Date32Array, Int64Array, RecordBatch, StringArray};
use arrow_schema::{ArrowError, DataType, Field, Schema};

use super::people::{Person, Population, Resident, Sex};
use super::seeded::Seeded;

/// 1 January 2016, in days since 1970.
const ADMITTED_MIN: i32 = 16_801;

/// 2016 (a leap year), 2017 and 2018.
const DAYS: i32 = 1_096;

/// An ICD-10 chapter, by its range of codes, and what its episodes usually cost.
#[derive(Clone, Copy)]
struct Chapter {
    codes: &'static str,
    cost_median: i64,
}

/// The chapters anyone may have an episode in, by frequency; costs in pounds.
const CHAPTERS: [(u64, Chapter); 20] = [
    (125, chapter("K00-K95", 1_150)),
    (118, SYMPTOMS),
    (112, chapter("C00-D49", 1_350)),
    (86, chapter("M00-M99", 2_100)),
    (83, chapter("I00-I99", 2_300)),
    (78, chapter("J00-J99", 1_750)),
    (76, chapter("N00-N99", 1_250)),
    (75, chapter("S00-T88", 2_000)),
    (68, chapter("Z00-Z99", 480)),
    (46, chapter("H00-H59", 900)),
    (26, chapter("A00-B99", 2_200)),
    (25, chapter("L00-L99", 1_100)),
    (24, chapter("G00-G99", 1_600)),
    (22, chapter("E00-E89", 1_500)),
    (18, chapter("D50-D89", 700)),
    (17, chapter("F01-F99", 2_900)),
    (8, chapter("H60-H95", 1_000)),
    (6, chapter("Q00-Q99", 2_600)),
    (2, chapter("V00-Y99", 850)),
    (1, chapter("U00-U85", 1_400)),
];

/// What a frequent attender keeps coming for.
const REPEATED: [(u64, Chapter); 4] = [
    (45, chapter("N00-N99", 240)),
    (30, chapter("C00-D49", 620)),
    (15, chapter("F01-F99", 1_400)),
    (10, chapter("J00-J99", 1_100)),
];

/// Only of women of 16 to 44.
const PREGNANCY: Chapter = chapter("O00-O9A", 1_700);

/// Only of newborn babies.
const PERINATAL: Chapter = chapter("P00-P96", 1_900);

/// Symptoms without a diagnosis.
const SYMPTOMS: Chapter = chapter("R00-R99", 620);

const fn chapter(codes: &'static str, cost_median: i64) -> Chapter {
    Chapter { codes, cost_median }
}

/// One row.
struct Episode<'a> {
    resident: &'a Resident,
    is_identified: bool,
    admitted: i32,
    icd10: &'static str,
    cost: Option<i64>,
}

/// The table `health.episodes` of a population.
pub(crate) fn episodes(population: &Population) -> Result<RecordBatch, ArrowError> {
    let episodes = drawn(population);
    let rows = || episodes.iter();
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter(rows().map(Episode::person_id))),
        Arc::new(Date32Array::from_iter_values(rows().map(|row| row.admitted))),
        Arc::new(StringArray::from_iter_values(rows().map(|row| row.icd10))),
        Arc::new(Int64Array::from_iter_values(rows().map(|row| row.resident.person.age))),
        Arc::new(StringArray::from_iter_values(rows().map(|row| row.resident.person.sex.code()))),
        Arc::new(StringArray::from_iter_values(rows().map(|row| &row.resident.lsoa))),
        Arc::new(Int64Array::from_iter(rows().map(|row| row.cost))),
    ];
    let schema = Schema::new(vec![
        Field::new("person_id", DataType::Utf8, true),
        Field::new("admitted", DataType::Date32, false),
        Field::new("icd10", DataType::Utf8, false),
        Field::new("age", DataType::Int64, false),
        Field::new("sex", DataType::Utf8, false),
        Field::new("lsoa", DataType::Utf8, false),
        Field::new("cost", DataType::Int64, true),
    ]);
    RecordBatch::try_new(Arc::new(schema), columns)
}

/// All episodes, in order of admission.
fn drawn(population: &Population) -> Vec<Episode<'_>> {
    let mut seeded = population.stream("health.episodes");
    // A list for each day sorts them in one pass; comparing takes long in an unoptimised build.
    let mut days: Vec<Vec<Episode>> = (0..DAYS).map(|_| Vec::new()).collect();
    for resident in &population.residents {
        let (count, repeated) = course(&resident.person, &mut seeded);
        for _ in 0..count {
            let episode = Episode::draw(resident, repeated, &mut seeded);
            let day = usize::try_from(episode.admitted - ADMITTED_MIN).unwrap_or(0);
            if let Some(day) = days.get_mut(day) {
                day.push(episode);
            }
        }
    }
    days.into_iter().flatten().collect()
}

impl<'a> Episode<'a> {
    /// An episode on some day, with its diagnosis and its cost.
    fn draw(resident: &'a Resident, repeated: Option<Chapter>, seeded: &mut Seeded) -> Self {
        let chapter = match repeated {
            Some(repeated) if seeded.chance(900) => repeated,
            Some(_) | None => diagnosis(&resident.person, seeded),
        };
        let day = seeded.between(0, i64::from(DAYS) - 1);
        let pence = seeded.lognormal(chapter.cost_median * 100, 0.8);
        let factor = if seeded.below(4_000) == 0 { seeded.between(100, 400) } else { 1 };
        Self {
            resident,
            is_identified: seeded.below(300) != 0,
            admitted: ADMITTED_MIN + i32::try_from(day).unwrap_or(0),
            icd10: chapter.codes,
            cost: (seeded.below(125) != 0).then_some(pence * factor),
        }
    }

    fn person_id(&self) -> Option<&str> {
        self.is_identified.then(|| self.resident.person.nhs_number.as_str())
    }
}

/// How many episodes a person has, and the chapter that a frequent attender comes for.
fn course(person: &Person, seeded: &mut Seeded) -> (i64, Option<Chapter>) {
    let frequent_in_10_000 = if person.is_long_term_ill { 70 } else { 2 };
    if seeded.below(10_000) < frequent_in_10_000 {
        // The smaller of two draws: few come as often as 150 times.
        let count = seeded.between(20, 150).min(seeded.between(20, 150));
        return (count, seeded.pick(&REPEATED));
    }
    let admitted_per_mille = match person.age {
        0 => 620,
        1..16 => 290,
        16..65 => 400,
        65..80 => 580,
        _ => 700,
    };
    let (more_per_mille, again_per_mille) =
        if person.is_long_term_ill { (200, 620) } else { (0, 380) };
    if !seeded.chance(admitted_per_mille + more_per_mille) {
        return (0, None);
    }
    let mut count = 1;
    while count < 15 && seeded.chance(again_per_mille) {
        count += 1;
    }
    (count, None)
}

/// The chapter of an ordinary episode: births go with newborn babies and women of 16 to 44.
fn diagnosis(person: &Person, seeded: &mut Seeded) -> Chapter {
    if person.age == 0 && seeded.chance(550) {
        return PERINATAL;
    }
    let may_give_birth = person.sex == Sex::Female && (16..45).contains(&person.age);
    if may_give_birth && seeded.chance(380) {
        return PREGNANCY;
    }
    seeded.pick(&CHAPTERS).unwrap_or(SYMPTOMS)
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use arrow_array::Array;
    use arrow_array::cast::AsArray;
    use arrow_array::types::{Date32Type, Int64Type};

    use super::super::nhs_number::is_valid_test_number;
    use super::*;

    fn demo() -> (Population, RecordBatch) {
        let population = Population::demo().unwrap();
        let batch = episodes(&population).unwrap();
        (population, batch)
    }

    /// The values of a column of text that are there.
    fn texts<'a>(batch: &'a RecordBatch, name: &str) -> Vec<&'a str> {
        let column = batch.column_by_name(name).unwrap();
        column.as_string::<i32>().iter().flatten().collect()
    }

    fn counts<'a>(values: impl IntoIterator<Item = &'a str>) -> HashMap<&'a str, usize> {
        let mut counts = HashMap::new();
        for value in values {
            *counts.entry(value).or_default() += 1;
        }
        counts
    }

    #[test]
    fn has_its_size_and_few_gaps() {
        let (_, batch) = demo();
        assert!((75_000..95_000).contains(&batch.num_rows()), "{}", batch.num_rows());
        let nulls = |name| batch.column_by_name(name).unwrap().null_count();
        assert!((200..400).contains(&nulls("person_id")), "{}", nulls("person_id"));
        assert!((500..900).contains(&nulls("cost")), "{}", nulls("cost"));
    }

    #[test]
    fn values_keep_to_their_domains() {
        let (population, batch) = demo();
        assert!(texts(&batch, "person_id").into_iter().all(is_valid_test_number));
        let lsoas: HashSet<&str> = population.areas.iter().map(|area| &*area.lsoa).collect();
        assert!(texts(&batch, "lsoa").iter().all(|lsoa| lsoas.contains(lsoa)));
        let admitted = batch.column_by_name("admitted").unwrap().as_primitive::<Date32Type>();
        assert_eq!(admitted.value(0), 16_801, "2016-01-01");
        assert_eq!(admitted.value(admitted.len() - 1), 17_896, "2018-12-31");
        assert!(admitted.values().is_sorted());
        let ages = batch.column_by_name("age").unwrap().as_primitive::<Int64Type>();
        assert!(ages.values().iter().all(|age| (0..=105).contains(age)));
    }

    #[test]
    fn all_22_chapters_occur_some_rarely() {
        let (_, batch) = demo();
        let chapters = counts(texts(&batch, "icd10"));
        assert_eq!(chapters.len(), 22);
        assert!(chapters["K00-K95"] > 7_000, "{chapters:?}");
        assert!(chapters["U00-U85"] < 150, "{chapters:?}");
    }

    #[test]
    fn most_patients_come_once_or_twice_and_a_few_all_the_time() {
        let (_, batch) = demo();
        let visits = counts(texts(&batch, "person_id"));
        assert!((42_000..50_000).contains(&visits.len()), "{}", visits.len());
        let rare = visits.values().filter(|&&count| count <= 2).count();
        assert!(rare * 100 / visits.len() > 80);
        let frequent = visits.values().filter(|&&count| count >= 20).count();
        assert!((50..150).contains(&frequent), "{frequent}");
        let most = visits.values().max().copied().unwrap();
        assert!((100..=150).contains(&most), "{most}");
    }

    #[test]
    fn a_small_cell_can_be_one_person_many_times() {
        let (_, batch) = demo();
        let column = |name| batch.column_by_name(name).unwrap().as_string::<i32>();
        let (people, lsoas, chapters) = (column("person_id"), column("lsoa"), column("icd10"));
        let mut cells: HashMap<(&str, &str), (usize, HashSet<&str>)> = HashMap::new();
        for row in (0..batch.num_rows()).filter(|&row| people.is_valid(row)) {
            let cell = cells.entry((lsoas.value(row), chapters.value(row))).or_default();
            cell.0 += 1;
            cell.1.insert(people.value(row));
        }
        let hidden = cells.values().filter(|(rows, people)| *rows >= 20 && people.len() < 10);
        assert!(hidden.count() > 30);
    }

    #[test]
    fn a_few_costs_dwarf_all_others() {
        let (_, batch) = demo();
        let column = batch.column_by_name("cost").unwrap().as_primitive::<Int64Type>();
        let mut costs: Vec<i64> = column.iter().flatten().collect();
        costs.sort_unstable();
        let median = costs[costs.len() / 2];
        assert!((90_000..180_000).contains(&median), "{median}");
        assert!(costs[0] > 0);
        let huge = costs.iter().filter(|&&cost| cost > 100 * median).count();
        assert!((5..40).contains(&huge), "{huge}");
    }
}

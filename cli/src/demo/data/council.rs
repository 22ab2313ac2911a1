//! `councils.council_tax`: the household accounts of three councils, a batch each.
//!
//! As many accounts as the residents of the population need homes: 1 in 22 of the real ones, in the
//! real small areas. Planted on purpose:
//!
//! * Two thirds of accounts are in bands A and B, as in the three real districts, and one in some
//!   hundreds is in band H: too few to show in most breakdowns.
//! * Areas differ: in a third of them bands run higher, in a third lower.
//! * Seven in eight accounts owe nothing. Arrears are lognormal, likelier in low bands, and about
//!   one in 200 is 40 to 80 times as large and dominates its area.

use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow_schema::{ArrowError, DataType, Field, Schema};

use super::people::{self, Population, RESIDENTS};
use super::seeded::Seeded;

/// A council that shares its accounts. Calderdale and Wakefield do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Council {
    /// Leeds City Council.
    Leeds,
    /// City of Bradford Metropolitan District Council.
    Bradford,
    /// Kirklees Council.
    Kirklees,
}

/// Bands, lowest value of the home first, with their share in thousandths.
const BANDS: [(u64, &str); 8] =
    [(460, "A"), (205, "B"), (165, "C"), (80, "D"), (52, "E"), (23, "F"), (13, "G"), (2, "H")];

/// The most an account owes: £40,000, in pence.
const ARREARS_MAX: i64 = 4_000_000;

/// How an area's homes compare with the council's.
#[derive(Clone, Copy)]
enum Prosperity {
    Low,
    Middle,
    High,
}

/// One row.
struct Account<'a> {
    id: String,
    band: &'static str,
    arrears: i64,
    lsoa: &'a str,
}

impl Council {
    /// All three.
    pub(crate) const ALL: [Self; 3] = [Self::Leeds, Self::Bradford, Self::Kirklees];

    /// The district, as the census writes it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Leeds => "Leeds",
            Self::Bradford => "Bradford",
            Self::Kirklees => "Kirklees",
        }
    }

    /// What its account numbers begin with.
    fn prefix(self) -> &'static str {
        match self {
            Self::Leeds => "LDS",
            Self::Bradford => "BFD",
            Self::Kirklees => "KRK",
        }
    }
}

/// The table `councils.council_tax` of one council.
pub(crate) fn council_tax(
    population: &Population,
    council: Council,
) -> Result<RecordBatch, ArrowError> {
    let accounts = accounts(population, council);
    let rows = || accounts.iter();
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter_values(rows().map(|row| &row.id))),
        Arc::new(StringArray::from_iter_values(rows().map(|row| row.band))),
        Arc::new(Int64Array::from_iter_values(rows().map(|row| row.arrears))),
        Arc::new(StringArray::from_iter_values(rows().map(|row| row.lsoa))),
    ];
    let schema = Schema::new(vec![
        Field::new("account_id", DataType::Utf8, false),
        Field::new("band", DataType::Utf8, false),
        Field::new("arrears", DataType::Int64, false),
        Field::new("lsoa", DataType::Utf8, false),
    ]);
    RecordBatch::try_new(Arc::new(schema), columns)
}

/// The accounts of one council, area by area.
fn accounts(population: &Population, council: Council) -> Vec<Account<'_>> {
    let mut seeded = population.stream(council.prefix());
    let persons: u64 = population.areas.iter().map(|area| area.persons).sum();
    let homes: u64 = population.areas.iter().map(|area| area.households).sum();
    let homes_due = homes * RESIDENTS / persons.max(1);
    let shares = people::shares(homes_due, &population.areas, |area| area.households);
    let mut accounts = Vec::new();
    for (area, homes) in population.areas.iter().zip(shares) {
        if area.district != council.name() {
            continue;
        }
        let prosperity = seeded.pick(&PROSPERITY).unwrap_or(Prosperity::Middle);
        for _ in 0..homes {
            let number = account_number(accounts.len());
            accounts.push(Account::draw(council, number, &area.lsoa, prosperity, &mut seeded));
        }
    }
    accounts
}

/// A third of areas each.
const PROSPERITY: [(u64, Prosperity); 3] =
    [(1, Prosperity::Low), (1, Prosperity::Middle), (1, Prosperity::High)];

/// The number of the nth account: every one once, in no order, so that a number tells no area.
fn account_number(nth: usize) -> usize {
    // Coprime to the modulus, which is larger than any council's count of accounts.
    nth * 38_611 % 99_991 + 1
}

impl<'a> Account<'a> {
    fn draw(
        council: Council,
        number: usize,
        lsoa: &'a str,
        prosperity: Prosperity,
        seeded: &mut Seeded,
    ) -> Self {
        let (first, second) = (band(seeded), band(seeded));
        // Bands sort as their letters do.
        let band = match prosperity {
            Prosperity::Low => first.min(second),
            Prosperity::Middle => first,
            Prosperity::High => first.max(second),
        };
        let id = format!("{}-{number:08}", council.prefix());
        Self { id, band, arrears: arrears(band, seeded), lsoa }
    }
}

fn band(seeded: &mut Seeded) -> &'static str {
    seeded.pick(&BANDS).unwrap_or("A")
}

/// What an account owes, in pence: mostly nothing.
fn arrears(band: &str, seeded: &mut Seeded) -> i64 {
    let owing_per_mille = match band {
        "A" => 165,
        "B" => 120,
        _ => 60,
    };
    if !seeded.chance(owing_per_mille) {
        return 0;
    }
    let pence = seeded.lognormal(38_000, 0.9);
    let factor = if seeded.below(200) == 0 { seeded.between(40, 80) } else { 1 };
    (pence * factor).min(ARREARS_MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use arrow_array::cast::AsArray;
    use arrow_array::types::Int64Type;

    use super::*;

    fn check(council: Council, rows: std::ops::Range<usize>) {
        let population = Population::demo().unwrap();
        let batch = council_tax(&population, council).unwrap();
        assert!(rows.contains(&batch.num_rows()), "{council:?}: {}", batch.num_rows());

        let texts = |name| batch.column_by_name(name).unwrap().as_string::<i32>().iter().flatten();
        let ids: HashSet<&str> = texts("account_id").collect();
        assert_eq!(ids.len(), batch.num_rows(), "accounts are distinct");
        assert!(ids.iter().all(|id| id.starts_with(council.prefix()) && id.len() == 12));

        let here = population.areas.iter().filter(|area| area.district == council.name());
        let lsoas: HashSet<&str> = here.map(|area| &*area.lsoa).collect();
        assert!(texts("lsoa").all(|lsoa| lsoas.contains(lsoa)), "no other council's area");

        let in_band = |band| texts("band").filter(|&each| each == band).count();
        assert_eq!(texts("band").collect::<HashSet<_>>().len(), 8);
        assert!((40..55).contains(&(in_band("A") * 100 / batch.num_rows())));
        assert!((5..60).contains(&in_band("H")), "{council:?}: {}", in_band("H"));

        let arrears = batch.column_by_name("arrears").unwrap().as_primitive::<Int64Type>();
        let mut owed: Vec<i64> = arrears.values().iter().copied().filter(|&a| a != 0).collect();
        assert!((10..16).contains(&(owed.len() * 100 / batch.num_rows())));
        owed.sort_unstable();
        let (least, median, most) = (owed[0], owed[owed.len() / 2], owed[owed.len() - 1]);
        assert!(least > 0 && most > 30 * median, "{council:?}: {least}, {median}, {most}");
    }

    #[test]
    fn leeds_has_its_accounts() {
        check(Council::Leeds, 14_000..15_000);
    }

    #[test]
    fn bradford_has_its_accounts() {
        check(Council::Bradford, 8_500..9_500);
    }

    #[test]
    fn kirklees_has_its_accounts() {
        check(Council::Kirklees, 7_500..8_500);
    }
}

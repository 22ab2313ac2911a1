//! The small areas of West Yorkshire, out of the census file.
//!
//! Only the region Yorkshire and the Humber is wanted. The file is in order of region, so reading
//! stops a third of the way in: unpacking is most of the cost in an unoptimised build.

use std::sync::Arc;

use super::real::CENSUS;

/// The region, as the census file writes it.
pub(crate) const REGION: &str = "YORKSHIRE AND THE HUMBER";

/// The five metropolitan districts that West Yorkshire Police covers.
pub(crate) const DISTRICTS: [&str; 5] =
    ["Bradford", "Calderdale", "Kirklees", "Leeds", "Wakefield"];

/// One lower layer super output area (LSOA): the smallest area with published statistics, about
/// 1,600 residents.
#[derive(Clone, Debug)]
pub(crate) struct Area {
    /// Such as `E01011229`.
    pub(crate) lsoa: Arc<str>,
    /// One of [`DISTRICTS`].
    pub(crate) district: String,
    /// Residents in 2011.
    pub(crate) persons: u64,
    /// Households in 2011.
    pub(crate) households: u64,
}

/// Why the census file could not be read. It is embedded, so either error is a broken build.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AreasError {
    /// The embedded bytes are not gzip, or not text.
    #[error("cannot unpack the embedded census file")]
    Unpack(#[from] std::io::Error),
    /// A row has a missing column or a count that is no number.
    #[error("unexpected row in the embedded census file: `{row}`")]
    Row {
        /// The row as it stands in the file.
        row: String,
    },
}

/// The 1,388 areas of West Yorkshire, in the order of the file.
pub(crate) fn west_yorkshire() -> Result<Vec<Area>, AreasError> {
    let mut areas = Vec::new();
    for row in CENSUS.lines().skip_while(is_elsewhere).take_while(|row| !is_elsewhere(row)) {
        areas.extend(area(&row?)?);
    }
    Ok(areas)
}

/// Whether a row is of another region. A failure to read is not, so that it is reported.
fn is_elsewhere(row: &std::io::Result<String>) -> bool {
    row.as_ref().is_ok_and(|row| !row.contains(REGION))
}

/// The area a row describes, if it is in one of the five districts.
fn area(row: &str) -> Result<Option<Area>, AreasError> {
    let fields = fields(row);
    // Columns: local authority name, LSOA code, all persons, households.
    let wanted = (fields.get(3), fields.get(6), fields.get(9), fields.get(14));
    let (Some(district), Some(lsoa), Some(persons), Some(households)) = wanted else {
        return Err(AreasError::Row { row: row.to_owned() });
    };
    if !DISTRICTS.contains(&district.as_str()) {
        return Ok(None);
    }
    let count = |text: &str| {
        let digits = text.replace(',', "");
        digits.parse().map_err(|_| AreasError::Row { row: row.to_owned() })
    };
    Ok(Some(Area {
        lsoa: Arc::from(lsoa.as_str()),
        district: district.clone(),
        persons: count(persons)?,
        households: count(households)?,
    }))
}

/// The fields of one CSV row. The file quotes fields that hold a comma, and escapes nothing.
fn fields(row: &str) -> Vec<String> {
    let mut fields = Vec::new();
    let mut field = String::new();
    let mut is_quoted = false;
    for c in row.chars() {
        match c {
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => fields.push(std::mem::take(&mut field)),
            c => field.push(c),
        }
    }
    fields.push(field);
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_every_area_and_resident_of_the_five_districts() {
        let areas = west_yorkshire().unwrap();
        assert_eq!(areas.len(), 1_388);
        let count = |district| {
            let of = || areas.iter().filter(|area| area.district == district);
            (
                of().count(),
                of().map(|a| a.persons).sum::<u64>(),
                of().map(|a| a.households).sum::<u64>(),
            )
        };
        assert_eq!(count("Leeds"), (482, 751_485, 320_596));
        assert_eq!(count("Bradford"), (310, 522_452, 199_296));
        assert_eq!(count("Kirklees"), (259, 422_458, 173_525));
        assert_eq!(count("Wakefield"), (209, 325_837, 140_414));
        assert_eq!(count("Calderdale"), (128, 203_826, 88_621));
    }

    #[test]
    fn the_file_is_in_order_of_region() {
        let rows = CENSUS.lines().filter(|row| row.as_ref().unwrap().contains(REGION)).count();
        let read = CENSUS.lines().skip_while(is_elsewhere).take_while(|row| !is_elsewhere(row));
        assert_eq!(read.count(), rows);
    }

    #[test]
    fn a_quoted_comma_does_not_split() {
        assert_eq!(fields(r#"a,"1,563",,b"#), ["a", "1,563", "", "b"]);
    }

    #[test]
    fn refuses_a_short_row() {
        let error = area("E12000003,YORKSHIRE AND THE HUMBER").unwrap_err();
        assert!(error.to_string().contains("unexpected row"), "{error}");
    }
}

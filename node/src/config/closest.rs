//! The word that somebody may have meant.

/// 1 is the same word, 0 has nothing in common: two letters in five may differ.
const LIKENESS_MIN: f64 = 0.6;

/// The candidate nearest to the word, if it is near enough to be a slip of the hand.
pub(crate) fn closest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let lower = word.to_lowercase();
    let likeness =
        |candidate: &str| strsim::normalized_damerau_levenshtein(&lower, &candidate.to_lowercase());
    candidates
        .into_iter()
        .map(|candidate| (likeness(candidate), candidate))
        .filter(|(likeness, _)| LIKENESS_MIN <= *likeness)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_slips_and_nothing_else() {
        let words = ["label", "domain", "Crime type"];
        assert_eq!(closest("lable", words), Some("label"));
        assert_eq!(closest("crime_type", words), Some("Crime type"));
        assert_eq!(closest("bounds", words), None);
    }
}

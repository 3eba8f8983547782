//! "Did you mean": the nearest of a set of known words.

/// The word of `known` that is nearest to `word`, if one is near enough to be what was meant.
///
/// Upper and lower case count as the same letter. A word of n letters may differ in n / 3 of them, at least one.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    let allowed = (word.chars().count() / 3).max(1);
    known
        .into_iter()
        .filter(|candidate| candidate.len().abs_diff(word.len()) <= 2 * allowed)
        .map(|candidate| (strsim::damerau_levenshtein(&word, &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_slip_is_recognised_and_a_different_word_is_not() {
        let known = ["option", "subvolumes", "volume"];
        assert_eq!(nearest("optoin", known), Some("option"));
        assert_eq!(nearest("VOLUME", known), Some("volume"));
        assert_eq!(nearest("subvolume", known), Some("subvolumes"));
        assert_eq!(nearest("junk", known), None);
    }
}

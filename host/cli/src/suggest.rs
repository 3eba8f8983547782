//! "Did you mean": the nearest of a set of known words.

/// The word of `known` that is nearest to `word`, if one is near enough to be what was meant.
///
/// A word of n letters may differ in n / 3 of them, at least one.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    let allowed = (word.chars().count() / 3).max(1);
    let near = known.into_iter().map(|candidate| (strsim::damerau_levenshtein(&word, candidate), candidate));
    near.filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, near)| near)
}

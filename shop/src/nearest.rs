//! The word that was probably meant.

/// Edits (letters added, left out, changed, or swapped with their neighbour) that make `b` of `a`.
fn edits(a: &[char], b: &[char]) -> usize {
    let (mut older, mut old): (Vec<usize>, Vec<usize>) = (Vec::new(), (0..=b.len()).collect());
    for i in 0..a.len() {
        let mut new = vec![i + 1];
        for j in 0..b.len() {
            let changed = old[j] + usize::from(a[i] != b[j]);
            let mut least = changed.min(old[j + 1] + 1).min(new[j] + 1);
            if i > 0 && j > 0 && a[i] == b[j - 1] && a[i - 1] == b[j] {
                least = least.min(older[j - 1] + 1);
            }
            new.push(least);
        }
        older = std::mem::replace(&mut old, new);
    }
    old[b.len()]
}

/// The one of `known` that is written most like `word`: it begins alike, and at most a third of its letters differ, and at
/// most two. Ties go to the first in order of letters.
pub fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let letters: Vec<char> = word.chars().flat_map(char::to_lowercase).collect();
    let most = (letters.len() / 3).min(2);
    known
        .into_iter()
        .filter_map(|known| {
            // most words are told apart by their first letter and their length
            let first = known.chars().flat_map(char::to_lowercase).next();
            let longer = known.chars().count().abs_diff(letters.len());
            if first.as_ref() != letters.first() || longer > most + 1 {
                return None;
            }
            let other: Vec<char> = known.chars().flat_map(char::to_lowercase).collect();
            let edits = edits(&letters, &other);
            (edits <= most && letters.first() == other.first()).then_some((edits, known))
        })
        .min()
        .map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_found_and_a_far_one_is_not() {
        let known = ["quantity", "value", "at"];
        assert_eq!(nearest("quantiy", known), Some("quantity"));
        assert_eq!(nearest("Vaule", known), Some("value"));
        assert_eq!(nearest("it", known), None, "too short to tell");
        assert_eq!(nearest("colour", known), None);
        assert_eq!(nearest("tasting", ["rating"]), None);
    }
}

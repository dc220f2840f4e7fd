//! Names that people write, of categories, brands and allergens, in the one form in which they are compared.

/// Returns `name` as names are compared: without case, every part of a path trimmed and its blanks single, empty parts left
/// out; empty for a name that says nothing.
///
/// ```
/// use serendib_shop::name_key;
///
/// assert_eq!(name_key(" Food /  Hot  Drinks/"), "food/hot drinks");
/// assert_eq!(name_key(" / "), "");
/// ```
pub fn name_key(name: &str) -> String {
    let mut key = String::with_capacity(name.len());
    for part in path_parts(name) {
        if !key.is_empty() {
            key.push('/');
        }
        for (at, word) in part.split_whitespace().enumerate() {
            if at > 0 {
                key.push(' ');
            }
            key.extend(word.chars().flat_map(char::to_lowercase));
        }
    }
    key
}

/// Returns the parts of the path `name`, trimmed, without empty ones.
pub fn path_parts(name: &str) -> impl Iterator<Item = &str> {
    name.split('/')
        .map(str::trim)
        .filter(|part| !part.is_empty())
}

/// Returns the key of a path and of every end of it: `a/b/c`, `b/c`, `c`.
pub fn path_ends(key: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(key), |end| end.split_once('/').map(|(_, rest)| rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_without_case_blanks_and_empty_parts() {
        for name in ["Pets/Dogs", " pets / DOGS ", "/Pets//Dogs/", "pets/\tdogs"] {
            assert_eq!(name_key(name), "pets/dogs", "{name:?}");
        }
        assert_eq!(name_key("מזון / תה"), "מזון/תה");
        assert_ne!(name_key("hot drinks"), name_key("hotdrinks"));
        assert_eq!(name_key("\u{a0}"), "");
    }

    #[test]
    fn a_path_ends_in_each_of_its_parts() {
        let ends: Vec<&str> = path_ends("a/b/c").collect();
        assert_eq!(ends, ["a/b/c", "b/c", "c"]);
    }
}

//! Words and phrases in titles and category paths, in English and Hebrew.

use std::collections::HashMap;

use unicode_normalization::UnicodeNormalization;

/// Lower-case words of `text`; punctuation separates, apostrophes and Hebrew points vanish.
pub(super) fn tokens(text: &str) -> Vec<String> {
    let mut out = Vec::new();
    let mut word = String::new();
    for c in text.nfkc().flat_map(char::to_lowercase) {
        if c.is_alphanumeric() {
            word.push(c);
        } else if matches!(c, '\'' | '’' | '׳' | '"' | '״' | '\u{0591}'..='\u{05C7}') {
            // "children's", "תמ״ל": the mark is inside the word.
        } else if !word.is_empty() {
            out.push(std::mem::take(&mut word));
        }
    }
    if !word.is_empty() {
        out.push(word);
    }
    out
}

/// Lower-case form of `text` with all dashes as `-`, for patterns with numbers.
pub(super) fn flat(text: &str) -> String {
    text.nfkc()
        .flat_map(char::to_lowercase)
        .filter(|c| !matches!(c, '\u{0591}'..='\u{05BD}' | '\u{05BF}'..='\u{05C7}'))
        .map(|c| match c {
            '–' | '—' | '−' | '־' | '‐' => '-',
            '׳' | '’' => '\'',
            c => c,
        })
        .collect()
}

/// Phrases that stand for numbered rules.
#[derive(Debug, Clone, Default)]
pub(super) struct Phrases {
    by_first: HashMap<String, Vec<(Vec<String>, usize)>>,
}

impl Phrases {
    /// Adds `phrase` for rule `rule`.
    pub fn add(&mut self, phrase: &str, rule: usize) {
        let mut words = tokens(phrase);
        if !words.is_empty() {
            let first = words.remove(0);
            self.by_first.entry(first).or_default().push((words, rule));
        }
    }

    /// The rules that match `words`, in order of their numbers, each once.
    pub fn find(&self, words: &[String]) -> Vec<usize> {
        let mut found = Vec::new();
        for at in 0..words.len() {
            for first in forms(&words[at]) {
                for (rest, rule) in self.by_first.get(first).into_iter().flatten() {
                    let matches = rest.iter().enumerate().all(|(i, want)| {
                        words
                            .get(at + 1 + i)
                            .is_some_and(|word| forms(word).any(|form| form == want))
                    });
                    if matches {
                        found.push(*rule);
                    }
                }
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }
}

/// Words whose first letter is no prefix, where what follows it is another word: "מגורים" is dwelling, not "of puppies".
const WHOLE: &[&str] = &["מגורים", "מגורי", "שגור"];

/// A word, and for Hebrew also the word without one or two of its prefix letters (ה, ל, ב, מ, ו, כ, ש).
fn forms(word: &str) -> impl Iterator<Item = &str> {
    let mut rest = word;
    let mut left = 3;
    std::iter::from_fn(move || {
        if left == 0 {
            return None;
        }
        left -= 1;
        let current = rest;
        match current.chars().next() {
            Some(c)
                if matches!(c, 'ה' | 'ל' | 'ב' | 'מ' | 'ו' | 'כ' | 'ש')
                    && current.chars().count() > 3
                    && !WHOLE.contains(&current) =>
            {
                rest = &current[c.len_utf8()..];
            }
            _ => left = 0,
        }
        Some(current)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phrases_match_whole_words_in_both_languages() {
        let mut phrases = Phrases::default();
        phrases.add("baby food", 1);
        phrases.add("תינוק", 2);
        phrases.add("תינוקות", 2);
        phrases.add("childrens", 3);
        let find = |text: &str| phrases.find(&tokens(text));
        assert_eq!(find("Organic BABY-FOOD, pear"), [1]);
        assert_eq!(find("baby foodie"), Vec::<usize>::new());
        assert_eq!(find("בקבוק לתינוק"), [2]);
        assert_eq!(find("ולתינוקות"), [2]);
        assert_eq!(find("Children’s books"), [3]);
    }
}

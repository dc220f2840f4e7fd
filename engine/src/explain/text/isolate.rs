//! Names and titles inside sentences of another direction.

/// Longest title in a sentence, characters.
const LONGEST_TITLE: usize = 80;

/// `text` between Unicode isolates (U+2068, U+2069), without characters that would break out of them, cut to 80 characters.
pub(super) fn isolated(text: &str) -> String {
    let mut clean: Vec<char> = text
        .chars()
        .filter(|c| {
            !c.is_control()
                // separators of lines and paragraphs end an isolate, marks of direction reach beyond it
                && !matches!(*c, '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{200E}' | '\u{200F}' | '\u{061C}')
        })
        .collect();
    if clean.len() > LONGEST_TITLE {
        clean.truncate(LONGEST_TITLE - 1);
        clean.push('…');
    }
    let clean: String = clean.into_iter().collect();
    format!("\u{2068}{}\u{2069}", clean.trim())
}

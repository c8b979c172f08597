//! What a scalar has that restricts the styles it can be written in, after PyYAML's `analyze_scalar`.

/// Restrictions of a scalar.
pub(super) struct Analysis {
    pub(super) empty: bool,
    pub(super) multiline: bool,
    /// Whether it can be written without quotes in a block collection.
    pub(super) block_plain: bool,
    /// Whether it can be written in single quotes.
    pub(super) single_quoted: bool,
}

impl Analysis {
    pub(super) fn new(text: &str) -> Self {
        if text.is_empty() {
            return Self { empty: true, multiline: false, block_plain: true, single_quoted: true };
        }
        let chars: Vec<char> = text.chars().collect();
        let multiline = chars.iter().copied().any(is_break);
        let special = chars.iter().copied().any(is_special);
        let pairs = || chars.windows(2);
        let space_break = pairs().any(|pair| pair[0] == ' ' && is_break(pair[1]));
        let break_space = pairs().any(|pair| is_break(pair[0]) && pair[1] == ' ');
        let at_edge = |c: &char| *c == ' ' || is_break(*c);
        let edges = chars.first().is_some_and(at_edge) || chars.last().is_some_and(at_edge);
        let single_quoted = !break_space && !space_break && !special;
        Self {
            empty: false,
            multiline,
            block_plain: single_quoted && !edges && !multiline && !has_block_indicator(text, &chars),
            single_quoted,
        }
    }
}

/// Whether a character is a line break of YAML 1.1.
pub(super) fn is_break(c: char) -> bool {
    matches!(c, '\n' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

fn is_blank(c: char) -> bool {
    matches!(c, '\0' | ' ' | '\t' | '\r') || is_break(c)
}

/// Whether a character is written as an escape. Unlike PyYAML, so are line breaks that only YAML 1.1 has, which readers of
/// YAML 1.2 would keep together with the indent after them.
fn is_special(c: char) -> bool {
    let ascii = c == '\n' || (' '..='~').contains(&c);
    let unicode = matches!(c, '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..='\u{10fffe}');
    !(ascii || (unicode && !matches!(c, '\u{feff}' | '\u{2028}' | '\u{2029}')))
}

/// Whether the text could be taken for another construct in a block collection.
fn has_block_indicator(text: &str, chars: &[char]) -> bool {
    let followed = |at: usize| chars.get(at + 1).is_none_or(|c| is_blank(*c));
    let starts = match chars[0] {
        '?' | ':' | '-' => followed(0),
        first => "#,[]{}&*!|>'\"%@`".contains(first),
    };
    let inside = chars.iter().enumerate().skip(1).any(|(at, c)| match c {
        ':' => followed(at),
        '#' => is_blank(chars[at - 1]),
        _ => false,
    });
    starts || inside || text.starts_with("---") || text.starts_with("...")
}

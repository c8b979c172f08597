//! Lexer for the right-hand side of an override, after Hydra's ANTLR grammar `OverrideLexer.g4`.
//!
//! The longest match wins; of two equally long ones, the more specific (`true` is a boolean, not a word).

/// Type of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    ParenOpen,
    ParenClose,
    BracketOpen,
    BracketClose,
    BraceOpen,
    BraceClose,
    Comma,
    Colon,
    Equal,
    Float,
    Int,
    Bool,
    Null,
    Word,
    /// Other character that is allowed in bare strings.
    Symbol,
    /// One or more escaped characters.
    Escape,
    Space,
    Quoted,
    Interpolation,
}

/// Token, with its start in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind,
    pub(super) text: &'a str,
    pub(super) start: usize,
}

/// Splits `text` from byte `start` into tokens; an error has the byte position and the message.
pub(super) fn tokens(text: &str, start: usize) -> Result<Vec<Token<'_>>, (usize, String)> {
    let mut tokens = Vec::new();
    // In Hydra, spaces after the equals sign belong to it.
    let mut at = start + spaces(&text[start..]);
    while at < text.len() {
        let rest = &text[at..];
        let (kind, len) = token(rest).ok_or_else(|| (at, error_message(rest)))?;
        tokens.push(Token { kind, text: &rest[..len], start: at });
        at += len;
    }
    Ok(tokens)
}

fn error_message(rest: &str) -> String {
    match rest.chars().next() {
        Some(quote @ ('"' | '\'')) => format!("unterminated string: no closing {quote}"),
        Some(c) => format!("the character {c:?} is only allowed in a quoted string"),
        None => "expected a value".to_owned(),
    }
}

fn token(rest: &str) -> Option<(Kind, usize)> {
    let first = rest.chars().next()?;
    punctuation(rest).or_else(|| match first {
        ' ' | '\t' => Some((Kind::Space, spaces(rest))),
        '"' | '\'' => quoted(rest, first).map(|len| (Kind::Quoted, len)),
        'a'..='z' | 'A'..='Z' | '_' => Some(word(rest)),
        '\\' => Some(escape(rest)),
        '$' => Some(interpolation(rest)),
        '0'..='9' | '+' | '-' | '.' => Some(number(rest)),
        '/' | '%' | '*' | '@' | '?' | '|' => Some((Kind::Symbol, 1)),
        _ => None,
    })
}

fn spaces(text: &str) -> usize {
    text.len() - text.trim_start_matches([' ', '\t']).len()
}

/// Matches brackets and separators with the spaces around them; an opening bracket takes none before it.
fn punctuation(rest: &str) -> Option<(Kind, usize)> {
    let before = spaces(rest);
    let body = &rest[before..];
    let (kind, takes_after) = match body.as_bytes().first()? {
        b'(' => (Kind::ParenOpen, true),
        b')' => (Kind::ParenClose, false),
        b',' => (Kind::Comma, true),
        b':' => (Kind::Colon, true),
        b'=' => (Kind::Equal, true),
        b']' => (Kind::BracketClose, false),
        b'}' => (Kind::BraceClose, false),
        b'[' if before == 0 => (Kind::BracketOpen, true),
        b'{' if before == 0 => (Kind::BraceOpen, true),
        _ => return None,
    };
    let after = if takes_after { spaces(&body[1..]) } else { 0 };
    Some((kind, before + 1 + after))
}

/// Length up to the first matching quote after an even number of backslashes.
fn quoted(rest: &str, quote: char) -> Option<usize> {
    let mut backslashes = 0_usize;
    for (at, c) in rest.char_indices().skip(1) {
        if c == quote && backslashes.is_multiple_of(2) {
            return Some(at + 1);
        }
        backslashes = if c == '\\' { backslashes + 1 } else { 0 };
    }
    None
}

fn word(rest: &str) -> (Kind, usize) {
    let len = rest.bytes().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-')).count();
    let kind = match rest[..len].to_ascii_lowercase().as_str() {
        "inf" | "nan" => Kind::Float,
        "true" | "false" => Kind::Bool,
        "null" => Kind::Null,
        _ => Kind::Word,
    };
    (kind, len)
}

fn escape(rest: &str) -> (Kind, usize) {
    let bytes = rest.as_bytes();
    let escaped = |pair: &&[u8]| pair[0] == b'\\' && pair.len() == 2 && b"\\()[]{}:=, \t".contains(&pair[1]);
    match 2 * bytes.chunks(2).take_while(escaped).count() {
        0 => (Kind::Symbol, 1),
        len => (Kind::Escape, len),
    }
}

/// Matches a non-empty interpolation, from `${` to the next `}`.
fn interpolation(rest: &str) -> (Kind, usize) {
    let end = rest.strip_prefix("${").and_then(|body| body.find('}')).filter(|end| *end > 0);
    match end {
        Some(end) => (Kind::Interpolation, end + 3),
        None => (Kind::Symbol, 1),
    }
}

fn number(rest: &str) -> (Kind, usize) {
    let sign = usize::from(rest.starts_with(['+', '-']));
    let body = &rest[sign..];
    let word = body.get(..3).map(str::to_ascii_lowercase);
    if sign == 1 && matches!(word.as_deref(), Some("inf" | "nan")) {
        return (Kind::Float, sign + 3);
    }
    let int = int_len(body);
    let point = point_len(body, int);
    let mantissa = point.unwrap_or(int);
    if mantissa == 0 {
        return (Kind::Symbol, 1);
    }
    match (exponent_len(&body[mantissa..]), point) {
        (Some(exponent), _) => (Kind::Float, sign + mantissa + exponent),
        (None, Some(point)) => (Kind::Float, sign + point),
        (None, None) => (Kind::Int, sign + int),
    }
}

/// Length of an integer: `0`, or digits without a leading zero, with single underscores between them.
fn int_len(text: &str) -> usize {
    match text.as_bytes().first() {
        Some(b'0') => 1,
        Some(b'1'..=b'9') => digits_len(text),
        _ => 0,
    }
}

/// Length of `1.`, `1.5` or `.5`, given the length of the integer part.
fn point_len(text: &str, int: usize) -> Option<usize> {
    let fraction = text[int..].strip_prefix('.')?;
    let digits = digits_len(fraction);
    (int > 0 || digits > 0).then_some(int + 1 + digits)
}

fn exponent_len(text: &str) -> Option<usize> {
    let body = text.strip_prefix(['e', 'E'])?;
    let sign = usize::from(body.starts_with(['+', '-']));
    let digits = digits_len(&body[sign..]);
    (digits > 0).then_some(1 + sign + digits)
}

fn digits_len(text: &str) -> usize {
    let bytes = text.as_bytes();
    let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let mut len = 0;
    while digit(len) || (len > 0 && bytes.get(len) == Some(&b'_') && digit(len + 1)) {
        len += 1;
    }
    len
}

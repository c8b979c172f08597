//! Formatting of values as in Python, which Hydra uses in names and interpolated strings.

use crate::value::{Key, Value};

/// Formats a float as Python's `repr`: `1e-05`, `0.0001`, `2.0`, `inf`, `nan`.
pub fn float(value: f64) -> String {
    if value.is_nan() {
        return "nan".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let scientific = format!("{value:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..16).contains(&exponent) {
        return format!("{value:?}");
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

/// Parses a float as Python's `float` does: spaces around it, and single underscores between digits.
pub(crate) fn parse_python_float(text: &str) -> Option<f64> {
    without_underscores(text.trim_matches(is_python_space))?.parse().ok()
}

/// Parses an integer as Python's `int` does; `None` for one that does not fit into 64 bits.
pub(crate) fn parse_python_int(text: &str) -> Option<i64> {
    without_underscores(text.trim_matches(is_python_space))?.parse().ok()
}

/// Whether Python's `str.strip` removes the character.
fn is_python_space(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}

/// Removes underscores between digits; `None` if there are others.
fn without_underscores(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let digit = |b: Option<&u8>| b.is_some_and(u8::is_ascii_digit);
    let between = |at: usize| at > 0 && digit(bytes.get(at - 1)) && digit(bytes.get(at + 1));
    text.match_indices('_').all(|(at, _)| between(at)).then(|| text.replace('_', ""))
}

/// Formats a value as Python's `str`.
pub(crate) fn display(value: &Value) -> String {
    if let Value::Str(text) = value { text.clone() } else { repr(value) }
}

fn repr(value: &Value) -> String {
    match value {
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Int(value) => value.to_string(),
        Value::Float(value) => float(*value),
        Value::Str(text) => quoted(text),
        Value::List(list) => {
            format!("[{}]", list.iter().map(repr).collect::<Vec<_>>().join(", "))
        }
        Value::Map(map) => {
            let pairs = map.iter().map(|(key, child)| format!("{}: {}", repr_key(key), repr(child)));
            format!("{{{}}}", pairs.collect::<Vec<_>>().join(", "))
        }
    }
}

fn repr_key(key: &Key) -> String {
    match key {
        Key::Bool(true) => "True".to_owned(),
        Key::Bool(false) => "False".to_owned(),
        Key::Str(text) => quoted(text),
        other => other.to_string(),
    }
}

/// Formats a string as Python's `repr`: in double quotes only if it has a single quote and no double quote.
fn quoted(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut out = String::from(quote);
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c == quote => out.extend(['\\', c]),
            c => out.push(c),
        }
    }
    out.push(quote);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_print_as_in_python() {
        let cases = [
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (1.5e-7, "1.5e-07"),
            (2.0, "2.0"),
            (-0.0, "-0.0"),
            (1e15, "1000000000000000.0"),
            (123_456_789_012_345_680.0, "1.2345678901234568e+17"),
            (1e16, "1e+16"),
            (1e300, "1e+300"),
            (f64::NEG_INFINITY, "-inf"),
        ];
        for (value, expected) in cases {
            assert_eq!(float(value), expected);
        }
    }

    #[test]
    fn containers_print_as_in_python() {
        let value = Value::List(vec![
            Value::Null,
            Value::Bool(true),
            Value::from("it's"),
            Value::from("a\n"),
            Value::Map([("k".into(), Value::Float(1.5))].into_iter().collect()),
        ]);
        assert_eq!(display(&value), r#"[None, True, "it's", 'a\n', {'k': 1.5}]"#);
    }
}

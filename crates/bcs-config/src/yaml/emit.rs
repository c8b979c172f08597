//! YAML emitter, in the block style of `OmegaConf.to_yaml`.

use super::scalar;
use crate::{
    text,
    value::{Map, Value},
};

/// Spaces per level.
const INDENT: usize = 2;

/// Formats a value as block-style YAML.
pub(crate) fn emit(value: &Value) -> String {
    let mut out = String::new();
    match value {
        Value::Map(map) if !map.is_empty() => mapping(&mut out, map, 0),
        Value::List(list) if !list.is_empty() => sequence(&mut out, list, 0),
        value => {
            out.push_str(&inline(value));
            out.push('\n');
        }
    }
    out
}

fn mapping(out: &mut String, map: &Map, indent: usize) {
    for (index, (key, value)) in map.iter().enumerate() {
        if index > 0 {
            pad(out, indent);
        }
        out.push_str(&key_text(key));
        out.push(':');
        match value {
            Value::Map(child) if !child.is_empty() => {
                out.push('\n');
                pad(out, indent + INDENT);
                mapping(out, child, indent + INDENT);
            }
            // As in PyYAML, lists are indented no deeper than their key.
            Value::List(list) if !list.is_empty() => {
                out.push('\n');
                pad(out, indent);
                sequence(out, list, indent);
            }
            value => {
                out.push(' ');
                out.push_str(&inline(value));
                out.push('\n');
            }
        }
    }
}

fn sequence(out: &mut String, list: &[Value], indent: usize) {
    for (index, value) in list.iter().enumerate() {
        if index > 0 {
            pad(out, indent);
        }
        out.push_str("- ");
        match value {
            Value::Map(child) if !child.is_empty() => mapping(out, child, indent + INDENT),
            Value::List(child) if !child.is_empty() => sequence(out, child, indent + INDENT),
            value => {
                out.push_str(&inline(value));
                out.push('\n');
            }
        }
    }
}

fn pad(out: &mut String, indent: usize) {
    out.extend(std::iter::repeat_n(' ', indent));
}

fn inline(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Float(value) => float(*value),
        Value::Str(text) => string(text),
        Value::List(_) => "[]".to_owned(),
        Value::Map(_) => "{}".to_owned(),
    }
}

/// Formats a float; as in PyYAML, a mantissa without a point gets `.0`, which YAML 1.1 requires.
fn float(value: f64) -> String {
    match text::float(value).as_str() {
        "nan" => ".nan".to_owned(),
        "inf" => ".inf".to_owned(),
        "-inf" => "-.inf".to_owned(),
        text if !text.contains('.') => text.replacen('e', ".0e", 1),
        text => text.to_owned(),
    }
}

/// Formats a key; the text of a number or boolean stays plain, since keys are read as text.
fn key_text(key: &str) -> String {
    let same = match scalar::resolve(key) {
        Ok(Value::Int(number)) => number.to_string() == key,
        Ok(Value::Float(number)) => float(number) == key,
        Ok(Value::Bool(flag)) => flag.to_string() == key,
        _ => false,
    };
    if same { key.to_owned() } else { string(key) }
}

fn string(text: &str) -> String {
    if text.chars().any(needs_escape) {
        return double_quoted(text);
    }
    if looks_like_another_type(text) || !plain_allowed(text) {
        return format!("'{}'", text.replace('\'', "''"));
    }
    text.to_owned()
}

/// Whether a character is escaped: control characters, line breaks and other invisible characters.
fn needs_escape(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

fn double_quoted(text: &str) -> String {
    let mut out = String::from('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if needs_escape(c) && u32::from(c) < 0x100 => {
                out.push_str(&format!("\\x{:02X}", u32::from(c)));
            }
            c if needs_escape(c) => out.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// Whether a YAML reader, or Python's `int` or `float`, would read the string as another type.
fn looks_like_another_type(text: &str) -> bool {
    !scalar::is_plain_string(text)
        || matches!(text, "y" | "Y" | "n" | "N" | "=" | "<<")
        || is_python_number(text)
        || is_date(text)
}

/// Whether Python's `float` accepts the string; it allows single underscores between digits.
fn is_python_number(text: &str) -> bool {
    let text = text.trim();
    let digit = |b: Option<&u8>| b.is_some_and(u8::is_ascii_digit);
    let bytes = text.as_bytes();
    let between = |(at, _)| at > 0 && digit(bytes.get(at - 1)) && digit(bytes.get(at + 1));
    text.match_indices('_').all(between) && text.replace('_', "").parse::<f64>().is_ok()
}

/// Whether other YAML 1.1 readers take the string for a timestamp: `2024-01-31`, with or without a time.
fn is_date(text: &str) -> bool {
    let mut parts = text.splitn(3, '-');
    let year = parts.next().is_some_and(|year| year.len() == 4 && all_digits(year));
    let month = parts.next().is_some_and(|month| (1..=2).contains(&month.len()) && all_digits(month));
    year && month && parts.next().is_some_and(|day| day.starts_with(|c: char| c.is_ascii_digit()))
}

fn all_digits(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit())
}

/// Whether PyYAML allows the string as a plain scalar in block context.
fn plain_allowed(text: &str) -> bool {
    let mut chars = text.chars();
    let (Some(first), second) = (chars.next(), chars.next()) else { return false };
    let marker = "#,[]{}&*!|>'\"%@`".contains(first)
        || ("?:-".contains(first) && second.is_none_or(char::is_whitespace))
        || text.starts_with("---")
        || text.starts_with("...");
    let edges = text.starts_with(' ') || text.ends_with(' ') || text.ends_with(':');
    !marker && !edges && !text.contains(": ") && !text.contains(" #")
}

//! Formats values in the override grammar, so that they parse to the same value.

use crate::{text, value::Value};

/// Formats a value as the right-hand side of an override.
pub(super) fn value(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Str(text) => string(text),
        Value::List(list) => format!("[{}]", list.iter().map(self::value).collect::<Vec<_>>().join(",")),
        Value::Map(map) => {
            let pairs = map.iter().map(|(key, child)| format!("{}:{}", escape(key), self::value(child)));
            format!("{{{}}}", pairs.collect::<Vec<_>>().join(","))
        }
        other => text::display(other),
    }
}

fn string(text: &str) -> String {
    let bare = escape(text);
    let reads_back = super::parse(&format!("k={bare}")).is_ok_and(|parsed| {
        matches!(parsed.assigned, super::Assigned::Value(Value::Str(read)) if !read.is_empty() && read == text)
    });
    if reads_back { bare } else { quote(text) }
}

fn escape(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if "\\()[]{}:=, \t".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// Quotes a string; backslashes are doubled only before a quote or the end.
fn quote(text: &str) -> String {
    let pieces: Vec<String> = text
        .split('\'')
        .map(|piece| {
            let backslashes = piece.len() - piece.trim_end_matches('\\').len();
            format!("{piece}{}", "\\".repeat(backslashes))
        })
        .collect();
    format!("'{}'", pieces.join("\\'"))
}

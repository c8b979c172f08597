//! Values as they are written in an override.

use indexmap::IndexMap;

use crate::{
    text,
    value::{Key, Value},
};

/// Characters that Hydra escapes in bare strings.
const ESCAPED: &str = "\\()[]{}:=, \t";

/// Value as it is written in an override: strings know whether they are quoted.
#[derive(Debug, Clone, PartialEq)]
pub enum Literal {
    /// Null.
    Null,
    /// Boolean.
    Bool(bool),
    /// Integer.
    Int(i64),
    /// Floating-point number.
    Float(f64),
    /// Bare string.
    Str(String),
    /// String in quotes.
    Quoted {
        /// The string.
        text: String,
        /// The quote, `'` or `"`.
        quote: char,
    },
    /// List.
    List(Vec<Literal>),
    /// Mapping.
    Map(IndexMap<Key, Literal>),
}

impl Literal {
    /// Returns the value.
    pub fn value(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(*value),
            Self::Int(value) => Value::Int(*value),
            Self::Float(value) => Value::Float(*value),
            Self::Str(text) | Self::Quoted { text, .. } => Value::Str(text.clone()),
            Self::List(list) => Value::List(list.iter().map(Self::value).collect()),
            Self::Map(map) => {
                Value::Map(map.iter().map(|(key, child)| (key.clone(), child.value())).collect())
            }
        }
    }

    /// Formats the value as Hydra does in the overrides of a job, which need not parse to the same value: the string
    /// that `str(1)` makes is written as `1`.
    pub fn text(&self) -> String {
        match self {
            Self::Null => "null".to_owned(),
            Self::Str(text) => escape(text),
            Self::Quoted { text, quote } => quoted(text, *quote),
            Self::List(list) => format!("[{}]", list.iter().map(Self::text).collect::<Vec<_>>().join(",")),
            Self::Map(map) => {
                let pairs = map.iter().map(|(key, child)| format!("{}:{}", key_text(key), child.text()));
                format!("{{{}}}", pairs.collect::<Vec<_>>().join(","))
            }
            scalar => text::display(&scalar.value()),
        }
    }

    /// Returns the type with its article, for messages.
    pub(super) fn kind(&self) -> &'static str {
        self.value().kind()
    }
}

fn key_text(key: &Key) -> String {
    match key {
        Key::Bool(true) => "True".to_owned(),
        Key::Bool(false) => "False".to_owned(),
        key => escape(&key.text()),
    }
}

fn escape(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if ESCAPED.contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// Quotes a string; backslashes are doubled only before a quote or the end.
fn quoted(text: &str, quote: char) -> String {
    let pieces: Vec<String> = text
        .split(quote)
        .map(|piece| {
            let backslashes = piece.len() - piece.trim_end_matches('\\').len();
            format!("{piece}{}", "\\".repeat(backslashes))
        })
        .collect();
    format!("{quote}{}{quote}", pieces.join(&format!("\\{quote}")))
}

//! Errors of decoding, in the terms of YAML instead of Rust.

use std::fmt;

use serde::de::{self, Expected, Unexpected};

use crate::{suggest, text, value::Value};

/// Why a value cannot be decoded.
#[derive(Debug)]
pub(super) struct Problem {
    kind: Kind,
    /// Key of the value that is missing below the current one.
    pub(super) key: Option<String>,
}

#[derive(Debug)]
enum Kind {
    /// Complete message.
    Message(String),
    /// Start of a message, to be followed by ", got" and the value.
    Expected(String),
    /// Allowed variants; the message starts with the value.
    NotOneOf(&'static [&'static str]),
}

impl Problem {
    pub(super) fn expected(expected: &str) -> Self {
        Kind::Expected(format!("must be {expected}")).into()
    }

    pub(super) fn not_one_of(variants: &'static [&'static str]) -> Self {
        Kind::NotOneOf(variants).into()
    }

    /// Returns the message for a value.
    pub(super) fn message(&self, value: &Value) -> String {
        match &self.kind {
            Kind::Message(message) => message.clone(),
            Kind::Expected(expected) => format!("{expected}, got {}", describe(value)),
            Kind::NotOneOf(variants) => format!("{} is not one of {}", describe(value), variants.join(", ")),
        }
    }
}

impl From<Kind> for Problem {
    fn from(kind: Kind) -> Self {
        Self { kind, key: None }
    }
}

impl de::Error for Problem {
    fn custom<T: fmt::Display>(message: T) -> Self {
        let message = message.to_string();
        if message.starts_with("data did not match any variant of untagged enum") {
            return Kind::Expected("has none of the forms that are allowed".to_owned()).into();
        }
        Kind::Message(message).into()
    }

    fn invalid_type(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Kind::Message(format!("must be {}, got {}", required(&expected.to_string()), given(&unexpected)))
            .into()
    }

    fn invalid_value(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::invalid_type(unexpected, expected)
    }

    fn invalid_length(length: usize, expected: &dyn Expected) -> Self {
        let got = items(&length.to_string());
        Kind::Message(format!("must be {}, got {got}", required(&expected.to_string()))).into()
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        Kind::Message(format!("'{variant}' is not one of {}", expected.join(", "))).into()
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        let hint = suggest::hint(suggest::nearest(field, expected.iter().copied()));
        // serde_path_to_error already appends the key to the path.
        Kind::Message(format!("unknown key '{field}'.{hint} Known keys: {}", expected.join(", "))).into()
    }

    fn missing_field(field: &'static str) -> Self {
        Self { kind: Kind::Message("is required, but has no value".to_owned()), key: Some(field.to_owned()) }
    }
}

impl std::error::Error for Problem {}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Message(text) | Kind::Expected(text) => f.write_str(text),
            Kind::NotOneOf(variants) => write!(f, "is not one of {}", variants.join(", ")),
        }
    }
}

/// Formats a value for a message; of containers only the type.
fn describe(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(flag) => flag.to_string(),
        Value::Str(text) => format!("'{text}'"),
        Value::List(_) | Value::Map(_) => value.kind().to_owned(),
        number => text::display(number),
    }
}

fn given(unexpected: &Unexpected<'_>) -> String {
    match unexpected {
        Unexpected::Bool(flag) => flag.to_string(),
        Unexpected::Unsigned(number) => number.to_string(),
        Unexpected::Signed(number) => number.to_string(),
        Unexpected::Float(number) => text::float(*number),
        Unexpected::Char(c) => format!("'{c}'"),
        Unexpected::Str(text) => format!("'{text}'"),
        Unexpected::Unit | Unexpected::Option => "null".to_owned(),
        Unexpected::Seq => "a list".to_owned(),
        Unexpected::Map => "a mapping".to_owned(),
        other => other.to_string(),
    }
}

fn items(count: &str) -> String {
    format!("{count} {}", if count == "1" { "item" } else { "items" })
}

/// Translates the expectation of a serde visitor.
fn required(expected: &str) -> String {
    let whole = |min: i64, max: u64| format!("a whole number from {min} to {max}");
    match expected {
        "u8" => whole(0, u8::MAX.into()),
        "u16" => whole(0, u16::MAX.into()),
        "u32" => whole(0, u32::MAX.into()),
        "u64" | "usize" => "a whole number of at least 0".to_owned(),
        "i8" => whole(i8::MIN.into(), 127),
        "i16" => whole(i16::MIN.into(), 32_767),
        "i32" => whole(i32::MIN.into(), 2_147_483_647),
        "i64" | "isize" => "a whole number".to_owned(),
        "f32" | "f64" => "a number".to_owned(),
        "a boolean" => "true or false".to_owned(),
        "a sequence" => "a list".to_owned(),
        "a map" => "a mapping".to_owned(),
        "path string" => "a path".to_owned(),
        "unit" => "null".to_owned(),
        other => of_type(other),
    }
}

/// Translates expectations that name a Rust type or a length.
fn of_type(expected: &str) -> String {
    let length = expected
        .strip_prefix("an array of length ")
        .or_else(|| expected.strip_prefix("a tuple of size "))
        .or_else(|| expected.strip_suffix(" elements in sequence"))
        .or_else(|| expected.strip_suffix(" element in sequence"));
    if let Some(length) = length {
        return format!("a list of {}", items(length));
    }
    if expected.starts_with("a nonzero u") {
        return "a whole number of at least 1".to_owned();
    }
    if expected.starts_with("struct ") {
        return "a mapping".to_owned();
    }
    if expected.starts_with("tuple struct ") {
        return "a list".to_owned();
    }
    if expected.ends_with(" variant") {
        return "a mapping from the variant to its content".to_owned();
    }
    expected.to_owned()
}

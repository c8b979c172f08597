//! Errors of decoding, without the names of Rust types.

use std::fmt;

use serde::de::{self, Expected, Unexpected};

use crate::{suggest, text, value::Value};

/// Why a value cannot be decoded.
#[derive(Debug)]
pub(super) struct Problem {
    kind: Kind,
    /// The key below the value that the problem is about.
    pub(super) key: Option<String>,
}

#[derive(Debug)]
enum Kind {
    /// A whole message.
    Message(String),
    /// What the value must be; what it is follows.
    Expected(String),
    /// What the value must be one of; what it is precedes.
    NotOneOf(&'static [&'static str]),
}

impl Problem {
    pub(super) fn expected(expected: &str) -> Self {
        Kind::Expected(format!("must be {expected}")).into()
    }

    pub(super) fn not_one_of(variants: &'static [&'static str]) -> Self {
        Kind::NotOneOf(variants).into()
    }

    /// The message, given the value that has the problem.
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
        // The path of the error ends with the key already.
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

/// A value as part of a sentence; only scalars in full.
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

/// What a visitor of serde expects, in the words of YAML.
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

/// Expectations that name a Rust type or a length.
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
        return "a mapping from the name to its value".to_owned();
    }
    expected.to_owned()
}

//! Constructor arguments by name: from JSON to the struct that lists them, with errors that name the argument.

use std::fmt::Display;
use std::mem;

use serde::de::value::Error as Stop;
use serde::de::{DeserializeOwned, Deserializer, Error as _, Visitor};
use serde_json::{Map, Value};

use crate::error::{Error, argument};

/// Deserializes a struct from its fields by name.
///
/// # Errors
/// [`Error::Argument`] for an unknown name (the message lists the known ones), a missing one, and a value of another
/// type.
pub(crate) fn parse<T: DeserializeOwned>(arguments: &Map<String, Value>) -> Result<T, Error> {
    refuse_unknown(arguments, names::<T>())?;
    deserialize(arguments.clone())
}

/// Arguments of several structs in one map.
pub(crate) struct Parts {
    rest: Map<String, Value>,
    known: Vec<&'static str>,
}

impl Parts {
    /// Takes a copy of the arguments.
    pub(crate) fn of(arguments: &Map<String, Value>) -> Self {
        Self { rest: arguments.clone(), known: Vec::new() }
    }

    /// Takes out the fields of a struct, and deserializes it.
    ///
    /// # Errors
    /// [`Error::Argument`] for a missing name, and a value of another type.
    pub(crate) fn take<T: DeserializeOwned>(&mut self) -> Result<T, Error> {
        let names = names::<T>();
        self.known.extend(names);
        let (own, rest) =
            mem::take(&mut self.rest).into_iter().partition(|(name, _)| names.contains(&name.as_str()));
        self.rest = rest;
        deserialize(own)
    }

    /// Checks that no argument is left.
    ///
    /// # Errors
    /// [`Error::Argument`] for an unknown name; the message lists those of all structs taken out.
    pub(crate) fn finish(self) -> Result<(), Error> {
        refuse_unknown(&self.rest, &self.known)
    }
}

/// Returns an error unless `value` lies in `[least, greatest]`.
pub(crate) fn in_range<T: PartialOrd + Display + Copy>(
    name: &str,
    value: T,
    least: T,
    greatest: T,
) -> Result<(), Error> {
    if value >= least && value <= greatest {
        return Ok(());
    }
    Err(argument(name, format!("is {value}; it must be in [{least}, {greatest}]")))
}

/// Returns an error unless `value` is finite and at least `least`.
pub(crate) fn at_least(name: &str, value: f64, least: f64) -> Result<(), Error> {
    if value >= least && value.is_finite() {
        return Ok(());
    }
    Err(argument(name, format!("is {value}; it must be at least {least}")))
}

/// Returns the names of a struct's fields, as serde knows them.
pub(crate) fn names<T: DeserializeOwned>() -> &'static [&'static str] {
    let mut names: &'static [&'static str] = &[];
    // The deserializer stops at the list of fields; its error says nothing.
    let _ = T::deserialize(FieldNames(&mut names));
    names
}

fn refuse_unknown(arguments: &Map<String, Value>, known: &[&str]) -> Result<(), Error> {
    match arguments.keys().find(|name| !known.contains(&name.as_str())) {
        Some(name) => Err(argument(name, format!("is unknown; the arguments are {}", known.join(", ")))),
        None => Ok(()),
    }
}

fn deserialize<T: DeserializeOwned>(arguments: Map<String, Value>) -> Result<T, Error> {
    serde_path_to_error::deserialize(Value::Object(arguments)).map_err(|error| {
        let message = error.inner().to_string();
        let missing = message.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`'));
        match missing {
            Some(name) => argument(name, "is missing"),
            None => argument(&error.path().to_string(), plain(&message)),
        }
    })
}

/// Rewrites serde's type errors without the names of Rust types.
pub(crate) fn plain(message: &str) -> String {
    let Some((found, expected)) = message.split_once(", expected ") else { return message.to_owned() };
    let found = found.trim_start_matches("invalid type: ").trim_start_matches("invalid value: ");
    let found = match found.split_once(' ') {
        Some(("string" | "integer" | "boolean", value)) => value,
        _ => found.trim_start_matches("floating point "),
    };
    let expected = match expected {
        "i64" => "a whole number",
        "usize" | "u64" => "a whole number of at least 0",
        "f64" => "a number",
        "a sequence" => "a list",
        "a boolean" => "true or false",
        "a string" => "text",
        other => other,
    };
    let found = match found {
        "sequence" => "a list",
        "map" => "a mapping",
        value => value.trim_matches('`'),
    };
    format!("is {found}; it must be {expected}")
}

/// Deserializer that records the field names of the struct asked for, and stops.
struct FieldNames<'a>(&'a mut &'static [&'static str]);

impl<'de> Deserializer<'de> for FieldNames<'_> {
    type Error = Stop;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Stop> {
        Err(Stop::custom("not a struct"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Stop> {
        *self.0 = fields;
        Err(Stop::custom("recorded"))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Example {
        #[expect(dead_code, reason = "only parsed")]
        channels: Vec<i64>,
        #[serde(default)]
        #[expect(dead_code, reason = "only parsed")]
        bias: bool,
    }

    fn error(arguments: &Value) -> String {
        parse::<Example>(arguments.as_object().unwrap()).unwrap_err().to_string()
    }

    #[test]
    fn errors_name_the_argument_and_no_rust_type() {
        assert_eq!(error(&json!({"depth": 1})), "depth is unknown; the arguments are channels, bias");
        assert_eq!(error(&json!({"bias": true})), "channels is missing");
        assert_eq!(error(&json!({"channels": [1, "a"]})), "channels[1] is \"a\"; it must be a whole number");
        assert_eq!(error(&json!({"channels": [1.5]})), "channels[0] is 1.5; it must be a whole number");
        assert_eq!(error(&json!({"channels": 3})), "channels is 3; it must be a list");
        assert_eq!(error(&json!({"channels": [], "bias": null})), "bias is null; it must be true or false");
        assert_eq!(error(&json!({"channels": [[1]]})), "channels[0] is a list; it must be a whole number");
    }
}

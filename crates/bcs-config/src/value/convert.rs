//! Conversion to and from JSON, and from types of a program.

use serde::Serialize;

use super::{Key, Map, Value, path::join};
use crate::error::{Error, Result};

impl Value {
    /// Converts the value to JSON.
    ///
    /// # Errors
    /// [`Error::Convert`] for infinities and NaN, which JSON does not have.
    pub fn to_json(&self) -> Result<serde_json::Value> {
        to_json(self, "")
    }

    /// Converts JSON to a value.
    ///
    /// # Errors
    /// [`Error::Convert`] for integers that do not fit into 64 bits with a sign.
    pub fn from_json(json: serde_json::Value) -> Result<Self> {
        from_json(json, "")
    }

    /// Converts a type of the program to a value, for example its `Default` to a schema.
    ///
    /// Goes through `serde_json`, so infinities and NaN become null.
    ///
    /// # Errors
    /// [`Error::Convert`] where serialization fails, or for integers that do not fit into 64 bits with a sign.
    pub fn from_serialize<T: Serialize + ?Sized>(value: &T) -> Result<Self> {
        let json = serde_json::to_value(value)
            .map_err(|error| Error::Convert { key: String::new(), message: error.to_string() })?;
        Self::from_json(json)
    }
}

fn to_json(value: &Value, path: &str) -> Result<serde_json::Value> {
    Ok(match value {
        Value::Null => serde_json::Value::Null,
        Value::Bool(value) => (*value).into(),
        Value::Int(value) => (*value).into(),
        Value::Float(value) => serde_json::Number::from_f64(*value)
            .ok_or_else(|| Error::Convert {
                key: path.to_owned(),
                message: format!("must be a finite number in JSON, got {}", crate::text::float(*value)),
            })?
            .into(),
        Value::Str(value) => value.as_str().into(),
        Value::List(list) => list
            .iter()
            .enumerate()
            .map(|(index, child)| to_json(child, &join(path, &index.to_string())))
            .collect::<Result<Vec<_>>>()?
            .into(),
        Value::Map(map) => map
            .iter()
            .map(|(key, child)| Ok((key.to_string(), to_json(child, &join(path, &key.text()))?)))
            .collect::<Result<serde_json::Map<_, _>>>()?
            .into(),
    })
}

fn from_json(json: serde_json::Value, path: &str) -> Result<Value> {
    Ok(match json {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(value) => Value::Bool(value),
        serde_json::Value::Number(number) => from_number(&number, path)?,
        serde_json::Value::String(value) => Value::Str(value),
        serde_json::Value::Array(list) => Value::List(
            list.into_iter()
                .enumerate()
                .map(|(index, child)| from_json(child, &join(path, &index.to_string())))
                .collect::<Result<_>>()?,
        ),
        serde_json::Value::Object(map) => Value::Map(
            map.into_iter()
                .map(|(key, child)| {
                    let child = from_json(child, &join(path, &key))?;
                    Ok((Key::Str(key), child))
                })
                .collect::<Result<Map>>()?,
        ),
    })
}

fn from_number(number: &serde_json::Number, path: &str) -> Result<Value> {
    if let Some(value) = number.as_i64() {
        return Ok(Value::Int(value));
    }
    let float = if number.is_u64() { None } else { number.as_f64() };
    float.map(Value::Float).ok_or_else(|| Error::Convert {
        key: path.to_owned(),
        message: format!("{number} does not fit into a signed 64-bit integer"),
    })
}

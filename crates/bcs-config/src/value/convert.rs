//! To and from JSON, and to and from a program's own types.

use serde::{Serialize, de::DeserializeOwned};

use super::{Map, Value, path::join};
use crate::error::{Error, Result};

impl Value {
    /// The value as JSON.
    ///
    /// Refuses infinities and NaN, which JSON does not have, and names their key.
    pub fn to_json(&self) -> Result<serde_json::Value> {
        to_json(self, "")
    }

    /// The value that JSON describes. Refuses integers beyond 64 bits, and names their key.
    pub fn from_json(json: serde_json::Value) -> Result<Self> {
        from_json(json, "")
    }

    /// The value that a program's own type describes: its `Default`, say, to serve as a schema.
    ///
    /// Goes through `serde_json`, so a float that is not finite becomes null.
    pub fn from_serialize<T: Serialize + ?Sized>(value: &T) -> Result<Self> {
        let json = serde_json::to_value(value)
            .map_err(|error| Error::Convert { key: String::new(), message: error.to_string() })?;
        Self::from_json(json)
    }

    /// The value as a program's own type; an error names the key that does not fit.
    ///
    /// ```
    /// #[derive(serde::Deserialize)]
    /// struct Training {
    ///     max_epochs: u32,
    /// }
    ///
    /// let config = bcs_config::yaml::parse("max_epochs: many", "example")?;
    /// let error = config.decode::<Training>().err().expect("'many' is not a number");
    /// assert!(error.to_string().starts_with("'max_epochs': invalid type: string \"many\""));
    /// # Ok::<(), bcs_config::Error>(())
    /// ```
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T> {
        serde_path_to_error::deserialize(self.to_json()?).map_err(|error| Error::Convert {
            key: error.path().to_string(),
            message: error.into_inner().to_string(),
        })
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
                message: format!("JSON has no number {value}; give a finite one"),
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
            .map(|(key, child)| Ok((key.clone(), to_json(child, &join(path, key))?)))
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
                    Ok((key, child))
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

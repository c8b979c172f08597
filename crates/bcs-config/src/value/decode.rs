//! Decoding of values into types of a program, with errors in the terms of YAML.

mod problem;

use serde::{
    de::{
        self, DeserializeOwned, IntoDeserializer, Visitor,
        value::{MapAccessDeserializer, MapDeserializer, SeqDeserializer},
    },
    forward_to_deserialize_any,
};
use serde_path_to_error::Segment;

use self::problem::Problem;
use super::{Value, path::join};
use crate::error::{Error, Result};

impl Value {
    /// Decodes the value into a type of the program.
    ///
    /// Uses serde's data model; structs are decoded from mappings only, and infinities and NaN are errors.
    ///
    /// ```
    /// #[derive(serde::Deserialize)]
    /// struct Training {
    ///     max_epochs: u32,
    /// }
    ///
    /// let config = bcs_config::yaml::parse("max_epochs: many", "example")?;
    /// let error = config.decode::<Training>().err().expect("'many' is not a number");
    /// assert_eq!(error.to_string(), "max_epochs: must be a whole number from 0 to 4294967295, got 'many'");
    /// # Ok::<(), bcs_config::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Convert`] with the dotted key that does not fit.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T> {
        if let Some((key, number)) = self.first_not_finite() {
            let message = format!("must be a finite number, got {}", crate::text::float(number));
            return Err(Error::Convert { key, message });
        }
        serde_path_to_error::deserialize(Node(self)).map_err(|error| {
            let path = dotted(error.path());
            let problem = error.into_inner();
            let value = self.at(&path).unwrap_or(&Self::Null);
            let message = problem.message(value);
            Error::Convert { key: problem.key.map_or_else(|| path.clone(), |key| join(&path, &key)), message }
        })
    }

    fn first_not_finite(&self) -> Option<(String, f64)> {
        self.leaves().into_iter().find_map(|(path, leaf)| match leaf {
            Self::Float(number) if !number.is_finite() => Some((path, *number)),
            _ => None,
        })
    }
}

/// Converts a path to dotted form, `a.b.0`; enum variants are omitted.
fn dotted(path: &serde_path_to_error::Path) -> String {
    path.iter().fold(String::new(), |path, segment| match segment {
        Segment::Seq { index } => join(&path, &index.to_string()),
        Segment::Map { key } => join(&path, key),
        Segment::Enum { .. } | Segment::Unknown => path,
    })
}

/// Deserializer of a value.
#[derive(Clone, Copy)]
struct Node<'de>(&'de Value);

impl<'de> IntoDeserializer<'de, Problem> for Node<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> de::Deserializer<'de> for Node<'de> {
    type Error = Problem;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::Int(value) => visitor.visit_i64(*value),
            Value::Float(value) => visitor.visit_f64(*value),
            Value::Str(value) => visitor.visit_borrowed_str(value),
            Value::List(list) => {
                let mut items = SeqDeserializer::new(list.iter().map(Node));
                let decoded = visitor.visit_seq(&mut items)?;
                items.end().map(|()| decoded)
            }
            Value::Map(map) => {
                let mut pairs =
                    MapDeserializer::new(map.iter().map(|(key, value)| (key.text(), Node(value))));
                let decoded = visitor.visit_map(&mut pairs)?;
                pairs.end().map(|()| decoded)
            }
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        if self.0.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Problem> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Problem> {
        if self.0.as_map().is_some() {
            self.deserialize_any(visitor)
        } else {
            Err(Problem::expected("a mapping"))
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Problem> {
        match self.0 {
            Value::Str(variant) => visitor.visit_enum(variant.as_str().into_deserializer()),
            Value::Map(map) if map.len() == 1 => {
                let pairs = MapDeserializer::new(map.iter().map(|(key, value)| (key.text(), Node(value))));
                visitor.visit_enum(MapAccessDeserializer::new(pairs))
            }
            _ => Err(Problem::not_one_of(variants)),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        seq tuple tuple_struct map identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Config {
        epochs: usize,
        #[serde(default)]
        rate: f64,
        #[serde(default)]
        optimizer: Optimizer,
        limit: Option<Limit>,
        #[serde(default)]
        channels: Vec<u8>,
        #[serde(default)]
        size: [i64; 2],
        #[serde(default)]
        free: BTreeMap<String, serde_json::Value>,
        nested: Option<Nested>,
        #[serde(default)]
        flag: bool,
        #[serde(default)]
        folder: std::path::PathBuf,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    struct Nested {
        port: u16,
    }

    #[derive(Debug, Default, Deserialize, PartialEq)]
    enum Optimizer {
        #[default]
        Adam,
        AdamW,
        Other(String),
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(untagged)]
    enum Limit {
        Count(usize),
        Share(f64),
    }

    fn decode(text: &str) -> Result<Config> {
        crate::yaml::parse(text, "test").expect("valid").decode()
    }

    fn refusal(text: &str) -> String {
        decode(text).expect_err(text).to_string()
    }

    #[test]
    fn every_kind_of_value_is_decoded() {
        let config = decode(
            "{epochs: 3, rate: 1, optimizer: AdamW, limit: 0.5, channels: [1, 2], size: [3, -4], \
             free: {a: [null, 1.5]}, nested: {port: 80, extra: x}, flag: yes, folder: a/b}",
        )
        .expect("decodes");
        assert_eq!((config.epochs, config.rate, config.limit), (3, 1.0, Some(Limit::Share(0.5))));
        assert_eq!((config.channels, config.size, config.flag), (vec![1, 2], [3, -4], true));
        assert_eq!(config.free["a"], serde_json::json!([null, 1.5]));
        assert_eq!((config.nested, config.optimizer), (Some(Nested { port: 80 }), Optimizer::AdamW));
        let config = decode("{epochs: 1, limit: 2, optimizer: {Other: Lion}}").expect("decodes");
        assert_eq!(
            (config.limit, config.optimizer),
            (Some(Limit::Count(2)), Optimizer::Other("Lion".to_owned()))
        );
    }

    #[test]
    fn errors_name_the_key_what_it_must_be_and_what_was_given() {
        let cases = [
            ("epochs: many", "epochs: must be a whole number of at least 0, got 'many'"),
            ("epochs: -1", "epochs: must be a whole number of at least 0, got -1"),
            ("epochs: 2.5", "epochs: must be a whole number of at least 0, got 2.5"),
            ("epochs: null", "epochs: must be a whole number of at least 0, got null"),
            ("epochs: [1]", "epochs: must be a whole number of at least 0, got a list"),
            ("{epochs: 1, rate: fast}", "rate: must be a number, got 'fast'"),
            ("{epochs: 1, rate: .inf}", "rate: must be a finite number, got inf"),
            ("{epochs: 1, optimizer: SGDX}", "optimizer: 'SGDX' is not one of Adam, AdamW, Other"),
            ("{epochs: 1, optimizer: 5}", "optimizer: 5 is not one of Adam, AdamW, Other"),
            ("{epochs: 1, optimizer: null}", "optimizer: null is not one of Adam, AdamW, Other"),
            ("{epochs: 1, channels: [1, 300]}", "channels.1: must be a whole number from 0 to 255, got 300"),
            ("{epochs: 1, channels: 5}", "channels: must be a list, got 5"),
            ("{epochs: 1, size: [1, 2, 3]}", "size: must be a list of 2 items, got 3 items"),
            ("{epochs: 1, size: [1]}", "size: must be a list of 2 items, got 1 item"),
            ("{epochs: 1, nested: [80]}", "nested: must be a mapping, got a list"),
            ("{epochs: 1, nested: {}}", "nested.port: is required, but has no value"),
            (
                "{epochs: 1, nested: {port: 70000}}",
                "nested.port: must be a whole number from 0 to 65535, got 70000",
            ),
            ("{epochs: 1, flag: 3}", "flag: must be true or false, got 3"),
            ("{epochs: 1, folder: 3}", "folder: must be a path, got 3"),
            ("{epochs: 1, limit: x}", "limit: has none of the forms that are allowed, got 'x'"),
            ("rate: 1", "epochs: is required, but has no value"),
            ("5", "must be a mapping, got 5"),
            (
                "{epochs: 1, rat: 2}",
                "rat: unknown key 'rat'. Did you mean 'rate'? Known keys: epochs, rate, optimizer, limit, channels, size, \
                 free, nested, flag, folder",
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(refusal(text), expected, "{text}");
        }
    }
}

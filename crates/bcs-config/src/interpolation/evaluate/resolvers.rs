//! OmegaConf's resolvers that look at the configuration: `oc.select`, `oc.dict.keys`, …

use super::{super::parse, Evaluation, Failure, Outcome, Path, Target};
use crate::{
    value::{Key, Map, Value},
    yaml,
};

/// Names of these resolvers.
pub(in crate::interpolation) const RESOLVERS: [&str; 6] =
    ["oc.create", "oc.decode", "oc.deprecated", "oc.dict.keys", "oc.dict.values", "oc.select"];

/// Message of `oc.deprecated` without one of its own.
const DEPRECATED: &str = "'$OLD_KEY' is deprecated. Change your code and config to use '$NEW_KEY'";

impl Evaluation<'_> {
    /// Calls a resolver for the value at `path`.
    pub(super) fn resolver(&mut self, path: &Path, name: &str, arguments: &[Value]) -> Outcome<Value> {
        match (name, arguments) {
            ("oc.select", [Value::Str(key)]) => self.select(path, key, &Value::Null),
            ("oc.select", [Value::Str(key), default]) => self.select(path, key, default),
            ("oc.dict.keys", [Value::Str(key)]) => {
                let (_, map) = self.mapping(path, key)?;
                Ok(Value::List(map.into_keys().map(as_value).collect()))
            }
            ("oc.dict.values", [Value::Str(key)]) => self.values(path, key),
            ("oc.deprecated", [Value::Str(key)]) => self.deprecated(path, key, DEPRECATED),
            ("oc.deprecated", [Value::Str(key), Value::Str(message)]) => self.deprecated(path, key, message),
            ("oc.decode", [Value::Null]) => Ok(Value::Null),
            ("oc.decode", [Value::Str(text)]) => self.decode(path, text),
            ("oc.create", [Value::Str(text)]) => {
                let created =
                    yaml::parse(text, "oc.create").map_err(|error| Failure::Message(error.to_string()))?;
                Ok(if created.is_null() { Value::Map(Map::new()) } else { created })
            }
            ("oc.create", [value @ (Value::Null | Value::Map(_) | Value::List(_))]) => Ok(value.clone()),
            (name, arguments) if RESOLVERS.contains(&name) => {
                let given: Vec<&str> = arguments.iter().map(Value::kind).collect();
                Err(Failure::Message(format!("{name} cannot be called with {}", given.join(", "))))
            }
            (name, arguments) => self.interpolator.call(name, arguments).map_err(Failure::Message),
        }
    }

    /// Returns the value at a key, or the default if there is none.
    fn select(&mut self, path: &Path, key: &str, default: &Value) -> Outcome<Value> {
        let target = self.target_of(path, key)?;
        match self.locate(&target).and_then(|target| self.read(target)) {
            Err(Failure::Missing | Failure::NotFound(_)) => Ok(default.clone()),
            outcome => outcome,
        }
    }

    pub(super) fn read(&mut self, target: Target) -> Outcome<Value> {
        match target {
            Target::Computed(value) => Ok(value),
            Target::Node(path) => {
                let raw = self.raw(&path);
                if raw.is_missing() { Err(Failure::Missing) } else { self.value(&path, raw) }
            }
        }
    }

    /// Returns the mapping at a key, and its path if it is in the configuration.
    fn mapping(&mut self, path: &Path, key: &str) -> Outcome<(Option<Path>, Map)> {
        let target = self.target_of(path, key)?;
        let mut place = self.locate(&target)?;
        if let Target::Node(path) = place {
            place = self.follow(path)?;
        }
        let (path, value) = match place {
            Target::Node(path) => (Some(path.clone()), self.raw(&path).clone()),
            Target::Computed(value) => (None, value),
        };
        match value {
            Value::Map(map) => Ok((path, map)),
            other if other.is_missing() => Err(Failure::Missing),
            other => Err(Failure::Message(format!("'{key}' is {}, not a mapping", other.kind()))),
        }
    }

    fn values(&mut self, path: &Path, key: &str) -> Outcome<Value> {
        match self.mapping(path, key)? {
            (None, map) => Ok(Value::List(map.into_values().collect())),
            (Some(path), map) => {
                let values = map.iter().map(|(key, child)| self.child(&path, key, child));
                Ok(Value::List(values.collect::<Outcome<_>>()?))
            }
        }
    }

    fn deprecated(&mut self, path: &Path, key: &str, message: &str) -> Outcome<Value> {
        let target = self.target_of(path, key)?;
        let located = self.locate(&target)?;
        let value = self.read(located)?;
        let warning =
            message.replace("$OLD_KEY", &super::dotted(path)).replace("$NEW_KEY", &super::dotted(&target));
        self.warnings.push(warning);
        Ok(value)
    }

    /// Parses a value as the arguments of resolvers are.
    fn decode(&mut self, path: &Path, text: &str) -> Outcome<Value> {
        let argument = parse::single(text).map_err(Failure::Message)?;
        argument.evaluate(&mut |pieces| self.join(path, pieces))
    }
}

fn as_value(key: Key) -> Value {
    match key {
        Key::Bool(value) => Value::Bool(value),
        Key::Int(value) => Value::Int(value),
        Key::Float(value) => Value::Float(value),
        Key::Str(text) => Value::Str(text),
    }
}

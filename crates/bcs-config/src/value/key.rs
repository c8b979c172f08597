//! Keys of mappings.

use std::{
    borrow::Cow,
    fmt,
    hash::{Hash, Hasher},
};

use indexmap::Equivalent;

use crate::text;

/// Key of a mapping.
///
/// As in Python, keys of equal value are equal: `1`, `1.0` and `true` are one key.
///
/// ```
/// use bcs_config::{Key, Map, Value};
///
/// let map: Map = [(Key::from("a"), Value::Int(1)), (Key::Int(0), Value::Int(2))].into_iter().collect();
/// assert_eq!(map.get("a"), Some(&Value::Int(1)));
/// assert_eq!(map.get("0"), None);
/// ```
#[derive(Debug, Clone)]
pub enum Key {
    /// Boolean.
    Bool(bool),
    /// Integer.
    Int(i64),
    /// Floating-point number.
    Float(f64),
    /// String.
    Str(String),
}

impl Key {
    /// Returns the string; `None` for other types.
    pub fn as_str(&self) -> Option<&str> {
        if let Self::Str(text) = self { Some(text) } else { None }
    }

    /// Returns the key as text, as in dotted paths and JSON.
    pub fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Bool(value) => value.to_string().into(),
            Self::Int(value) => value.to_string().into(),
            Self::Float(value) => text::float(*value).into(),
            Self::Str(text) => text.into(),
        }
    }

    /// Returns the number that the key equals.
    fn number(&self) -> Option<f64> {
        match self {
            Self::Bool(value) => Some(f64::from(u8::from(*value))),
            Self::Int(value) => Some(*value as f64),
            Self::Float(value) => Some(*value),
            Self::Str(_) => None,
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Str(a), Self::Str(b)) => a == b,
            (Self::Int(a), Self::Int(b)) => a == b,
            // NaN equals itself, as in Python's `dict` where it is the same object.
            (a, b) => {
                a.number().is_some_and(|a| b.number().is_some_and(|b| a == b || (a.is_nan() && b.is_nan())))
            }
        }
    }
}

impl Eq for Key {}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self {
            Self::Str(text) => text.hash(state),
            // Zero has two signs, and NaN many forms.
            other => match other.number() {
                Some(number) if number.is_nan() => u64::MAX.hash(state),
                number => (number.unwrap_or_default() + 0.0).to_bits().hash(state),
            },
        }
    }
}

impl Equivalent<Key> for str {
    fn equivalent(&self, key: &Key) -> bool {
        key.as_str() == Some(self)
    }
}

impl From<&str> for Key {
    fn from(text: &str) -> Self {
        Self::Str(text.to_owned())
    }
}

impl From<String> for Key {
    fn from(text: String) -> Self {
        Self::Str(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::{Map, Value};

    #[test]
    fn keys_of_equal_value_are_one_key_and_strings_are_others() {
        let keys =
            [Key::Int(1), Key::Bool(true), Key::Float(1.0), Key::from("1"), Key::Int(0), Key::Float(-0.0)];
        let map: Map = keys.into_iter().zip(0..).map(|(key, value)| (key, Value::Int(value))).collect();
        let shown: Vec<_> = map.iter().map(|(key, value)| (key.to_string(), value.clone())).collect();
        let expected = [("1", 2), ("1", 3), ("0", 5)].map(|(key, value)| (key.to_owned(), Value::Int(value)));
        assert_eq!(shown, expected);
        assert_eq!(map.get("1"), Some(&Value::Int(3)));
    }
}

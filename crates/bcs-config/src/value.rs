//! The tree of values of a configuration.

mod convert;
mod decode;
mod key;
mod merge;
mod path;

use indexmap::IndexMap;
pub use key::Key;
pub(crate) use path::join;
pub use path::missing_keys;

/// Marker of a value that the user must set.
pub const MISSING: &str = "???";

/// Mapping; keeps the order of insertion.
pub type Map = IndexMap<Key, Value>;

/// Node of a configuration.
///
/// Keys of mappings keep their type: the YAML keys `0` and `'0'` differ, and paths lead to the second one.
///
/// ```
/// use bcs_config::Value;
///
/// let config = bcs_config::yaml::parse("a: {b: [1, 2.5]}", "example")?;
/// assert_eq!(config.get_path("a.b.1"), Some(&Value::Float(2.5)));
/// # Ok::<(), bcs_config::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Value {
    /// Null.
    #[default]
    Null,
    /// Boolean.
    Bool(bool),
    /// Integer.
    Int(i64),
    /// Floating-point number, including infinities and NaN.
    Float(f64),
    /// String, possibly with interpolations such as `${a.b}`.
    Str(String),
    /// List.
    List(Vec<Value>),
    /// Mapping.
    Map(Map),
}

impl Value {
    /// Returns an empty mapping.
    pub fn empty_map() -> Self {
        Self::Map(Map::new())
    }

    /// Returns the type of the value with its article, for messages.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a bool",
            Self::Int(_) => "an integer",
            Self::Float(_) => "a float",
            Self::Str(_) => "a string",
            Self::List(_) => "a list",
            Self::Map(_) => "a mapping",
        }
    }

    /// Whether the value is null.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// Whether the value is a list or a mapping.
    pub fn is_container(&self) -> bool {
        matches!(self, Self::List(_) | Self::Map(_))
    }

    /// Whether the value is [`MISSING`].
    pub fn is_missing(&self) -> bool {
        self.as_str() == Some(MISSING)
    }

    /// Returns the boolean; `None` for other types.
    pub fn as_bool(&self) -> Option<bool> {
        if let Self::Bool(value) = self { Some(*value) } else { None }
    }

    /// Returns the integer; `None` for other types.
    pub fn as_i64(&self) -> Option<i64> {
        if let Self::Int(value) = self { Some(*value) } else { None }
    }

    /// Returns the integer or float as a float; `None` for other types.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Float(value) => Some(*value),
            Self::Int(value) => Some(*value as f64),
            _ => None,
        }
    }

    /// Returns the string; `None` for other types.
    pub fn as_str(&self) -> Option<&str> {
        if let Self::Str(value) = self { Some(value) } else { None }
    }

    /// Returns the list; `None` for other types.
    pub fn as_list(&self) -> Option<&[Value]> {
        if let Self::List(value) = self { Some(value) } else { None }
    }

    /// Returns the mapping; `None` for other types.
    pub fn as_map(&self) -> Option<&Map> {
        if let Self::Map(value) = self { Some(value) } else { None }
    }

    /// Returns the mapping for modification; `None` for other types.
    pub fn as_map_mut(&mut self) -> Option<&mut Map> {
        if let Self::Map(value) = self { Some(value) } else { None }
    }

    /// Formats the value as Python's `str` does: `None`, `True`, `1e-05`, `['a', 1]`.
    pub fn display(&self) -> String {
        crate::text::display(self)
    }

    /// Returns the value as block-style YAML, which [`yaml::parse`](crate::yaml::parse) reads back unchanged.
    ///
    /// The output equals that of `OmegaConf.to_yaml`. Interpolations are written as they are.
    pub fn to_yaml(&self) -> String {
        crate::yaml::emit(self)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Str(value.to_owned())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Str(value)
    }
}

impl<T: Into<Value>> From<Vec<T>> for Value {
    fn from(items: Vec<T>) -> Self {
        Self::List(items.into_iter().map(Into::into).collect())
    }
}

impl From<Map> for Value {
    fn from(value: Map) -> Self {
        Self::Map(value)
    }
}

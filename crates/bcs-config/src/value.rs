//! The tree of values that a configuration is made of.

mod convert;
mod decode;
mod merge;
mod path;

use indexmap::IndexMap;
pub(crate) use path::join;
pub use path::missing_keys;

/// The text that marks a value the user must give.
pub const MISSING: &str = "???";

/// A mapping in the order its keys were written.
pub type Map = IndexMap<String, Value>;

/// One value of a configuration.
///
/// Keys of mappings are strings: a YAML key `0` or `true` is kept as that text.
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
    /// Nothing.
    #[default]
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A real number, infinities and NaN included.
    Float(f64),
    /// Text, which may hold an interpolation such as `${a.b}`.
    Str(String),
    /// A list.
    List(Vec<Value>),
    /// A mapping.
    Map(Map),
}

impl Value {
    /// An empty mapping.
    pub fn empty_map() -> Self {
        Self::Map(Map::new())
    }

    /// What kind of value it is, in a user's words.
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

    /// Whether it is null.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// Whether it is a list or a mapping.
    pub fn is_container(&self) -> bool {
        matches!(self, Self::List(_) | Self::Map(_))
    }

    /// Whether it is `???`, a value that the user must give.
    pub fn is_missing(&self) -> bool {
        self.as_str() == Some(MISSING)
    }

    /// The bool, if it is one.
    pub fn as_bool(&self) -> Option<bool> {
        if let Self::Bool(value) = self { Some(*value) } else { None }
    }

    /// The integer, if it is one.
    pub fn as_i64(&self) -> Option<i64> {
        if let Self::Int(value) = self { Some(*value) } else { None }
    }

    /// The number, whether written as an integer or a float.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Float(value) => Some(*value),
            Self::Int(value) => Some(*value as f64),
            _ => None,
        }
    }

    /// The text, if it is a string.
    pub fn as_str(&self) -> Option<&str> {
        if let Self::Str(value) = self { Some(value) } else { None }
    }

    /// The list, if it is one.
    pub fn as_list(&self) -> Option<&[Value]> {
        if let Self::List(value) = self { Some(value) } else { None }
    }

    /// The mapping, if it is one.
    pub fn as_map(&self) -> Option<&Map> {
        if let Self::Map(value) = self { Some(value) } else { None }
    }

    /// The mapping to change, if it is one.
    pub fn as_map_mut(&mut self) -> Option<&mut Map> {
        if let Self::Map(value) = self { Some(value) } else { None }
    }

    /// The value as block-style YAML that reads back as the same value.
    ///
    /// Where the text can be plain it is what `OmegaConf.to_yaml` prints, except that long lines
    /// are not folded.
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

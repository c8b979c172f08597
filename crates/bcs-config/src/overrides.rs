//! Hydra's override grammar; each command-line argument is an [`Override`].
//!
//! | override | effect |
//! |---|---|
//! | `a.b=3` | changes a value that exists |
//! | `+a.b=3` | adds a value that does not exist |
//! | `++a.b=3` | adds or changes a value |
//! | `~a.b`, `~a.b=3` | deletes a value, the second only if it is 3 |
//! | `group=option`, `group@package=option` | selects an option of a config group |
//! | `a=1,2`, `a=choice(1,2)`, `a=range(1,4)`, `group=glob(*)` | sweep: one run per value, with `-m` |
//!
//! Values are quoted or bare strings, numbers, booleans, `null`, lists `[1,a]`, mappings `{a:1}`,
//! interpolations `${a.b}` and the casts `int()`, `float()`, `str()` and `bool()`. `sort()`, `shuffle()` and `tag()` take
//! lists and sweeps.

mod cast;
mod decimal;
mod functions;
mod key;
mod lexer;
mod literal;
mod parser;
mod sweep;

pub use literal::Literal;
pub(crate) use parser::bare;
pub use sweep::{Number, Range, Sweep, expand};

use crate::{error::Result, value::Value};

/// Type of an override.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// `key=value`
    Change,
    /// `+key=value`
    Add,
    /// `++key=value`
    ForceAdd,
    /// `~key` or `~key=value`
    Delete,
}

impl Action {
    /// Returns the prefix of the key.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Change => "",
            Self::Add => "+",
            Self::ForceAdd => "++",
            Self::Delete => "~",
        }
    }
}

/// Right-hand side of an override.
#[derive(Debug, Clone, PartialEq)]
pub enum Assigned {
    /// None, as in `~key`.
    Nothing,
    /// A single value.
    Value(Literal),
    /// Several values, for one run each.
    Sweep(Sweep),
}

/// Parsed override.
#[derive(Debug, Clone, PartialEq)]
pub struct Override {
    /// Type of the override.
    pub action: Action,
    /// Dotted key, or config group with slashes.
    pub key: String,
    /// Package of the config group, after `@`.
    pub package: Option<String>,
    /// Right-hand side.
    pub assigned: Assigned,
    /// The override as given.
    pub text: String,
}

impl Override {
    /// Returns the key with its package, as in a defaults list: `db@source`.
    pub fn key_with_package(&self) -> String {
        match &self.package {
            Some(package) => format!("{}@{package}", self.key),
            None => self.key.clone(),
        }
    }

    /// Returns the value: null if the override has none, `None` for a sweep.
    pub fn value(&self) -> Option<Value> {
        match &self.assigned {
            Assigned::Nothing => Some(Value::Null),
            Assigned::Value(literal) => Some(literal.value()),
            Assigned::Sweep(_) => None,
        }
    }

    /// Returns this override with a single value, in normal form.
    ///
    /// # Errors
    /// [`Error::OverrideSyntax`](crate::Error::OverrideSyntax) for a value whose normal form has no meaning, such as the
    /// string of `str('#')`.
    pub(crate) fn with_value(&self, value: &Literal) -> Result<Self> {
        parse(&format!("{}{}={}", self.action.prefix(), self.key_with_package(), value.text()))
    }
}

/// Parses a command-line argument as an override.
///
/// # Errors
/// [`Error::OverrideSyntax`](crate::Error::OverrideSyntax) with the position.
///
/// ```
/// use bcs_config::{Value, overrides};
///
/// let parsed = overrides::parse("model_hyp.channels=[16,32]")?;
/// assert_eq!(parsed.key, "model_hyp.channels");
/// assert_eq!(parsed.value(), Some(Value::List(vec![Value::Int(16), Value::Int(32)])));
/// # Ok::<(), bcs_config::Error>(())
/// ```
pub fn parse(text: &str) -> Result<Override> {
    let (head, value) = key::parse(text)?;
    let assigned = match value {
        None => Assigned::Nothing,
        Some(at) => parser::parse(text, at)?,
    };
    Ok(Override {
        action: head.action,
        key: head.key,
        package: head.package,
        assigned,
        text: text.to_owned(),
    })
}

/// Parses command-line arguments as overrides, in order.
///
/// # Errors
/// [`Error::OverrideSyntax`](crate::Error::OverrideSyntax) for the first invalid one.
pub fn parse_all<S: AsRef<str>>(texts: &[S]) -> Result<Vec<Override>> {
    texts.iter().map(|text| parse(text.as_ref())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Value {
        parse(&format!("a={text}")).expect("parses").value().expect("no sweep")
    }

    #[test]
    fn bare_strings_are_trimmed_and_keep_inner_spaces() {
        assert_eq!(value("  a b  "), Value::from("a b"));
        assert_eq!(value(r"a\,b\ "), Value::from("a,b "));
        assert_eq!(value("gs://bucket/x@y%20z?q"), Value::from("gs://bucket/x@y%20z?q"));
        assert_eq!(value("007"), Value::from("007"));
        assert_eq!(value("1.2.3"), Value::from("1.2.3"));
        assert_eq!(value(""), Value::from(""));
    }

    #[test]
    fn backslashes_escape_only_before_a_quote() {
        assert_eq!(value(r#""a\"b""#), Value::from(r#"a"b"#));
        assert_eq!(value(r"'C:\dir\\'"), Value::from(r"C:\dir\"));
        assert_eq!(value("'1'"), Value::from("1"));
    }

    #[test]
    fn errors_have_the_position() {
        for (text, position) in
            [("a=[1,2", 7), ("a=b=c", 4), ("a='x", 3), ("a=#", 3), ("=3", 1), ("a b=3", 2)]
        {
            let message = parse(text).expect_err(text).to_string();
            assert!(message.contains(&format!("character {position}:")), "{message}");
        }
    }

    #[test]
    fn quoted_values_in_normal_form_parse_to_the_same_value() {
        for text in ["a b", "1", "a'b", r"x\", r"\'", "", "a,b", "true", "ü", "a: b", "${x}", " lead", "inf"]
        {
            for quote in ['\'', '"'] {
                let literal = Literal::Quoted { text: text.to_owned(), quote };
                let parsed = parse("key=x").expect("parses").with_value(&literal).expect("parses");
                assert_eq!(parsed.value(), Some(Value::from(text)), "{}", parsed.text);
            }
        }
    }
}

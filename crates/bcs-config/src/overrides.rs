//! Hydra's override grammar: one command-line argument, one [`Override`].
//!
//! | written | means |
//! |---|---|
//! | `a.b=3` | change a value that exists |
//! | `+a.b=3` | add a value that does not exist |
//! | `++a.b=3` | set a value, whether it exists or not |
//! | `~a.b`, `~a.b=3` | remove a value, the second only if it is 3 |
//! | `group=option`, `group@package=option` | choose a config from a group |
//! | `a=1,2`, `a=choice(1,2)`, `a=range(1,4)`, `group=glob(*)` | sweep: one run each, with `-m` |
//!
//! Values are quoted or bare strings, numbers, bools, `null`, lists `[1,a]`, mappings `{a:1}`,
//! interpolations `${a.b}` and the casts `int()`, `float()`, `str()` and `bool()`.

mod format;
mod functions;
mod key;
mod lexer;
mod parser;
mod sweep;

pub(crate) use parser::bare;
pub use sweep::{Number, Range, Sweep, expand};

use crate::{error::Result, value::Value};

/// What an override does with its key.
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
    /// The sign in front of the key.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Change => "",
            Self::Add => "+",
            Self::ForceAdd => "++",
            Self::Delete => "~",
        }
    }
}

/// What stands right of the equals sign.
#[derive(Debug, Clone, PartialEq)]
pub enum Assigned {
    /// No equals sign: `~key`.
    Nothing,
    /// One value.
    Value(Value),
    /// Several, for one run each.
    Sweep(Sweep),
}

/// One parsed override.
#[derive(Debug, Clone, PartialEq)]
pub struct Override {
    /// What to do.
    pub action: Action,
    /// The dotted key, or the group with slashes.
    pub key: String,
    /// What follows an `@`: the package that a group's config is put into.
    pub package: Option<String>,
    /// The value or values.
    pub assigned: Assigned,
    /// The override as given.
    pub text: String,
}

impl Override {
    /// The key with its package, as the defaults list names it: `db@source`.
    pub fn key_with_package(&self) -> String {
        match &self.package {
            Some(package) => format!("{}@{package}", self.key),
            None => self.key.clone(),
        }
    }

    /// The one value; null when there is none, nothing for a sweep.
    pub fn value(&self) -> Option<Value> {
        match &self.assigned {
            Assigned::Nothing => Some(Value::Null),
            Assigned::Value(value) => Some(value.clone()),
            Assigned::Sweep(_) => None,
        }
    }

    /// The same override with one value, and the text to match.
    pub(crate) fn with_value(&self, value: Value) -> Self {
        let text = format!("{}{}={}", self.action.prefix(), self.key_with_package(), format::value(&value));
        Self { assigned: Assigned::Value(value), text, ..self.clone() }
    }
}

/// Parses one command-line argument.
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

/// Parses all command-line arguments, in order.
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
    fn bare_text_keeps_its_inner_spaces_and_loses_its_outer_ones() {
        assert_eq!(value("  a b  "), Value::from("a b"));
        assert_eq!(value(r"a\,b\ "), Value::from("a,b "));
        assert_eq!(value("gs://bucket/x@y%20z?q"), Value::from("gs://bucket/x@y%20z?q"));
        assert_eq!(value("007"), Value::from("007"));
        assert_eq!(value("1.2.3"), Value::from("1.2.3"));
        assert_eq!(value(""), Value::from(""));
    }

    #[test]
    fn quotes_are_undone_where_they_precede_a_quote() {
        assert_eq!(value(r#""a\"b""#), Value::from(r#"a"b"#));
        assert_eq!(value(r"'C:\dir\\'"), Value::from(r"C:\dir\"));
        assert_eq!(value("'1'"), Value::from("1"));
    }

    #[test]
    fn errors_point_at_the_place() {
        for (text, place) in [("a=[1,2", 7), ("a=b=c", 4), ("a='x", 3), ("a=#", 3), ("=3", 1), ("a b=3", 2)] {
            let message = parse(text).expect_err(text).to_string();
            assert!(message.contains(&format!("character {place}:")), "{message}");
        }
    }

    #[test]
    fn a_value_is_written_back_so_that_it_reads_the_same() {
        for text in ["a b", "1", "a'b", r"x\", r"\'", "", "a,b", "true", "ü", "a: b", "${x}", " lead", "inf"]
        {
            let parsed = parse("key=x").expect("parses").with_value(Value::from(text));
            assert_eq!(
                parse(&parsed.text).expect("parses").value(),
                Some(Value::from(text)),
                "{}",
                parsed.text
            );
        }
    }
}

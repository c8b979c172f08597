//! Left-hand side of an override: prefix, key or config group, package.

use super::Action;
use crate::error::{Error, Result};

/// Parsed left-hand side.
pub(super) struct Head {
    pub(super) action: Action,
    pub(super) key: String,
    pub(super) package: Option<String>,
}

/// Parses the left-hand side; also returns the byte position of the value, if there is an equals sign.
pub(super) fn parse(text: &str) -> Result<(Head, Option<usize>)> {
    let action = action(text);
    let start = action.prefix().len();
    let equals = text.find('=');
    let head = &text[start..equals.unwrap_or(text.len())];
    let (key, package) = match head.split_once('@') {
        Some((key, package)) => (key, Some(package)),
        None => (head, None),
    };
    if !is_group(key) && !is_dotted(key) {
        return Err(refuse(
            text,
            start + first_bad(key),
            "expected a key such as a.b or a config group such as a/b",
        ));
    }
    if package.is_some_and(|package| !package.is_empty() && !is_dotted(package)) {
        return Err(refuse(text, start + key.len() + 1, "expected a package such as a.b"));
    }
    if equals.is_none() && action != Action::Delete {
        return Err(refuse(text, text.len(), "expected '=' and a value"));
    }
    let head = Head { action, key: key.to_owned(), package: package.map(str::to_owned) };
    Ok((head, equals.map(|at| at + 1)))
}

fn action(text: &str) -> Action {
    let known = [Action::ForceAdd, Action::Add, Action::Delete];
    known.into_iter().find(|action| text.starts_with(action.prefix())).unwrap_or(Action::Change)
}

fn refuse(text: &str, at: usize, message: &str) -> Error {
    let position = text[..at].chars().count();
    Error::OverrideSyntax { text: text.to_owned(), position, message: message.to_owned() }
}

/// Returns the position of the first character that is not allowed in keys.
fn first_bad(key: &str) -> usize {
    key.find(|c: char| !(c.is_ascii_alphanumeric() || "_-$./".contains(c))).unwrap_or(0)
}

/// Whether the key is a config group, such as `a/b`.
fn is_group(key: &str) -> bool {
    key.split('/').all(|part| is_identifier(part, false))
}

/// Whether the key is dotted, such as `a`, `$a` or `a.b.0`.
fn is_dotted(key: &str) -> bool {
    let deep = key.contains('.');
    key.split('.').all(|part| is_identifier(part, true) || (deep && is_index(part)))
}

fn is_identifier(part: &str, dollar: bool) -> bool {
    let head = |c: char| c.is_ascii_alphabetic() || c == '_' || (dollar && c == '$');
    part.starts_with(head) && part.chars().all(|c| head(c) || c.is_ascii_digit() || c == '-')
}

fn is_index(part: &str) -> bool {
    let plain = !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    plain && (part == "0" || !part.starts_with('0'))
}

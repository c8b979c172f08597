//! The configuration of a run as YAML, with values that differ from their defaults marked.

use bcs_config::Value;
use bcs_tracking::secrets::names_a_secret;
use maud::{Markup, html};

/// What is shown of a secret.
const HIDDEN: &str = "(hidden)";

/// A line of YAML.
struct Line {
    text: String,
    /// Default value, if the value differs from it.
    default: Option<String>,
}

/// Renders a configuration. `defaults` is the configuration without config files and overrides.
pub(crate) fn config(value: &Value, defaults: &Value) -> Markup {
    let mut lines = Vec::new();
    add(&mut lines, value, Some(defaults), 0);
    let changed = lines.iter().filter(|line| line.default.is_some()).count();
    html! {
        details {
            summary { "config.yaml " span { "(" (changed) " marked lines differ from the defaults)" } }
            pre { @for line in &lines {
                @match &line.default {
                    Some(default) => span.changed data-default=(default) { (line.text) },
                    None => span { (line.text) },
                }
            } }
        }
    }
}

fn add(lines: &mut Vec<Line>, value: &Value, defaults: Option<&Value>, depth: usize) {
    let Some(map) = value.as_map() else { return };
    // A group that is empty is as good as none.
    let empty = Value::empty_map();
    for (key, value) in map {
        let default = defaults.and_then(Value::as_map).and_then(|defaults| defaults.get(key));
        let indent = "  ".repeat(depth);
        if value.as_map().is_some_and(|map| !map.is_empty()) {
            lines.push(Line { text: format!("{indent}{key}:"), default: None });
            add(lines, value, default, depth + 1);
        } else {
            lines.push(Line {
                text: format!("{indent}{key}: {}", shown(&key.text(), value)),
                default: (default.unwrap_or(&empty) != value).then(|| match default {
                    Some(default) => format!("default: {}", shown(&key.text(), default)),
                    None => "not in the defaults".to_owned(),
                }),
            });
        }
    }
}

/// Value as YAML on one line.
fn shown(key: &str, value: &Value) -> String {
    if names_a_secret(key) && !value.is_null() {
        return HIDDEN.to_owned();
    }
    match value.as_list() {
        Some(list) => {
            format!("[{}]", list.iter().map(|value| shown(key, value)).collect::<Vec<_>>().join(", "))
        }
        None => without_user(value.to_yaml().trim_end()),
    }
}

/// Hides user and password in a URL.
pub(super) fn without_user(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    let host = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    match rest[..host].rfind('@') {
        Some(at) => format!("{scheme}://{HIDDEN}{}", &rest[at..]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(value: &str, defaults: &str) -> String {
        let parse = |text: &str| bcs_config::yaml::parse(text, "test.yaml").unwrap();
        config(&parse(value), &parse(defaults)).into_string()
    }

    #[test]
    fn values_that_differ_are_marked() {
        let page = rendered(
            "a:\n  b: 1\n  c: [1, x]\nd: ${a.b}\ne: new\nf: {}",
            "a:\n  b: 2\n  c: [1, x]\nd: ${a.b}",
        );
        assert!(page.contains("(2 marked lines differ"), "{page}");
        assert!(page.contains("<span class=\"changed\" data-default=\"default: 2\">  b: 1</span>"), "{page}");
        assert!(page.contains("<span>  c: [1, x]</span><span>d: ${a.b}</span>"), "{page}");
        assert!(page.contains("data-default=\"not in the defaults\">e: new</span>"), "{page}");
    }

    #[test]
    fn secrets_are_hidden() {
        let page =
            rendered("wandb:\n  api_key: abc123\n  url: https://me:abc123@host/x\n  token: null", "{}");
        assert!(!page.contains("abc123"), "{page}");
        assert!(page.contains("api_key: (hidden)") && page.contains("https://(hidden)@host/x"), "{page}");
        assert!(page.contains("token: null"), "{page}");
    }
}

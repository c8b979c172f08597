//! The part of ConfigObj's INI format that DVC writes: sections, `key = value`, comments, quotes.

/// A section: its name, and its keys in lower case with their values.
pub(super) type Section = (String, Vec<(String, String)>);

/// Parses a text. An error is a line number, from 1, and what is wrong there.
pub(super) fn parse(text: &str) -> Result<Vec<Section>, (usize, String)> {
    let mut sections: Vec<Section> = Vec::new();
    for (number, line) in text.lines().enumerate().map(|(index, line)| (index + 1, line.trim())) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(rest) = line.strip_prefix('[') {
            let (name, _) = rest
                .rsplit_once(']')
                .filter(|(_, rest)| is_end(rest))
                .ok_or_else(|| (number, "a section must end with ']'".to_owned()))?;
            sections.push((unquote(name.trim()).to_owned(), Vec::new()));
            continue;
        }
        let (key, value) = line
            .split_once('=')
            .ok_or_else(|| (number, format!("'{line}' is neither a section nor 'key = value'")))?;
        let (_, keys) =
            sections.last_mut().ok_or_else(|| (number, format!("'{}' is in no section", key.trim())))?;
        let value = value_of(value.trim()).ok_or_else(|| (number, "a quote is not closed".to_owned()))?;
        keys.push((unquote(key.trim()).to_lowercase(), value.to_owned()));
    }
    Ok(sections)
}

/// Returns the value without quotes and the comment behind it; `None` if a quote is not closed.
fn value_of(text: &str) -> Option<&str> {
    let first = text.chars().next().filter(|first| matches!(first, '\'' | '"'));
    let Some(quote) = first else {
        return Some(text.split_once('#').map_or(text, |(value, _)| value).trim_end());
    };
    let (value, rest) = text[1..].split_once(quote)?;
    // Quotes within a list are part of the value.
    if is_end(rest) { Some(value) } else { Some(text) }
}

fn unquote(text: &str) -> &str {
    let inner = |quote: char| text.strip_prefix(quote)?.strip_suffix(quote);
    inner('\'').or_else(|| inner('"')).unwrap_or(text)
}

/// Whether nothing but a comment follows.
fn is_end(rest: &str) -> bool {
    let rest = rest.trim_start();
    rest.is_empty() || rest.starts_with('#')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_dvc_writes_is_parsed() {
        let text = "# comment\n[core]\n    remote = store # why\n    Analytics = false\n['remote \"store\"']\n    \
                    url = \"a # b\"\n    x =\n";
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(
            parse(text).unwrap(),
            [
                ("core".to_owned(), vec![pair("remote", "store"), pair("analytics", "false")]),
                ("remote \"store\"".to_owned(), vec![pair("url", "a # b"), pair("x", "")]),
            ]
        );
    }

    #[test]
    fn errors_have_the_line() {
        for (text, line, reason) in [
            ("\n[core", 2, "']'"),
            ("[core] x", 1, "']'"),
            ("[core]\nremote", 2, "neither"),
            ("a = b", 1, "in no section"),
            ("[core]\na = 'b", 2, "not closed"),
        ] {
            let (number, message) = parse(text).unwrap_err();
            assert!(number == line && message.contains(reason), "{text:?}: {number}: {message}");
        }
    }
}

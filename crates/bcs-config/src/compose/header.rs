//! Header of a config file: `# @package a.b` in its first comment lines.

use crate::error::{Error, Result};

/// Returns the package in the header of a config file.
pub(super) fn package(text: &str, origin: &str) -> Result<Option<String>> {
    let mut package = None;
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() {
            continue;
        }
        let comment = line.trim_start_matches('#').trim();
        if !line.starts_with('#') || !comment.starts_with('@') {
            break;
        }
        let words: Vec<&str> = comment.split(' ').filter(|word| !word.is_empty()).collect();
        let [key, value] = words[..] else {
            return Err(Error::Yaml {
                origin: origin.to_owned(),
                line: index + 1,
                column: 1,
                message: format!("expected a header such as '# @package a.b', found '{line}'"),
            });
        };
        if key == "@package" {
            package = Some(value.to_owned());
        }
    }
    Ok(package)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn package_is_read_from_the_first_comments_only() {
        assert_eq!(package("\n# @package a.b\nx: 1", "f").expect("valid"), Some("a.b".to_owned()));
        assert_eq!(package("#@package _global_", "f").expect("valid"), Some("_global_".to_owned()));
        assert_eq!(package("# note\n# @package a", "f").expect("valid"), None);
        assert_eq!(package("x: 1\n# @package a", "f").expect("valid"), None);
        assert!(package("# @package a b", "f").is_err());
    }
}

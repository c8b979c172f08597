//! Valid keys: those that mean the same in a folder and in Google Cloud Storage.

use crate::error::Error;

/// Maximum length of a key in bytes, as in Google Cloud Storage.
const MAX_LENGTH: usize = 1024;

/// Checks a key: components separated by `/`, none of which is empty, `.` or `..`, without control characters and
/// backslashes, of at most 1024 bytes.
///
/// # Errors
/// [`Error::InvalidKey`].
pub fn check(key: &str) -> Result<(), Error> {
    let reason = if key.is_empty() {
        "it is empty"
    } else if key.len() > MAX_LENGTH {
        "it is longer than 1024 bytes"
    } else if key.split('/').any(|component| matches!(component, "" | "." | "..")) {
        "a component between '/' is empty, '.' or '..'"
    } else if key.chars().any(|c| c.is_control() || c == '\\') {
        "it contains a control character or a backslash"
    } else {
        return Ok(());
    };
    Err(Error::InvalidKey { key: key.to_owned(), reason })
}

/// Checks a prefix of keys: the beginning of a key, or empty.
///
/// # Errors
/// [`Error::InvalidKey`].
pub(crate) fn check_prefix(prefix: &str) -> Result<(), Error> {
    let key = prefix.strip_suffix('/').unwrap_or(prefix);
    if prefix.is_empty() { Ok(()) } else { check(key) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn prefixes_are_beginnings_of_keys() {
        for prefix in ["", "a", "a/", "records/date=2026-01-02/", "a/b"] {
            assert!(check_prefix(prefix).is_ok(), "{prefix}");
        }
        for prefix in ["/", "../", "a//", "/a", "a/../b"] {
            assert!(check_prefix(prefix).is_err(), "{prefix}");
        }
    }

    proptest! {
        #[test]
        fn a_valid_key_stays_in_its_folder(key in "[a-z./\\\\\\x00é-]{0,20}") {
            if check(&key).is_ok() {
                let path = std::path::Path::new(&key);
                prop_assert!(path.components().all(|part| matches!(part, std::path::Component::Normal(_))));
                prop_assert_eq!(path.components().count(), key.split('/').count());
            }
        }
    }

    #[test]
    fn keys_outside_the_bucket_are_errors() {
        for key in ["a", "records/date=2026-01-02/x.json", "best_model-val_metric=0.87/model.safetensors"] {
            assert!(check(key).is_ok(), "{key}");
        }
        for key in ["", "/etc/passwd", "../x", "a/../../x", "a//b", "a/", "a\\b", "a\0b", &"x".repeat(1025)] {
            assert!(check(key).is_err(), "{key:?}");
        }
    }
}

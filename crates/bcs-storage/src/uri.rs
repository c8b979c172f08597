//! Names of buckets and `gs://` URIs.

use crate::error::Error;
use crate::key;

/// Scheme of URIs of Google Cloud Storage.
pub const SCHEME: &str = "gs://";

/// A bucket, and a prefix of keys in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uri {
    /// Name of the bucket.
    pub bucket: String,
    /// Prefix of the keys without a slash at its end; empty for the whole bucket.
    pub prefix: String,
}

/// Whether a text is a URI of Google Cloud Storage rather than a path.
pub fn is_uri(text: &str) -> bool {
    text.starts_with(SCHEME)
}

impl Uri {
    /// Parses `gs://BUCKET`, `gs://BUCKET/PREFIX` or the same with a slash at the end.
    ///
    /// # Errors
    /// [`Error::InvalidUri`].
    pub fn parse(uri: &str) -> Result<Self, Error> {
        let invalid = |reason| Error::InvalidUri { uri: uri.to_owned(), reason };
        let rest = uri.strip_prefix(SCHEME).ok_or_else(|| invalid("it does not start with gs://"))?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if let Some(reason) = fault_of_bucket(bucket) {
            return Err(invalid(reason));
        }
        let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
        if !prefix.is_empty() && key::check(prefix).is_err() {
            return Err(invalid("its path is not that of an object"));
        }
        Ok(Self { bucket: bucket.to_owned(), prefix: prefix.to_owned() })
    }

    /// Returns the folder of the object that this URI names, and the object's name in it; `None` for a bucket.
    pub fn split(&self) -> Option<(Self, &str)> {
        let (folder, name) = self.prefix.rsplit_once('/').unwrap_or(("", &self.prefix));
        let parent = Self { bucket: self.bucket.clone(), prefix: folder.to_owned() };
        (!name.is_empty()).then_some((parent, name))
    }
}

impl std::fmt::Display for Uri {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let slash = if self.prefix.is_empty() { "" } else { "/" };
        write!(f, "{SCHEME}{}{slash}{}", self.bucket, self.prefix)
    }
}

/// Returns which of Google's rules for names of buckets this name breaks.
fn fault_of_bucket(name: &str) -> Option<&'static str> {
    let longest = if name.contains('.') { 222 } else { 63 };
    let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    if name.is_empty() {
        Some("it has no bucket")
    } else if !(3..=longest).contains(&name.len()) || name.split('.').any(|part| part.len() > 63) {
        Some("the name of a bucket has 3 to 63 characters")
    } else if name.chars().any(|c| !(c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.".contains(c))) {
        Some("the name of a bucket has only lower-case letters, digits, '-', '_' and '.'")
    } else if !edge(name.chars().next()) || !edge(name.chars().last()) {
        Some("the name of a bucket starts and ends with a letter or a digit")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn buckets_and_prefixes_are_parsed() {
        let parse = |text: &str| Uri::parse(text).map(|uri| (uri.bucket, uri.prefix)).ok();
        let pair = |bucket: &str, prefix: &str| Some((bucket.to_owned(), prefix.to_owned()));
        assert_eq!(parse("gs://models"), pair("models", ""));
        assert_eq!(parse("gs://models/"), pair("models", ""));
        assert_eq!(
            parse("gs://models/run/best_model-val_metric=0.87/"),
            pair("models", "run/best_model-val_metric=0.87")
        );
        let dotted = format!("{}.{}", "a".repeat(63), "b".repeat(63));
        assert_eq!(parse(&format!("gs://{dotted}/x")), pair(&dotted, "x"));
        let too_long = "x".repeat(64);
        for uri in [
            "models",
            "s3://models",
            "gs://",
            "gs:///a",
            "gs://ab",
            "gs://Models",
            "gs://-models",
            "gs://models-",
            "gs://models//a",
            "gs://models/../a",
            "gs://models/a//",
            "gs://mo dels",
            "gs://models/a\nb",
        ] {
            assert!(Uri::parse(uri).is_err(), "{uri:?}");
        }
        assert!(Uri::parse(&format!("gs://{too_long}")).is_err());
    }

    #[test]
    fn an_object_has_a_folder() {
        let split = |text: &str| {
            let uri = Uri::parse(text).unwrap();
            uri.split().map(|(folder, name)| (folder.to_string(), name.to_owned()))
        };
        assert_eq!(split("gs://bucket/a/b.txt"), Some(("gs://bucket/a".to_owned(), "b.txt".to_owned())));
        assert_eq!(split("gs://bucket/b.txt"), Some(("gs://bucket".to_owned(), "b.txt".to_owned())));
        assert_eq!(split("gs://bucket"), None);
    }

    proptest! {
        #[test]
        fn a_parsed_uri_is_written_as_it_was(bucket in "[a-z0-9][a-z0-9_-]{1,61}[a-z0-9]", prefix in "([a-zA-Z0-9=._ é-]{1,12}/){0,3}[a-zA-Z0-9=_-]{1,12}") {
            prop_assume!(!prefix.split('/').any(|part| part == "." || part == ".."));
            let text = format!("gs://{bucket}/{prefix}");
            let uri = Uri::parse(&text).unwrap();
            prop_assert_eq!(uri.to_string(), text.clone());
            prop_assert_eq!(Uri::parse(&format!("{text}/")).unwrap(), uri);
        }

        #[test]
        fn any_text_is_parsed_or_refused(text in ".{0,80}", rest in "[a-z./_-]{0,40}") {
            for text in [text, format!("gs://{rest}")] {
                if let Ok(uri) = Uri::parse(&text) {
                    prop_assert!(is_uri(&text) && text.trim_end_matches('/') == uri.to_string());
                    prop_assert!(uri.prefix.is_empty() || key::check(&uri.prefix).is_ok());
                }
            }
        }
    }
}

//! Request of a run: the body of `POST /run`, and the arguments of `run`.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::error::Error;
use crate::window::{self, Bound, Window};

/// What to compare. Defaults are taken from the settings and the model package.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"from": "2026-11-22", "to": "2026-11-23"}))]
pub struct RunRequest {
    /// First day (UTC), or start time in RFC 3339.
    #[schema(value_type = Option<String>, example = "2026-11-22")]
    pub from: Option<Bound>,
    /// Last day (included), or end time in RFC 3339 (excluded); today by default.
    #[schema(value_type = Option<String>, example = "2026-11-23")]
    pub to: Option<Bound>,
    /// Number of full days before today; today is included as well. Excludes `from` and `to`.
    #[schema(minimum = 1, maximum = 396)]
    pub days: Option<u32>,
    /// Features to compare; by default all.
    #[schema(value_type = Option<Vec<String>>, example = json!(["grey_mean", "confidence"]))]
    pub features: Option<BTreeSet<String>>,
    /// Version of the model whose predictions are compared; by default that of the drift reference.
    #[schema(example = "train-2026-11-20_09-15-00-epoch=07-1f2e3d4c")]
    pub model_version: Option<String>,
}

impl RunRequest {
    /// Parses the body of a request, regardless of its media type, because schedulers send JSON as
    /// `application/octet-stream`. An empty body and `null` select the defaults.
    ///
    /// # Errors
    /// [`Error::Body`] if the body is not JSON; [`Error::Request`] if it is not a valid request.
    pub fn from_body(body: &[u8]) -> Result<Self, Error> {
        if body.trim_ascii().is_empty() {
            return Ok(Self::default());
        }
        let value: serde_json::Value =
            serde_json::from_slice(body).map_err(|error| Error::Body(error.to_string()))?;
        match value {
            serde_json::Value::Null => Ok(Self::default()),
            serde_json::Value::Object(_) => {
                serde_path_to_error::deserialize(value).map_err(|error| Error::Request(error.to_string()))
            }
            // Deserialization would accept a list of the field values.
            _ => Err(Error::Request("it must be an object {\"key\": value}".to_owned())),
        }
    }

    /// Returns the window of the request at the time `now`, by default the last `default_days` full days and today.
    ///
    /// # Errors
    /// [`window::Error`].
    pub fn window(&self, default_days: u32, now: Timestamp) -> Result<Window, window::Error> {
        match (self.from, self.to, self.days) {
            (Some(_), _, Some(_)) | (_, Some(_), Some(_)) => Err(window::Error::Conflict),
            (None, Some(_), None) => Err(window::Error::MissingFrom),
            (Some(from), to, None) => Window::between(from, to, now),
            (None, None, days) => Window::latest(days.unwrap_or(default_days), now),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error_of(body: &str) -> String {
        RunRequest::from_body(body.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn an_empty_body_selects_the_defaults() {
        for body in ["", " \n", "null", "{}"] {
            assert_eq!(RunRequest::from_body(body.as_bytes()).unwrap(), RunRequest::default(), "{body:?}");
        }
    }

    #[test]
    fn invalid_keys_are_named() {
        assert!(matches!(RunRequest::from_body(b"{").unwrap_err(), Error::Body(_)));
        assert!(error_of(r#"{"form": "2026-11-22"}"#).contains("form"));
        assert!(error_of(r#"{"days": -1}"#).contains("days"));
        assert!(error_of(r#"{"from": "22.11.2026"}"#).contains("22.11.2026"));
        for body in ["[]", "3", r#"["2026-11-22", null, null, null, null]"#] {
            assert!(error_of(body).contains("an object"), "{body}");
        }
    }

    #[test]
    fn the_order_of_features_does_not_matter() {
        let read = |body: &str| RunRequest::from_body(body.as_bytes()).unwrap().features;
        assert_eq!(read(r#"{"features": ["b", "a", "a"]}"#), read(r#"{"features": ["a", "b"]}"#));
    }

    #[test]
    fn days_exclude_from_and_to() {
        let now = "2026-11-23T14:30:00Z".parse().unwrap();
        let window = |body: &str| RunRequest::from_body(body.as_bytes()).unwrap().window(1, now);
        assert_eq!(window("{}"), Window::latest(1, now));
        assert_eq!(window(r#"{"days": 7}"#), Window::latest(7, now));
        assert_eq!(window(r#"{"to": "2026-11-22"}"#), Err(window::Error::MissingFrom));
        assert_eq!(window(r#"{"days": 7, "from": "2026-11-22"}"#), Err(window::Error::Conflict));
        assert_eq!(
            window(r#"{"from": "2026-11-22"}"#),
            window(r#"{"from": "2026-11-22", "to": "2026-11-23"}"#)
        );
    }
}

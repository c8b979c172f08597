//! What a run may be narrowed to: the body of `POST /run`, and the arguments of `run`.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::error::Error;
use crate::window::{self, Bound, Window};

/// What to compare; whatever is left out is as the settings and the model package say.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"from": "2026-11-22", "to": "2026-11-23"}))]
pub struct RunRequest {
    /// First day (UTC), or a moment in RFC 3339.
    #[schema(value_type = Option<String>, example = "2026-11-22")]
    pub from: Option<Bound>,
    /// Last day, which is included, or the moment to stop before; today where only `from` is given.
    #[schema(value_type = Option<String>, example = "2026-11-23")]
    pub to: Option<Bound>,
    /// Instead of `from` and `to`: the last so many full days, and today as far as it has come.
    #[schema(minimum = 1, maximum = 396)]
    pub days: Option<u32>,
    /// The features to compare; all of them by default.
    #[schema(value_type = Option<Vec<String>>, example = json!(["grey_mean", "confidence"]))]
    pub features: Option<BTreeSet<String>>,
    /// The model whose predictions to compare with the reference; by default the one that the reference belongs to.
    #[schema(example = "train-2026-11-20_09-15-00")]
    pub model_version: Option<String>,
}

impl RunRequest {
    /// Reads the body of a request, whatever its media type: schedulers send JSON as `application/octet-stream`. An
    /// empty body, and `null`, narrow nothing.
    ///
    /// # Errors
    /// [`Error::Body`] for what is no JSON, [`Error::Request`] for JSON that says something else.
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
            // A list would pass for the values of the fields in their order.
            _ => Err(Error::Request("it is no object {\"key\": value}".to_owned())),
        }
    }

    /// The window it means at this time, of `default_days` where it says nothing.
    ///
    /// # Errors
    /// [`window::Error`].
    pub fn window(&self, default_days: u32, now: Timestamp) -> Result<Window, window::Error> {
        match (self.from, self.to, self.days) {
            (Some(_), _, Some(_)) | (_, Some(_), Some(_)) => Err(window::Error::Both),
            (None, Some(_), None) => Err(window::Error::NoBeginning),
            (Some(from), to, None) => Window::between(from, to, now),
            (None, None, days) => Window::latest(days.unwrap_or(default_days), now),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(body: &str) -> String {
        RunRequest::from_body(body.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn an_empty_body_narrows_nothing() {
        for body in ["", " \n", "null", "{}"] {
            assert_eq!(RunRequest::from_body(body.as_bytes()).unwrap(), RunRequest::default(), "{body:?}");
        }
    }

    #[test]
    fn the_key_that_is_wrong_is_named() {
        assert!(matches!(RunRequest::from_body(b"{").unwrap_err(), Error::Body(_)));
        assert!(refused(r#"{"form": "2026-11-22"}"#).contains("form"));
        assert!(refused(r#"{"days": -1}"#).contains("days"));
        assert!(refused(r#"{"from": "22.11.2026"}"#).contains("22.11.2026"));
        for body in ["[]", "3", r#"["2026-11-22", null, null, null, null]"#] {
            assert!(refused(body).contains("no object"), "{body}");
        }
    }

    #[test]
    fn the_order_of_features_does_not_matter() {
        let read = |body: &str| RunRequest::from_body(body.as_bytes()).unwrap().features;
        assert_eq!(read(r#"{"features": ["b", "a", "a"]}"#), read(r#"{"features": ["a", "b"]}"#));
    }

    #[test]
    fn a_window_is_said_in_one_way() {
        let now = "2026-11-23T14:30:00Z".parse().unwrap();
        let window = |body: &str| RunRequest::from_body(body.as_bytes()).unwrap().window(1, now);
        assert_eq!(window("{}"), Window::latest(1, now));
        assert_eq!(window(r#"{"days": 7}"#), Window::latest(7, now));
        assert_eq!(window(r#"{"to": "2026-11-22"}"#), Err(window::Error::NoBeginning));
        assert_eq!(window(r#"{"days": 7, "from": "2026-11-22"}"#), Err(window::Error::Both));
        assert_eq!(
            window(r#"{"from": "2026-11-22"}"#),
            window(r#"{"from": "2026-11-22", "to": "2026-11-23"}"#)
        );
    }
}

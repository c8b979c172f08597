//! Request of a run: the body of `POST /run`, and the arguments of `run`.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::error::Error;
use crate::selection::Selection;
use crate::window::{self, Bound, Window};

/// What to compare. Defaults are taken from the settings and the model package.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"from": "2026-11-22", "to": "2026-11-23"}))]
pub struct RunRequest {
    /// First day, in the time zone of the settings, or start time in RFC 3339.
    #[schema(value_type = Option<String>, example = "2026-11-22")]
    pub from: Option<Bound>,
    /// Last day (included), or end time in RFC 3339 (excluded); today by default.
    #[schema(value_type = Option<String>, example = "2026-11-23")]
    pub to: Option<Bound>,
    /// Number of full days before today; today is included as well.
    #[schema(minimum = 1, maximum = 396)]
    pub days: Option<u32>,
    /// Number of hours before now.
    #[schema(minimum = 1)]
    pub hours: Option<u32>,
    /// Number of predictions: the newest.
    #[schema(minimum = 1)]
    pub last: Option<u32>,
    /// All predictions that the last report of this kind did not have, those stored late included.
    #[serde(default)]
    pub since_last: bool,
    /// Source (site or scanner) whose predictions are compared; by default all.
    pub source: Option<String>,
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

    /// Returns which predictions to compare at the time `now`, by default those of the last `default_days` full days and
    /// today.
    ///
    /// # Errors
    /// [`window::Error`].
    pub fn selection(
        &self,
        default_days: u32,
        now: Timestamp,
        zone: &TimeZone,
    ) -> Result<Selection, window::Error> {
        if self.from.is_none() && self.to.is_some() && self.ways() == 1 {
            return Err(window::Error::MissingFrom);
        }
        if self.ways() > 1 {
            return Err(window::Error::Ambiguous);
        }
        Ok(match *self {
            Self { from: Some(from), to, .. } => Selection::Window(Window::between(from, to, now, zone)?),
            Self { hours: Some(hours), .. } => Selection::Hours(hours, Window::hours(hours, now, zone)?),
            Self { last: Some(0), .. } => return Err(window::Error::Nothing("last")),
            Self { last: Some(last), .. } => Selection::Last(last as usize),
            Self { since_last: true, .. } => Selection::SinceLast,
            Self { days, .. } => Selection::Window(Window::latest(days.unwrap_or(default_days), now, zone)?),
        })
    }

    /// Number of ways in which the request states its window.
    fn ways(&self) -> usize {
        let bounds = self.from.is_some() || self.to.is_some();
        let ways = [bounds, self.days.is_some(), self.hours.is_some(), self.last.is_some(), self.since_last];
        ways.into_iter().filter(|way| *way).count()
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
    fn a_window_is_stated_in_one_way() {
        let now = "2026-11-23T14:30:00Z".parse().unwrap();
        let zone = TimeZone::UTC;
        let window = |body: &str| RunRequest::from_body(body.as_bytes()).unwrap().selection(1, now, &zone);
        assert_eq!(window("{}"), Window::latest(1, now, &zone).map(Selection::Window));
        assert_eq!(window(r#"{"days": 7}"#), Window::latest(7, now, &zone).map(Selection::Window));
        assert_eq!(
            window(r#"{"hours": 7}"#),
            Window::hours(7, now, &zone).map(|hours| Selection::Hours(7, hours))
        );
        assert_eq!(window(r#"{"last": 7}"#), Ok(Selection::Last(7)));
        assert_eq!(window(r#"{"last": 0}"#), Err(window::Error::Nothing("last")));
        assert_eq!(window(r#"{"since_last": true}"#), Ok(Selection::SinceLast));
        assert_eq!(window(r#"{"to": "2026-11-22"}"#), Err(window::Error::MissingFrom));
        for body in [
            r#"{"days": 7, "from": "2026-11-22"}"#,
            r#"{"hours": 7, "last": 7}"#,
            r#"{"since_last": true, "days": 1}"#,
        ] {
            assert_eq!(window(body), Err(window::Error::Ambiguous), "{body}");
        }
        assert_eq!(
            window(r#"{"from": "2026-11-22"}"#),
            window(r#"{"from": "2026-11-22", "to": "2026-11-23"}"#)
        );
    }
}

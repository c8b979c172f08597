//! Trace of a request, by which Cloud Logging groups the lines of all services that took part in it.

use axum::http::HeaderMap;

/// Name of the field with the trace in Cloud Logging.
pub const FIELD: &str = "logging.googleapis.com/trace";

/// Environment variables with the id of the Google Cloud project.
const PROJECT_VARIABLES: [&str; 2] = ["GOOGLE_CLOUD_PROJECT", "GCP_PROJECT"];

/// Returns the id of the project, if the environment tells it.
pub fn project() -> Option<String> {
    PROJECT_VARIABLES.iter().find_map(|name| std::env::var(name).ok()).filter(|project| !project.is_empty())
}

/// Returns the trace of a request as Cloud Logging names it, `projects/PROJECT/traces/ID`; without a project, the id alone.
/// The id comes from `traceparent` (W3C) or `x-cloud-trace-context` (Google).
pub fn of(headers: &HeaderMap, project: Option<&str>) -> Option<String> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let w3c = text("traceparent").and_then(|value| value.split('-').nth(1));
    let google = || text("x-cloud-trace-context").and_then(|value| value.split('/').next());
    let id = w3c.filter(|id| is_trace_id(id)).or_else(|| google().filter(|id| is_trace_id(id)))?;
    Some(project.map_or_else(|| id.to_owned(), |project| format!("projects/{project}/traces/{id}")))
}

fn is_trace_id(text: &str) -> bool {
    text.len() == 32
        && text.bytes().all(|byte| byte.is_ascii_hexdigit())
        && text.bytes().any(|byte| byte != b'0')
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0af7651916cd43dd8448eb211c80319c";

    fn trace(name: &'static str, value: &str) -> Option<String> {
        of(&HeaderMap::from_iter([(name.parse().unwrap(), value.parse().unwrap())]), Some("lab"))
    }

    #[test]
    fn both_headers_give_the_trace() {
        let expected = Some(format!("projects/lab/traces/{ID}"));
        assert_eq!(trace("traceparent", &format!("00-{ID}-b7ad6b7169203331-01")), expected);
        assert_eq!(trace("x-cloud-trace-context", &format!("{ID}/123;o=1")), expected);
        let headers = HeaderMap::from_iter([("x-cloud-trace-context".parse().unwrap(), ID.parse().unwrap())]);
        assert_eq!(of(&headers, None).as_deref(), Some(ID));
    }

    #[test]
    fn malformed_headers_give_none() {
        for value in ["", "00", "00-xyz-1-01", "00-00000000000000000000000000000000-b7ad6b7169203331-01"] {
            assert_eq!(trace("traceparent", value), None, "{value}");
        }
    }
}

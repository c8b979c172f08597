//! Logs: one JSON object a line under the names that Cloud Logging gives a meaning to, or text for people.

use std::io::IsTerminal;

use serde_json::{Map, Value, json};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// Starts logging to standard error. `LOG_FORMAT` is `json` or `text` (by default text on a terminal, else
/// JSON); `RUST_LOG` filters (by default `info`).
///
/// # Errors
/// A sentence, where `LOG_FORMAT` or `RUST_LOG` can't be read or logging was started before.
pub fn start() -> Result<(), String> {
    let filter = match std::env::var("RUST_LOG") {
        Ok(text) if !text.is_empty() => {
            EnvFilter::try_new(&text).map_err(|error| format!("RUST_LOG={text} can't be read: {error}"))?
        }
        _ => EnvFilter::new("info"),
    };
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let json = match std::env::var("LOG_FORMAT").as_deref() {
        Ok("json") => true,
        Ok("text") => false,
        Ok(other) if !other.is_empty() => return Err(format!("LOG_FORMAT={other} is neither json nor text")),
        _ => !std::io::stderr().is_terminal(),
    };
    let started = if json {
        builder.event_format(CloudLogging).try_init()
    } else {
        builder.with_target(false).try_init()
    };
    started.map_err(|error| error.to_string())
}

/// One JSON object a line: `severity`, `time`, `message`, `target`, and the event's fields.
struct CloudLogging;

impl<S, N> FormatEvent<S, N> for CloudLogging
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> std::fmt::Result {
        let mut entry = Entry(Map::new());
        entry.0.insert("severity".into(), severity(*event.metadata().level()).into());
        entry.0.insert("time".into(), jiff::Timestamp::now().to_string().into());
        entry.0.insert("target".into(), event.metadata().target().into());
        event.record(&mut entry);
        writeln!(writer, "{}", Value::Object(entry.0))
    }
}

/// Cloud Logging's name of a level.
fn severity(level: Level) -> &'static str {
    match level {
        Level::ERROR => "ERROR",
        Level::WARN => "WARNING",
        Level::INFO => "INFO",
        Level::DEBUG | Level::TRACE => "DEBUG",
    }
}

struct Entry(Map<String, Value>);

impl Visit for Entry {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}").into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.0.insert(field.name().to_owned(), json!(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0.insert(field.name().to_owned(), value.into());
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_is_json_with_a_severity() {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber =
            tracing_subscriber::fmt().event_format(CloudLogging).with_writer(move || writer.clone()).finish();
        tracing::subscriber::with_default(subscriber, || {
            tracing::warn!(key = "a \"b\"", count = 3, "The store is slow.");
        });
        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        let entry: Value = serde_json::from_str(text.trim()).unwrap();
        assert_eq!(entry["severity"], "WARNING");
        assert_eq!(entry["message"], "The store is slow.");
        assert_eq!((&entry["key"], &entry["count"]), (&json!("a \"b\""), &json!(3)));
    }
}

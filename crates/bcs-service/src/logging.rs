//! Structured logs on standard error: one JSON object per line with the field names of Cloud Logging, or text for
//! terminals.

use std::io::IsTerminal;

use serde_json::{Map, Value, json};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use crate::failure::Failure;
use crate::trace;

/// Installs the global logger. `LOG_FORMAT` is `json` or `text` (default: `text` on a terminal, otherwise `json`);
/// `RUST_LOG` is the filter (default: `info`).
///
/// # Errors
/// [`Failure::Usage`] if `LOG_FORMAT` or `RUST_LOG` is invalid, or a logger is already installed.
pub fn start() -> Result<(), Failure> {
    let filter = match std::env::var("RUST_LOG") {
        Ok(text) if !text.is_empty() => EnvFilter::try_new(&text)
            .map_err(|error| Failure::usage(format!("RUST_LOG={text} is invalid: {error}")))?,
        _ => EnvFilter::new("info"),
    };
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = if use_json()? {
        builder.event_format(CloudLogging).try_init()
    } else {
        builder.with_target(false).try_init()
    };
    started.map_err(Failure::usage)
}

fn use_json() -> Result<bool, Failure> {
    match std::env::var("LOG_FORMAT").as_deref() {
        Ok("json") => Ok(true),
        Ok("text") => Ok(false),
        Ok(other) if !other.is_empty() => {
            Err(Failure::usage(format!("LOG_FORMAT={other} is invalid; set it to json or text")))
        }
        _ => Ok(!std::io::stderr().is_terminal()),
    }
}

/// Event format: one JSON object per line with `severity`, `time`, `target`, `message` and the fields of the event.
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

/// Returns the Cloud Logging severity of a level.
fn severity(level: Level) -> &'static str {
    match level {
        Level::ERROR => "ERROR",
        Level::WARN => "WARNING",
        Level::INFO => "INFO",
        Level::DEBUG | Level::TRACE => "DEBUG",
    }
}

/// Log entry under construction.
struct Entry(Map<String, Value>);

impl Visit for Entry {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}").into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        // A field of an event cannot have the name that Cloud Logging gives to the trace.
        let name = if field.name() == "trace" { trace::FIELD } else { field.name() };
        self.0.insert(name.to_owned(), value.into());
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
    struct Buffer(Arc<Mutex<Vec<u8>>>);

    impl Write for Buffer {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_are_json_objects_with_a_severity() {
        let buffer = Buffer::default();
        let writer = buffer.clone();
        let subscriber =
            tracing_subscriber::fmt().event_format(CloudLogging).with_writer(move || writer.clone()).finish();
        tracing::subscriber::with_default(subscriber, || {
            tracing::warn!(key = "a \"b\"", count = 3, trace = "projects/p/traces/t", "The store is slow.");
        });
        let text = String::from_utf8(buffer.0.lock().unwrap().clone()).unwrap();
        let entry: Value = serde_json::from_str(text.trim()).unwrap();
        assert_eq!(entry["severity"], "WARNING");
        assert_eq!(entry["message"], "The store is slow.");
        assert_eq!(entry["logging.googleapis.com/trace"], "projects/p/traces/t");
        assert_eq!((&entry["key"], &entry["count"]), (&json!("a \"b\""), &json!(3)));
    }
}

//! Actions in time, in the Trace Event Format of Chrome, which Perfetto (<https://ui.perfetto.dev>) opens.
//!
//! Events are written as they end, so that the file of a run that was killed still opens: the format needs no closing
//! bracket.

use std::fmt::Write as _;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use fs_err as fs;
use serde_json::{Value, json};

use crate::error::Result;

/// Number of events with bounded detail, 10 MB: several thousand steps. Viewers become slow beyond.
const MOST: usize = 100_000;

/// Whether an event is written in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Detail {
    /// It is.
    Always,
    /// Only until there are [`MOST`] of them.
    Bounded,
}

/// A trace that is being written.
#[derive(Debug)]
pub(super) struct Trace {
    file: BufWriter<fs::File>,
    path: PathBuf,
    start: Instant,
    /// Names of the threads; a thread's number is its position, from 1. The threads of each epoch have the same names.
    threads: Vec<String>,
    bounded: usize,
    left_out: usize,
    /// The first failure, after which nothing more is written.
    failure: Option<std::io::Error>,
}

impl Trace {
    /// Creates the file. Time begins now.
    ///
    /// # Errors
    /// [`crate::error::Error::Io`].
    pub(super) fn create(path: &Path) -> Result<Self> {
        let mut file = BufWriter::new(fs::File::create(path)?);
        let process = json!({"name": "process_name", "ph": "M", "pid": 1, "args": {"name": "bcs-trainer"}});
        write!(file, "[\n{process}")?;
        Ok(Self {
            file,
            path: path.to_owned(),
            start: Instant::now(),
            threads: Vec::new(),
            bounded: 0,
            left_out: 0,
            failure: None,
        })
    }

    /// Adds an action of a thread, by default the current one. A failure is reported at the end: it must not end the
    /// training.
    pub(super) fn add(
        &mut self,
        (name, thread): (&str, Option<&str>),
        detail: Detail,
        start: Instant,
        end: Instant,
    ) {
        if detail == Detail::Bounded {
            if self.bounded == MOST {
                self.left_out += 1;
                return;
            }
            self.bounded += 1;
        }
        // Both ends are rounded alike, so that an action does not end after the one that contains it.
        let since_start = |time: Instant| time.saturating_duration_since(self.start).as_micros() as u64;
        let (begin, end) = (since_start(start), since_start(end));
        let thread = self.thread(thread);
        self.write(
            &json!({"name": name, "ph": "X", "pid": 1, "tid": thread, "ts": begin, "dur": end - begin}),
        );
    }

    /// Ends the file, and returns its path and how much was left out.
    ///
    /// # Errors
    /// [`crate::error::Error::Io`] if anything could not be written.
    pub(super) fn finish(mut self) -> Result<String> {
        self.file.write_all(b"\n]\n")?;
        self.file.flush()?;
        if let Some(error) = self.failure {
            return Err(error.into());
        }
        let mut text = format!("{}  (open it at https://ui.perfetto.dev)", self.path.display());
        if self.left_out > 0 {
            let steps = "its last steps have no details: ";
            _ = write!(text, "; {steps}{} events were left out", self.left_out);
        }
        Ok(text)
    }

    /// Number of a thread, by default the current one. Its name is written when it first appears.
    fn thread(&mut self, name: Option<&str>) -> usize {
        let thread = std::thread::current();
        let name = name.or(thread.name()).unwrap_or("unnamed");
        if let Some(at) = self.threads.iter().position(|known| known == name) {
            return at + 1;
        }
        self.threads.push(name.to_owned());
        let number = self.threads.len();
        self.write(
            &json!({"name": "thread_name", "ph": "M", "pid": 1, "tid": number, "args": {"name": name}}),
        );
        number
    }

    fn write(&mut self, event: &Value) {
        if self.failure.is_none() {
            self.failure = write!(self.file, ",\n{event}").err();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn epochs_are_written_however_long_the_run_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("trace.json");
        let mut trace = Trace::create(&path).unwrap();
        let start = Instant::now();
        for _ in 0..MOST + 5 {
            trace.add(("forward", None), Detail::Bounded, start, start);
        }
        trace.add(("epoch", None), Detail::Always, start, start + Duration::from_millis(7));
        assert!(trace.finish().unwrap().contains("5 events were left out"));
        let events: Vec<Value> = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        let named = |name: &str| events.iter().filter(|event| event["name"] == name).count();
        assert_eq!((named("forward"), named("epoch"), named("thread_name")), (MOST, 1, 1));
        assert_eq!(events.last().unwrap()["dur"], 7000);
    }
}

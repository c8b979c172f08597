//! Passes entries on to the sinks.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, channel, sync_channel};
use std::time::{Duration, Instant};

use crate::entry::{Entry, Record};
use crate::error::Result;
use crate::jsonl::Jsonl;
use crate::sink::{Outcome, Sink};

/// Number of entries that may wait for the sinks. Further ones are dropped, as waiting would slow the run.
const QUEUE: usize = 4096;

/// Time after which entries are visible to readers.
const FLUSH_INTERVAL: Duration = Duration::from_secs(2);

/// Time that the sinks have to write what waits for them when the run ends.
const END_TIMEOUT: Duration = Duration::from_secs(5);

/// What is done with warnings.
pub type Warn = Arc<dyn Fn(&str) + Send + Sync>;

enum Message {
    Entry(Box<Entry>),
    Finish(Outcome),
}

/// Tracks a run in several sinks.
pub struct Tracker {
    jsonl: Jsonl,
    jsonl_failed: bool,
    handle: Handle,
    /// Tells that all other sinks have ended.
    ended: Receiver<()>,
    is_finished: bool,
    warn: Warn,
}

/// Passes entries to all sinks but JSON lines, from any thread.
#[derive(Clone)]
pub struct Handle {
    queue: SyncSender<Message>,
    step: Arc<AtomicU64>,
    is_slow: Arc<AtomicBool>,
    warn: Warn,
}

impl Tracker {
    /// Starts the thread of the sinks. `step` is the number of steps taken before, and `warn` gets warnings.
    ///
    /// # Errors
    /// I/O errors of the thread.
    pub fn start(jsonl: Jsonl, sinks: Vec<Box<dyn Sink>>, step: u64, warn: Warn) -> Result<Self> {
        let (queue, entries) = sync_channel(QUEUE);
        let (end, ended) = channel();
        let guarded =
            sinks.into_iter().map(|sink| Guarded { sink: Some(sink), warn: Arc::clone(&warn) }).collect();
        std::thread::Builder::new().name("tracking".to_owned()).spawn(move || {
            forward(&entries, guarded);
            _ = end.send(());
        })?;
        let handle = Handle {
            queue,
            step: Arc::new(AtomicU64::new(step)),
            is_slow: Arc::default(),
            warn: Arc::clone(&warn),
        };
        Ok(Self { jsonl, jsonl_failed: false, handle, ended, is_finished: false, warn })
    }

    /// Records something after `step` optimization steps.
    pub fn record(&mut self, step: u64, record: Record) {
        self.handle.step.store(step, Ordering::Relaxed);
        let entry = Entry::now(step, record);
        self.write_jsonl(|jsonl| jsonl.write(&entry));
        self.handle.send(entry);
    }

    /// Returns the lines of all epochs.
    pub fn metrics(&self) -> &str {
        self.jsonl.text()
    }

    /// Returns a handle for other threads.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Ends the run in all sinks, but waits no longer than five seconds for them.
    pub fn finish(mut self, outcome: Outcome) {
        self.end(outcome);
    }

    /// JSON lines go on in memory after a failure, as checkpoints copy them.
    fn write_jsonl(&mut self, work: impl FnOnce(&mut Jsonl) -> Result<()>) {
        if let Err(error) = work(&mut self.jsonl)
            && !std::mem::replace(&mut self.jsonl_failed, true)
        {
            (self.warn)(&format!("{} is incomplete: {error}", self.jsonl.name()));
        }
    }

    fn end(&mut self, outcome: Outcome) {
        self.is_finished = true;
        self.write_jsonl(|jsonl| jsonl.finish(&outcome));
        let deadline = Instant::now() + END_TIMEOUT;
        // The queue may be full; it has room again as soon as a sink has written.
        let mut message = Message::Finish(outcome);
        while let Err(TrySendError::Full(returned)) = self.handle.queue.try_send(message) {
            if Instant::now() > deadline {
                break;
            }
            message = returned;
            std::thread::sleep(Duration::from_millis(10));
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if self.ended.recv_timeout(left) == Err(RecvTimeoutError::Timeout) {
            (self.warn)("the files of the tracking are incomplete: writing them takes too long");
        }
    }
}

impl Drop for Tracker {
    fn drop(&mut self) {
        if !self.is_finished {
            self.end(Outcome::Failed("the run has ended without a result".to_owned()));
        }
    }
}

impl Handle {
    /// Records something at the last step of the run.
    pub fn record(&self, record: Record) {
        self.send(Entry::now(self.step.load(Ordering::Relaxed), record));
    }

    fn send(&self, entry: Entry) {
        let is_full =
            matches!(self.queue.try_send(Message::Entry(Box::new(entry))), Err(TrySendError::Full(_)));
        if is_full && !self.is_slow.swap(true, Ordering::Relaxed) {
            (self.warn)("the files of the tracking are written too slowly; some figures are left out");
        }
    }
}

fn forward(entries: &Receiver<Message>, mut sinks: Vec<Guarded>) {
    let mut flushed = Instant::now();
    loop {
        match entries.recv_timeout(FLUSH_INTERVAL) {
            Ok(Message::Entry(entry)) => {
                sinks.iter_mut().for_each(|sink| sink.with(|sink| sink.write(&entry)));
            }
            Ok(Message::Finish(outcome)) => {
                return sinks.iter_mut().for_each(|sink| sink.with(|sink| sink.finish(&outcome)));
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        if flushed.elapsed() >= FLUSH_INTERVAL {
            sinks.iter_mut().for_each(|sink| sink.with(|sink| sink.flush()));
            flushed = Instant::now();
        }
    }
}

/// A sink that is turned off when it fails.
struct Guarded {
    sink: Option<Box<dyn Sink>>,
    warn: Warn,
}

impl Guarded {
    fn with(&mut self, work: impl FnOnce(&mut dyn Sink) -> Result<()>) {
        let Some(sink) = &mut self.sink else { return };
        if let Err(error) = work(sink.as_mut()) {
            (self.warn)(&format!("{} is not written any more: {error}", sink.name()));
            self.sink = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::entry::Step;

    /// Counts what it gets, and fails from the second entry on.
    struct Failing(Arc<Mutex<Vec<u64>>>);

    impl Sink for Failing {
        fn name(&self) -> &'static str {
            "Failing"
        }

        fn write(&mut self, entry: &Entry) -> Result<()> {
            let mut steps = self.0.lock().unwrap();
            steps.push(entry.step);
            if steps.len() > 1 { Err(std::io::Error::other("disk full").into()) } else { Ok(()) }
        }

        fn flush(&mut self) -> Result<()> {
            Ok(())
        }

        fn finish(&mut self, _outcome: &Outcome) -> Result<()> {
            self.0.lock().unwrap().push(u64::MAX);
            Ok(())
        }
    }

    #[test]
    fn a_failed_sink_is_turned_off_with_one_warning() {
        let folder = tempfile::tempdir().unwrap();
        let (steps, warnings) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(Vec::new())));
        let warned = Arc::clone(&warnings);
        let warn: Warn = Arc::new(move |text: &str| warned.lock().unwrap().push(text.to_owned()));
        let jsonl = Jsonl::create(folder.path(), String::new()).unwrap();
        let mut tracker =
            Tracker::start(jsonl, vec![Box::new(Failing(Arc::clone(&steps)))], 0, warn).unwrap();
        for step in 1..=4 {
            let figures = Step { loss: 0.5, learning_rate: 0.1, gradient_norm: None };
            tracker.record(step, Record::Step(figures));
        }
        tracker.finish(Outcome::Finished);
        assert_eq!(*steps.lock().unwrap(), [1, 2]);
        assert_eq!(*warnings.lock().unwrap(), ["Failing is not written any more: disk full"]);
        let lines = std::fs::read_to_string(folder.path().join(crate::jsonl::STEPS_FILE)).unwrap();
        assert_eq!(lines.lines().count(), 4);
        assert_eq!(lines.lines().next(), Some(r#"{"step":1,"loss":0.5,"learning_rate":0.1}"#));
    }
}

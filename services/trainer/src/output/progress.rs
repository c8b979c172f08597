//! Progress of a task: a bar on a terminal, lines in a log.

use std::io::IsTerminal;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::is_muted;

/// Number of lines that a task prints in a log.
const LOG_LINES: u64 = 4;

/// Progress of a task. Steps may be reported from several threads.
pub(crate) struct Progress {
    bar: Option<ProgressBar>,
    label: String,
    total: u64,
    done: AtomicU64,
    lines: bool,
}

impl Progress {
    /// Starts a task of `total` steps.
    pub(crate) fn new(label: impl Into<String>, total: usize, unit: &str) -> Self {
        Self::with_lines(label.into(), total as u64, unit, true)
    }

    /// Starts a task that prints nothing in a log.
    pub(crate) fn silent_in_logs(label: impl Into<String>, total: usize, unit: &str) -> Self {
        Self::with_lines(label.into(), total as u64, unit, false)
    }

    fn with_lines(label: String, total: u64, unit: &str, lines: bool) -> Self {
        let lines = lines && !is_muted();
        let bar = (std::io::stderr().is_terminal() && !is_muted()).then(|| {
            let template =
                format!("{{prefix:<22}} {{bar:32}} {{pos:>6}}/{{len}} {unit} {{per_sec:>12}} {{msg}}");
            let style =
                ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_bar());
            let bar =
                ProgressBar::new(total).with_style(style.progress_chars("━╸─")).with_prefix(label.clone());
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        });
        Self { bar, label, total, done: AtomicU64::new(0), lines }
    }

    /// Reports one more step.
    pub(crate) fn step(&self) {
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        match &self.bar {
            Some(bar) => bar.inc(1),
            None if self.lines
                && (done * LOG_LINES) / self.total != ((done - 1) * LOG_LINES) / self.total =>
            {
                eprintln!("{}: {done} of {}", self.label, self.total);
            }
            None => {}
        }
    }

    /// Counts steps that were done before.
    pub(crate) fn skip(&self, steps: usize) {
        self.done.fetch_add(steps as u64, Ordering::Relaxed);
        if let Some(bar) = &self.bar {
            bar.inc(steps as u64);
        }
    }

    /// Shows a message beside the bar.
    pub(crate) fn message(&self, text: String) {
        if let Some(bar) = &self.bar {
            bar.set_message(text);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

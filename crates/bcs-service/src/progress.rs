//! Progress of a long task: a bar on a terminal, otherwise lines of text.

use std::io::IsTerminal;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// Number of lines for a task without a terminal.
const LINES: u64 = 4;

/// Progress of one task, shared by its threads.
pub struct Progress {
    bar: Option<ProgressBar>,
    label: &'static str,
    total: u64,
    done: AtomicU64,
}

impl Progress {
    /// Starts a task of `total` steps.
    pub fn new(label: &'static str, total: usize) -> Self {
        let total = total as u64;
        let bar = std::io::stderr().is_terminal().then(|| bar(label, total));
        Self { bar, label, total, done: AtomicU64::new(0) }
    }

    /// Counts a finished step.
    pub fn step(&self) {
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        if let Some(bar) = &self.bar {
            bar.inc(1);
        } else if done * LINES / self.total != (done - 1) * LINES / self.total {
            eprintln!("{}: {done} of {}", self.label, self.total);
        }
    }

    /// Prints a line without disturbing the bar.
    pub fn print(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| eprintln!("{text}")),
            None => eprintln!("{text}"),
        }
    }
}

fn bar(label: &'static str, total: u64) -> ProgressBar {
    let template = "{prefix} {bar:32} {pos:>6}/{len} {per_sec:>12} {eta:>5} left";
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    let bar = ProgressBar::new(total).with_style(style.progress_chars("━╸─")).with_prefix(label);
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

//! How far a long task is: a bar on a terminal, plain lines in a log.

use std::io::IsTerminal;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// Lines that a long task prints in a log.
const LINES: u64 = 4;

/// The progress of one task; it may be advanced from several threads.
pub struct Progress {
    bar: Option<ProgressBar>,
    label: &'static str,
    total: u64,
    done: AtomicU64,
}

impl Progress {
    /// A task of `total` steps.
    pub fn new(label: &'static str, total: usize) -> Self {
        let total = total as u64;
        let bar = std::io::stderr().is_terminal().then(|| bar(label, total));
        Self { bar, label, total, done: AtomicU64::new(0) }
    }

    /// One step more is done.
    pub fn step(&self) {
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        if let Some(bar) = &self.bar {
            bar.inc(1);
        } else if done * LINES / self.total != (done - 1) * LINES / self.total {
            eprintln!("{}: {done} of {}", self.label, self.total);
        }
    }

    /// Says something that stays, without disturbing the bar.
    pub fn say(&self, text: &str) {
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

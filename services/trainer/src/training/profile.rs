//! Time spent per action, as Lightning's simple profiler reports it.

use std::time::{Duration, Instant};

use crate::output::table::table;

/// Time spent per action, in the order of first occurrence.
#[derive(Default)]
pub(super) struct Profile {
    actions: Vec<(&'static str, usize, Duration)>,
}

impl Profile {
    /// Runs `work` and adds its time to an action.
    pub(super) fn time<T>(&mut self, action: &'static str, work: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let result = work();
        self.add(action, start.elapsed());
        result
    }

    /// Adds time to an action.
    pub(super) fn add(&mut self, action: &'static str, time: Duration) {
        match self.actions.iter_mut().find(|(name, ..)| *name == action) {
            Some((_, calls, total)) => {
                *calls += 1;
                *total += time;
            }
            None => self.actions.push((action, 1, time)),
        }
    }

    /// Formats a table of all actions, the longest first.
    pub(super) fn report(&self) -> String {
        let total: Duration = self.actions.iter().map(|(.., time)| *time).sum();
        let mut actions = self.actions.clone();
        actions.sort_by_key(|(.., time)| std::cmp::Reverse(*time));
        let row = |(action, calls, time): &(&'static str, usize, Duration)| {
            vec![
                (*action).to_owned(),
                format!("{:.1}", time.as_secs_f64() * 1e3 / *calls as f64),
                calls.to_string(),
                format!("{:.1}", time.as_secs_f64()),
                format!("{:.1}", 100.0 * time.as_secs_f64() / total.as_secs_f64().max(f64::MIN_POSITIVE)),
            ]
        };
        table(&["action", "mean ms", "calls", "total s", "%"], &actions.iter().map(row).collect::<Vec<_>>())
    }
}

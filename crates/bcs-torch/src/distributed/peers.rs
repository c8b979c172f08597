//! What the processes of a group know of each other. After a failure, those that are left agree on who is to blame: the first
//! one that finds out settles it in the store, and the others read it there.

use std::cell::Cell;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use tch::TchError;

use super::pulse::{Pulse, Sign, alive, closed};
use super::store::Store;

/// Longest time without a sign of life after which a process is lost.
const MOST_SILENCE: Duration = Duration::from_secs(10);

/// Number of signs of life in the time after which a process is lost.
const SIGNS: u32 = 10;

/// Time between two looks for signs of life.
const POLL: Duration = Duration::from_millis(200);

/// Key of what the processes agree on.
const VERDICT: &str = "verdict";

/// Time without a sign of life after which a process is lost, in a group with this time-out.
pub(super) fn silence(timeout: Duration) -> Duration {
    MOST_SILENCE.min(timeout / 6)
}

/// Longest time of a collective in a group with this time-out. Finding out who is lost, and ending, takes less than twice the
/// silence after which a process is lost; as much as that silence is left for a machine that is busy.
pub(super) fn collective_timeout(timeout: Duration) -> Duration {
    timeout - 3 * silence(timeout)
}

/// The other processes of a group, as this one sees them in the store.
#[derive(Debug)]
pub(super) struct Peers {
    pulse: Pulse,
    watch: Watch,
    serves: bool,
    timeout: Duration,
    /// Whether the group is of no use any more.
    has_failed: Cell<bool>,
}

/// What is needed to see who lives.
#[derive(Debug, Clone)]
struct Watch {
    store: Store,
    rank: usize,
    /// Names of all ranks.
    names: Vec<String>,
    silence: Duration,
}

impl Peers {
    /// Begins to give signs of life. `names` has the names of all ranks, and `serves` tells whether the store is in this
    /// process.
    pub(super) fn new(
        store: &Store,
        rank: usize,
        names: Vec<String>,
        serves: bool,
        timeout: Duration,
    ) -> Result<Self, TchError> {
        let silence = silence(timeout);
        let pulse = Pulse::start(store, rank, silence / SIGNS)?;
        let watch = Watch { store: store.clone(), rank, names, silence };
        Ok(Self { pulse, watch, serves, timeout, has_failed: Cell::new(false) })
    }

    /// Counts a collective that begins.
    pub(super) fn begin(&self) {
        self.pulse.begin();
    }

    /// Finds out which rank has made a collective fail, in words; empty if all are there, and `None` if the store is lost.
    pub(super) fn blame(&self) -> Option<String> {
        self.has_failed.set(true);
        let begun = self.pulse.begun();
        self.ask(move |watch| watch.blame(begun))
    }

    /// Tells the others that this process ends, and why.
    pub(super) fn leave(&self, reason: &str) {
        if self.has_failed.replace(true) {
            return;
        }
        let verdict = format!("{} has ended ({reason})", self.name(self.watch.rank));
        _ = self.ask(move |watch| watch.store.settle(VERDICT, &verdict));
    }

    pub(super) fn name(&self, rank: usize) -> String {
        self.watch.name(rank)
    }

    /// Runs `request` on another thread: a store behind a cut link does not answer, and libtorch waits for it without end.
    fn ask<T: Send + 'static>(
        &self,
        request: impl FnOnce(&Watch) -> Result<T, TchError> + Send + 'static,
    ) -> Option<T> {
        let (watch, (sender, receiver)) = (self.watch.clone(), mpsc::channel());
        thread::spawn(move || sender.send(request(&watch)));
        receiver.recv_timeout(self.watch.silence * 3 / 2).ok()?.ok()
    }
}

impl Drop for Peers {
    /// After a failure, serves the store until the others have read who is to blame, and left.
    fn drop(&mut self) {
        if self.serves && self.has_failed.get() {
            _ = self.watch.wait_for_others(self.timeout);
        }
    }
}

impl Watch {
    fn name(&self, rank: usize) -> String {
        format!("rank {rank} ({})", self.names.get(rank).map_or("", String::as_str))
    }

    fn blame(&self, begun: u64) -> Result<String, TchError> {
        let mut pulses = Pulses::new(self.names.len());
        loop {
            if let Some(verdict) = self.store.get(VERDICT)? {
                return Ok(verdict);
            }
            pulses.look(&self.store)?;
            let silent = self.those(|rank| pulses.silence(rank) >= self.silence);
            if !silent.is_empty() {
                // Nobody waits for them.
                silent.iter().try_for_each(|rank| self.store.set(&closed(*rank), ""))?;
                return self.settle(&silent, ["is lost", "are lost"]);
            }
            // Who was silent from the beginning is known by now.
            if pulses.start.elapsed() >= self.silence + 2 * POLL {
                let late = self.those(|rank| pulses.begun(rank) < begun);
                return match late.is_empty() {
                    true => Ok(String::new()),
                    false => self.settle(&late, ["has not taken part", "have not taken part"]),
                };
            }
            thread::sleep(POLL);
        }
    }

    /// The other ranks of which this is true.
    fn those(&self, is: impl Fn(usize) -> bool) -> Vec<usize> {
        (0..self.names.len()).filter(|rank| *rank != self.rank && is(*rank)).collect()
    }

    /// Settles what is wrong with some ranks, in words for one and for many, unless another rank has settled something.
    fn settle(&self, ranks: &[usize], [one, many]: [&str; 2]) -> Result<String, TchError> {
        let names: Vec<String> = ranks.iter().map(|rank| self.name(*rank)).collect();
        let verdict = format!("{} {}", names.join(" and "), if ranks.len() == 1 { one } else { many });
        self.store.settle(VERDICT, &verdict)
    }

    /// Waits until all others have left or are lost, or the time is up.
    fn wait_for_others(&self, timeout: Duration) -> Result<(), TchError> {
        let mut pulses = Pulses::new(self.names.len());
        let mut there = self.those(|_| true);
        while !there.is_empty() && pulses.start.elapsed() < timeout {
            pulses.look(&self.store)?;
            let mut left = Vec::new();
            for rank in there {
                if self.store.get(&closed(rank))?.is_none() && pulses.silence(rank) < self.silence {
                    left.push(rank);
                }
            }
            there = left;
            thread::sleep(POLL);
        }
        Ok(())
    }
}

/// The last signs of life of all ranks.
struct Pulses {
    start: Instant,
    last: Vec<(Option<Sign>, Instant)>,
}

impl Pulses {
    fn new(size: usize) -> Self {
        let start = Instant::now();
        Self { start, last: vec![(None, start); size] }
    }

    fn look(&mut self, store: &Store) -> Result<(), TchError> {
        for (rank, (last, since)) in self.last.iter_mut().enumerate() {
            let sign = store.get(&alive(rank))?.and_then(|text| Sign::parse(&text));
            if sign != *last {
                // The first sign may be an old one, so that the time does not begin anew.
                *since = if last.is_some() { Instant::now() } else { *since };
                *last = sign;
            }
        }
        Ok(())
    }

    fn silence(&self, rank: usize) -> Duration {
        self.last[rank].1.elapsed()
    }

    fn begun(&self, rank: usize) -> u64 {
        self.last[rank].0.map_or(0, |sign| sign.begun)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collective_leaves_time_to_find_out_who_is_lost() {
        let times = |seconds| {
            let timeout = Duration::from_secs(seconds);
            [collective_timeout(timeout), silence(timeout)].map(|time| time.as_secs())
        };
        assert_eq!([600, 60, 12].map(times), [[570, 10], [30, 10], [6, 2]]);
    }
}

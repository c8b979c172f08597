use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};

use super::LoadedModel;
use super::job::Job;

/// Windows of one size for one model, of one or several images.
pub(super) struct Batch {
    pub(super) model: Arc<LoadedModel>,
    /// Each with its index among the windows of its image.
    pub(super) windows: Vec<(Arc<Job>, usize)>,
    /// Whether nothing else is running or waiting.
    pub(super) alone: bool,
}

/// Images with windows that have not run, in the order in which they get their turn.
#[derive(Default)]
pub(super) struct Queue {
    ring: VecDeque<Entry>,
    /// The image that began the last batch, which does not begin the next one if another can.
    last: Weak<Job>,
}

struct Entry {
    job: Arc<Job>,
    /// Index of the next window.
    next: usize,
}

impl Entry {
    fn left(&self) -> usize {
        self.job.windows() - self.next
    }

    /// Returns the number of windows that may run now: an image whose windows run faster than they are blended waits, so
    /// that their logits do not pile up.
    fn ready(&self, most_in_flight: usize) -> usize {
        let room = most_in_flight.saturating_sub(self.job.in_flight.load(Ordering::Relaxed));
        self.left().min(room)
    }
}

impl Queue {
    /// Adds an image; its turn comes after that of all others.
    pub(super) fn push(&mut self, job: Arc<Job>) {
        self.ring.push_back(Entry { job, next: 0 });
    }

    /// Removes an image, if it is there.
    pub(super) fn remove(&mut self, job: &Arc<Job>) {
        self.ring.retain(|entry| !Arc::ptr_eq(&entry.job, job));
    }

    /// Removes all images.
    pub(super) fn drain(&mut self) -> Vec<Arc<Job>> {
        self.ring.drain(..).map(|entry| entry.job).collect()
    }

    /// Returns the number of images.
    pub(super) fn images(&self) -> usize {
        self.ring.len()
    }

    /// Returns the number of windows.
    pub(super) fn windows(&self) -> usize {
        self.ring.iter().map(Entry::left).sum()
    }

    /// Removes the next batch: the windows of the image whose turn it is and of others that fit, one of each image in
    /// turn. `workers` is the number of idle workers; the windows are divided between them. Cancelled images are removed
    /// and failed.
    pub(super) fn next(&mut self, workers: usize) -> Option<Batch> {
        self.ring.retain(|entry| match entry.job.cancelled() {
            Some(error) => {
                entry.job.fail(error);
                false
            }
            None => true,
        });
        let most_in_flight = |job: &Job| 2 * workers.max(1).max(job.model.parallel) * job.batch;
        let ready = |entry: &Entry| entry.ready(most_in_flight(&entry.job));
        let turn = |entry: &Entry| ready(entry) > 0 && !std::ptr::eq(self.last.as_ptr(), &*entry.job);
        let first = self.ring.iter().position(turn);
        let first = first.or_else(|| self.ring.iter().position(|entry| ready(entry) > 0))?;
        self.ring.rotate_left(first);
        let job = Arc::clone(&self.ring[0].job);
        let fitting = self.ring.iter().filter(|entry| entry.job.fits(&job)).map(ready).sum::<usize>();
        let size = fitting.div_ceil(workers.max(1)).clamp(1, job.batch);

        let mut windows: Vec<(Arc<Job>, usize)> = Vec::with_capacity(size);
        while windows.len() < size {
            let before = windows.len();
            for _ in 0..self.ring.len() {
                if windows.len() == size {
                    break;
                }
                let Some(mut entry) = self.ring.pop_front() else { break };
                if entry.job.fits(&job) && ready(&entry) > 0 {
                    entry.job.in_flight.fetch_add(1, Ordering::Relaxed);
                    windows.push((Arc::clone(&entry.job), entry.next));
                    entry.next += 1;
                }
                if entry.left() > 0 {
                    self.ring.push_back(entry);
                }
            }
            if windows.len() == before {
                break;
            }
        }
        self.last = Arc::downgrade(&job);
        Some(Batch { model: Arc::clone(&job.model), windows, alone: false })
    }
}

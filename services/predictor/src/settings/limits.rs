//! Limits of requests, and the memory that they may use.

use std::num::NonZeroUsize;
use std::time::Duration;

use bcs_service::memory::{self, ByteSize};
use bcs_service::server::ServeLimits;
use bcs_service::{AdmissionLimits, Failure};
use serde::Deserialize;

use super::check::{in_range, seconds};
use crate::workers;

/// Part of the memory of the container or machine that is used by default, as numerator and denominator.
const SHARE: (u64, u64) = (3, 4);

/// Memory used by default where the system does not say how much there is.
const UNKNOWN_MEMORY: u64 = 2 << 30;

/// Least memory in bytes for decoded images.
const LEAST_PIXEL_BYTES: u64 = 32 << 20;

/// Limits of requests.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Memory that the process may use; `None` for a share of that of the container or machine.
    pub memory: Option<ByteSize>,
    /// Part of it that the process needs itself: libtorch, the model and its activations.
    pub process_memory: ByteSize,
    /// Maximum size of an upload in bytes.
    pub max_upload_bytes: u64,
    /// Maximum width × height of an image.
    pub max_pixels: u64,
    /// Maximum number of images waiting for the model.
    pub queue: NonZeroUsize,
    /// Maximum number of images decoded or encoded at the same time; `None` for one per core.
    pub decode_concurrency: Option<NonZeroUsize>,
    /// Seconds that a request waits for memory.
    pub wait: f64,
    /// Seconds from the head of a request to the end of its body.
    pub upload_timeout: f64,
    /// Seconds from the head of a request to its response.
    pub request_timeout: f64,
    /// Seconds of it that the store may take.
    pub store_timeout: f64,
}

impl Limits {
    /// Returns the number of images to decode or encode at the same time.
    pub fn workers(&self) -> usize {
        self.decode_concurrency.map_or_else(workers::cores, NonZeroUsize::get)
    }

    /// Returns the time in which the body of a request must arrive.
    pub fn upload_timeout(&self) -> Duration {
        duration(self.upload_timeout)
    }

    /// Returns the time of a request that the store may take.
    pub fn store_timeout(&self) -> Duration {
        duration(self.store_timeout)
    }

    /// Returns the limits of admission: a quarter of the memory of requests for uploads, but enough for the largest one,
    /// and at most 1 GiB; the rest for decoded images and their results.
    pub fn admission(&self) -> AdmissionLimits {
        let requests = self.memory().saturating_sub(self.process_memory.0);
        let upload_bytes = (requests / 4).min(1 << 30).max(self.least_upload_bytes());
        let pixel_bytes = requests.saturating_sub(upload_bytes);
        AdmissionLimits { upload_bytes, pixel_bytes, wait: duration(self.wait) }
    }

    /// Half of the memory for uploads is kept for small ones.
    fn least_upload_bytes(&self) -> u64 {
        self.max_upload_bytes.saturating_mul(2)
    }

    /// Returns the memory in bytes that the process may use.
    fn memory(&self) -> u64 {
        let (numerator, denominator) = SHARE;
        let share = || memory::available().unwrap_or(UNKNOWN_MEMORY) / denominator * numerator;
        self.memory.map_or_else(share, |memory| memory.0)
    }

    /// Checks the values.
    ///
    /// # Errors
    /// [`Failure::Usage`] names the invalid setting and its valid values.
    pub(super) fn check(&self) -> Result<(), Failure> {
        in_range("limits.max_upload_bytes", self.max_upload_bytes, 1..=1 << 40)?;
        in_range("limits.max_pixels", self.max_pixels, 1..=1 << 40)?;
        in_range("limits.queue", self.queue.get(), 1..=100_000)?;
        in_range("limits.decode_concurrency", self.workers(), 1..=1024)?;
        for (name, value) in [
            ("limits.wait", self.wait),
            ("limits.upload_timeout", self.upload_timeout),
            ("limits.request_timeout", self.request_timeout),
            ("limits.store_timeout", self.store_timeout),
        ] {
            seconds(name, value)?;
        }
        let memory = self.memory();
        let needed =
            self.process_memory.0.saturating_add(self.least_upload_bytes()).saturating_add(LEAST_PIXEL_BYTES);
        if memory < needed {
            return Err(Failure::usage(format!(
                "limits.memory is {memory} bytes{}, but limits.process_memory, twice limits.max_upload_bytes and {} MB for \
                 images are {needed}; raise the first or lower the others",
                if self.memory.is_none() { ", three quarters of what there is" } else { "" },
                LEAST_PIXEL_BYTES / 1_000_000
            )));
        }
        Ok(())
    }
}

/// Limits of connections.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Connections {
    /// Maximum number of connections.
    pub max: usize,
    /// Seconds from the connection to the end of the head of its first request.
    pub header_timeout: f64,
    /// Seconds from a response to the end of the head of the next request.
    pub idle_timeout: f64,
}

impl Connections {
    /// Returns the limits of the server.
    pub fn serve(&self, limits: &Limits) -> ServeLimits {
        ServeLimits {
            connections: self.max,
            header_timeout: duration(self.header_timeout),
            idle_timeout: duration(self.idle_timeout),
            request_timeout: duration(limits.request_timeout),
            ..ServeLimits::default()
        }
    }

    /// As [`Limits::check`].
    pub(super) fn check(&self) -> Result<(), Failure> {
        in_range("connections.max", self.max, 1..=100_000)?;
        seconds("connections.header_timeout", self.header_timeout)?;
        seconds("connections.idle_timeout", self.idle_timeout)
    }
}

/// Seconds that have been checked.
fn duration(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
}

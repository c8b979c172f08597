//! Admission of requests by memory: bytes of uploads, then bytes of decoded images. What all admitted requests hold
//! together never exceeds the limits, whatever clients do.
//!
//! # Layout
//! - [`Admission`]: admits uploads
//! - [`Ticket`]: what an admitted request holds
//! - [`Refused`]: why a request was refused
//! - `pool`: bytes shared by requests, in parts by the size of the requests
//! - `uploads`: finds uploads that hold memory and send too slowly

mod pool;
mod refused;
mod ticket;
mod uploads;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use crate::health::Health;
use pool::{Pool, Wait};
use uploads::Uploads;

pub use refused::Refused;
pub use ticket::Ticket;

/// Largest uploads in bytes that count as small: a tile as PNG, and a few times that.
const SMALL_UPLOADS: [u64; 2] = [256 << 10, 2 << 20];
/// Largest decoded image in bytes, with its results, that counts as small: a tile.
const SMALL_IMAGES: [u64; 1] = [32 << 20];

/// Limits of [`Admission`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AdmissionLimits {
    /// Total size of uploads in bytes, half of it for uploads of up to 2 MiB.
    pub upload_bytes: u64,
    /// Total size of decoded images and their results in bytes, a quarter of it for small images.
    pub pixel_bytes: u64,
    /// Longest time a request waits for either.
    pub wait: Duration,
}

/// Bytes that admitted requests hold now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InUse {
    /// Bytes of uploads.
    pub upload_bytes: u64,
    /// Bytes of decoded images and their results.
    pub pixel_bytes: u64,
}

/// Admits requests as memory allows. Clones share the limits.
///
/// Uploads and decoded images have separate pools, so that uploads that wait to be decoded cannot prevent an image from
/// being decoded. Each pool keeps parts for small requests, so that tiles do not wait for regions. Within a part, requests
/// are admitted in the order of their arrival.
#[derive(Debug, Clone)]
pub struct Admission {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    uploads: Pool,
    pixels: Pool,
    receiving: Uploads,
    wait: Duration,
}

impl Admission {
    /// Creates an admission with nothing in use.
    pub fn new(limits: AdmissionLimits) -> Self {
        let AdmissionLimits { upload_bytes, pixel_bytes, wait } = limits;
        let uploads = Pool::new(upload_bytes, &SMALL_UPLOADS);
        let pixels = Pool::new(pixel_bytes, &SMALL_IMAGES);
        Self { shared: Arc::new(Shared { uploads, pixels, receiving: Uploads::default(), wait }) }
    }

    /// Admits an upload of `bytes` bytes, before its body is read. Cancelling `token` cancels every later step of the
    /// request. Uploads that receive less than 64 KiB/s are refused while another one waits for their memory.
    ///
    /// # Errors
    /// [`Refused::TooLarge`] for an upload that can never be admitted; [`Refused::Busy`] if there is no memory for it in
    /// time; [`Refused::Deadline`]; [`Refused::Cancelled`].
    pub async fn admit(
        &self,
        bytes: u64,
        deadline: Instant,
        token: CancellationToken,
    ) -> Result<Ticket, Refused> {
        let wait = Wait { longest: self.shared.wait, deadline, token: &token };
        let evict = || self.shared.receiving.evict_slow(Instant::now());
        let taken = self.shared.uploads.take(bytes, wait, evict).await?;
        let upload = self.shared.receiving.start(token.child_token(), taken.waited, Instant::now());
        Ok(Ticket::new(self.clone(), taken.permit, upload, deadline))
    }

    /// Refuses slow uploads from the time that the server stops, so that they do not delay its end. Does not return.
    pub async fn refuse_slow_when_stopping(&self, health: &Health) {
        health.stopping().await;
        loop {
            self.shared.receiving.evict_slow(Instant::now());
            tokio::time::sleep(pool::EVICTION_INTERVAL).await;
        }
    }

    /// Returns the bytes that admitted requests hold now.
    pub fn in_use(&self) -> InUse {
        InUse { upload_bytes: self.shared.uploads.in_use(), pixel_bytes: self.shared.pixels.in_use() }
    }

    /// Largest upload in bytes that can be admitted.
    pub fn largest_upload(&self) -> u64 {
        self.shared.uploads.largest()
    }

    /// Largest decoded image in bytes, with its results, that can be admitted.
    pub fn largest_image(&self) -> u64 {
        self.shared.pixels.largest()
    }
}

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;

use super::pool::Wait;
use super::uploads::Upload;
use super::{Admission, Refused};

/// What an admitted request holds: memory, a deadline and a cancellation token. Dropping it returns the memory.
#[derive(Debug)]
pub struct Ticket {
    admission: Admission,
    upload: Arc<Upload>,
    deadline: Instant,
    upload_bytes: Arc<OwnedSemaphorePermit>,
    pixel_bytes: Vec<OwnedSemaphorePermit>,
}

impl Ticket {
    pub(super) fn new(
        admission: Admission,
        permit: OwnedSemaphorePermit,
        upload: Arc<Upload>,
        deadline: Instant,
    ) -> Self {
        Self { admission, upload, deadline, upload_bytes: Arc::new(permit), pixel_bytes: Vec::new() }
    }

    /// Returns a ticket for one of several images of the upload. It has the deadline and the token of this one, memory for
    /// its own decoded image, and keeps that of the upload.
    pub fn share(&self) -> Self {
        Self {
            admission: self.admission.clone(),
            upload: Arc::clone(&self.upload),
            deadline: self.deadline,
            upload_bytes: Arc::clone(&self.upload_bytes),
            pixel_bytes: Vec::new(),
        }
    }

    /// Notes that `bytes` bytes of the upload have arrived, which keeps it from counting as slow.
    pub fn receive(&self, bytes: usize) {
        self.upload.receive(bytes, Instant::now());
    }

    /// Waits for memory for a decoded image and its results, `bytes` in all. The upload is complete: it no longer counts
    /// as slow. Memory is held until the ticket is dropped, also that of an earlier call.
    ///
    /// # Errors
    /// As [`Admission::admit`].
    pub async fn decode(&mut self, bytes: u64) -> Result<(), Refused> {
        self.admission.shared.receiving.end(&self.upload);
        self.check()?;
        let wait =
            Wait { longest: self.admission.shared.wait, deadline: self.deadline, token: self.upload.token() };
        let taken = self.admission.shared.pixels.take(bytes, wait, || ()).await?;
        self.pixel_bytes.push(taken.permit);
        Ok(())
    }

    /// Returns the token that cancels the request: the client has left, the server is stopping, or the upload is slow.
    pub fn token(&self) -> &CancellationToken {
        self.upload.token()
    }

    /// Returns the time by which the request must be answered.
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Checks whether the request is to be continued.
    ///
    /// # Errors
    /// [`Refused::Slow`], [`Refused::Cancelled`] or [`Refused::Deadline`].
    pub fn check(&self) -> Result<(), Refused> {
        if self.upload.was_slow() {
            return Err(Refused::Slow);
        }
        if self.token().is_cancelled() {
            return Err(Refused::Cancelled);
        }
        if Instant::now() >= self.deadline {
            return Err(Refused::Deadline);
        }
        Ok(())
    }

    /// Completes when the request is not to be continued, with the reason.
    pub async fn refused(&self) -> Refused {
        tokio::select! {
            () = self.token().cancelled() => {
                if self.upload.was_slow() { Refused::Slow } else { Refused::Cancelled }
            }
            () = tokio::time::sleep_until(self.deadline.into()) => Refused::Deadline,
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.admission.shared.receiving.end(&self.upload);
    }
}

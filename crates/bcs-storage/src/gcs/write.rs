use std::time::{Duration, Instant};

use bytes::Bytes;
use reqwest::Method;
use uuid::Uuid;

use super::bucket::{Bucket, SHORT_TIME};
use super::failure::Failure;
use super::metadata::{Metadata, WRITE_ID};
use super::retry::Retry;
use crate::store::{Generation, PutMode};

/// Size in bytes of the largest object that is uploaded in one request.
pub(super) const MAX_SINGLE: usize = 8 << 20;
/// Least rate in bytes per second at which an attempt to upload is not given up.
const LEAST_RATE: u32 = 256 << 10;
/// Longest time of an upload in parts, each of which has its own; the deadline ends it earlier.
const RESUMABLE_TIME: Duration = Duration::from_secs(24 * 3600);

/// An object to be written.
pub(super) struct Write {
    /// Name of the object.
    pub(super) object: String,
    pub(super) bytes: Bytes,
    pub(super) crc32c: u32,
    /// Unique for the write, and the same for all its attempts.
    pub(super) id: String,
    pub(super) content_type: &'static str,
}

/// What an earlier attempt of a write has left.
enum Left {
    /// The object as it was to be written.
    Complete(Generation),
    /// The object, whose content was damaged on its way.
    Damaged(i64),
    /// Nothing: the object is of another writer, or there is none.
    Nothing,
}

impl Bucket {
    pub(super) async fn write(
        &self,
        key: &str,
        bytes: Bytes,
        mode: PutMode,
        deadline: Instant,
    ) -> Result<Generation, Failure> {
        let write = Write {
            object: self.object(key),
            crc32c: crc32c::crc32c(&bytes),
            bytes,
            id: Uuid::now_v7().to_string(),
            content_type: content_type(key),
        };
        let mut generation = match mode {
            PutMode::Create => Some(0),
            PutMode::Overwrite => None,
            PutMode::IfGeneration(Generation(generation)) => Some(generation),
        };
        let mut retry = Retry::until(deadline);
        loop {
            let mut written = self.attempt(&write, generation, deadline, &retry).await;
            // The answer to an earlier attempt may have been lost.
            if written == Err(Failure::Precondition) && !retry.is_first() {
                written = match retry.attempt(SHORT_TIME, self.left(&write)).await {
                    Ok(Left::Complete(generation)) => Ok(generation),
                    Ok(Left::Damaged(damaged)) => {
                        generation = Some(damaged);
                        Err(Failure::Damaged)
                    }
                    Ok(Left::Nothing) => Err(Failure::Precondition),
                    Err(failure) => Err(failure),
                };
            }
            match written {
                Ok(generation) => return Ok(generation),
                Err(failure) => retry.pause(failure).await?,
            }
        }
    }

    async fn attempt(
        &self,
        write: &Write,
        generation: Option<i64>,
        deadline: Instant,
        retry: &Retry,
    ) -> Result<Generation, Failure> {
        if write.bytes.len() > MAX_SINGLE {
            let upload = self.upload_in_parts(write, generation, deadline);
            return retry.attempt(RESUMABLE_TIME, upload).await;
        }
        retry.attempt(time_of(write.bytes.len()), self.upload(write, generation)).await
    }

    /// Uploads an object in one request. The server compares its checksum, and Google's client that of the answer.
    async fn upload(&self, write: &Write, generation: Option<i64>) -> Result<Generation, Failure> {
        let request = self
            .storage
            .write_object(self.resource(), &write.object, write.bytes.clone())
            .with_known_crc32c(write.crc32c)
            .set_content_type(write.content_type)
            .set_metadata([(WRITE_ID, &write.id)]);
        let request = match generation {
            Some(generation) => request.set_if_generation_match(generation),
            None => request,
        };
        Ok(Generation(request.send_unbuffered().await?.generation))
    }

    async fn left(&self, write: &Write) -> Result<Left, Failure> {
        let found = match self.describe(&write.object).await {
            Ok(found) if found.is_of(&write.id) => found,
            Ok(_) | Err(Failure::NotFound) => return Ok(Left::Nothing),
            Err(failure) => return Err(failure),
        };
        let generation = found.generation()?;
        if found.has_checksum(write.crc32c) {
            return Ok(Left::Complete(Generation(generation)));
        }
        Ok(Left::Damaged(generation))
    }

    pub(super) async fn describe(&self, object: &str) -> Result<Metadata, Failure> {
        let url = self.api.objects(Some(object))?;
        self.api.json(self.api.request(Method::GET, url)).await
    }
}

/// Returns the longest time of an attempt to upload so many bytes.
pub(super) fn time_of(bytes: usize) -> Duration {
    SHORT_TIME + Duration::from_secs(bytes as u64) / LEAST_RATE
}

fn content_type(key: &str) -> &'static str {
    match key.rsplit_once('.').map(|(_, extension)| extension) {
        Some("html") => "text/html; charset=utf-8",
        Some("json") => "application/json",
        Some("png") => "image/png",
        Some("geojson") => "application/geo+json",
        Some("jpeg" | "jpg") => "image/jpeg",
        Some("tiff" | "tif") => "image/tiff",
        _ => "application/octet-stream",
    }
}

use std::ops::Range;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use google_cloud_storage::model_ext::ReadRange;

use super::bucket::{Bucket, SHORT_TIME};
use super::failure::Failure;
use super::retry::Retry;
use crate::store::{Generation, Object};

/// Longest time of an attempt to read; the deadline ends it earlier.
const ATTEMPT_TIME: Duration = Duration::from_secs(3600);
/// Largest memory in bytes that is reserved by what the server states.
const MAX_RESERVED: usize = 64 << 20;

impl Bucket {
    pub(super) async fn read(&self, key: &str, deadline: Instant) -> Result<Object, Failure> {
        self.read_part(key, None, None, deadline).await
    }

    pub(super) async fn read_range(
        &self,
        key: &str,
        generation: Option<Generation>,
        range: Range<u64>,
        deadline: Instant,
    ) -> Result<Bytes, Failure> {
        if range.is_empty() {
            return Ok(Bytes::new());
        }
        match self.read_part(key, generation, Some(&range), deadline).await {
            // The range starts at the end of the object or behind it.
            Err(Failure::Rejected(reason)) if reason.starts_with("416") => Ok(Bytes::new()),
            read => read.map(|object| object.bytes),
        }
    }

    /// Reads an object, the newest or the one of a generation, or the bytes of it in a range that is not empty.
    async fn read_part(
        &self,
        key: &str,
        generation: Option<Generation>,
        range: Option<&Range<u64>>,
        deadline: Instant,
    ) -> Result<Object, Failure> {
        let mut retry = Retry::until(deadline);
        loop {
            match retry.attempt(ATTEMPT_TIME, self.read_once(key, generation, range, &retry)).await {
                Ok(object) => return Ok(object),
                Err(failure) => retry.pause(failure).await?,
            }
        }
    }

    /// Reads once. A server that sends nothing for a while is given up.
    async fn read_once(
        &self,
        key: &str,
        generation: Option<Generation>,
        range: Option<&Range<u64>>,
        retry: &Retry,
    ) -> Result<Object, Failure> {
        let part = range
            .map_or_else(ReadRange::all, |range| ReadRange::segment(range.start, range.end - range.start));
        let request = self.storage.read_object(self.resource(), self.object(key)).set_read_range(part);
        let request = match generation {
            Some(Generation(generation)) => request.set_generation(generation),
            None => request,
        };
        let mut response = retry.attempt(SHORT_TIME, async { Ok(request.send().await?) }).await?;
        let about = response.object();
        let size = usize::try_from(about.size).unwrap_or_default();
        let mut bytes = BytesMut::with_capacity(size.min(MAX_RESERVED));
        loop {
            let chunk = retry.attempt(SHORT_TIME, async { Ok(response.next().await.transpose()?) }).await?;
            match chunk {
                Some(chunk) => bytes.extend_from_slice(&chunk),
                None => break,
            }
        }
        // Google's client compares the checksum only if no range was asked for.
        let all = range.is_some_and(|range| range.start == 0 && (bytes.len() as u64) < range.end);
        let stated = about.checksums.and_then(|checksums| checksums.crc32c).filter(|_| all);
        if stated.is_some_and(|stated| stated != crc32c::crc32c(&bytes)) {
            return Err(Failure::Damaged);
        }
        Ok(Object { bytes: bytes.freeze(), generation: Generation(about.generation) })
    }
}

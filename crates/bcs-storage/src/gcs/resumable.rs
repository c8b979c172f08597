//! Uploads in parts: a session is opened, and the parts are sent one after the other. After a failure, the server is asked
//! how much it has, and the upload goes on from there. The object appears when the last part has arrived.

use std::time::Instant;

use reqwest::{Method, RequestBuilder, Response, StatusCode, Url, header};
use serde_json::json;

use super::api;
use super::bucket::{Bucket, SHORT_TIME};
use super::failure::Failure;
use super::metadata::{self, Metadata, WRITE_ID};
use super::retry::Retry;
use super::write::{Write, time_of};
use crate::store::Generation;

/// Size of a part in bytes, a multiple of 256 KiB.
pub(super) const PART: usize = 8 << 20;

/// What a session has received.
enum Progress {
    /// So many bytes.
    Bytes(usize),
    /// Everything: this object.
    Complete(Box<Metadata>),
}

impl Bucket {
    /// Uploads an object if its present generation is the given one; 0 is that of no object, `None` any.
    pub(super) async fn upload_in_parts(
        &self,
        write: &Write,
        generation: Option<i64>,
        deadline: Instant,
    ) -> Result<Generation, Failure> {
        let session = self.open_session(write, generation).await?;
        let mut sent = 0;
        loop {
            match self.send_part(&session, write, sent, deadline).await? {
                Progress::Bytes(received) => sent = received,
                Progress::Complete(found) if found.has_checksum(write.crc32c) => {
                    return found.generation().map(Generation);
                }
                Progress::Complete(_) => return Err(Failure::Damaged),
            }
        }
    }

    /// Opens a session and returns its URL.
    async fn open_session(&self, write: &Write, generation: Option<i64>) -> Result<Url, Failure> {
        if let Some(expected) = generation {
            // The server compares it, too, but may do so after the transfer.
            self.expect_generation(&write.object, expected).await?;
        }
        let mut url = self.api.uploads()?;
        url.query_pairs_mut()
            .append_pair("uploadType", "resumable")
            .append_pair("name", &write.object)
            .extend_pairs(generation.map(|generation| ("ifGenerationMatch", generation.to_string())));
        let about = json!({
            "contentType": write.content_type,
            "crc32c": metadata::encode(write.crc32c),
            "metadata": {WRITE_ID: write.id},
        });
        let request = self.api.request(Method::POST, url);
        let request = request.header("x-upload-content-type", write.content_type).json(&about);
        let response = self.api.send(request).await?;
        if response.status() != StatusCode::OK {
            return Err(failure(response).await);
        }
        let location = response.headers().get(header::LOCATION).and_then(|location| location.to_str().ok());
        let session = location.and_then(|location| Url::parse(location).ok());
        session.ok_or_else(|| Failure::Retryable("the server opened no upload session".to_owned()))
    }

    async fn expect_generation(&self, object: &str, expected: i64) -> Result<(), Failure> {
        let found = match self.describe(object).await {
            Ok(found) => found.generation()?,
            Err(Failure::NotFound) => 0,
            Err(failure) => return Err(failure),
        };
        if found == expected { Ok(()) } else { Err(Failure::Precondition) }
    }

    /// Sends the part from `start` on, until the server has something of it.
    async fn send_part(
        &self,
        session: &Url,
        write: &Write,
        start: usize,
        deadline: Instant,
    ) -> Result<Progress, Failure> {
        let mut retry = Retry::until(deadline);
        loop {
            let attempt = async {
                if !retry.is_first() {
                    match self.progress(session, write).await? {
                        Progress::Bytes(received) if received <= start => {}
                        further => return Ok(further),
                    }
                }
                self.send_once(session, write, start).await
            };
            match retry.attempt(time_of(PART), attempt).await {
                Ok(progress) => return Ok(progress),
                Err(Failure::Lost) => return Err(Failure::Lost),
                Err(failure) => retry.pause(failure).await?,
            }
        }
    }

    async fn send_once(&self, session: &Url, write: &Write, start: usize) -> Result<Progress, Failure> {
        let total = write.bytes.len();
        let end = total.min(start + PART);
        let range = format!("bytes {start}-{}/{total}", end - 1);
        let request = self.part(session, &range).body(write.bytes.slice(start..end));
        let progress = read_progress(self.api.send(request).await?, total).await?;
        match progress {
            Progress::Bytes(received) if received <= start => {
                Err(Failure::Retryable("the server received nothing of a part".to_owned()))
            }
            progress => Ok(progress),
        }
    }

    /// Asks how much a session has received.
    async fn progress(&self, session: &Url, write: &Write) -> Result<Progress, Failure> {
        let total = write.bytes.len();
        let request = self.part(session, &format!("bytes */{total}"));
        let request = request.header(header::CONTENT_LENGTH, 0).timeout(SHORT_TIME);
        read_progress(self.api.send(request).await?, total).await
    }

    fn part(&self, session: &Url, range: &str) -> RequestBuilder {
        self.api.request(Method::PUT, session.clone()).header(header::CONTENT_RANGE, range)
    }
}

async fn read_progress(response: Response, total: usize) -> Result<Progress, Failure> {
    match response.status() {
        StatusCode::OK | StatusCode::CREATED => {
            api::parse(response).await.map(Box::new).map(Progress::Complete)
        }
        StatusCode::PERMANENT_REDIRECT => {
            let range = response.headers().get(header::RANGE).map(|range| range.to_str().unwrap_or_default());
            received(range, total).map(Progress::Bytes).ok_or_else(|| {
                Failure::Retryable(format!(
                    "the server states that it received '{}'",
                    range.unwrap_or_default()
                ))
            })
        }
        StatusCode::NOT_FOUND | StatusCode::GONE => Err(Failure::Lost),
        _ => Err(failure(response).await),
    }
}

/// Returns how many of `total` bytes have been received by the range that the server states; `None` if it makes no sense.
fn received(range: Option<&str>, total: usize) -> Option<usize> {
    let Some(range) = range else { return Some(0) };
    let last: usize = range.strip_prefix("bytes=0-")?.parse().ok()?;
    last.checked_add(1).filter(|received| *received <= total)
}

async fn failure(response: Response) -> Failure {
    let status = response.status();
    match response.text().await {
        Ok(text) => Failure::from_status(status, &text),
        Err(error) => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ranges_include_their_last_byte() {
        assert_eq!(received(None, 10), Some(0));
        assert_eq!(received(Some("bytes=0-0"), 10), Some(1));
        assert_eq!(received(Some("bytes=0-9"), 10), Some(10));
        for range in ["", "bytes=0-10", "bytes=1-5", "bytes=0-", "0-5", "bytes=0-18446744073709551615"] {
            assert_eq!(received(Some(range), 10), None, "{range}");
        }
    }

    proptest! {
        #[test]
        fn any_range_is_within_the_object(range in "(bytes=)?[0-9-]{0,24}", total in 1usize..1 << 40) {
            prop_assert!(received(Some(&range), total).is_none_or(|received| (1..=total).contains(&received)));
        }
    }
}

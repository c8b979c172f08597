//! Reads the image of a multipart body, chunk by chunk and within a limit.

use axum::extract::Multipart;
use axum::extract::multipart::{Field, MultipartError};
use bytes::{Bytes, BytesMut};

use crate::error::Error;

/// Names of the form fields that may hold the image; the first is the predecessor's.
pub const FIELDS: [&str; 3] = ["data", "file", "image"];

/// Factor by which a body may exceed the limit before reading stops. Bodies up to there are read to the end, because a
/// client that is still sending when the response arrives sees a broken connection instead.
const DISCARD_FACTOR: u64 = 2;

/// An uploaded image file.
#[derive(Debug, Clone)]
pub struct Upload {
    /// Content of the file.
    pub bytes: Bytes,
    /// File name that the client stated.
    pub file_name: Option<String>,
}

/// Reads the body to its end and returns the single image in it. `limit` is the maximum size of the body in bytes.
///
/// # Errors
/// [`Error::UploadTooLarge`], [`Error::Multipart`], [`Error::NoImage`] or [`Error::SeveralImages`].
pub async fn read(mut multipart: Multipart, limit: u64) -> Result<Upload, Error> {
    let mut budget = Budget { limit, read: 0 };
    let mut image = None;
    while let Some(field) = multipart.next_field().await.map_err(|error| broken(&error))? {
        let is_image = field.name().is_some_and(|name| FIELDS.contains(&name));
        let file_name = field.file_name().map(str::to_owned);
        let bytes = read_field(field, is_image, &mut budget).await?;
        if is_image && image.replace(Upload { bytes, file_name }).is_some() {
            return Err(Error::SeveralImages);
        }
    }
    if budget.exceeded() {
        return Err(Error::UploadTooLarge { limit });
    }
    image.ok_or(Error::NoImage)
}

/// Bytes of a body that were read, against the limit.
struct Budget {
    limit: u64,
    read: u64,
}

impl Budget {
    fn take(&mut self, bytes: usize) -> Result<(), Error> {
        self.read += bytes as u64;
        if self.read > self.limit.saturating_mul(DISCARD_FACTOR) {
            return Err(Error::UploadTooLarge { limit: self.limit });
        }
        Ok(())
    }

    fn exceeded(&self) -> bool {
        self.read > self.limit
    }
}

/// Returns the bytes of a field if they are to be kept and within the limit; others are read and discarded.
async fn read_field(mut field: Field<'_>, keep: bool, budget: &mut Budget) -> Result<Bytes, Error> {
    let mut bytes = BytesMut::new();
    while let Some(chunk) = field.chunk().await.map_err(|error| broken(&error))? {
        budget.take(chunk.len())?;
        if budget.exceeded() {
            bytes = BytesMut::new();
        } else if keep {
            bytes.extend_from_slice(&chunk);
        }
    }
    Ok(bytes.freeze())
}

fn broken(error: &MultipartError) -> Error {
    Error::Multipart(error.body_text())
}

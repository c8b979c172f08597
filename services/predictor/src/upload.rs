//! The image in a multipart body, read piece by piece within a limit.

use axum::extract::Multipart;
use axum::extract::multipart::{Field, MultipartError};
use bytes::{Bytes, BytesMut};

use crate::error::Error;

/// The fields that an image may come in; the first is the predecessor's.
pub const FIELDS: [&str; 3] = ["data", "file", "image"];

/// How many times the limit is read before a body is cut off: a client that is still sending when it is answered
/// sees a broken connection instead of the answer.
const PATIENCE: u64 = 2;

/// Reads the body to its end and gives the one image in it.
///
/// # Errors
/// [`Error::UploadTooLarge`]; [`Error::Multipart`]; [`Error::NoImage`]; [`Error::SeveralImages`].
pub async fn read(mut multipart: Multipart, limit: u64) -> Result<Bytes, Error> {
    let mut budget = Budget { limit, read: 0 };
    let mut image = None;
    while let Some(field) = multipart.next_field().await.map_err(|error| broken(&error))? {
        let wanted = field.name().is_some_and(|name| FIELDS.contains(&name));
        let bytes = read_field(field, wanted, &mut budget).await?;
        if wanted && image.replace(bytes).is_some() {
            return Err(Error::SeveralImages);
        }
    }
    if budget.exceeded() {
        return Err(Error::UploadTooLarge { limit });
    }
    image.ok_or(Error::NoImage)
}

struct Budget {
    limit: u64,
    read: u64,
}

impl Budget {
    fn take(&mut self, bytes: usize) -> Result<(), Error> {
        self.read += bytes as u64;
        if self.read > self.limit.saturating_mul(PATIENCE) {
            return Err(Error::UploadTooLarge { limit: self.limit });
        }
        Ok(())
    }

    fn exceeded(&self) -> bool {
        self.read > self.limit
    }
}

/// The bytes of a field, as far as they are wanted and within the limit; the rest is read and forgotten.
async fn read_field(mut field: Field<'_>, wanted: bool, budget: &mut Budget) -> Result<Bytes, Error> {
    let mut bytes = BytesMut::new();
    while let Some(chunk) = field.chunk().await.map_err(|error| broken(&error))? {
        budget.take(chunk.len())?;
        if budget.exceeded() {
            bytes = BytesMut::new();
        } else if wanted {
            bytes.extend_from_slice(&chunk);
        }
    }
    Ok(bytes.freeze())
}

fn broken(error: &MultipartError) -> Error {
    Error::Multipart(error.body_text())
}

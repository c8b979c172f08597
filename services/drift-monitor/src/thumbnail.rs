//! Thumbnails of images in a report, as data URIs, so that the report loads nothing.

use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bcs_imaging::decode::decode_mask;
use bcs_imaging::{Limits, decode, thumbnail};
use bcs_storage::{Bytes, Store};

use crate::gallery::Subject;

/// Longest side in pixels.
const SIDE: u32 = 88;

/// Larger images have none: decoding them costs more memory than a thumbnail is worth.
const LIMITS: Limits = Limits { max_pixels: 25_000_000 };

/// Returns the thumbnail of an image, or where the predictor does not store images, of its mask in the colours of the classes.
/// `None`, and a line in the log, where there is neither.
pub async fn thumbnail(store: &Arc<dyn Store>, subject: &Subject) -> Option<String> {
    let drawn: Result<String, String> = async {
        if let Some(bytes) = get(store, &subject.input).await? {
            return draw(move || of_image(&bytes)).await;
        }
        let bytes = get(store, &subject.mask).await?.ok_or("there is no such mask")?;
        let colors = subject.colors.clone();
        draw(move || {
            let mask = decode_mask(&bytes, LIMITS)?;
            Ok(uri("png", &thumbnail::of_mask(&mask, &colors, SIDE)?))
        })
        .await
    }
    .await;
    drawn
        .inspect_err(|reason| {
            let id = subject.id.to_string();
            tracing::warn!(id, reason, "A report shows an image without a thumbnail.");
        })
        .ok()
}

fn of_image(bytes: &[u8]) -> Result<String, bcs_imaging::Error> {
    Ok(uri("jpeg", &thumbnail::of_image(&decode(bytes, LIMITS)?.rgb, SIDE)?))
}

/// Draws on a blocking thread.
async fn draw(
    work: impl FnOnce() -> Result<String, bcs_imaging::Error> + Send + 'static,
) -> Result<String, String> {
    let drawn = tokio::task::spawn_blocking(work).await.map_err(|error| error.to_string())?;
    drawn.map_err(|error| error.to_string())
}

async fn get(store: &Arc<dyn Store>, key: &str) -> Result<Option<Bytes>, String> {
    match store.find(key).await {
        Err(bcs_storage::Error::InvalidKey { .. }) => Ok(None),
        found => found.map_err(|error| error.to_string()),
    }
}

fn uri(format: &str, bytes: &[u8]) -> String {
    format!("data:image/{format};base64,{}", BASE64_STANDARD.encode(bytes))
}

/// Why bytes did not become an image, or an image bytes.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nothing was sent.
    #[error("the file is empty; send an image (PNG, JPEG, TIFF, WebP or BMP)")]
    Empty,
    /// The bytes do not begin like any format we read.
    #[error("this is no image that can be read here; send PNG, JPEG, TIFF, WebP or BMP")]
    UnknownFormat,
    /// The bytes begin like an image and do not go on like one.
    #[error("the {format} image is damaged or cut short: {reason}")]
    Damaged {
        /// The format that its first bytes name.
        format: &'static str,
        /// What the decoder said.
        reason: String,
    },
    /// The header declares more pixels than the limit.
    #[error(
        "the image is {width}×{height} pixels, more than the {limit} allowed; cut it into smaller regions"
    )]
    TooManyPixels {
        /// Declared width.
        width: u32,
        /// Declared height.
        height: u32,
        /// Pixels allowed.
        limit: u64,
    },
    /// The encoder failed.
    #[error("the image could not be written as {format}: {reason}")]
    Encode {
        /// The format asked for.
        format: &'static str,
        /// What the encoder said.
        reason: String,
    },
    /// A mask and an image, or a buffer and its dimensions, do not belong together.
    #[error("the mask is {mask_width}×{mask_height} pixels, its image {width}×{height}")]
    SizeMismatch {
        /// Width of the mask.
        mask_width: u32,
        /// Height of the mask.
        mask_height: u32,
        /// Width of the image.
        width: u32,
        /// Height of the image.
        height: u32,
    },
    /// No colour map has this name.
    #[error("there is no colour map '{name}'; there are {}", crate::colormap::NAMES.join(", "))]
    UnknownColormap {
        /// The name asked for.
        name: String,
    },
}

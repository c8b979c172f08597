/// Errors of decoding, encoding and drawing.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The file has no bytes.
    #[error("the file is empty; send an image (PNG, JPEG, TIFF, WebP or BMP)")]
    Empty,
    /// The first bytes are those of none of the supported formats.
    #[error("the file is not an image of a supported format; send PNG, JPEG, TIFF, WebP or BMP")]
    UnknownFormat,
    /// The file is an image of a kind that cannot be read.
    #[error("this kind of {format} image is not supported: {kind}; save it as PNG, or as TIFF in 8-bit RGB")]
    Unsupported {
        /// Format according to the first bytes.
        format: &'static str,
        /// The kind.
        kind: String,
    },
    /// The file needs more memory than its size in pixels justifies.
    #[error(
        "the metadata or the strips of the {format} image need more memory than an image of its size may; save it again, \
         for example as PNG"
    )]
    TooMuchMemory {
        /// Format according to the first bytes.
        format: &'static str,
    },
    /// The file begins like an image but cannot be decoded.
    #[error("the {format} image is damaged or truncated: {reason}")]
    Damaged {
        /// Format according to the first bytes.
        format: &'static str,
        /// Error message of the decoder.
        reason: String,
    },
    /// The image cannot be a mask, which has one 8-bit class code per pixel.
    #[error(
        "a mask has one 8-bit class code per pixel, but this image has {channels} channel{} of {bits} bits; save it as \
         8-bit grayscale PNG",
        if *channels == 1 { "" } else { "s" }
    )]
    NotAMask {
        /// Number of channels.
        channels: u8,
        /// Bits per channel.
        bits: u16,
    },
    /// The file may have been compressed with loss, which changes the codes of a mask.
    #[error("a mask in {format} may have been compressed with loss; save it as 8-bit PNG")]
    Lossy {
        /// Format according to the first bytes.
        format: &'static str,
    },
    /// The image has more pixels than the limit.
    #[error(
        "the image is {width}×{height} pixels, more than the {limit} allowed; cut it into smaller regions"
    )]
    TooManyPixels {
        /// Width of the image.
        width: u32,
        /// Height of the image.
        height: u32,
        /// Maximum number of pixels.
        limit: u64,
    },
    /// The image could not be encoded.
    #[error("the image could not be written as {format}: {reason}")]
    Encode {
        /// The requested format.
        format: &'static str,
        /// Error message of the encoder.
        reason: String,
    },
    /// Mask and image differ in size.
    #[error("the mask is {mask_width}×{mask_height} pixels, but its image is {width}×{height}")]
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
    /// The mask has more regions than polygons are made of.
    #[error("the mask is divided too finely to be returned as polygons; ask for the mask as an image")]
    TooManyRegions,
    /// The colour map is not known.
    #[error("unknown colour map '{name}'; known are {}", crate::colormap::NAMES.join(", "))]
    UnknownColormap {
        /// The requested name.
        name: String,
    },
}

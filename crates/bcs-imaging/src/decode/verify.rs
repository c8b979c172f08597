//! Checks that an image can be decoded, without decoding it where its checksums tell.

use image::ImageFormat;

use super::{Limits, decode, format_of, header};
use crate::error::Error;

/// First bytes of a PNG.
const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";

/// Checks that [`fn@decode`] can decode an image, and returns the width and height that it would have.
///
/// A PNG is not decoded if all of its chunks have the checksums that they state: damage after it was written is found, but not
/// pixels that are missing since it was written. All other images are decoded.
///
/// # Errors
/// Those of [`fn@decode`].
pub fn verify(bytes: &[u8], limits: Limits) -> Result<(u32, u32), Error> {
    if format_of(bytes)? == ImageFormat::Png && is_intact_png(bytes) {
        let header = header(bytes, limits)?;
        return Ok((header.width, header.height));
    }
    Ok(decode(bytes, limits)?.rgb.dimensions())
}

/// Whether a file is one whole PNG with correct checksums, and without an orientation, which could swap width and height.
fn is_intact_png(bytes: &[u8]) -> bool {
    let Some(mut rest) = bytes.strip_prefix(SIGNATURE) else { return false };
    let mut has_pixels = false;
    while let Some((chunk, after)) = Chunk::read(rest) {
        rest = after;
        match chunk.name {
            b"IEND" => return has_pixels && rest.is_empty(),
            b"IDAT" => has_pixels |= !chunk.data.is_empty(),
            b"eXIf" => return false,
            _ => {}
        }
    }
    false
}

/// A chunk of a PNG whose checksum is correct.
struct Chunk<'a> {
    name: &'a [u8; 4],
    data: &'a [u8],
}

impl<'a> Chunk<'a> {
    /// Reads the chunk at the beginning of `bytes`, and returns what follows it, too.
    fn read(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (length, rest) = bytes.split_first_chunk()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        // The checksum covers the name.
        let (named, rest) = rest.split_at_checked(length.checked_add(4)?)?;
        let (checksum, rest) = rest.split_first_chunk()?;
        let (name, data) = named.split_first_chunk()?;
        (crc32fast::hash(named) == u32::from_be_bytes(*checksum)).then_some((Self { name, data }, rest))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use image::{DynamicImage, GrayImage, Luma, Rgb, RgbImage};

    use super::*;

    fn encoded(image: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        image.into().write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    fn noise() -> RgbImage {
        RgbImage::from_fn(13, 9, |x, y| Rgb([(x * 89) as u8, (y * 57) as u8, (x * y * 31) as u8]))
    }

    /// What decoding says.
    fn decoded(bytes: &[u8]) -> Result<(u32, u32), String> {
        decode(bytes, Limits::default())
            .map(|image| image.rgb.dimensions())
            .map_err(|error| error.to_string())
    }

    fn verified(bytes: &[u8]) -> Result<(u32, u32), String> {
        verify(bytes, Limits::default()).map_err(|error| error.to_string())
    }

    #[test]
    fn images_of_all_formats_have_the_size_that_they_are_decoded_to() {
        for format in
            [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::Tiff, ImageFormat::WebP, ImageFormat::Bmp]
        {
            assert_eq!(verified(&encoded(noise(), format)), Ok((13, 9)), "{format:?}");
        }
        let deep = DynamicImage::from(GrayImage::from_pixel(3, 2, Luma([7]))).to_luma16();
        assert_eq!(verified(&encoded(deep, ImageFormat::Png)), Ok((3, 2)));
    }

    #[test]
    fn an_intact_png_is_not_decoded() {
        let bytes = encoded(noise(), ImageFormat::Png);
        assert!(is_intact_png(&bytes));
        assert!(!is_intact_png(&[&bytes[..], b"\0"].concat()), "bytes follow the end");
        assert!(!is_intact_png(&encoded(noise(), ImageFormat::Bmp)));
    }

    #[test]
    fn the_verdict_on_damage_is_that_of_the_decoder() {
        let whole = encoded(noise(), ImageFormat::Png);
        for at in 0..whole.len() {
            assert_eq!(verified(&whole[..at]), decoded(&whole[..at]), "cut at byte {at}");
            let mut flipped = whole.clone();
            flipped[at] ^= 16;
            assert_eq!(verified(&flipped), decoded(&flipped), "damaged at byte {at}");
            assert!(!is_intact_png(&flipped), "damaged at byte {at}");
        }
    }

    #[test]
    fn an_orientation_is_applied() {
        let whole = encoded(noise(), ImageFormat::Png);
        // A TIFF directory with one entry: tag 274, a number of 16 bits, 6: rotated by 90 degrees.
        let exif = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
        let named = [&b"eXIf"[..], exif].concat();
        let (length, checksum) = ((exif.len() as u32).to_be_bytes(), crc32fast::hash(&named).to_be_bytes());
        // Behind the header.
        let turned = [&whole[..33], &length, &named, &checksum, &whole[33..]].concat();
        assert_eq!((verified(&turned), decoded(&turned)), (Ok((9, 13)), Ok((9, 13))));
    }

    #[test]
    fn limits_and_unknown_formats_are_errors() {
        let bytes = encoded(noise(), ImageFormat::Png);
        assert!(matches!(verify(&bytes, Limits { max_pixels: 100 }), Err(Error::TooManyPixels { .. })));
        assert!(matches!(verify(b"", Limits::default()), Err(Error::Empty)));
        assert!(matches!(verify(b"GIF89a....", Limits::default()), Err(Error::UnknownFormat)));
    }

    proptest::proptest! {
        #[test]
        fn arbitrary_bytes_do_not_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            let _ = verify(&[SIGNATURE, &bytes].concat(), Limits { max_pixels: 1 << 16 });
        }
    }
}

//! Decoding of masks: one 8-bit class code per pixel, stored losslessly.

use std::io::Cursor;

use bcs_imaging::{Limits, decode::decode_mask};
use image::{ColorType, GrayImage, ImageDecoder, ImageFormat, ImageReader};

/// What to do about an unsuitable mask, for messages.
const ADVICE: &str = "save masks as 8-bit grayscale PNG, one class code per pixel";

/// Decodes a mask. The indices of a palette PNG are its codes, whatever colours the palette has.
///
/// # Errors
/// States what is wrong and what to do: lossy compression (JPEG, lossy WebP, TIFF with JPEG compression), which changes
/// codes; colours, transparency or 16 bits per channel; damage.
pub fn decode(bytes: &[u8], limits: Limits) -> Result<GrayImage, String> {
    let format = image::guess_format(bytes).ok();
    if let Some(name) = format.and_then(|format| lossy_format(bytes, format)) {
        return Err(format!("is a {name}, whose lossy compression changes class codes; {ADVICE}"));
    }
    if let Some(color) = format.and_then(|format| color_type(bytes, format))
        && color != ColorType::L8
    {
        return Err(format!("is {}, not a mask; {ADVICE}", describe(color)));
    }
    decode_mask(bytes, limits).map_err(|error| error.to_string())
}

/// Name of the format if it compresses with loss.
fn lossy_format(bytes: &[u8], format: ImageFormat) -> Option<&'static str> {
    match format {
        ImageFormat::Jpeg => Some("JPEG"),
        ImageFormat::WebP if has_lossy_webp_chunk(bytes) => Some("lossy WebP"),
        ImageFormat::Tiff if is_jpeg_tiff(bytes) => Some("TIFF with JPEG compression"),
        _ => None,
    }
}

/// Whether a WebP file has a `VP8 ` chunk (lossy) rather than a `VP8L` chunk (lossless).
fn has_lossy_webp_chunk(bytes: &[u8]) -> bool {
    let mut rest = bytes.get(12..).unwrap_or_default();
    while let Some((name, length)) = rest.split_at_checked(4).and_then(|(name, rest)| {
        let length: [u8; 4] = rest.get(..4)?.try_into().ok()?;
        Some((name, u32::from_le_bytes(length) as usize))
    }) {
        if name == b"VP8 " {
            return true;
        }
        // Chunks are padded to an even length.
        rest = rest.get(8 + length.next_multiple_of(2)..).unwrap_or_default();
    }
    false
}

/// Whether the first image of a TIFF file has JPEG compression (tag 259 with value 6 or 7).
fn is_jpeg_tiff(bytes: &[u8]) -> bool {
    let little = bytes.starts_with(b"II");
    let short = |at: usize| -> Option<u16> {
        let value: [u8; 2] = bytes.get(at..at + 2)?.try_into().ok()?;
        Some(if little { u16::from_le_bytes(value) } else { u16::from_be_bytes(value) })
    };
    let long = |at: usize| -> Option<usize> {
        let (first, second) = (u32::from(short(at)?), u32::from(short(at + 2)?));
        Some(if little { second << 16 | first } else { first << 16 | second } as usize)
    };
    let compression = || {
        let directory = long(4)?;
        let entries = directory + 2;
        (0..usize::from(short(directory)?))
            .map(|index| entries + 12 * index)
            .find(|entry| short(*entry) == Some(259))
            .and_then(|entry| short(entry + 8))
    };
    matches!(compression(), Some(6 | 7))
}

/// Colour type of the pixels; `None` for a palette PNG and where the header cannot be read.
fn color_type(bytes: &[u8], format: ImageFormat) -> Option<ColorType> {
    // Byte 25 of a PNG is the colour type in its first chunk; 3 is a palette.
    if format == ImageFormat::Png && bytes.get(25) == Some(&3) {
        return None;
    }
    let decoder = ImageReader::with_format(Cursor::new(bytes), format).into_decoder().ok()?;
    Some(decoder.color_type())
}

fn describe(color: ColorType) -> &'static str {
    match color {
        ColorType::L8 => "a grayscale image",
        ColorType::La8 => "a grayscale image with transparency",
        ColorType::Rgb8 => "an RGB image",
        ColorType::Rgba8 => "an RGB image with transparency",
        ColorType::L16 | ColorType::La16 => "a grayscale image of 16 bits per channel",
        ColorType::Rgb16 | ColorType::Rgba16 => "an RGB image of 16 bits per channel",
        _ => "an image of floating-point numbers",
    }
}

#[cfg(test)]
mod tests {
    use image::codecs::jpeg::JpegEncoder;
    use image::{DynamicImage, Luma};

    use super::*;

    fn mask() -> GrayImage {
        GrayImage::from_fn(32, 32, |x, y| Luma([u8::from(x > 11 && y > 7)]))
    }

    fn encoded(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        image.write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    #[test]
    fn lossless_grayscale_masks_keep_their_codes() {
        for format in [ImageFormat::Png, ImageFormat::Tiff] {
            let bytes = encoded(&mask().into(), format);
            assert_eq!(decode(&bytes, Limits::default()).unwrap(), mask(), "{format:?}");
        }
    }

    #[test]
    fn a_jpeg_mask_is_an_error_whatever_its_name() {
        let mut bytes = Vec::new();
        JpegEncoder::new_with_quality(&mut bytes, 90).encode_image(&mask()).unwrap();
        let error = decode(&bytes, Limits::default()).unwrap_err();
        assert!(error.contains("JPEG") && error.contains("PNG"), "{error}");
    }

    #[test]
    fn lossy_webp_is_told_from_lossless_webp() {
        let lossless = encoded(&DynamicImage::from(mask()).to_rgb8().into(), ImageFormat::WebP);
        let error = decode(&lossless, Limits::default()).unwrap_err();
        assert!(error.contains("RGB") && !error.contains("lossy"), "{error}");
        let chunk = |name: &[u8], data: &[u8]| {
            [name, &u32::try_from(data.len()).unwrap().to_le_bytes(), data, &[0][..data.len() % 2]].concat()
        };
        let lossy = [
            &b"RIFF\0\0\0\0WEBP"[..],
            &chunk(b"VP8X", &[0; 10]),
            &chunk(b"ICCP", &[7; 3]),
            &chunk(b"VP8 ", &[0; 8]),
        ];
        let error = decode(&lossy.concat(), Limits::default()).unwrap_err();
        assert!(error.contains("lossy WebP"), "{error}");
    }

    #[test]
    fn a_tiff_with_jpeg_compression_is_an_error() {
        let mut bytes = encoded(&mask().into(), ImageFormat::Tiff);
        assert!(!is_jpeg_tiff(&bytes));
        let tag = bytes.windows(4).rposition(|window| window == [3, 1, 3, 0]).unwrap();
        bytes[tag + 8] = 7;
        assert!(decode(&bytes, Limits::default()).unwrap_err().contains("TIFF with JPEG compression"));
    }

    #[test]
    fn colours_and_16_bits_are_named() {
        let image = DynamicImage::from(mask());
        let cases: [(DynamicImage, &str); 4] = [
            (image.to_rgb8().into(), "an RGB image,"),
            (image.to_rgba8().into(), "transparency"),
            (image.to_luma16().into(), "16 bits"),
            (image.to_rgb16().into(), "16 bits"),
        ];
        for (image, expected) in cases {
            let error = decode(&encoded(&image, ImageFormat::Png), Limits::default()).unwrap_err();
            assert!(error.contains(expected) && error.contains("8-bit grayscale PNG"), "{error}");
            assert!(!error.contains("damaged"), "{error}");
        }
    }

    proptest::proptest! {
        #[test]
        fn arbitrary_bytes_do_not_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..400), start in 0usize..4) {
            let magic: [&[u8]; 4] = [b"RIFF\0\0\0\0WEBP", b"II*\0", b"MM\0*", b"\x89PNG\r\n\x1a\n"];
            let _ = decode(&[magic[start], &bytes].concat(), Limits { max_pixels: 1 << 16 });
        }
    }
}

//! Decoding of images and masks, within limits that are checked before memory is allocated.

mod bands;
mod tiff;
mod verify;

use std::io::Cursor;

use bytes::Bytes;
use image::error::ImageError;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, RgbImage};
use tiff::Tiff;

pub use self::bands::Bands;
pub use self::verify::verify;
use crate::error::Error;
use crate::raster::Raster;

/// Most bytes of metadata in memory: profiles, tables of strips. Larger profiles are ignored.
const METADATA_BYTES: usize = 8 << 20;

/// Bytes per pixel of width of a PNG decoder: four rows of RGBA with 16 bits.
const PNG_ROW_BYTES: u64 = 32;

/// Limits of a file.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Maximum number of pixels (width × height).
    pub max_pixels: u64,
}

impl Default for Limits {
    /// 100 megapixels: 300 MB of RGB, a region of 2.5 mm × 2.5 mm at 0.25 µm/px.
    fn default() -> Self {
        Self { max_pixels: 100_000_000 }
    }
}

/// What the first bytes of an image say about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Width in pixels, before the EXIF orientation is applied.
    pub width: u32,
    /// Height in pixels, before the EXIF orientation is applied.
    pub height: u32,
    /// Bytes per pixel that decoding needs at most, besides the result where it is RGB already.
    bytes_per_pixel: u64,
    /// Height and width of a strip or tile, if the image is read in bands.
    bands: Option<[u64; 2]>,
}

impl Header {
    /// Whether [`raster`] reads the image in bands, so that its pixels are never all in memory.
    pub fn has_bands(&self) -> bool {
        self.bands.is_some()
    }

    /// Returns the memory in bytes that [`raster`] needs to read bands for `rows` rows, or else to read the whole image.
    pub fn raster_bytes(&self, rows: u64) -> u64 {
        let Some([height, width]) = self.bands else { return self.peak_bytes() };
        let band = (rows + 2 * height).min(u64::from(self.height)) * u64::from(self.width) * 3;
        band * bands::BANDS as u64 + height * width * self.bytes_per_pixel
    }

    /// Returns the memory in bytes that decoding to RGB needs at its peak, without metadata, of which one decoder holds up
    /// to 8 MiB.
    pub fn peak_bytes(&self) -> u64 {
        // An orientation other than upright needs a copy in RGB, at a time when nothing else is needed.
        let pixels = u64::from(self.width) * u64::from(self.height);
        pixels.saturating_mul(self.bytes_per_pixel.max(6))
    }
}

/// Reads the header of an image.
///
/// # Errors
/// Those of [`decode`].
pub fn header(bytes: &[u8], limits: Limits) -> Result<Header, Error> {
    let format = format_of(bytes)?;
    let header = if format == ImageFormat::Tiff {
        let mut tiff = Tiff::open(bytes)?;
        let upright = tiff.orientation()? == Orientation::NoTransforms;
        let header = tiff.header();
        Header { bands: header.bands.filter(|_| upright), ..header }
    } else {
        let decoder = decoder(bytes, format)?;
        let (width, height) = decoder.dimensions();
        let own = u64::from(decoder.color_type().bytes_per_pixel());
        Header { width, height, bytes_per_pixel: working_bytes(format) + own + 3, bands: None }
    };
    check_pixels(header.width, header.height, limits)?;
    Ok(header)
}

/// Bytes per pixel that a decoder needs besides its result.
fn working_bytes(format: ImageFormat) -> u64 {
    match format {
        // Coefficients of a progressive image.
        ImageFormat::Jpeg => 6,
        // RGBA of a lossless image.
        ImageFormat::WebP => 4,
        _ => 0,
    }
}

/// A decoded image, in RGB and with the EXIF orientation applied.
#[derive(Debug, Clone)]
pub struct Decoded {
    /// Pixels, 8 bits per channel.
    pub rgb: RgbImage,
    /// Format of the file: `png`, `jpeg`, `tiff`, `webp` or `bmp`.
    pub format: &'static str,
}

/// Decodes an image to RGB with 8 bits per channel. The format (PNG, JPEG, TIFF, WebP or BMP) is detected from the
/// content. Grayscale, palette and CMYK images are converted, transparency is blended with white (the colour of a slide
/// without tissue), and the EXIF orientation is applied.
///
/// # Errors
/// [`Error::Empty`]; [`Error::UnknownFormat`]; [`Error::Unsupported`]; [`Error::TooManyPixels`];
/// [`Error::TooMuchMemory`]; [`Error::Damaged`].
pub fn decode(bytes: &[u8], limits: Limits) -> Result<Decoded, Error> {
    let (image, format) = decode_upright(bytes, limits)?;
    Ok(Decoded { rgb: into_rgb(image), format })
}

/// Opens an image as [`fn@decode`] does, but of a TIFF of more than 4 megapixels, in strips or tiles, reads only the rows
/// that are in use. Returns its format, too.
///
/// # Errors
/// Those of [`fn@decode`].
pub fn raster(bytes: &Bytes, limits: Limits) -> Result<(Raster, &'static str), Error> {
    if format_of(bytes)? == ImageFormat::Tiff && header(bytes, limits)?.has_bands() {
        let tiff = Tiff::open(bytes.clone())?.in_chunks();
        return Ok((Raster::Bands(Box::new(Bands::new(tiff))), name_of(ImageFormat::Tiff)));
    }
    let Decoded { rgb, format } = decode(bytes, limits)?;
    Ok((Raster::Whole(rgb), format))
}

/// Decodes a mask, one class code per pixel: the values of an 8-bit grayscale image, or the indices of a palette PNG.
///
/// Whether the codes were compressed with loss is not checked.
///
/// # Errors
/// Those of [`decode`]; [`Error::NotAMask`] for colours, transparency or 16 bits per channel.
pub fn decode_mask(bytes: &[u8], limits: Limits) -> Result<image::GrayImage, Error> {
    if format_of(bytes)? == ImageFormat::Png && is_palette_png(bytes) {
        return palette_codes(bytes, limits);
    }
    match decode_upright(bytes, limits)?.0 {
        DynamicImage::ImageLuma8(mask) => Ok(mask),
        other => {
            Err(Error::NotAMask { bits: bits_per_channel(&other), channels: other.color().channel_count() })
        }
    }
}

/// Decodes a mask as [`decode_mask`] does, from a PNG, which has no loss.
///
/// # Errors
/// Those of [`decode_mask`]; [`Error::Lossy`] for other formats.
pub fn decode_lossless_mask(bytes: &[u8], limits: Limits) -> Result<image::GrayImage, Error> {
    match format_of(bytes)? {
        ImageFormat::Png => decode_mask(bytes, limits),
        format => Err(Error::Lossy { format: name_of(format) }),
    }
}

fn bits_per_channel(image: &DynamicImage) -> u16 {
    let color = image.color();
    color.bits_per_pixel() / u16::from(color.channel_count())
}

/// Byte 25 of a PNG is the colour type, in the header chunk that always comes first; 3 is a palette.
fn is_palette_png(bytes: &[u8]) -> bool {
    bytes.get(25) == Some(&3)
}

/// The indices of a palette PNG: the codes of a mask, whatever colours the palette has.
fn palette_codes(bytes: &[u8], limits: Limits) -> Result<image::GrayImage, Error> {
    let damaged = |error: &dyn std::fmt::Display| Error::Damaged { format: "png", reason: error.to_string() };
    let mut decoder = png::Decoder::new(Cursor::new(bytes));
    decoder.set_transformations(png::Transformations::IDENTITY);
    let mut reader = decoder.read_info().map_err(|error| damaged(&error))?;
    let (width, height) = (reader.info().width, reader.info().height);
    check_pixels(width, height, limits)?;
    let bits = reader.info().bit_depth as usize;
    let size = reader.output_buffer_size().ok_or_else(|| damaged(&"the size overflows"))?;
    let mut packed = vec![0; size];
    reader.next_frame(&mut packed).map_err(|error| damaged(&error))?;
    let row_bytes = (width as usize * bits).div_ceil(8);
    let codes = packed
        .chunks_exact(row_bytes)
        .take(height as usize)
        .flat_map(|row| (0..width as usize).map(move |x| unpack(row, x, bits)))
        .collect();
    image::GrayImage::from_raw(width, height, codes).ok_or_else(|| damaged(&"rows are missing"))
}

/// The `index`-th value of `bits` bits (1, 2, 4 or 8) in a row of a PNG, most significant bits first.
fn unpack(row: &[u8], index: usize, bits: usize) -> u8 {
    let at = index * bits;
    let mask = u8::MAX >> (8 - bits);
    (row[at / 8] >> (8 - bits - at % 8)) & mask
}

fn decode_upright(bytes: &[u8], limits: Limits) -> Result<(DynamicImage, &'static str), Error> {
    let format = format_of(bytes)?;
    let (mut image, orientation) = if format == ImageFormat::Tiff {
        let mut tiff = Tiff::open(bytes)?;
        let header = tiff.header();
        check_pixels(header.width, header.height, limits)?;
        let orientation = tiff.orientation()?;
        (tiff.image()?, orientation)
    } else {
        let mut decoder = decoder(bytes, format)?;
        let (width, height) = decoder.dimensions();
        check_pixels(width, height, limits)?;
        let orientation = decoder.orientation().map_err(|error| image_error(error, format))?;
        let image = DynamicImage::from_decoder(decoder).map_err(|error| image_error(error, format))?;
        (image, orientation)
    };
    image.apply_orientation(orientation);
    Ok((image, name_of(format)))
}

/// Returns a decoder that has read the header.
fn decoder(bytes: &[u8], format: ImageFormat) -> Result<impl ImageDecoder + '_, Error> {
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut limits = image::Limits::no_limits();
    // Only the PNG decoder takes a limit: that of profiles and of its rows, of which the width is in the first chunk.
    let width = bytes.get(16..20).and_then(|width| width.try_into().ok()).map_or(0, u32::from_be_bytes);
    limits.max_alloc = Some(METADATA_BYTES as u64 + u64::from(width) * PNG_ROW_BYTES);
    reader.limits(limits);
    reader.into_decoder().map_err(|error| image_error(error, format))
}

fn image_error(error: ImageError, format: ImageFormat) -> Error {
    let format = name_of(format);
    match error {
        ImageError::Unsupported(error) => Error::Unsupported { format, kind: error.to_string() },
        ImageError::Limits(_) => Error::TooMuchMemory { format },
        other => Error::Damaged { format, reason: other.to_string() },
    }
}

fn check_pixels(width: u32, height: u32, limits: Limits) -> Result<(), Error> {
    if u64::from(width) * u64::from(height) > limits.max_pixels {
        return Err(Error::TooManyPixels { width, height, limit: limits.max_pixels });
    }
    Ok(())
}

fn format_of(bytes: &[u8]) -> Result<ImageFormat, Error> {
    if bytes.is_empty() {
        return Err(Error::Empty);
    }
    // BigTIFF, with offsets of 64 bits.
    if bytes.starts_with(b"II+\0") || bytes.starts_with(b"MM\0+") {
        return Ok(ImageFormat::Tiff);
    }
    match image::guess_format(bytes) {
        Ok(
            format @ (ImageFormat::Png
            | ImageFormat::Jpeg
            | ImageFormat::Tiff
            | ImageFormat::WebP
            | ImageFormat::Bmp),
        ) => Ok(format),
        _ => Err(Error::UnknownFormat),
    }
}

fn name_of(format: ImageFormat) -> &'static str {
    format
        .extensions_str()
        .iter()
        .find(|name| name.len() > 3)
        .or(format.extensions_str().first())
        .unwrap_or(&"?")
}

/// Converts to RGB, blending transparency with white; RGB images are not copied.
fn into_rgb(image: DynamicImage) -> RgbImage {
    if !image.color().has_alpha() {
        return image.into_rgb8();
    }
    let rgba = image.into_rgba8();
    let (width, height) = rgba.dimensions();
    let mut rgb = RgbImage::new(width, height);
    for (from, to) in rgba.pixels().zip(rgb.pixels_mut()) {
        let alpha = u32::from(from[3]);
        to.0 = [0, 1, 2].map(|channel| over_white(u32::from(from[channel]), alpha));
    }
    rgb
}

fn over_white(value: u32, alpha: u32) -> u8 {
    let blended = (value * alpha + 255 * (255 - alpha) + 127) / 255;
    u8::try_from(blended).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use image::{GrayImage, ImageBuffer, Luma, Rgb, Rgba, RgbaImage};

    use super::*;

    fn png<P>(image: &ImageBuffer<P, Vec<P::Subpixel>>) -> Vec<u8>
    where
        P: image::PixelWithColorType,
        [P::Subpixel]: image::EncodableLayout,
    {
        let mut bytes = Cursor::new(Vec::new());
        image.write_to(&mut bytes, ImageFormat::Png).unwrap();
        bytes.into_inner()
    }

    #[test]
    fn grayscale_16_bit_and_transparent_images_become_rgb() {
        let grey = GrayImage::from_pixel(3, 2, Luma([77]));
        assert_eq!(decode(&png(&grey), Limits::default()).unwrap().rgb.get_pixel(2, 1), &Rgb([77; 3]));
        let deep = ImageBuffer::<Luma<u16>, _>::from_pixel(3, 2, Luma([77 * 257]));
        assert_eq!(decode(&png(&deep), Limits::default()).unwrap().rgb.get_pixel(2, 1), &Rgb([77; 3]));
        let clear = RgbaImage::from_pixel(3, 2, Rgba([10, 20, 30, 0]));
        assert_eq!(decode(&png(&clear), Limits::default()).unwrap().rgb.get_pixel(0, 0), &Rgb([255; 3]));
        let solid = RgbaImage::from_pixel(3, 2, Rgba([10, 20, 30, 255]));
        assert_eq!(decode(&png(&solid), Limits::default()).unwrap().rgb.get_pixel(0, 0), &Rgb([10, 20, 30]));
    }

    #[test]
    fn files_that_are_not_images_differ_from_damaged_images() {
        assert!(matches!(decode(b"", Limits::default()), Err(Error::Empty)));
        assert!(matches!(decode(b"hello, pathologist", Limits::default()), Err(Error::UnknownFormat)));
        assert!(matches!(decode(b"GIF89a....", Limits::default()), Err(Error::UnknownFormat)));
        let whole =
            png(&RgbImage::from_fn(64, 64, |x, y| Rgb([((x * 7) ^ (y * 13)) as u8, x as u8, y as u8])));
        let error = decode(&whole[..whole.len() / 2], Limits::default()).unwrap_err();
        assert!(matches!(error, Error::Damaged { format: "png", .. }), "{error}");
    }

    #[test]
    fn the_pixel_limit_is_checked_before_memory_is_allocated() {
        let mut bomb = png(&GrayImage::new(1, 1));
        bomb[16..24].copy_from_slice(&[0, 0, 0x4e, 0x20, 0, 0, 0x4e, 0x20]);
        let checksum = crc32(&bomb[12..29]);
        bomb[29..33].copy_from_slice(&checksum.to_be_bytes());
        let error = decode(&bomb, Limits::default()).unwrap_err();
        assert!(matches!(error, Error::TooManyPixels { width: 20_000, height: 20_000, .. }), "{error}");
    }

    fn crc32(bytes: &[u8]) -> u32 {
        !bytes.iter().fold(u32::MAX, |crc, byte| {
            (0..8)
                .fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg()))
        })
    }

    #[test]
    fn codes_of_a_mask_are_unchanged() {
        let mask = GrayImage::from_fn(5, 1, |x, _| Luma([x as u8]));
        assert_eq!(decode_mask(&png(&mask), Limits::default()).unwrap(), mask);
    }

    #[test]
    fn color_transparency_and_16_bits_are_not_a_mask() {
        let deep = ImageBuffer::<Luma<u16>, _>::from_pixel(3, 2, Luma([257]));
        let cases = [
            (png(&RgbImage::new(2, 2)), "3 channels of 8 bits"),
            (png(&RgbaImage::new(2, 2)), "4 channels of 8 bits"),
            (png(&deep), "1 channel of 16 bits"),
        ];
        for (bytes, expected) in cases {
            let error = decode_mask(&bytes, Limits::default()).unwrap_err();
            assert!(matches!(error, Error::NotAMask { .. }), "{error}");
            assert!(error.to_string().contains(expected), "{error}");
        }
    }

    #[test]
    fn codes_of_a_palette_mask_are_its_indices() {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, 5, 2);
        encoder.set_color(png::ColorType::Indexed);
        encoder.set_depth(png::BitDepth::Four);
        encoder.set_palette(vec![9, 9, 9, 200, 0, 0, 0, 200, 0]);
        encoder.write_header().unwrap().write_image_data(&[0x01, 0x20, 0x10, 0x21, 0x00, 0x20]).unwrap();
        let mask = decode_mask(&bytes, Limits::default()).unwrap();
        assert_eq!(mask.into_raw(), [0, 1, 2, 0, 1, 2, 1, 0, 0, 2]);
    }

    proptest::proptest! {
        #[test]
        fn arbitrary_bytes_do_not_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..600), start in 0usize..4) {
            let magic: [&[u8]; 4] = [b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\0", b"BM"];
            let whole = [magic[start], &bytes].concat();
            let _ = decode(&whole, Limits { max_pixels: 1 << 16 });
            let _ = decode_mask(&whole, Limits { max_pixels: 1 << 16 });
        }
    }
}

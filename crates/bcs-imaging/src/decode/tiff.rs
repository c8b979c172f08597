//! TIFF and BigTIFF, in strips or tiles, also with JPEG, WebP or Zstandard inside: read into one buffer, which becomes the
//! image where its pixels are RGB already, or one strip or tile at a time.

use std::io::Cursor;

use image::metadata::Orientation;
use image::{DynamicImage, ImageBuffer, Rgb32FImage, Rgba32FImage};
use tiff::decoder::{BufferLayoutPreference, Decoder, DecodingResult, Limits};
use tiff::tags::Tag;
use tiff::{ColorType, TiffError};

use super::{Header, METADATA_BYTES};
use crate::error::Error;

const FORMAT: &str = "tiff";

/// Number of pixels above which an image is read in bands: smaller ones take little memory as a whole.
const BAND_PIXELS: u64 = 4 << 20;

/// Largest height of a strip or tile of an image that is read in bands.
const BAND_ROWS: usize = 1024;

/// A TIFF whose header has been read.
pub(super) struct Tiff<B: AsRef<[u8]>> {
    decoder: Decoder<Cursor<B>>,
    color: ColorType,
    size: (u32, u32),
    /// Whether the samples of a pixel lie side by side.
    interleaved: bool,
}

impl<B: AsRef<[u8]>> std::fmt::Debug for Tiff<B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tiff").field("color", &self.color).field("size", &self.size).finish_non_exhaustive()
    }
}

impl<B: AsRef<[u8]>> Tiff<B> {
    pub(super) fn open(bytes: B) -> Result<Self, Error> {
        let mut limits = Limits::unlimited();
        limits.ifd_value_size = METADATA_BYTES;
        let mut decoder = Decoder::new(Cursor::new(bytes)).map_err(error)?.with_limits(limits);
        let size = decoder.dimensions().map_err(error)?;
        let color = decoder.colortype().map_err(error)?;
        if samples(color).is_none() {
            return Err(unsupported(kind(color)));
        }
        let planes = decoder.find_tag_unsigned::<u16>(Tag::PlanarConfiguration).map_err(error)?;
        let interleaved = planes.is_none_or(|planes| planes == 1);
        Ok(Self { decoder, color, size, interleaved })
    }

    /// Returns height and width.
    pub(super) fn size(&self) -> [usize; 2] {
        [self.size.1 as usize, self.size.0 as usize]
    }

    /// Returns height and width of a strip or tile.
    pub(super) fn chunk(&self) -> [usize; 2] {
        let (width, height) = self.decoder.chunk_dimensions();
        [height.clamp(1, self.size.1.max(1)) as usize, width.max(1) as usize]
    }

    pub(super) fn header(&self) -> Header {
        let (width, height) = self.size;
        let samples = samples(self.color).unwrap_or(4);
        let bits = u64::from(self.color.bit_depth()).max(8);
        let own = samples * bits / 8;
        let converted = if matches!(self.color, ColorType::RGB(8) | ColorType::Gray(8)) { 0 } else { 3 };
        let bands = self.has_bands().then(|| self.chunk().map(|side| side as u64));
        Header { width, height, bytes_per_pixel: own + converted, bands }
    }

    /// Whether the image is large, and its strips or tiles are not, so that it is better read in bands.
    fn has_bands(&self) -> bool {
        let pixels = u64::from(self.size.0) * u64::from(self.size.1);
        pixels > BAND_PIXELS && self.chunk()[0] <= BAND_ROWS && self.interleaved
    }

    pub(super) fn orientation(&mut self) -> Result<Orientation, Error> {
        let value = self.decoder.find_tag(Tag::Orientation).map_err(error)?;
        let value = value.and_then(|value| u8::try_from(value.into_u16().ok()?).ok());
        Ok(value.and_then(Orientation::from_exif).unwrap_or(Orientation::NoTransforms))
    }

    /// Reads the pixels. The size must have been checked.
    pub(super) fn image(mut self) -> Result<DynamicImage, Error> {
        let (width, height) = self.size;
        let limits = self.limits(width as usize * height as usize);
        let mut buffer = DecodingResult::U8(Vec::new());
        self.decoder = self.decoder.with_limits(limits);
        let layout = self.decoder.read_image_to_buffer(&mut buffer).map_err(error)?;
        let buffer = interleaved(buffer, &layout)?;
        convert(buffer, self.color, width, height)
    }

    /// Limits the memory to that of one strip or tile, for [`chunk_image`](Self::chunk_image).
    pub(super) fn in_chunks(mut self) -> Self {
        let [rows, columns] = self.chunk();
        let limits = self.limits(rows * columns);
        self.decoder = self.decoder.with_limits(limits);
        self
    }

    /// Reads the strip or tile at this place, counted in strips or tiles; those at the edges of the image end with it.
    pub(super) fn chunk_image(&mut self, row: usize, column: usize) -> Result<DynamicImage, Error> {
        let across = self.size()[1].div_ceil(self.chunk()[1]);
        let index =
            u32::try_from(row * across + column).map_err(|_| damaged("it has too many tiles".to_owned()))?;
        let buffer = self.decoder.read_chunk(index).map_err(error)?;
        let (width, height) = self.decoder.chunk_data_dimensions(index);
        convert(buffer, self.color, width, height)
    }

    /// Returns the limits for reading this many pixels.
    fn limits(&self, pixels: usize) -> Limits {
        let mut limits = Limits::unlimited();
        limits.decoding_buffer_size = pixels.saturating_mul(self.header().bytes_per_pixel as usize);
        // A strip or tile may extend beyond the image, but not much.
        limits.intermediate_buffer_size = limits.decoding_buffer_size.saturating_add(METADATA_BYTES);
        limits.ifd_value_size = METADATA_BYTES;
        limits
    }
}

/// Number of samples of a pixel, if the colour type is supported.
fn samples(color: ColorType) -> Option<u64> {
    match color {
        ColorType::Gray(1 | 2 | 4 | 8 | 16) => Some(1),
        ColorType::Multiband { bit_depth: 8 | 16, num_samples: 2 } => Some(2),
        ColorType::RGB(8 | 16 | 32) | ColorType::YCbCr(8) => Some(3),
        ColorType::RGBA(8 | 16 | 32) | ColorType::CMYK(8 | 16) => Some(4),
        _ => None,
    }
}

/// Returns the samples of each pixel side by side, where the file has them in planes.
fn interleaved(buffer: DecodingResult, layout: &BufferLayoutPreference) -> Result<DecodingResult, Error> {
    if layout.planes <= 1 {
        return Ok(buffer);
    }
    let plane = layout.plane_stride.map_or(1, std::num::NonZeroUsize::get);
    match buffer {
        DecodingResult::U8(values) if values.len() == plane * layout.planes => {
            Ok(DecodingResult::U8(interleave(&values, plane)))
        }
        DecodingResult::U16(values) if values.len() * 2 == plane * layout.planes => {
            Ok(DecodingResult::U16(interleave(&values, plane / 2)))
        }
        _ => Err(unsupported("planes of this kind".to_owned())),
    }
}

fn interleave<T: Copy>(values: &[T], plane: usize) -> Vec<T> {
    (0..plane).flat_map(|at| values[at..].iter().step_by(plane).copied()).collect()
}

fn convert(buffer: DecodingResult, color: ColorType, width: u32, height: u32) -> Result<DynamicImage, Error> {
    use DynamicImage as Image;
    let image = match (buffer, color) {
        (DecodingResult::U8(values), ColorType::Gray(8)) => {
            ImageBuffer::from_raw(width, height, values).map(Image::ImageLuma8)
        }
        (DecodingResult::U8(values), ColorType::Gray(bits @ (1 | 2 | 4))) => {
            ImageBuffer::from_raw(width, height, expand(&values, bits, width)).map(Image::ImageLuma8)
        }
        (DecodingResult::U16(values), ColorType::Gray(16)) => {
            ImageBuffer::from_raw(width, height, values).map(Image::ImageLuma16)
        }
        (DecodingResult::U8(values), ColorType::Multiband { .. }) => {
            ImageBuffer::from_raw(width, height, values).map(Image::ImageLumaA8)
        }
        (DecodingResult::U16(values), ColorType::Multiband { .. }) => {
            ImageBuffer::from_raw(width, height, values).map(Image::ImageLumaA16)
        }
        (DecodingResult::U8(values), ColorType::RGB(8)) => {
            ImageBuffer::from_raw(width, height, values).map(Image::ImageRgb8)
        }
        (DecodingResult::U8(values), ColorType::YCbCr(8)) => {
            ImageBuffer::from_raw(width, height, from_ycbcr(values)).map(Image::ImageRgb8)
        }
        (DecodingResult::U16(values), ColorType::RGB(16)) => {
            ImageBuffer::from_raw(width, height, values).map(Image::ImageRgb16)
        }
        (DecodingResult::F32(values), ColorType::RGB(32)) => {
            Rgb32FImage::from_raw(width, height, values).map(Image::ImageRgb32F)
        }
        (DecodingResult::U8(values), ColorType::RGBA(8)) => {
            ImageBuffer::from_raw(width, height, values).map(Image::ImageRgba8)
        }
        (DecodingResult::U16(values), ColorType::RGBA(16)) => {
            ImageBuffer::from_raw(width, height, values).map(Image::ImageRgba16)
        }
        (DecodingResult::F32(values), ColorType::RGBA(32)) => {
            Rgba32FImage::from_raw(width, height, values).map(Image::ImageRgba32F)
        }
        (DecodingResult::U8(values), ColorType::CMYK(8)) => {
            ImageBuffer::from_raw(width, height, from_cmyk(&values)).map(Image::ImageRgb8)
        }
        (DecodingResult::U16(values), ColorType::CMYK(16)) => {
            let values: Vec<u8> = values.into_iter().map(|value| (value >> 8) as u8).collect();
            ImageBuffer::from_raw(width, height, from_cmyk(&values)).map(Image::ImageRgb8)
        }
        (_, color) => return Err(unsupported(format!("{} with samples of another type", kind(color)))),
    };
    image.ok_or_else(|| damaged("rows are missing".to_owned()))
}

/// Unpacks samples of 1, 2 or 4 bits and scales them to 0 to 255. Rows begin with a byte.
fn expand(packed: &[u8], bits: u8, width: u32) -> Vec<u8> {
    let most = u8::MAX >> (8 - bits);
    let (bits, width) = (usize::from(bits), width as usize);
    let rows = packed.chunks_exact((width * bits).div_ceil(8).max(1));
    rows.flat_map(|row| (0..width).map(move |x| super::unpack(row, x, bits) * (255 / most))).collect()
}

/// Converts YCbCr with the full range of JPEG (ITU-T T.871) to RGB, in place.
fn from_ycbcr(mut values: Vec<u8>) -> Vec<u8> {
    for pixel in values.as_chunks_mut::<3>().0 {
        let [y, cb, cr] = pixel.map(f32::from);
        let (cb, cr) = (cb - 128.0, cr - 128.0);
        let rgb = [y + 1.402 * cr, y - 0.344_136 * cb - 0.714_136 * cr, y + 1.772 * cb];
        *pixel = rgb.map(|value| value.round().clamp(0.0, 255.0) as u8);
    }
    values
}

fn from_cmyk(values: &[u8]) -> Vec<u8> {
    let pixels = values.as_chunks::<4>().0.iter();
    let rgb = |&[cyan, magenta, yellow, black]: &[u8; 4]| {
        let light = 1.0 - f32::from(black) / 255.0;
        [cyan, magenta, yellow].map(|ink| ((255.0 - f32::from(ink)) * light) as u8)
    };
    pixels.flat_map(rgb).collect()
}

fn kind(color: ColorType) -> String {
    match color {
        ColorType::Multiband { bit_depth, num_samples } => format!("{num_samples} bands of {bit_depth} bits"),
        other => format!("{other:?}").replace('(', " of ").replace(')', " bits"),
    }
}

fn unsupported(kind: String) -> Error {
    Error::Unsupported { format: FORMAT, kind }
}

fn damaged(reason: String) -> Error {
    Error::Damaged { format: FORMAT, reason }
}

fn error(error: TiffError) -> Error {
    match error {
        TiffError::UnsupportedError(kind) => unsupported(kind.to_string()),
        TiffError::LimitsExceeded => Error::TooMuchMemory { format: FORMAT },
        other => damaged(other.to_string()),
    }
}

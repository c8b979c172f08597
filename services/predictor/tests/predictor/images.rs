//! Test images.

use std::io::Cursor;

use image::{DynamicImage, GrayImage, ImageBuffer, ImageFormat, Luma, Rgb, RgbImage, Rgba, RgbaImage};

/// A patterned image.
pub(crate) fn rgb(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        Rgb([(x * 7 % 200) as u8 + 55, (y * 5 % 256) as u8, ((x ^ y) % 256) as u8])
    })
}

pub(crate) fn encode(image: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.into().write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

pub(crate) fn png(width: u32, height: u32) -> Vec<u8> {
    encode(rgb(width, height), ImageFormat::Png)
}

/// Images in every supported colour type and format: name, bytes, and width and height after decoding.
pub(crate) fn unusual() -> Vec<(&'static str, Vec<u8>, [u32; 2])> {
    let (width, height) = (48, 32);
    let size = [width, height];
    let grey = GrayImage::from_fn(width, height, |x, y| Luma([(x * y % 256) as u8]));
    let clear = RgbaImage::from_fn(width, height, |x, y| Rgba([x as u8, y as u8, 9, (x * 5) as u8]));
    let deep = ImageBuffer::<Rgb<u16>, _>::from_fn(width, height, |x, y| {
        Rgb([(x * 900) as u16, (y * 900) as u16, 7])
    });
    let photo = encode(rgb(width, height), ImageFormat::Jpeg);
    vec![
        ("grey", encode(grey, ImageFormat::Png), size),
        ("alpha", encode(clear, ImageFormat::Png), size),
        ("16 bit", encode(deep, ImageFormat::Png), size),
        ("palette", palette(width, height), size),
        ("cmyk", include_bytes!("fixtures/cmyk.jpg").to_vec(), size),
        ("rotated", rotated(&photo), [height, width]),
        ("jpeg", photo, size),
        ("tiff", encode(rgb(width, height), ImageFormat::Tiff), size),
        ("webp", encode(rgb(width, height), ImageFormat::WebP), size),
        ("bmp", encode(rgb(width, height), ImageFormat::Bmp), size),
    ]
}

/// A PNG with a palette of two colours.
fn palette(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Indexed);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_palette(vec![250, 240, 245, 150, 40, 120]);
    let indices: Vec<u8> = (0..width * height).map(|at| (at / 5 % 2) as u8).collect();
    encoder.write_header().unwrap().write_image_data(&indices).unwrap();
    bytes
}

/// A JPEG with the EXIF orientation 6 (rotated by 90°).
fn rotated(jpeg: &[u8]) -> Vec<u8> {
    let tiff = b"MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
    let exif = [b"Exif\0\0".as_slice(), tiff].concat();
    let length = u16::try_from(exif.len() + 2).unwrap().to_be_bytes();
    [&jpeg[..2], &[0xff, 0xe1], &length, &exif, &jpeg[2..]].concat()
}

/// A PNG of a few bytes whose header declares 20000×20000 pixels.
pub(crate) fn bomb() -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = png::Encoder::new(&mut bytes, 20_000, 20_000).write_header().unwrap();
    writer.write_chunk(png::chunk::IDAT, &[0x78, 0x9c, 0x01]).unwrap();
    drop(writer);
    bytes
}

/// A grey PNG of this size whose pixels are all the same, of a few kB.
pub(crate) fn flat(width: u32, height: u32) -> Vec<u8> {
    encode(GrayImage::from_pixel(width, height, Luma([200])), ImageFormat::Png)
}

/// A lossless WebP of a few bytes whose header states 16 383×16 383 pixels.
pub(crate) fn webp_bomb() -> Vec<u8> {
    let webp = encode(rgb(8, 8), ImageFormat::WebP);
    let at = webp.windows(4).position(|kind| kind == b"VP8L").unwrap();
    let mut chunk = webp[at..].to_vec();
    // After type, length and signature: width and height less one, in 14 bits each.
    chunk[9..13].copy_from_slice(&0x0fff_bffe_u32.to_le_bytes());
    let length = u32::try_from(chunk.len() + 4).unwrap().to_le_bytes();
    [b"RIFF".as_slice(), &length, b"WEBP", &chunk].concat()
}

/// Decodes a mask.
pub(crate) fn mask(bytes: &[u8]) -> GrayImage {
    bcs_imaging::decode::decode_mask(bytes, bcs_imaging::Limits::default()).unwrap()
}

/// Decodes an image response.
pub(crate) fn pixels(bytes: &[u8]) -> RgbImage {
    image::load_from_memory(bytes).unwrap().into_rgb8()
}

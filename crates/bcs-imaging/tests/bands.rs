//! Large TIFF files are read in bands, with the pixels of the whole image.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking, too")]

use std::io::Cursor;

use bcs_imaging::decode::{self, header};
use bcs_imaging::overlay::Overlay;
use bcs_imaging::{Limits, Raster, features};
use bcs_synthetic::Slide;
use bcs_tests::TiledTiff;
use bytes::Bytes;
use image::{GenericImageView, GrayImage, ImageFormat, Luma, RgbImage};

/// A region of 6 megapixels whose sides are no multiple of a tile.
const SIZE: [u32; 2] = [3003, 2001];

fn region() -> RgbImage {
    // Tissue of a smaller area, repeated: drawing all of it takes long in a debug build.
    let tissue = Slide::new(3, 0).render(500, 400).0;
    RgbImage::from_fn(SIZE[0], SIZE[1], |x, y| *tissue.get_pixel((x + y / 400) % 500, y % 400))
}

/// A tile of the region as in a file: those at its edges are filled with black.
fn tile(region: &RgbImage, side: u32, [y, x]: [u32; 2]) -> RgbImage {
    let mut tile = RgbImage::new(side, side);
    let (left, top) = (x * side, y * side);
    let inside = region.view(left, top, side.min(SIZE[0] - left), side.min(SIZE[1] - top)).to_image();
    image::imageops::replace(&mut tile, &inside, 0, 0);
    tile
}

/// The region in tiles of this side, which `encode` makes.
fn in_tiles(region: &RgbImage, side: u32, compression: u16, encode: impl Fn(&RgbImage) -> Vec<u8>) -> Bytes {
    let across = SIZE[0].div_ceil(side);
    let count = across * SIZE[1].div_ceil(side);
    let tiles: Vec<Vec<u8>> =
        (0..count).map(|at| encode(&tile(region, side, [at / across, at % across]))).collect();
    let tiff = TiledTiff { width: SIZE[0], height: SIZE[1], tile: side, compression, tiles: &tiles };
    tiff.write(|y, x| (y * across + x) as usize).into()
}

fn raw(tile: &RgbImage) -> Vec<u8> {
    tile.as_raw().clone()
}

fn deflated(tile: &RgbImage) -> Vec<u8> {
    miniz_oxide::deflate::compress_to_vec_zlib(tile.as_raw(), 1)
}

/// The region in strips of this height.
fn in_strips(region: &RgbImage, rows: u32) -> Bytes {
    let mut bytes = Cursor::new(Vec::new());
    let mut encoder = tiff::encoder::TiffEncoder::new(&mut bytes).unwrap();
    let mut image = encoder.new_image::<tiff::encoder::colortype::RGB8>(SIZE[0], SIZE[1]).unwrap();
    image.rows_per_strip(rows).unwrap();
    image.write_data(region.as_raw()).unwrap();
    bytes.into_inner().into()
}

fn open(bytes: &Bytes) -> Raster {
    decode::raster(bytes, Limits::default()).unwrap().0
}

/// Checks that the rows of a raster are those of an image, in the order in which windows are read.
fn check(raster: &Raster, image: &RgbImage) {
    assert!(matches!(raster, Raster::Bands(_)), "the image is read as a whole");
    assert_eq!(raster.size(), [image.height() as usize, image.width() as usize]);
    let stride = 3 * image.width() as usize;
    for start in [0, 168, 336, 168, 900, 1777, 1990, 0] {
        let rows = raster.rows(start..start + 224).unwrap();
        let length = 224.min(image.height() as usize - start) * stride;
        let read = &rows.image().as_raw()[(start - rows.top()) * stride..][..length];
        assert!(*read == image.as_raw()[start * stride..][..length], "rows from {start} on differ");
    }
}

#[test]
fn bands_have_the_pixels_of_the_image() {
    let region = region();
    for side in [16, 256, 1024] {
        check(&open(&in_tiles(&region, side, 1, raw)), &region);
        check(&open(&in_tiles(&region, side, 8, deflated)), &region);
    }
    for rows in [1, 7, 512] {
        check(&open(&in_strips(&region, rows)), &region);
    }
}

#[test]
fn bands_of_jpeg_tiles_have_the_pixels_of_the_decoded_image() {
    let jpeg = |tile: &RgbImage| {
        let mut bytes = Cursor::new(Vec::new());
        tile.write_to(&mut bytes, ImageFormat::Jpeg).unwrap();
        bytes.into_inner()
    };
    let region = region();
    let bytes = in_tiles(&region, 256, 7, jpeg);
    let decoded = decode::decode(&bytes, Limits::default()).unwrap().rgb;
    check(&open(&bytes), &decoded);
    let difference =
        decoded.as_raw().iter().zip(region.as_raw()).map(|(a, b)| u64::from(a.abs_diff(*b))).sum::<u64>();
    assert!(difference < 12 * region.as_raw().len() as u64, "the colours are others: {difference}");
    assert_eq!(open(&bytes).into_whole().unwrap(), decoded);
}

#[test]
fn an_image_in_one_strip_or_a_small_one_is_read_as_a_whole() {
    let region = region();
    assert!(matches!(open(&in_strips(&region, SIZE[1])), Raster::Whole(image) if image == region));
    let mut small = Cursor::new(Vec::new());
    region.view(0, 0, 64, 64).to_image().write_to(&mut small, ImageFormat::Tiff).unwrap();
    assert!(matches!(open(&small.into_inner().into()), Raster::Whole(_)));
}

#[test]
fn features_and_overlays_are_those_of_the_whole_image() {
    let region = region();
    let bytes = in_tiles(&region, 256, 8, deflated);
    assert_eq!(
        features::measure_raster(&open(&bytes), [224; 2]).unwrap(),
        features::measure(&region, [224; 2])
    );

    let mask = GrayImage::from_fn(SIZE[0], SIZE[1], |x, y| Luma([((x / 90 + y / 70) % 3) as u8]));
    let palette = [None, Some(bcs_contracts::Color([200, 0, 0])), Some(bcs_contracts::Color([0, 90, 200]))];
    let overlay = Overlay { mask: &mask, palette: &palette, alpha: 0.4, legend: None };
    let pixels = |bytes: Vec<u8>| image::load_from_memory(&bytes).unwrap().into_rgb8();
    let (whole, bands) = (overlay.png(region.clone().into()).unwrap(), overlay.png(open(&bytes)).unwrap());
    assert!(pixels(whole) == pixels(bands), "the overlays differ");
    assert_eq!(overlay.jpeg(region.into()).unwrap(), overlay.jpeg(open(&bytes)).unwrap());
}

#[test]
fn a_damaged_tile_is_an_error_of_its_rows() {
    let region = region();
    let bytes = in_tiles(&region, 256, 8, deflated);
    // Each tile begins with the header of zlib; the last ones are made unreadable.
    let mut damaged = bytes.to_vec();
    let end = damaged.len() - 2000;
    damaged[end - 400_000..end].fill(0xff);
    let raster = open(&damaged.into());
    assert!(raster.rows(0..224).is_ok());
    let error = raster.rows(1777..2001).unwrap_err();
    assert!(matches!(error, bcs_imaging::Error::Damaged { format: "tiff", .. }), "{error}");
}

#[test]
fn bands_take_a_part_of_the_memory() {
    let stated = header(&in_tiles(&region(), 256, 1, raw), Limits::default()).unwrap();
    assert!(stated.has_bands());
    let large = TiledTiff {
        width: 20_000,
        height: 20_000,
        tile: 256,
        compression: 1,
        tiles: &[vec![0; 256 * 256 * 3]],
    };
    let limits = Limits { max_pixels: 400_000_000 };
    let stated = header(&large.write(|_, _| 0), limits).unwrap();
    assert!(stated.raster_bytes(224) < 160_000_000, "{}", stated.raster_bytes(224));
    assert!(stated.peak_bytes() > 2_000_000_000);
}

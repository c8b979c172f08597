//! Large tiled TIFF files, of which the server reads a band at a time.

use bcs_synthetic::Slide;
use bcs_tests::TiledTiff;
use image::{GenericImageView, GrayImage, ImageFormat, RgbImage};
use serde_json::Value;

use crate::images;
use crate::server::Server;

/// Side of a tile of the file.
const TILE: u32 = 256;

/// Distance of two windows of the model of the tests, and their side.
const STEP: u32 = 48;
const WINDOW: u32 = 64;

/// Number of different tiles.
const TILES: u32 = 16;

/// A large image: synthetic tissue in tiles of a file, each of which occurs many times.
struct Large {
    side: u32,
    tiles: Vec<RgbImage>,
}

impl Large {
    fn new(side: u32) -> Self {
        let tissue = Slide::new(5, 0).render(4 * TILE, TILES / 4 * TILE).0;
        let tile = |at: u32| tissue.view(at % 4 * TILE, at / 4 * TILE, TILE, TILE).to_image();
        Self { side, tiles: (0..TILES).map(tile).collect() }
    }

    /// Position of the tile in a row and column of the file.
    fn tile(y: u32, x: u32) -> usize {
        ((y * 7 + x * 13 + (y * x) % 5) % TILES) as usize
    }

    fn tiff(&self) -> Vec<u8> {
        let deflated = |tile: &RgbImage| miniz_oxide::deflate::compress_to_vec_zlib(tile.as_raw(), 1);
        let tiles: Vec<Vec<u8>> = self.tiles.iter().map(deflated).collect();
        let (width, height) = (self.side, self.side);
        TiledTiff { width, height, tile: TILE, compression: 8, tiles: &tiles }.write(Self::tile)
    }

    /// Cuts out a square.
    fn crop(&self, left: u32, top: u32, side: u32) -> RgbImage {
        RgbImage::from_fn(side, side, |x, y| {
            let (x, y) = (left + x, top + y);
            *self.tiles[Self::tile(y / TILE, x / TILE)].get_pixel(x % TILE, y % TILE)
        })
    }
}

/// The segmentation of a part of an image is that of the same part of the whole, except where windows that reach beyond the
/// part are blended: a square that begins with a window has the windows of the whole image.
#[tokio::test]
async fn a_large_image_is_segmented_as_its_parts_are() {
    // 20000 in scripts/large, which takes minutes.
    let side = std::env::var("BCS_LARGE_SIDE").map_or(2500, |side| side.parse().unwrap());
    let large = Large::new(side);
    let pixels = u64::from(side) * u64::from(side);
    let settings = format!(
        "limits: {{memory: 2.2GB, process_memory: 350MB, max_pixels: {pixels}, request_timeout: 3600}}"
    );
    let server = Server::ready_with(&[], &settings).await;
    let response = server.predict("?output=mask", large.tiff()).await;
    assert_eq!(response.status(), 200, "{:?}", response.text().await);
    let limits = bcs_imaging::Limits { max_pixels: pixels };
    let mask = bcs_imaging::decode::decode_mask(&response.bytes().await.unwrap(), limits).unwrap();
    assert_eq!(mask.dimensions(), (side, side));
    let peak = server.peak_memory();
    println!("peak memory with {side}×{side} pixels: {} MB", peak / 1_000_000);
    assert!(peak < 1_500_000_000, "{peak} bytes");

    let last = (side - WINDOW) / STEP - 10;
    for (left, top) in [(0, 0), (1, 3), (last / 2, last), (last, last / 3)] {
        let (left, top, part) = (left * STEP, top * STEP, WINDOW + 9 * STEP);
        let crop = images::encode(large.crop(left, top, part), ImageFormat::Png);
        let part_mask = images::mask(&server.predict("?output=mask", crop).await.bytes().await.unwrap());
        let border = WINDOW - STEP;
        let inside = |mask: &GrayImage, x: u32, y: u32| {
            let size = part - 2 * border;
            mask.view(x + border, y + border, size, size).to_image()
        };
        assert!(inside(&mask, left, top) == inside(&part_mask, 0, 0), "the part at {left}, {top} differs");
    }
}

#[tokio::test]
async fn all_outputs_of_a_tiff_in_bands_are_those_of_the_same_png() {
    let large = Large::new(2100);
    let server = Server::ready_with(&[], "limits: {memory: 1.5GB}").await;
    let png = images::encode(large.crop(0, 0, 2100), ImageFormat::Png);
    for query in ["?output=mask", "", "?output=json"] {
        let answer = async |bytes: Vec<u8>| {
            let response = server.predict(query, bytes).await;
            assert_eq!(response.status(), 200, "{query}");
            response.bytes().await.unwrap()
        };
        let (from_tiff, from_png) = (answer(large.tiff()).await, answer(png.clone()).await);
        if query == "?output=json" {
            let features = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).unwrap()["features"].clone();
            let (tiff, png) = (features(&from_tiff), features(&from_png));
            for (name, value) in png.as_object().unwrap() {
                // Sums over rows depend on which rows were finished together.
                let difference = (tiff[name].as_f64().unwrap() - value.as_f64().unwrap()).abs();
                assert!(difference < 1e-9 * value.as_f64().unwrap().abs().max(1.0), "{name}: {difference}");
            }
        } else if query.is_empty() {
            assert!(images::pixels(&from_tiff) == images::pixels(&from_png), "the overlays differ");
        } else {
            assert!(from_tiff == from_png, "{query}");
        }
    }
}

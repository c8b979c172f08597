//! Files made to cost memory or to break the decoders, each with a bound on the memory of a process that decodes it.

// It is read from /proc.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking, too")]

use std::io::Cursor;
use std::path::Path;
use std::process::Command;

use bcs_imaging::decode::{Limits, decode, decode_mask, header};
use bcs_tests::{TiffTag, tiff_directory};
use image::{DynamicImage, ImageFormat, RgbImage};
use proptest::prelude::*;

/// Name of the file that the child process decodes.
const FILE: &str = "BCS_TEST_FILE";

/// Limit of pixels in these tests.
const LIMITS: Limits = Limits { max_pixels: 4 << 20 };

/// Most bytes that decoding may add to the memory of the process: the peak of an image of the limit in RGBA, and metadata.
const MOST: u64 = 64 << 20;

#[test]
#[ignore = "the child process of files_that_claim_much_memory_get_little"]
fn child_process() {
    let Some(file) = std::env::var_os(FILE) else { return };
    let bytes = std::fs::read(file).unwrap();
    // Once before, so that the code is loaded.
    let _ = decode(&valid()[0], LIMITS);
    let before = peak();
    let outcome = match decode(&bytes, LIMITS) {
        Ok(image) => format!("{:?}", image.rgb.dimensions()),
        Err(error) => error.to_string(),
    };
    let _ = decode_mask(&bytes, LIMITS);
    println!("added {} {outcome}", peak() - before);
}

/// Largest resident memory of this process in bytes.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches("kB").trim().parse::<u64>().unwrap() * 1024
}

/// Decodes bytes in a process of their own, and returns how much memory that added, and the outcome.
fn decode_apart(folder: &Path, bytes: &[u8]) -> (u64, String) {
    let file = folder.join("image");
    std::fs::write(&file, bytes).unwrap();
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child_process", "--ignored", "--nocapture"])
        .env(FILE, &file)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = text.lines().find_map(|line| line.split_once("added ")).unwrap_or_else(|| panic!("{text}"));
    let (added, outcome) = line.1.split_once(' ').unwrap();
    (added.parse().unwrap(), outcome.to_owned())
}

/// A PNG of 8×8 pixels with a chunk of this type before its pixels.
fn png_with_chunk(kind: [u8; 4], data: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = png::Encoder::new(&mut bytes, 8, 8).write_header().unwrap();
    writer.write_chunk(png::chunk::ChunkType(kind), data).unwrap();
    writer.write_image_data(&[9; 64]).unwrap();
    writer.finish().unwrap();
    bytes
}

/// A grey PNG of this size whose pixels are all the same.
fn flat_png(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = png::Encoder::new(&mut bytes, width, height).write_header().unwrap();
    writer.write_image_data(&vec![0; width as usize * height as usize]).unwrap();
    writer.finish().unwrap();
    bytes
}

/// A little-endian TIFF with these tags.
fn tiff(tags: &[TiffTag], tail: &[u8]) -> Vec<u8> {
    [&b"II*\0\x08\0\0\0"[..], &tiff_directory(tags), tail].concat()
}

/// A TIFF of 8×8 grey pixels in one strip, with more tags.
fn small_tiff(more: &[TiffTag]) -> Vec<u8> {
    // More than the tags need, so that the offset does not depend on their number.
    let data = 256;
    let mut tags = vec![
        (256, 3, 1, 8),
        (257, 3, 1, 8),
        (258, 3, 1, 8),
        (259, 3, 1, 1),
        (262, 3, 1, 1),
        (273, 4, 1, data),
        (277, 3, 1, 1),
        (278, 3, 1, 8),
        (279, 4, 1, 64),
    ];
    tags.retain(|tag| more.iter().all(|other| other.0 != tag.0));
    tags.extend_from_slice(more);
    tags.sort_unstable();
    tiff(&tags, &[7; 320])
}

/// A TIFF of 8×8 grey pixels in a tile of 61 440×61 440.
fn large_tile() -> Vec<u8> {
    let size =
        [(256, 3, 1, 8), (257, 3, 1, 8), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1), (277, 3, 1, 1)];
    let tile = [(322, 4, 1, 61_440), (323, 4, 1, 61_440), (324, 4, 1, 256), (325, 4, 1, 64)];
    tiff(&[size.as_slice(), &tile].concat(), &[7; 320])
}

/// A lossless WebP whose header states 16 383×16 383 pixels.
fn large_webp() -> Vec<u8> {
    let webp = encoded(ImageFormat::WebP, RgbImage::new(8, 8));
    let at = webp.windows(4).position(|kind| kind == b"VP8L").unwrap();
    let mut chunk = webp[at..].to_vec();
    // After type, length and signature: width and height less one, in 14 bits each.
    chunk[9..13].copy_from_slice(&0x0fff_bffe_u32.to_le_bytes());
    let length = u32::try_from(chunk.len() + 4).unwrap().to_le_bytes();
    [b"RIFF".as_slice(), &length, b"WEBP", &chunk].concat()
}

#[test]
fn files_that_claim_much_memory_get_little() {
    let profile = miniz_oxide::deflate::compress_to_vec_zlib(&vec![0; 300 << 20], 1);
    let icc = [b"name\0\0".as_slice(), &profile].concat();
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("PNG with a profile of 300 MB", png_with_chunk(*b"iCCP", &icc), "(8, 8)"),
        ("PNG with text of 300 MB", png_with_chunk(*b"zTXt", &icc), "(8, 8)"),
        ("PNG of 16k×16k", flat_png(16_384, 16_384), "16384×16384 pixels"),
        ("PNG at the limit", flat_png(2048, 2048), "(2048, 2048)"),
        ("WebP of 16k×16k", large_webp(), "16383×16383 pixels"),
        ("TIFF of 4G×4G", tiff(&[(256, 4, 1, u32::MAX), (257, 4, 1, u32::MAX)], &[]), "tiff"),
        ("TIFF with a tile of 60k×60k", large_tile(), "tiff"),
        ("TIFF with a profile of 1 GB", small_tiff(&[(34_675, 1, 1 << 30, 8)]), "(8, 8)"),
        ("TIFF with 500 million strips", small_tiff(&[(273, 4, 500_000_000, 8)]), "tiff"),
    ];
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes, expected) in cases {
        let (added, outcome) = decode_apart(folder.path(), &bytes);
        assert!(added < MOST, "{name}: {added} bytes, {outcome}");
        assert!(outcome.contains(expected), "{name}: {outcome}");
    }
}

#[test]
fn decoding_needs_no_more_than_the_header_says() {
    // Besides a few MiB for tables and rows.
    let folder = tempfile::tempdir().unwrap();
    let image = RgbImage::from_fn(2000, 2000, |x, y| image::Rgb([x as u8, y as u8, (x ^ y) as u8]));
    let deep = DynamicImage::ImageRgb8(image.clone()).into_rgba16();
    let mut cases: Vec<Vec<u8>> =
        [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::Tiff, ImageFormat::WebP, ImageFormat::Bmp]
            .map(|format| encoded(format, image.clone()))
            .into();
    for format in [ImageFormat::Png, ImageFormat::Tiff] {
        cases.push(encoded(format, deep.clone()));
    }
    for bytes in cases {
        let stated = header(&bytes, LIMITS).unwrap().peak_bytes() + (4 << 20);
        let (added, outcome) = decode_apart(folder.path(), &bytes);
        assert!(outcome == "(2000, 2000)" && added <= stated, "{added} of {stated}: {outcome}");
    }
}

#[test]
fn kinds_that_cannot_be_read_are_named() {
    let kinds: [(&[TiffTag], &str); 4] = [
        (&[(258, 3, 1, 32), (339, 3, 1, 3)], "Gray of 32 bits"),
        (&[(262, 3, 1, 8)], "Lab"),
        (&[(262, 3, 1, 3)], "RGBPalette"),
        (&[(258, 3, 1, 64)], "64"),
    ];
    for (tags, kind) in kinds {
        let bytes = small_tiff(tags);
        let error = decode(&bytes, LIMITS).unwrap_err();
        assert!(matches!(error, bcs_imaging::Error::Unsupported { format: "tiff", .. }), "{kind}: {error:?}");
        assert!(error.to_string().contains(kind), "{kind}: {error}");
    }
    assert_eq!(decode(&small_tiff(&[]), LIMITS).unwrap().rgb.get_pixel(3, 3).0, [7; 3]);
}

#[test]
fn the_seeds_of_the_fuzz_target_are_images() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/decode");
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let image = decode(&std::fs::read(&path).unwrap(), LIMITS);
        assert!(image.is_ok(), "{}: {:?}", path.display(), image.err());
    }
}

fn encoded(format: ImageFormat, image: impl Into<DynamicImage>) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.into().write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// A small valid file of each format.
fn valid() -> Vec<Vec<u8>> {
    let image = RgbImage::from_fn(37, 23, |x, y| image::Rgb([(x * 7) as u8, (y * 5) as u8, (x ^ y) as u8]));
    let formats =
        [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::Tiff, ImageFormat::WebP, ImageFormat::Bmp];
    let mut files: Vec<_> = formats.map(|format| encoded(format, image.clone())).into();
    let clear = DynamicImage::ImageRgb8(image).into_rgba8();
    files.push(encoded(ImageFormat::WebP, clear.clone()));
    files.push(encoded(ImageFormat::Tiff, clear));
    files
}

/// A change of a file: where, how, and with which byte.
type Edit = (prop::sample::Index, u8, u8);

fn mutate(bytes: &mut Vec<u8>, edits: &[Edit]) {
    for (at, kind, byte) in edits {
        let at = at.index(bytes.len());
        match kind {
            0 => bytes[at] = *byte,
            1 => bytes[at] ^= 1 << (byte % 8),
            2 => drop(bytes.remove(at)),
            3 => bytes.insert(at, *byte),
            // The last bytes are missing, or a part is repeated.
            4 => bytes.truncate(at.max(20)),
            _ => bytes.extend_from_within(at..),
        }
    }
}

/// Computes the checksums of the chunks of a PNG anew, so that changes get past them.
fn mend_png(bytes: &mut [u8]) {
    let mut at = 8;
    while let Some(length) =
        bytes.get(at..at + 4).map(|length| u32::from_be_bytes(length.try_into().unwrap()))
    {
        let end = at.saturating_add(8).saturating_add(length as usize);
        let Some(chunk) = bytes.get(at + 4..end) else { return };
        let checksum = crc32(chunk).to_be_bytes();
        let Some(stored) = bytes.get_mut(end..end + 4) else { return };
        stored.copy_from_slice(&checksum);
        at = end + 4;
    }
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg()))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    /// Valid files with a few changes give an image within the limit or an error.
    #[test]
    fn mutated_files_do_not_panic(
        file in any::<prop::sample::Index>(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), 0u8..6, any::<u8>()), 1..8),
        mended: bool,
    ) {
        let mut bytes = file.get(&valid()).clone();
        mutate(&mut bytes, &edits);
        if mended {
            mend_png(&mut bytes);
        }
        let limits = Limits { max_pixels: 1 << 16 };
        if let Ok(image) = decode(&bytes, limits) {
            prop_assert!(u64::from(image.rgb.width()) * u64::from(image.rgb.height()) <= limits.max_pixels);
        }
        let _ = decode_mask(&bytes, limits);
        let _ = header(&bytes, limits);
    }
}

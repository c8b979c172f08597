use bcs_contracts::features::Embedding;
use image::Rgb;
use image::imageops::{flip_horizontal, rotate90};
use proptest::prelude::*;

use super::*;
use crate::fake::{Colors, red};
use crate::segmentation::Segmentation;

/// An engine that records the largest number of pixels in one call.
struct Largest(usize, Colors);

impl Engine for Largest {
    fn info(&self) -> &ModelInfo {
        self.1.info()
    }

    fn set_threads(&mut self, _threads: std::num::NonZeroUsize) {}

    fn run(
        &mut self,
        pixels: &[u8],
        shape: [usize; 3],
        border: &Border,
        logits: &mut [f32],
    ) -> Result<Vec<Embedding>, Error> {
        self.0 = self.0.max(shape.iter().product());
        self.1.run(pixels, shape, border, logits)
    }
}

fn image(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| Rgb([(x * 3 % 256) as u8, (y * 5 % 256) as u8, 9]))
}

#[test]
fn pixelwise_outputs_do_not_depend_on_the_windows() {
    for mode in [BlendMode::Constant, BlendMode::Gaussian] {
        for (width, height) in [(32, 32), (40, 33), (100, 75), (20, 90), (17, 16)] {
            let image = image(width, height);
            let window = SlidingWindow { mode, batch: 3, ..SlidingWindow::default() };
            let logits = window.run(&mut red(), &image).unwrap();
            assert_eq!((logits.width, logits.height), (width as usize, height as usize));
            for (at, pixel) in image.pixels().enumerate() {
                let expected = f32::from(pixel[0]) - f32::from(pixel[1]);
                let area = (width * height) as usize;
                assert!((logits.values[area + at] - expected).abs() < 1e-3, "{width}×{height} at {at}");
                assert!(logits.values[at].abs() < 1e-6);
            }
        }
    }
}

#[test]
fn batches_have_at_most_the_given_number_of_windows() {
    let mut engine = Largest(0, red());
    let window = SlidingWindow { batch: 2, ..SlidingWindow::default() };
    window.run(&mut engine, &image(200, 200)).unwrap();
    assert_eq!(engine.0, 2 * 32 * 32);
}

#[test]
fn too_small_images_are_errors_with_the_least_size() {
    let error = SlidingWindow::default().run(&mut red(), &image(1, 1)).unwrap_err();
    assert!(error.to_string().contains("16×16"), "{error}");
    let images = [image(40, 40), image(40, 15)];
    let mut engine = Largest(0, red());
    assert!(SlidingWindow::default().run_all(&mut engine, &images).is_err());
    assert_eq!(engine.0, 0, "the engine ran before the sizes were checked");
}

#[test]
fn images_of_any_sizes_run_together_as_they_do_alone() {
    let sizes = [(32, 32), (40, 33), (32, 32), (100, 75), (20, 90), (17, 16), (32, 32), (32, 40)];
    let images: Vec<_> = sizes.iter().map(|(width, height)| image(*width, *height)).collect();
    for mode in [BlendMode::Constant, BlendMode::Gaussian] {
        for batch in [1, 3, 64] {
            let window = SlidingWindow { mode, batch, ..SlidingWindow::default() };
            let together = window.run_all(&mut red(), &images).unwrap();
            for (image, logits) in images.iter().zip(&together) {
                assert_eq!(*logits, window.run(&mut red(), image).unwrap());
            }
        }
    }
    assert!(SlidingWindow::default().run_all(&mut red(), &[]).unwrap().is_empty());
}

#[test]
fn windows_of_several_images_share_batches() {
    let images = [image(32, 32), image(32, 32), image(32, 32)];
    let mut engine = Largest(0, red());
    SlidingWindow::default().run_all(&mut engine, &images).unwrap();
    assert_eq!(engine.0, 3 * 32 * 32);
}

/// An engine whose logits depend on where a pixel lies in the window.
struct Positional(Colors);

impl Engine for Positional {
    fn info(&self) -> &ModelInfo {
        self.0.info()
    }

    fn set_threads(&mut self, _threads: std::num::NonZeroUsize) {}

    fn run(
        &mut self,
        pixels: &[u8],
        shape: [usize; 3],
        border: &Border,
        logits: &mut [f32],
    ) -> Result<Vec<Embedding>, Error> {
        let embeddings = self.0.run(pixels, shape, border, logits)?;
        let (rows, columns) = (border.top + shape[1] + border.bottom, border.left + shape[2] + border.right);
        for (at, value) in logits.iter_mut().enumerate() {
            let (y, x) = (at / columns % rows, at % columns);
            *value = *value / 100.0 + (y % 7) as f32 / 3.0 - (x % 5) as f32 / 5.0;
        }
        Ok(embeddings)
    }
}

/// An engine whose divisor, least size and tile differ between the axes.
fn oblong() -> Positional {
    Positional(red().with(|info| {
        info.tile = [24, 32];
        info.size_divisor = [4, 16];
        info.min_size = [4, 16];
    }))
}

fn assert_close(a: &Logits, b: &Logits, tolerance: f32) {
    assert_eq!((a.height, a.width), (b.height, b.width));
    let difference = a.values.iter().zip(&b.values).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(difference < tolerance, "{difference}");
}

/// Flips or rotates logits as `turn` does an image.
fn turned(logits: &Logits, turn: impl Fn(&RgbImage) -> RgbImage) -> Logits {
    // The image holds the index of each pixel.
    let index = RgbImage::from_fn(logits.width as u32, logits.height as u32, |x, y| {
        let [_, high, middle, low] = (y * logits.width as u32 + x).to_be_bytes();
        Rgb([high, middle, low])
    });
    let index = turn(&index);
    let area = logits.height * logits.width;
    let source = |pixel: &Rgb<u8>| u32::from_be_bytes([0, pixel[0], pixel[1], pixel[2]]) as usize;
    let values = (0..logits.classes).flat_map(|class| {
        index.pixels().map(move |pixel| logits.values[class * area + source(pixel)]).collect::<Vec<_>>()
    });
    Logits {
        classes: logits.classes,
        height: index.height() as usize,
        width: index.width() as usize,
        values: values.collect(),
        embedding: logits.embedding,
    }
}

#[test]
fn pixelwise_outputs_do_not_depend_on_padding_or_views() {
    let paddings = ["fit", "constant", "constant=3", "reflect", "replicate", "circular"];
    for (width, height) in [(40, 33), (20, 90), (17, 16), (18, 31)] {
        let image = image(width, height);
        let plain = SlidingWindow::default().run(&mut red(), &image).unwrap();
        for padding in paddings.map(|name| name.parse().unwrap()) {
            let window = SlidingWindow { padding, ..SlidingWindow::default() };
            assert_close(&window.run(&mut red(), &image).unwrap(), &plain, 1e-3);
            for tta in [TestTimeAugmentation::Flips, TestTimeAugmentation::FlipsAndRotations] {
                let window = SlidingWindow { tta, ..window };
                let segmentation = |logits: &Logits| Segmentation::from_logits(logits).unwrap();
                let averaged = segmentation(&window.run(&mut red(), &image).unwrap());
                assert_eq!(averaged.class_pixels, segmentation(&plain).class_pixels);
                assert!((averaged.confidence - segmentation(&plain).confidence).abs() < 1e-5);
            }
        }
    }
}

#[test]
fn with_padding_images_may_be_smaller_than_the_network_accepts() {
    for padding in [Padding::Constant(0.0), Padding::Replicate] {
        let window = SlidingWindow { padding, ..SlidingWindow::default() };
        let logits = window.run(&mut red(), &image(3, 1)).unwrap();
        assert_eq!((logits.height, logits.width), (1, 3));
        assert!(window.run(&mut red(), &RgbImage::new(0, 5)).is_err());
    }
    // 32 − 11 = 21 pixels: 10 before the image and 11 after it, one more than can be mirrored.
    for (padding, largest) in [(Padding::Reflect, 11), (Padding::Circular, 10)] {
        let window = SlidingWindow { padding, ..SlidingWindow::default() };
        let error = window.run(&mut red(), &image(40, largest)).unwrap_err().to_string();
        assert!(error.contains(&padding.to_string()) && error.contains("replicate"), "{error}");
        assert!(window.run(&mut red(), &image(40, largest + 1)).is_ok());
    }
}

#[test]
fn arguments_out_of_range_are_named() {
    let error = |window: SlidingWindow| {
        let mut engine = Largest(0, red());
        let error = window.run(&mut engine, &image(64, 64)).unwrap_err().to_string();
        assert_eq!(engine.0, 0, "the engine ran before the arguments were checked");
        error
    };
    let default = SlidingWindow::default();
    for overlap in [[1.0, 0.5], [0.5, -0.1], [f64::NAN, 0.0]] {
        assert!(error(SlidingWindow { overlap, ..default }).contains("overlap"));
    }
    for sigma_scale in [[0.0, 0.1], [0.1, f64::INFINITY]] {
        assert!(error(SlidingWindow { sigma_scale, ..default }).contains("sigma_scale"));
    }
    for roi in [[0, 32], [32, 33], [8, 32]] {
        let message = error(SlidingWindow { roi: Some(roi), ..default });
        assert!(message.contains("8×8") && message.contains("16×16"), "{message}");
    }
}

#[test]
fn rotated_views_must_have_the_least_size_too() {
    let window = SlidingWindow { tta: TestTimeAugmentation::FlipsAndRotations, ..SlidingWindow::default() };
    // 4 rows are enough for the image, but a rotated view has 4 columns.
    let error = window.run(&mut oblong(), &image(40, 4)).unwrap_err().to_string();
    assert!(error.contains("40×4") && error.contains("16×16"), "{error}");
    let flips = SlidingWindow { tta: TestTimeAugmentation::Flips, ..window };
    assert!(flips.run(&mut oblong(), &image(40, 4)).is_ok());
    assert!(
        SlidingWindow { padding: Padding::Replicate, ..window }.run(&mut oblong(), &image(40, 4)).is_ok()
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_turned_image_has_the_turned_segmentation(
        width in 16u32..70, height in 16u32..70, overlap in 0.0f64..0.8, constant in any::<bool>(),
        padding in prop::sample::select(vec![Padding::Fit, Padding::Constant(0.5), Padding::Reflect]),
    ) {
        let window = SlidingWindow {
            overlap: [overlap, 0.25],
            mode: if constant { BlendMode::Constant } else { BlendMode::Gaussian },
            padding,
            tta: TestTimeAugmentation::FlipsAndRotations,
            ..SlidingWindow::default()
        };
        let image = image(width, height);
        let logits = window.run(&mut oblong(), &image).unwrap();
        for turn in [|image: &RgbImage| rotate90(image), |image: &RgbImage| flip_horizontal(image)] {
            let turned_logits = window.run(&mut oblong(), &turn(&image)).unwrap();
            assert_close(&turned_logits, &turned(&logits, turn), 1e-4);
        }
    }

    #[test]
    fn window_sizes_and_batches_do_not_change_the_sums(
        width in 16u32..90, height in 16u32..90, rows in 2usize..6, columns in 2usize..6, batch in 1usize..9,
    ) {
        let window = SlidingWindow { roi: Some([rows * 8, columns * 8]), ..SlidingWindow::default() };
        let image = image(width, height);
        let single = SlidingWindow { batch: 1, ..window }.run(&mut Positional(red()), &image).unwrap();
        let batched = SlidingWindow { batch, ..window }.run(&mut Positional(red()), &image).unwrap();
        prop_assert!(single == batched);
    }
}

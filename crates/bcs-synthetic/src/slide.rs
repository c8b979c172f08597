//! A synthetic slide, and the drawing of its top-left region.

use image::{GrayImage, RgbImage};
use rayon::prelude::*;

use crate::{
    fields::Fields,
    key::{Key, Purpose},
    scanner::Scanner,
    scene::Scene,
    stain::Stain,
    tissue::Tissue,
};

/// Rows per band; even, because of the 2×2 chroma subsampling.
const BAND_ROWS: usize = 64;

/// A synthetic slide: an unbounded plane of tissue at 0.25 µm/px.
///
/// Slides differ in the composition of the tissue (share of each class; size, density and atypia of tumour nuclei;
/// direction of collagen fibres), in colour and strength of the stains, and in white point, gamma, sharpness and noise of
/// the scanner. All of it, and every pixel, is determined by a seed and a slide number, whatever the number of threads.
#[derive(Clone, Debug)]
pub struct Slide {
    pub(crate) key: Key,
    pub(crate) tissue: Tissue,
    pub(crate) fields: Fields,
    pub(crate) stain: Stain,
    pub(crate) scanner: Scanner,
}

impl Slide {
    /// Creates slide number `index` of the set with this seed. The slides of a set differ like those of different
    /// patients, stained and scanned in different hospitals.
    pub fn new(seed: u64, index: u64) -> Self {
        let key = Key { seed, index };
        let tissue = Tissue::draw(&mut key.rng(Purpose::Tissue));
        Self {
            key,
            tissue,
            fields: Fields::new(key, tissue),
            stain: Stain::draw(&mut key.rng(Purpose::Stain)),
            scanner: Scanner::draw(&mut key.rng(Purpose::Scanner)),
        }
    }

    /// Draws the top-left region of the slide, `width` × `height` px at 0.25 µm/px. Returns the image and its mask, with
    /// one BCSS code per pixel.
    ///
    /// The codes are 0 (outside the region of interest, in one corner of some images), 1 (tumour), 2 (stroma),
    /// 3 (lymphocytic infiltrate), 4 (necrosis or debris), 9 (fat) and 21 (other: holes and background). A region of at
    /// least 896×896 px has tumour and stroma on every slide; a smaller one may have a single class.
    pub fn render(&self, width: u32, height: u32) -> (RgbImage, GrayImage) {
        let (mut image, mut mask) = (RgbImage::new(width, height), GrayImage::new(width, height));
        if width == 0 || height == 0 {
            return (image, mask);
        }
        let scene = Scene::lay_out(self, width, height);
        let band = BAND_ROWS * width as usize;
        image.par_chunks_mut(3 * band).zip(mask.par_chunks_mut(band)).enumerate().for_each(
            |(i, (pixels, codes))| {
                scene.draw(i * BAND_ROWS, pixels, codes);
            },
        );
        (image, mask)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::GenericImageView;

    fn in_pool(threads: usize, slide: &Slide) -> (RgbImage, GrayImage) {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        pool.install(|| slide.render(150, 170))
    }

    #[test]
    fn pixels_do_not_depend_on_the_number_of_threads() {
        let drawn = Slide::new(11, 3).render(150, 170);
        assert!(drawn == Slide::new(11, 3).render(150, 170));
        assert!(drawn == in_pool(1, &Slide::new(11, 3)));
        assert!(drawn == in_pool(2, &Slide::new(11, 3)));
    }

    #[test]
    fn a_small_region_is_the_corner_of_a_large_one() {
        let slide = Slide::new(5, 8);
        let (small, large) = (slide.render(96, 70).0, slide.render(200, 140).0);
        assert!(small == large.view(0, 0, 96, 70).to_image());
    }

    #[test]
    fn slides_differ_by_seed_and_by_number() {
        let images =
            [(1, 0), (1, 1), (2, 0), (2, 1)].map(|(seed, index)| Slide::new(seed, index).render(48, 48).0);
        for (i, image) in images.iter().enumerate() {
            assert!(images[..i].iter().all(|other| other != image));
        }
    }

    #[test]
    fn masks_have_only_the_documented_codes() {
        for index in 0..4 {
            let (image, mask) = Slide::new(9, index).render(200, 130);
            assert_eq!((image.dimensions(), mask.dimensions()), ((200, 130), (200, 130)));
            assert!(mask.pixels().all(|code| [0, 1, 2, 3, 4, 9, 21].contains(&code.0[0])));
        }
    }

    #[test]
    fn tumour_is_darker_than_stroma_and_holes_are_bright() {
        let (mut sum, mut count) = ([0_u64; 22], [0_u64; 22]);
        for index in 0..3 {
            let (image, mask) = Slide::new(4, index).render(256, 256);
            for (pixel, code) in image.pixels().zip(mask.pixels()) {
                sum[usize::from(code.0[0])] += u64::from(pixel.0[0]);
                count[usize::from(code.0[0])] += 1;
            }
        }
        let red = |code: usize| sum[code] as f64 / count[code] as f64;
        assert!(red(1) + 20.0 < red(2), "tumour {}, stroma {}", red(1), red(2));
        assert!(red(21) > 200.0, "holes {}", red(21));
    }

    #[test]
    fn an_empty_region_has_no_pixels() {
        assert_eq!(Slide::new(1, 1).render(0, 5).0.len(), 0);
    }
}

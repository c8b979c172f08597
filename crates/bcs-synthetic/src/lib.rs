//! Synthetic H&E tissue with segmentation masks, for training, tests and demonstrations without real data.
//!
//! A [`Slide`] is an unbounded plane of breast-cancer tissue at 0.25 µm/px. Its appearance (staining, scanner, tissue
//! composition) depends on a seed and a slide number only. [`Slide::render`] draws the top-left region of the plane with
//! its mask in BCSS codes.
//!
//! # Layout
//! The layout of a slide:
//! - `key`: random number streams of a slide
//! - `tissue`: parameters of composition and appearance
//! - `fields`: one smooth random field per tissue class, thresholded so that each class has its share of the slide
//! - `regions`: the class of each position in the region being drawn
//! - `points`: jittered hexagonal lattices, the positions of cells
//! - `roi`: the border of the annotated region
//!
//! The stain in each tissue class, and its nuclei:
//! - `stroma`, `nests` (tumour), `lymphocytes`, `necrosis`, `fat`: one tissue class each
//! - `nuclei`: drawing of nuclei
//! - `noise`: gradient noise
//!
//! From stain to pixels:
//! - `canvas`: amounts of stain in a band of rows
//! - `scene`: drawing of one band
//! - `stain`: from amounts of stain to optical density
//! - `scanner`: from optical density to pixels
//! - `slide`: the slide, and its drawing in parallel bands
//!
//! The result does not depend on the number of threads: each band depends on the layout, which is drawn from ChaCha8, and
//! on noise that is a hash of the position.

mod canvas;
mod fat;
mod fields;
mod key;
mod lymphocytes;
mod necrosis;
mod nests;
mod noise;
mod nuclei;
mod points;
mod regions;
mod roi;
mod scanner;
mod scene;
mod slide;
mod stain;
mod stroma;
mod tissue;

pub use slide::Slide;

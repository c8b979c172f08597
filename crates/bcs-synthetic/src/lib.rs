//! Synthetic H&E tissue, for training, tests and demonstrations where no real data is at hand.
//!
//! A [`Slide`] is an endless plane of breast-cancer tissue at 0.25 um/px whose appearance follows from
//! a seed and a slide number alone: how the laboratory stained it, how the scanner saw it, and what
//! grows in it. [`Slide::render`] draws the plane's top-left region with its annotation in BCSS codes.
//!
//! How a picture comes about:
//!
//! 1. `fields` turns noise into one smooth score per tissue class, and cuts the scores so that each
//!    class gets its share of the slide; `regions` samples them for the part being drawn.
//! 2. `stroma`, `nests`, `lymphocytes`, `necrosis` and `fat` say how much haematoxylin and eosin the
//!    ground of each class takes up, and where its nuclei lie; `nuclei` draws those.
//! 3. `stain` turns the amounts of dye into light, and `scanner` turns the light into pixels.
//!
//! Nothing depends on the number of threads: the picture is drawn in bands of rows, and each band reads
//! only the layout, which is drawn from ChaCha8, and noise, which is a hash of the place.

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

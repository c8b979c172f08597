//! Composition of the tissue of a slide, and appearance of its cells.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

/// Composition and appearance of the tissue of a slide. Lengths are in px of 0.25 µm.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tissue {
    pub(crate) shares: Shares,
    pub(crate) nests: TumourAppearance,
    pub(crate) stroma: StromaAppearance,
    /// Distance between adipocytes.
    pub(crate) adipocyte_pitch: f32,
    /// Distance between lymphocytes in an infiltrate.
    pub(crate) lymphocyte_pitch: f32,
}

/// Share of the area of each class, in [0, 1]; the rest is stroma.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shares {
    pub(crate) tumour: f32,
    pub(crate) lymphocytes: f32,
    pub(crate) necrosis: f32,
    pub(crate) fat: f32,
    pub(crate) other: f32,
}

/// Appearance of tumour.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TumourAppearance {
    /// Width of a nest.
    pub(crate) size: f32,
    /// Aspect ratio of nests, along the fibres: from 1 (islands) to 3 (cords).
    pub(crate) stretch: f32,
    /// Typical radius of a nucleus.
    pub(crate) radius: f32,
    /// Distance between nuclei.
    pub(crate) pitch: f32,
    /// Variation of nuclei in size and shape, from 0 (uniform) to 1 (pleomorphic).
    pub(crate) atypia: f32,
    /// Haematoxylin in the nuclei.
    pub(crate) chromatin: f32,
    /// Clearing of the nuclei, from 0 (solid) to 1 (vesicular).
    pub(crate) vesicular: f32,
    /// Fraction of shrunken, dark nuclei.
    pub(crate) dark: f32,
    /// Haematoxylin and eosin in the cytoplasm.
    pub(crate) cytoplasm: [f32; 2],
    /// Width of the gaps between cells.
    pub(crate) gaps: f32,
    /// Fraction of the cytoplasm taken by vacuoles.
    pub(crate) bubbles: f32,
}

/// Appearance of stroma.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StromaAppearance {
    /// Main direction of the fibres, in radians.
    pub(crate) angle: f32,
    /// Deviation of fibres from the main direction, from 0 to 1.
    pub(crate) wander: f32,
    /// Eosin in the collagen.
    pub(crate) collagen: f32,
    /// Haematoxylin in the ground substance between fibres.
    pub(crate) ground: f32,
    /// Looseness of the fibres, from 0 (dense) to 1 (loose).
    pub(crate) loose: f32,
    /// Amplitude of the crimp of collagen.
    pub(crate) crimp: f32,
    /// Distance between fibroblasts.
    pub(crate) fibroblast_pitch: f32,
}

impl Tissue {
    pub(crate) fn draw(rng: &mut ChaCha8Rng) -> Self {
        Self {
            shares: Shares::draw(rng),
            nests: TumourAppearance::draw(rng),
            stroma: StromaAppearance::draw(rng),
            adipocyte_pitch: rng.random_range(95.0..165.0),
            lymphocyte_pitch: rng.random_range(21.0..26.0),
        }
    }
}

impl Shares {
    /// Maximum share of all classes other than tumour and stroma.
    const MAX_MINOR: f32 = 0.34;

    fn draw(rng: &mut ChaCha8Rng) -> Self {
        let mut some = |probability: f64, from: f32, to: f32| {
            let share = rng.random_range(from..to);
            if rng.random_bool(probability) { share } else { 0.0 }
        };
        let (tumour, other) = (some(1.0, 0.28, 0.46), some(1.0, 0.02, 0.08));
        let (lymphocytes, necrosis, fat) =
            (some(0.9, 0.04, 0.16), some(0.7, 0.04, 0.15), some(0.6, 0.06, 0.17));
        let shrink = (Self::MAX_MINOR / (lymphocytes + necrosis + fat + other)).min(1.0);
        Self {
            tumour,
            lymphocytes: lymphocytes * shrink,
            necrosis: necrosis * shrink,
            fat: fat * shrink,
            other: other * shrink,
        }
    }
}

impl TumourAppearance {
    fn draw(rng: &mut ChaCha8Rng) -> Self {
        let radius = rng.random_range(11.5..16.0);
        Self {
            size: rng.random_range(130.0..280.0),
            stretch: rng.random_range(1.0..2.6),
            radius,
            pitch: radius * rng.random_range(2.3..2.85),
            atypia: rng.random_range(0.2..1.0),
            chromatin: rng.random_range(0.95..1.25),
            vesicular: rng.random_range(0.4..0.95),
            dark: rng.random_range(0.02..0.14),
            cytoplasm: [rng.random_range(0.27..0.5), rng.random_range(0.3..0.5)],
            gaps: rng.random_range(0.0..2.6),
            bubbles: rng.random_range(0.0..0.08),
        }
    }
}

impl StromaAppearance {
    fn draw(rng: &mut ChaCha8Rng) -> Self {
        Self {
            angle: rng.random_range(0.0..std::f32::consts::PI),
            wander: rng.random_range(0.4..1.0),
            collagen: rng.random_range(0.5..0.8),
            ground: rng.random_range(0.06..0.28),
            loose: rng.random_range(0.1..1.0),
            crimp: rng.random_range(1.0..5.0),
            fibroblast_pitch: rng.random_range(42.0..64.0),
        }
    }
}

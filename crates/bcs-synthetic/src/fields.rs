//! Smooth random fields, one score per tissue class, with thresholds that give each class its share of the slide.

use crate::{
    key::{Key, Purpose},
    noise::{fbm, gradient, warp},
    tissue::Tissue,
};

/// Side of the square at the top-left corner of the slide in which the classes have their shares, in px.
const REFERENCE_PX: usize = 896;
/// Distance between the positions at which the scores are sampled for the thresholds, in px.
const REFERENCE_STEP: usize = 16;

/// Threshold above all scores.
const OUT_OF_REACH: f32 = 1e3;

/// Scores at one position, relative to the thresholds: a class is present where its score is positive.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scores {
    pub(crate) other: f32,
    pub(crate) fat: f32,
    pub(crate) tumour: f32,
    pub(crate) necrosis: f32,
    pub(crate) lymphocytes: f32,
    /// Coordinate across the fibres, in px; constant along a fibre.
    pub(crate) across: f32,
    /// Relative thickness of the section, with mean 1.
    pub(crate) thickness: f32,
}

/// Score fields of a slide.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fields {
    key: Key,
    tissue: Tissue,
    sin: f32,
    cos: f32,
    cuts: Cuts,
}

/// Threshold of each class.
#[derive(Clone, Copy, Debug)]
struct Cuts {
    other: f32,
    fat: f32,
    tumour: f32,
    necrosis: f32,
    lymphocytes: f32,
}

impl Fields {
    pub(crate) fn new(key: Key, tissue: Tissue) -> Self {
        let (sin, cos) = tissue.stroma.angle.sin_cos();
        let cuts = Cuts { other: 0.0, fat: 0.0, tumour: 0.0, necrosis: 0.0, lymphocytes: 0.0 };
        let uncut = Self { key, tissue, sin, cos, cuts };
        Self { cuts: uncut.cut(), ..uncut }
    }

    /// Scores at a position in px, relative to the thresholds.
    pub(crate) fn at(&self, x: f32, y: f32) -> Scores {
        let (wx, wy) = warp(self.key.noise(Purpose::TumourField), x, y, 70.0, 16.0);
        let (u, v) = self.rotate(wx, wy);
        let nests = &self.tissue.nests;
        let noise = |purpose, size: f32, stretch: f32, octaves| {
            fbm(self.key.noise(purpose), u / (size * stretch), v / size, octaves)
        };
        let tumour = noise(Purpose::TumourField, nests.size, nests.stretch, 2);
        Scores {
            other: noise(Purpose::OtherField, 130.0, 1.7, 2) - self.cuts.other,
            fat: noise(Purpose::FatField, 420.0, 1.0, 1) - 0.3 * tumour - self.cuts.fat,
            tumour: tumour - self.cuts.tumour,
            necrosis: tumour + 0.7 * noise(Purpose::NecrosisField, 240.0, 1.0, 1) - self.cuts.necrosis,
            lymphocytes: noise(Purpose::LymphocyteField, 200.0, 1.3, 2) + 0.3 * tumour
                - self.cuts.lymphocytes,
            across: self.across(x, y, tumour),
            thickness: 1.0 + 0.18 * gradient(self.key.noise(Purpose::Tissue), x / 260.0, y / 260.0),
        }
    }

    /// Coordinates along and across the main direction of the fibres, in px.
    pub(crate) fn rotate(&self, x: f32, y: f32) -> (f32, f32) {
        (x * self.cos + y * self.sin, y * self.cos - x * self.sin)
    }

    /// Fibres deviate from the main direction at random, and follow the contours of the tumour score around nests.
    fn across(&self, x: f32, y: f32, tumour: f32) -> f32 {
        let (u, v) = self.rotate(x, y);
        let wander = gradient(self.key.noise(Purpose::FibreField), u / 400.0, v / 400.0);
        v + self.tissue.stroma.wander * 130.0 * wander + 0.3 * self.tissue.nests.size * tumour
    }

    /// Thresholds that give each class its share, in the order in which classes cover each other.
    fn cut(&self) -> Cuts {
        let step = REFERENCE_STEP;
        let count = REFERENCE_PX / step;
        let place = |i: usize| (i * step + step / 2) as f32;
        let mut left: Vec<Scores> =
            (0..count * count).map(|i| self.at(place(i % count), place(i / count))).collect();
        let all = left.len() as f32;
        let mut take = |share: f32, score: fn(&Scores) -> f32| {
            let cut = highest(&left, share * all, score);
            left.retain(|scores| score(scores) <= cut);
            cut
        };
        let shares = self.tissue.shares;
        let other = take(shares.other, |s| s.other);
        let fat = take(shares.fat, |s| s.fat);
        // Necrosis lies within nests, lymphocytic infiltrates outside.
        let tumour = highest(&left, (shares.tumour + shares.necrosis) * all, |s| s.tumour);
        let (nests, rest): (Vec<_>, Vec<_>) = left.into_iter().partition(|scores| scores.tumour > tumour);
        let necrosis = highest(&nests, shares.necrosis * all, |s| s.necrosis);
        let lymphocytes = highest(&rest, shares.lymphocytes * all, |s| s.lymphocytes);
        Cuts { other, fat, tumour, necrosis, lymphocytes }
    }
}

/// Threshold above which `count` of the scores lie; [`OUT_OF_REACH`] for none.
fn highest(scores: &[Scores], count: f32, score: fn(&Scores) -> f32) -> f32 {
    let count = count.round() as usize;
    if count == 0 || scores.is_empty() {
        return OUT_OF_REACH;
    }
    let mut values: Vec<f32> = scores.iter().map(score).collect();
    values.sort_unstable_by(|a, b| b.total_cmp(a));
    values[count.min(values.len() - 1)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_requested_number_of_scores_is_above_the_threshold() {
        let slide = crate::Slide::new(1, 6);
        let scores: Vec<Scores> = (0..100).map(|i| slide.fields.at(i as f32 * 31.0, 50.0)).collect();
        let cut = highest(&scores, 30.0, |s| s.tumour);
        assert_eq!(scores.iter().filter(|s| s.tumour > cut).count(), 30);
        assert_eq!(highest(&scores, 0.0, |s| s.tumour), OUT_OF_REACH);
    }
}

//! Random crop.

use rand::Rng;
use serde::{Deserialize, Serialize};

use super::check::{Check, require};
use super::resample::Window;
use crate::error::Error;
use crate::tiles::Tile;

/// Random crop, as MONAI's `RandSpatialCropSamples`, or `RandCropByLabelClasses` where it is balanced.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Crop {
    /// Height and width in pixels; `None` for whole tiles.
    pub size: Option<[usize; 2]>,
    /// How the centre is drawn.
    pub balanced: Balance,
    /// Number of crops of each tile in an epoch.
    pub num_samples: usize,
}

/// How the centre of a crop is drawn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged, expecting = "must be true, false, or one weight per class, as [1, 3]")]
pub enum Balance {
    /// `false`: all crops of a tile are as likely. `true`: the class of the centre is drawn first, among those that the tile
    /// has, each as likely.
    Even(bool),
    /// The class of the centre is drawn first, among those that the tile has, with these weights.
    Weights(Vec<f64>),
}

impl Default for Crop {
    fn default() -> Self {
        Self { size: None, balanced: Balance::Even(false), num_samples: 1 }
    }
}

impl Check for Crop {
    fn check(&self, name: &str) -> Result<(), Error> {
        if let Some(size) = self.size {
            require(size.iter().all(|side| *side > 0), name, "size", || {
                format!("is {size:?}; height and width must be at least 1")
            })?;
        }
        require(self.num_samples > 0, name, "num_samples", || "is 0; it must be at least 1".to_owned())?;
        if let Balance::Weights(weights) = &self.balanced {
            let valid = weights.iter().all(|weight| *weight >= 0.0 && weight.is_finite());
            require(valid && weights.iter().any(|weight| *weight > 0.0), name, "balanced", || {
                format!("is {weights:?}; weights must be at least 0, and one of them above")
            })?;
        }
        Ok(())
    }
}

impl Crop {
    /// Draws the window of a crop: the whole tile if there is no size. Tiles must not be smaller than the crop.
    pub(super) fn window(&self, tile: &Tile, random: &mut impl Rng) -> Window {
        let sides = [tile.height, tile.width];
        let size = self.size.unwrap_or(sides);
        let origin = match self.centre(tile, random) {
            Some(centre) => [0, 1].map(|axis| {
                centre[axis].saturating_sub(size[axis] / 2).min(sides[axis].saturating_sub(size[axis]))
            }),
            None => [0, 1].map(|axis| random.random_range(0..=sides[axis].saturating_sub(size[axis]))),
        };
        Window { origin, size }
    }

    /// Draws a pixel of a class that is drawn first; `None` if the crop is not balanced, or the tile has no class.
    fn centre(&self, tile: &Tile, random: &mut impl Rng) -> Option<[usize; 2]> {
        self.size?;
        let mut counts = [0usize; 256];
        let weight = |class: usize| match &self.balanced {
            Balance::Even(balanced) => {
                f64::from(u8::from(*balanced && class != usize::from(bcs_contracts::IGNORE)))
            }
            Balance::Weights(weights) => weights.get(class).copied().unwrap_or(0.0),
        };
        tile.classes.iter().for_each(|class| counts[usize::from(*class)] += 1);
        let present: Vec<(usize, f64)> = (0..counts.len())
            .filter(|class| counts[*class] > 0)
            .map(|class| (class, weight(class)))
            .filter(|(_, weight)| *weight > 0.0)
            .collect();
        let mut left = present.iter().map(|(_, weight)| weight).sum::<f64>() * random.random::<f64>();
        let drawn = present.iter().find(|(_, weight)| {
            left -= weight;
            left < 0.0
        });
        let class = drawn.or(present.last())?.0;
        let nth = random.random_range(0..counts[class]);
        let at =
            tile.classes.iter().enumerate().filter(|(_, other)| usize::from(**other) == class).nth(nth)?.0;
        Some([at / tile.width, at % tile.width])
    }
}

#[cfg(test)]
mod tests {
    use bcs_contracts::IGNORE;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    /// A tile of class 0 with one row of class 1, and the first row ignored.
    fn tile() -> Tile {
        let (width, height) = (40, 30);
        let class = |y: usize| [IGNORE, 0, 1][usize::from(y > 0) + usize::from(y == 20)];
        let classes = (0..width * height).map(|at| class(at / width)).collect();
        Tile { width, height, pixels: vec![0; width * height * 3], classes }
    }

    fn windows(balanced: Balance) -> Vec<Window> {
        let crop = Crop { size: Some([9, 12]), balanced, num_samples: 1 };
        let mut random = ChaCha8Rng::seed_from_u64(5);
        (0..2000).map(|_| crop.window(&tile(), &mut random)).collect()
    }

    /// Share of the windows whose centre is in the row of class 1.
    fn share(windows: &[Window]) -> f64 {
        let hit = windows.iter().filter(|window| window.origin[0] + 4 == 20).count();
        hit as f64 / windows.len() as f64
    }

    #[test]
    fn windows_lie_in_the_tile_and_reach_all_its_borders() {
        for balanced in [Balance::Even(false), Balance::Even(true), Balance::Weights(vec![1.0, 0.0])] {
            let windows = windows(balanced);
            let rows: Vec<usize> = windows.iter().map(|window| window.origin[0]).collect();
            let columns: Vec<usize> = windows.iter().map(|window| window.origin[1]).collect();
            assert_eq!((rows.iter().min(), rows.iter().max()), (Some(&0), Some(&21)));
            assert_eq!((columns.iter().min(), columns.iter().max()), (Some(&0), Some(&28)));
        }
    }

    #[test]
    fn rare_classes_are_drawn_as_often_as_their_weights_say() {
        // Of 22 origins of rows, one is centred on the row of class 1.
        assert!((share(&windows(Balance::Even(false))) - 1.0 / 22.0).abs() < 0.02);
        assert!((share(&windows(Balance::Even(true))) - 0.5).abs() < 0.05);
        assert!((share(&windows(Balance::Weights(vec![1.0, 3.0]))) - 0.75).abs() < 0.05);
        assert_eq!(share(&windows(Balance::Weights(vec![0.0, 3.0]))), 1.0);
    }

    #[test]
    fn a_tile_without_a_class_is_cropped_anywhere() {
        let mut tile = tile();
        tile.classes.fill(IGNORE);
        let crop = Crop { size: Some([9, 12]), balanced: Balance::Even(true), num_samples: 1 };
        let mut random = ChaCha8Rng::seed_from_u64(5);
        let origins: std::collections::BTreeSet<[usize; 2]> =
            (0..50).map(|_| crop.window(&tile, &mut random).origin).collect();
        assert!(origins.len() > 40);
    }
}

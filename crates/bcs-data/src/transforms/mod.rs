//! Augmentation of training tiles. A new transform is a file and its lines in [`Augmentation`].
//!
//! Every random choice is a function of (seed, epoch, index) alone. Each transform has a random stream of its own, so that
//! turning one on or off changes no choice of the others. Geometric transforms apply to image and mask alike, masks by the
//! nearest pixel; colour transforms apply to the image only. Crop, affine and elastic are one resampling.

mod affine;
mod channel_jitter;
mod check;
mod colour_jitter;
mod crop;
mod cutmix;
mod elastic;
mod flip;
mod gaussian_blur;
mod gaussian_noise;
mod jpeg;
mod macenko;
mod mixup;
mod random;
mod resample;
mod rot90;
mod stain_jitter;
#[cfg(test)]
mod tests;

use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

pub use self::affine::Affine;
pub use self::channel_jitter::ChannelJitter;
pub use self::colour_jitter::ColourJitter;
pub use self::crop::{Balance, Crop};
pub use self::cutmix::CutMix;
pub use self::elastic::Elastic;
pub use self::flip::{HorizontalFlip, VerticalFlip};
pub use self::gaussian_blur::GaussianBlur;
pub use self::gaussian_noise::GaussianNoise;
pub use self::jpeg::Jpeg;
pub use self::macenko::Macenko;
pub use self::mixup::MixUp;
pub use self::resample::PaddingMode;
pub use self::rot90::Rot90;
pub use self::stain_jitter::StainJitter;

use self::check::Check;
use self::random::Stream;
use self::resample::Resampling;
use crate::error::Error;
use crate::loader::Batch;
use crate::tiles::Tile;

/// Augmentation of training tiles, in the order of application. Transforms whose `prob` is 0 are off.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Augmentation {
    /// What lies outside of a tile.
    pub padding_mode: PaddingMode,
    /// Random crop.
    pub crop: Crop,
    /// Random affine map.
    pub affine: Affine,
    /// Random elastic deformation.
    pub elastic: Elastic,
    /// Random flip left to right.
    pub horizontal_flip: HorizontalFlip,
    /// Random flip upside down.
    pub vertical_flip: VerticalFlip,
    /// Random rotation by a multiple of 90°.
    pub rot90: Rot90,
    /// Stain normalization.
    pub macenko: Macenko,
    /// Random amounts of haematoxylin and eosin.
    pub stain_jitter: StainJitter,
    /// Random blur.
    pub gaussian_blur: GaussianBlur,
    /// Random scale and shift of each channel.
    pub channel_jitter: ChannelJitter,
    /// Random brightness, contrast, saturation and hue.
    pub colour_jitter: ColourJitter,
    /// Random noise.
    pub gaussian_noise: GaussianNoise,
    /// Random JPEG compression.
    pub jpeg: Jpeg,
    /// Weighted means of two tiles.
    pub mixup: MixUp,
    /// Rectangles of other tiles.
    pub cutmix: CutMix,
}

/// A transform of a tile that keeps its size.
trait Transform {
    /// Transforms a tile in place.
    fn apply(&self, tile: &mut Tile, random: &mut ChaCha8Rng);
}

impl Augmentation {
    /// Returns the augmentation that changes nothing.
    pub fn none() -> Self {
        Self {
            padding_mode: PaddingMode::Reflection,
            crop: Crop::default(),
            affine: Affine::default(),
            elastic: Elastic::default(),
            horizontal_flip: HorizontalFlip::default(),
            vertical_flip: VerticalFlip::default(),
            rot90: Rot90::default(),
            macenko: Macenko::default(),
            stain_jitter: StainJitter::default(),
            gaussian_blur: GaussianBlur::default(),
            channel_jitter: ChannelJitter::default(),
            colour_jitter: ColourJitter::default(),
            gaussian_noise: GaussianNoise::default(),
            jpeg: Jpeg::default(),
            mixup: MixUp::default(),
            cutmix: CutMix::default(),
        }
    }

    /// Checks the ranges of all options.
    ///
    /// # Errors
    /// [`Error::Augmentation`] with the key, its value and the valid range.
    pub fn check(&self) -> Result<(), Error> {
        for (name, prob) in self.clone().probabilities() {
            check::within(name, "prob", *prob, 0.0..=1.0)?;
        }
        let options: [(&str, &dyn Check); 12] = [
            ("crop", &self.crop),
            ("affine", &self.affine),
            ("elastic", &self.elastic),
            ("stain_jitter", &self.stain_jitter),
            ("macenko", &self.macenko),
            ("gaussian_blur", &self.gaussian_blur),
            ("channel_jitter", &self.channel_jitter),
            ("colour_jitter", &self.colour_jitter),
            ("gaussian_noise", &self.gaussian_noise),
            ("jpeg", &self.jpeg),
            ("mixup", &self.mixup),
            ("cutmix", &self.cutmix),
        ];
        options.iter().try_for_each(|(name, options)| options.check(name))
    }

    /// Returns an augmented tile; `seed`, `epoch` and `index` (of the tile) determine the random choices.
    pub fn apply(&self, tile: &Tile, seed: u64, epoch: u64, index: u64) -> Tile {
        let stream = Stream { seed, epoch, index };
        let mut tile = self.resampling(tile, stream).apply(tile, self.padding_mode);
        let transforms: [(&str, f64, &dyn Transform); 10] = [
            ("horizontal_flip", self.horizontal_flip.prob, &self.horizontal_flip),
            ("vertical_flip", self.vertical_flip.prob, &self.vertical_flip),
            ("rot90", self.rot90.prob, &self.rot90),
            ("macenko", self.macenko.prob, &self.macenko),
            ("stain_jitter", self.stain_jitter.prob, &self.stain_jitter),
            ("gaussian_blur", self.gaussian_blur.prob, &self.gaussian_blur),
            ("channel_jitter", self.channel_jitter.prob, &self.channel_jitter),
            ("colour_jitter", self.colour_jitter.prob, &self.colour_jitter),
            ("gaussian_noise", self.gaussian_noise.prob, &self.gaussian_noise),
            ("jpeg", self.jpeg.prob, &self.jpeg),
        ];
        for (name, prob, transform) in transforms {
            if let Some(mut random) = stream.draw(name, prob) {
                transform.apply(&mut tile, &mut random);
            }
        }
        tile
    }

    fn resampling(&self, tile: &Tile, stream: Stream) -> Resampling {
        let mut resampling = Resampling::of(self.crop.window(tile, &mut stream.of("crop")));
        if let Some(mut random) = stream.draw("affine", self.affine.prob) {
            resampling.map = Some(self.affine.map(resampling.window.size, &mut random));
        }
        if let Some(mut random) = stream.draw("elastic", self.elastic.prob) {
            resampling.displacement = Some(self.elastic.displacement(resampling.window.size, &mut random));
        }
        resampling
    }

    /// Mixes the tiles of a batch with each other; `seed`, `epoch` and `index` (of the batch) determine the random choices.
    pub fn mix(&self, batch: &mut Batch, seed: u64, epoch: u64, index: u64) {
        let stream = Stream { seed, epoch, index };
        if let Some(mut random) = stream.draw("cutmix", self.cutmix.prob) {
            self.cutmix.apply(batch, &mut random);
        }
        if let Some(mut random) = stream.draw("mixup", self.mixup.prob) {
            self.mixup.apply(batch, &mut random);
        }
    }

    /// Whether pixels may be ignored that the label map does not ignore.
    pub fn ignores(&self) -> bool {
        self.padding_mode == PaddingMode::Ignore && (self.affine.prob > 0.0 || self.elastic.prob > 0.0)
    }

    /// Names of the transforms that are on, in the order of application.
    pub fn active(&self) -> Vec<&'static str> {
        let crop = self.crop.size.map(|_| "crop");
        let mut all = self.clone();
        let others = all.probabilities().into_iter().filter(|(_, prob)| **prob > 0.0).map(|(name, _)| name);
        crop.into_iter().chain(others).collect()
    }

    /// Whether the transform `name` mixes the tiles of a batch.
    pub fn mixes(name: &str) -> bool {
        ["cutmix", "mixup"].contains(&name)
    }

    /// Returns one of the [`active`](Self::active) transforms alone, applied always. Tiles are whole, unless they are cropped
    /// to the size of their batch.
    pub fn only(&self, name: &str) -> Self {
        let mut only = self.clone();
        for (known, prob) in only.probabilities() {
            *prob = f64::from(u8::from(known == name));
        }
        if name != "crop" && !Self::mixes(name) {
            only.crop = Crop::default();
        }
        only
    }

    /// Names and probabilities of all transforms but the crop, in the order of application.
    fn probabilities(&mut self) -> [(&'static str, &mut f64); 14] {
        [
            ("affine", &mut self.affine.prob),
            ("elastic", &mut self.elastic.prob),
            ("horizontal_flip", &mut self.horizontal_flip.prob),
            ("vertical_flip", &mut self.vertical_flip.prob),
            ("rot90", &mut self.rot90.prob),
            ("macenko", &mut self.macenko.prob),
            ("stain_jitter", &mut self.stain_jitter.prob),
            ("gaussian_blur", &mut self.gaussian_blur.prob),
            ("channel_jitter", &mut self.channel_jitter.prob),
            ("colour_jitter", &mut self.colour_jitter.prob),
            ("gaussian_noise", &mut self.gaussian_noise.prob),
            ("jpeg", &mut self.jpeg.prob),
            ("cutmix", &mut self.cutmix.prob),
            ("mixup", &mut self.mixup.prob),
        ]
    }
}

//! Colour jitter, with the formulas of torchvision's `ColorJitter`, in its order of names.

use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::Transform;
use super::check::{Check, within};
use super::random::around_zero;
use crate::error::Error;
use crate::tiles::Tile;

/// Random brightness, contrast, saturation and hue.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColourJitter {
    /// Probability, in [0, 1].
    pub prob: f64,
    /// Brightness: values are multiplied by a factor in 1 ± this. In [0, 1].
    pub brightness: f64,
    /// Contrast: differences from the mean are multiplied by a factor in 1 ± this. In [0, 1].
    pub contrast: f64,
    /// Saturation: differences from gray are multiplied by a factor in 1 ± this. In [0, 1].
    pub saturation: f64,
    /// Hue: shifted by up to ± this fraction of the colour circle. In [0, 0.5].
    pub hue: f64,
}

impl Check for ColourJitter {
    fn check(&self, name: &str) -> Result<(), Error> {
        within(name, "brightness", self.brightness, 0.0..=1.0)?;
        within(name, "contrast", self.contrast, 0.0..=1.0)?;
        within(name, "saturation", self.saturation, 0.0..=1.0)?;
        within(name, "hue", self.hue, 0.0..=0.5)
    }
}

impl Transform for ColourJitter {
    fn apply(&self, tile: &mut Tile, random: &mut ChaCha8Rng) {
        let mut factor = |width: f64| (1.0 + around_zero(width, random)) as f32;
        let [brightness, contrast, saturation] =
            [factor(self.brightness), factor(self.contrast), factor(self.saturation)];
        let hue = around_zero(self.hue, random) as f32;
        Adjustment { brightness, contrast, saturation, hue }.apply(&mut tile.pixels);
    }
}

/// Factors, and the shift of the hue.
#[derive(Debug, Clone, Copy)]
struct Adjustment {
    brightness: f32,
    contrast: f32,
    saturation: f32,
    hue: f32,
}

impl Adjustment {
    fn apply(self, pixels: &mut [u8]) {
        let pixels = pixels.as_chunks_mut::<3>().0;
        let bright: [f32; 256] =
            std::array::from_fn(|value| (value as f32 / 255.0 * self.brightness).clamp(0.0, 1.0));
        let sum: f64 =
            pixels.iter().map(|pixel| f64::from(gray(pixel.map(|value| bright[usize::from(value)])))).sum();
        let mean = (sum / pixels.len().max(1) as f64) as f32;
        let table = bright.map(|value| blend(value, mean, self.contrast));
        for pixel in pixels {
            let color = pixel.map(|value| table[usize::from(value)]);
            let gray = gray(color);
            let mut color = color.map(|value| blend(value, gray, self.saturation));
            if self.hue != 0.0 {
                color = shift_hue(color, self.hue);
            }
            // Rounded to the nearest.
            *pixel = color.map(|value| (value * 255.0 + 0.5) as u8);
        }
    }
}

/// Luma of ITU-R BT.601.
fn gray([red, green, blue]: [f32; 3]) -> f32 {
    0.2989 * red + 0.587 * green + 0.114 * blue
}

fn blend(value: f32, other: f32, factor: f32) -> f32 {
    (value * factor + other * (1.0 - factor)).clamp(0.0, 1.0)
}

/// Adds a fraction of the circle to the hue; value and saturation of HSV stay the same.
fn shift_hue(color: [f32; 3], shift: f32) -> [f32; 3] {
    let [red, green, blue] = color;
    let most = red.max(green).max(blue);
    let chroma = most - red.min(green).min(blue);
    if chroma == 0.0 {
        return color;
    }
    // In sixths of the circle.
    let hue = if most == red {
        (green - blue) / chroma
    } else if most == green {
        2.0 + (blue - red) / chroma
    } else {
        4.0 + (red - green) / chroma
    };
    let hue = hue + 6.0 * shift;
    // Distance from the hue at which a channel is largest determines its value.
    [5.0, 3.0, 1.0].map(|offset| {
        let angle = (hue + offset).rem_euclid(6.0);
        most - chroma * angle.min(4.0 - angle).clamp(0.0, 1.0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transforms::tests::golden::{Golden, assert_close};

    #[test]
    fn colours_agree_with_torchvision() {
        let golden = Golden::read();
        for case in &golden.colour {
            let mut tile = golden.tile();
            let [brightness, contrast, saturation, hue] = case.factors;
            Adjustment { brightness, contrast, saturation, hue }.apply(&mut tile.pixels);
            assert_close(&tile.pixels, &case.pixels, 1, &format!("{:?}", case.factors));
        }
    }
}

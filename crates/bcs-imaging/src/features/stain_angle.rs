//! Angle between the stains.

use super::cells::Cell;
use crate::macenko::directions;

/// Angle between the directions of haematoxylin and eosin in optical density, in degrees, in [0, 180]; `None` if there is
/// too little tissue. The directions are those of Macenko et al. (2009), of cells of 4×4 pixels. It depends on the dyes and
/// the spectrum of the scanner, not on the amount of stain; 38° between the vectors of Ruifrok and Johnston (2001).
pub(super) fn stain_angle(cells: &[Cell]) -> Option<f64> {
    let colors: Vec<u8> = cells.iter().flat_map(|cell| cell.color).collect();
    let [haematoxylin, eosin] = directions(&colors)?;
    let cosine: f64 = haematoxylin.iter().zip(eosin).map(|(a, b)| a * b).sum();
    Some(cosine.clamp(-1.0, 1.0).acos().to_degrees())
}

#[cfg(test)]
mod tests {
    use super::super::cells::tests::uniform;
    use super::*;
    use crate::stain::{value, vectors};

    #[test]
    fn the_angle_is_that_of_the_vectors() {
        let [haematoxylin, eosin] = vectors();
        let mixed = |part: f32| {
            let color = [0, 1, 2]
                .map(|channel| value(0.8 * (part * haematoxylin[channel] + (1.0 - part) * eosin[channel])));
            uniform(color)
        };
        let cells: Vec<Cell> = (0..=100).map(|part| mixed(part as f32 / 100.0)).collect();
        let angle = stain_angle(&cells).unwrap();
        let cosine: f32 = haematoxylin.iter().zip(eosin).map(|(a, b)| a * b).sum();
        let expected = f64::from(cosine.acos().to_degrees());
        assert!((angle - expected).abs() < 5.0, "{angle} and {expected}");
        assert_eq!(stain_angle(&[uniform([250; 3])]), None);
    }
}

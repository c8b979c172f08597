//! Embeddings: the bottleneck of a network, averaged over its pixels and projected onto a few numbers.
//!
//! The distribution of such averages over images tells how far the images of a laboratory are from those of the training, as
//! the network sees them (Stacke et al., *Measuring Domain Shift for Deep Learning in Histopathology*, 2021). A random
//! projection keeps the distances between images, and makes as many features of a network of any width (Achlioptas,
//! *Database-friendly random projections*, 2003).

use bcs_contracts::features::EMBEDDING_LENGTH;
use tch::{Device, Kind, Tensor};

use crate::error::Error;

/// Returns the projection matrix `[channels, EMBEDDING_LENGTH]` in row-major order: ±1 / √channels. The signs of a channel
/// are the lowest bits of a number of the generator `SplitMix64`, seeded with 0: that of channel 0 is the first, and bit 0
/// belongs to component 0. A set bit stands for a plus.
pub fn projection(channels: usize) -> Vec<f32> {
    let size = (channels as f32).sqrt().recip();
    let signs = (0..channels as u64).map(split_mix);
    signs
        .flat_map(|bits| (0..EMBEDDING_LENGTH).map(move |at| if bits >> at & 1 == 1 { size } else { -size }))
        .collect()
}

/// Returns the embeddings `[N, EMBEDDING_LENGTH]` of images from their bottleneck `[N, C, h, w]`, in float32 on the CPU.
///
/// # Errors
/// [`Error::Torch`].
pub fn embed(bottleneck: &Tensor) -> Result<Tensor, Error> {
    let averages =
        bottleneck.f_mean_dim([2i64, 3].as_slice(), false, Kind::Float)?.f_to_device(Device::Cpu)?;
    let (_, channels) = averages.size2()?;
    let projection = Tensor::f_from_slice(&projection(usize::try_from(channels).unwrap_or_default()))?;
    Ok(averages.f_matmul(&projection.f_view([channels, EMBEDDING_LENGTH as i64])?)?)
}

/// Returns a number of the generator `SplitMix64`, seeded with 0. Steele, Lea and Flood, Fast Splittable Pseudorandom Number
/// Generators (2014).
fn split_mix(index: u64) -> u64 {
    let mut bits = (index + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ bits >> 31
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generator_gives_its_published_numbers() {
        // Of the reference implementation, https://prng.di.unimi.it/splitmix64.c.
        let expected = [0xe220_a839_7b1d_cdaf, 0x6e78_9e6a_a1b9_65f4, 0x06c4_5d18_8009_454f];
        assert_eq!([0, 1, 2].map(split_mix), expected);
    }

    #[test]
    fn projections_are_signs_of_one_size() {
        // 0xaf and 0xf4, lowest bit first.
        let signs = [1, 1, 1, 1, -1, 1, -1, 1, -1, -1, 1, -1, 1, 1, 1, 1];
        let expected: Vec<f32> = signs.map(|sign| sign as f32 / 2f32.sqrt()).to_vec();
        assert_eq!(projection(2), expected);
        // Each component has about as many channels of either sign, and components differ.
        let wide = projection(1024);
        let sum =
            |of: &dyn Fn(&[f32]) -> f32| wide.chunks_exact(EMBEDDING_LENGTH).map(of).sum::<f32>() / 32.0;
        for one in 0..EMBEDDING_LENGTH {
            assert!(sum(&|row| row[one]).abs() < 4.0, "{one}");
            for other in 0..one {
                assert!(sum(&|row| row[one] * row[other] * 32.0).abs() < 4.0, "{one} {other}");
            }
        }
    }

    #[test]
    fn embeddings_are_projected_averages() {
        let bottleneck = Tensor::from_slice(&[1f32, 3.0, 10.0, 10.0, 0.0, 0.0, 4.0, 0.0]).view([2, 2, 1, 2]);
        let averages = [[2.0, 10.0], [0.0, 2.0]];
        let embeddings = embed(&bottleneck).unwrap();
        assert_eq!(embeddings.size(), [2, EMBEDDING_LENGTH as i64]);
        let projection = projection(2);
        for (image, averages) in averages.iter().enumerate() {
            for component in 0..EMBEDDING_LENGTH {
                let expected = averages[0] * projection[component]
                    + averages[1] * projection[EMBEDDING_LENGTH + component];
                let found = embeddings.double_value(&[image as i64, component as i64]);
                assert!((found - f64::from(expected)).abs() < 1e-6, "{image} {component}: {found}");
            }
        }
    }
}

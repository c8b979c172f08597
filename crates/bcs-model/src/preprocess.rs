//! Pixels to the network's input: one function, so that training, validation and serving can't disagree.

use bcs_contracts::package::Scaling;
use tch::{Device, Kind, Tensor};

use crate::error::{Error, argument};

/// Converts a batch of RGB images of one size to the network's input `[count, channels, height, width]` in float32 on
/// `device`. `pixels` are the images' bytes, row by row, one image after the other; `shape` is
/// their number, height and width. With one channel the input is the
/// luma (ITU-R BT.601).
///
/// # Errors
/// [`Error::Argument`] for a number of channels other than 1 and 3, and for a buffer of another length;
/// [`Error::Torch`].
pub fn to_input(
    pixels: &[u8],
    shape: [usize; 3],
    channels: i64,
    scaling: &Scaling,
    device: Device,
) -> Result<Tensor, Error> {
    check_length(pixels, shape)?;
    let [count, height, width] = shape.map(|length| length as i64);
    let bytes =
        Tensor::f_from_data_size(pixels, &[count, height, width, 3], Kind::Uint8)?.f_to_device(device)?;
    let colors = bytes.f_permute([0, 3, 1, 2])?.f_to_kind(Kind::Float)?.f_div_scalar(255.0)?;
    let input = match scaling {
        Scaling::UnitRange => colors,
        Scaling::Standardize { mean, std } => {
            let by_channel = |values: &[f64; 3]| -> Result<Tensor, Error> {
                let values = values.map(|value| value as f32);
                Ok(Tensor::f_from_slice(&values)?.f_view([1, 3, 1, 1])?.f_to_device(device)?)
            };
            colors.f_sub(&by_channel(mean)?)?.f_div(&by_channel(std)?)?
        }
    };
    match channels {
        // Channels first, as in PyTorch: in inference channels last is no faster here, and group norm is less exact.
        3 => Ok(input.f_contiguous()?),
        1 => {
            let weights = Tensor::f_from_slice(&[0.299_f32, 0.587, 0.114])?.f_view([1, 3, 1, 1])?;
            let weighted = input.f_mul(&weights.f_to_device(device)?)?;
            Ok(weighted.f_sum_dim_intlist([1_i64].as_slice(), true, None::<Kind>)?)
        }
        _ => {
            let reason = format!("is {channels}; images have 3 channels (RGB) or 1 (grayscale)");
            Err(argument("in_channels", reason))
        }
    }
}

/// Converts RGB images on the CPU as [`to_input`] does, with the channels last in memory, in bfloat16 if `half`.
///
/// # Errors
/// [`Error::Argument`] for a buffer of another length; [`Error::Torch`].
pub fn to_channels_last(
    pixels: &[u8],
    shape: [usize; 3],
    scaling: &Scaling,
    half: bool,
) -> Result<Tensor, Error> {
    check_length(pixels, shape)?;
    let (bytes, kind) = if half {
        let rounded = table(scaling, Kind::BFloat16)?;
        (
            looked_up(pixels, &rounded.map(|value| ((value.to_bits() >> 16) as u16).to_ne_bytes())),
            Kind::BFloat16,
        )
    } else {
        (looked_up(pixels, &table(scaling, Kind::Float)?.map(f32::to_ne_bytes)), Kind::Float)
    };
    let [count, height, width] = shape.map(|length| length as i64);
    Ok(Tensor::f_from_data_size(&bytes, &[count, height, width, 3], kind)?.f_permute([0, 3, 1, 2])?)
}

/// The input of each of the 256 values that a byte has, in each channel: of value v in channel c at 3 v + c. Rounded to
/// `kind`.
fn table(scaling: &Scaling, kind: Kind) -> Result<[f32; 768], Error> {
    let all: Vec<u8> = (0..=u8::MAX).flat_map(|value| [value; 3]).collect();
    let input =
        to_input(&all, [1, 1, 256], 3, scaling, Device::Cpu)?.f_to_kind(kind)?.f_to_kind(Kind::Float)?;
    let mut table = [0.0; 768];
    input.f_permute([0, 2, 3, 1])?.f_contiguous()?.f_copy_data(&mut table, 768)?;
    Ok(table)
}

/// Replaces each byte of RGB pixels by the bytes of its element in a [`table`].
fn looked_up<const SIZE: usize>(pixels: &[u8], table: &[[u8; SIZE]; 768]) -> Vec<u8> {
    let mut bytes = vec![0; pixels.len() * SIZE];
    for (pixel, elements) in pixels.chunks_exact(3).zip(bytes.chunks_exact_mut(3 * SIZE)) {
        for channel in 0..3 {
            let element = &mut elements[channel * SIZE..][..SIZE];
            element.copy_from_slice(&table[3 * usize::from(pixel[channel]) + channel]);
        }
    }
    bytes
}

fn check_length(pixels: &[u8], [count, height, width]: [usize; 3]) -> Result<(), Error> {
    if pixels.len() == count * height * width * 3 {
        return Ok(());
    }
    let reason = format!("has {} bytes, which are not {count} RGB images of {height}×{width}", pixels.len());
    Err(argument("input", reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_scaled_and_channels_come_first() {
        let pixels = [255, 0, 51, 0, 255, 102];
        let input = to_input(&pixels, [1, 1, 2], 3, &Scaling::UnitRange, Device::Cpu).unwrap();
        assert_eq!(input.size(), [1, 3, 1, 2]);
        let values: Vec<f32> = input.flatten(0, -1).try_into().unwrap();
        assert_eq!(values, [1.0, 0.0, 0.0, 1.0, 0.2, 0.4]);
        let scaling = Scaling::Standardize { mean: [0.5; 3], std: [0.5, 0.25, 0.1] };
        let input = to_input(&pixels, [1, 1, 2], 3, &scaling, Device::Cpu).unwrap();
        assert_eq!(input.double_value(&[0, 1, 0, 0]), -2.0);
    }

    #[test]
    fn channels_last_have_the_same_values() {
        let pixels: Vec<u8> = (0..2 * 8 * 16 * 3).map(|at| (at * 37 % 256) as u8).collect();
        let standardize = Scaling::Standardize { mean: [0.7, 0.5, 0.6], std: [0.2, 0.3, 0.1] };
        for scaling in [Scaling::UnitRange, standardize] {
            let expected = to_input(&pixels, [2, 8, 16], 3, &scaling, Device::Cpu).unwrap();
            let found = to_channels_last(&pixels, [2, 8, 16], &scaling, false).unwrap();
            assert!(found.equal(&expected));
            assert_eq!(found.stride(), [384, 1, 48, 3]);
            let found = to_channels_last(&pixels, [2, 8, 16], &scaling, true).unwrap();
            assert!(found.equal(&expected.to_kind(Kind::BFloat16)));
        }
    }

    #[test]
    fn a_buffer_of_another_size_is_an_error() {
        assert!(to_input(&[0; 5], [1, 1, 2], 3, &Scaling::UnitRange, Device::Cpu).is_err());
        assert!(to_channels_last(&[0; 5], [1, 1, 2], &Scaling::UnitRange, false).is_err());
        assert!(to_input(&[0; 6], [1, 1, 2], 4, &Scaling::UnitRange, Device::Cpu).is_err());
        let grey = to_input(&[100; 6], [1, 1, 2], 1, &Scaling::UnitRange, Device::Cpu).unwrap();
        assert!((grey.double_value(&[0, 0, 0, 0]) - 100.0 / 255.0).abs() < 1e-6);
    }
}

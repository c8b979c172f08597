//! Pixels to the network's input: one function, so that training, validation and serving can't disagree.

use bcs_contracts::package::Scaling;
use tch::{Device, Kind, Tensor};

use crate::error::{Error, argument};

/// Converts a batch of RGB images of one size to the network's input `[count, channels, height, width]` in float32 on
/// `device`. `pixels` are the images' bytes, row by row, one image after the other. With one channel the input is the
/// luma (ITU-R BT.601).
///
/// # Errors
/// [`Error::Argument`] for a number of channels other than 1 and 3, and for a buffer of another length;
/// [`Error::Torch`].
pub fn to_input(
    pixels: &[u8],
    [count, height, width]: [usize; 3],
    channels: i64,
    scaling: &Scaling,
    device: Device,
) -> Result<Tensor, Error> {
    if pixels.len() != count * height * width * 3 {
        let reason =
            format!("has {} bytes, which are not {count} RGB images of {height}×{width}", pixels.len());
        return Err(argument("input", reason));
    }
    let shape = [count, height, width, 3].map(|length| length as i64);
    let bytes = Tensor::f_from_data_size(pixels, &shape, Kind::Uint8)?.f_to_device(device)?;
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
        // Channels first, as in PyTorch: channels last is no faster here, and group norm is less exact.
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
    fn a_buffer_of_another_size_is_an_error() {
        assert!(to_input(&[0; 5], [1, 1, 2], 3, &Scaling::UnitRange, Device::Cpu).is_err());
        assert!(to_input(&[0; 6], [1, 1, 2], 4, &Scaling::UnitRange, Device::Cpu).is_err());
        let grey = to_input(&[100; 6], [1, 1, 2], 1, &Scaling::UnitRange, Device::Cpu).unwrap();
        assert!((grey.double_value(&[0, 0, 0, 0]) - 100.0 / 255.0).abs() < 1e-6);
    }
}

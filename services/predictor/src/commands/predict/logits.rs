//! Network output before softmax, for comparison with other implementations.

use bcs_inference::{Engine, Error, Logits, SlidingWindow};
use image::RgbImage;
use safetensors::Dtype;
use safetensors::tensor::{TensorView, serialize};

/// Maximum side in pixels of an image that is run without a sliding window.
const MAX_WHOLE_SIDE: usize = 1024;

/// Returns the output of the network for the whole image if its size permits, otherwise that of the sliding window.
///
/// # Errors
/// [`Error::TooSmall`]; [`Error::Engine`].
pub(super) fn raw(
    engine: &mut dyn Engine,
    image: &RgbImage,
    window: &SlidingWindow,
) -> Result<Logits, Error> {
    let size = [image.height() as usize, image.width() as usize];
    let divisor = engine.info().size_divisor;
    let whole = (0..2).all(|axis| size[axis].is_multiple_of(divisor[axis]) && size[axis] <= MAX_WHOLE_SIDE);
    if whole { SlidingWindow::run_whole(engine, image) } else { window.run(engine, image) }
}

/// Returns a safetensors file with one float32 tensor `logits` of shape [1, C, H, W].
///
/// # Errors
/// The message of the safetensors crate.
pub(super) fn safetensors(logits: &Logits) -> Result<Vec<u8>, String> {
    let bytes: Vec<u8> = logits.values.iter().flat_map(|value| value.to_le_bytes()).collect();
    let shape = vec![1, logits.classes, logits.height, logits.width];
    let view = TensorView::new(Dtype::F32, shape, &bytes).map_err(|error| error.to_string())?;
    serialize([("logits", view)], None).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_contains_one_tensor() {
        let logits = Logits { classes: 2, height: 1, width: 2, values: vec![1.0, -2.5, 0.0, 4.0] };
        let bytes = safetensors(&logits).unwrap();
        let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
        let tensor = file.tensor("logits").unwrap();
        assert_eq!((tensor.dtype(), tensor.shape()), (Dtype::F32, &[1, 2, 1, 2][..]));
        assert_eq!(tensor.data()[4..8], (-2.5f32).to_le_bytes());
    }
}

//! Network output before softmax, for comparison with other implementations.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use bcs_inference::{Engine, Error, Logits, SlidingWindow};
use image::RgbImage;

/// Maximum side in pixels of an image that is run without a sliding window.
const MAX_WHOLE_SIDE: usize = 1024;

/// Returns the output of the network for the whole image, or `None` if its size does not permit that.
///
/// # Errors
/// [`Error::Engine`].
pub(super) fn whole(engine: &mut dyn Engine, image: &RgbImage) -> Result<Option<Logits>, Error> {
    let size = [image.height() as usize, image.width() as usize];
    let divisor = engine.info().size_divisor;
    let permitted =
        (0..2).all(|axis| size[axis].is_multiple_of(divisor[axis]) && size[axis] <= MAX_WHOLE_SIDE);
    permitted.then(|| SlidingWindow::run_whole(engine, image)).transpose()
}

/// Writes a safetensors file with one float32 tensor `logits` of shape [1, C, H, W], without a second copy of the values
/// in memory.
///
/// # Errors
/// If the file can't be written.
pub(super) fn write(path: &Path, logits: &Logits) -> io::Result<()> {
    let shape = [1, logits.classes, logits.height, logits.width];
    let bytes = logits.values.len() * size_of::<f32>();
    let tensor = serde_json::json!({"dtype": "F32", "shape": shape, "data_offsets": [0, bytes]});
    let mut header = serde_json::json!({"logits": tensor}).to_string();
    // The values must be aligned.
    header.push_str(&" ".repeat(header.len().next_multiple_of(8) - header.len()));
    let mut file = BufWriter::with_capacity(1 << 20, File::create(path)?);
    file.write_all(&(header.len() as u64).to_le_bytes())?;
    file.write_all(header.as_bytes())?;
    for value in &logits.values {
        file.write_all(&value.to_le_bytes())?;
    }
    file.flush()
}

#[cfg(test)]
mod tests {
    use safetensors::{Dtype, SafeTensors};

    use super::*;

    #[test]
    fn the_file_contains_one_tensor() {
        let logits =
            Logits { classes: 2, height: 1, width: 2, values: vec![1.0, -2.5, 0.0, 4.0], embedding: None };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("logits.safetensors");
        write(&path, &logits).unwrap();
        let bytes = std::fs::read(path).unwrap();
        let file = SafeTensors::deserialize(&bytes).unwrap();
        let tensor = file.tensor("logits").unwrap();
        assert_eq!((tensor.dtype(), tensor.shape()), (Dtype::F32, &[1, 2, 1, 2][..]));
        assert_eq!(tensor.data()[4..8], (-2.5f32).to_le_bytes());
    }
}

//! Probabilities of the classes at every pixel: all of them as NumPy's `.npy`, or one as 16-bit PNG.

use bcs_inference::Logits;
use bytes::Bytes;

use crate::error::Error;

/// Media type of `.npy`, which has none of its own.
pub const NPY: &str = "application/octet-stream";

/// Bytes that the data of an `.npy` file start at a multiple of.
const ALIGNMENT: usize = 64;

/// Returns the probabilities of all classes as `.npy`: float32 `[classes, height, width]`.
pub fn npy(probabilities: &Logits) -> Bytes {
    let Logits { classes, height, width, values, .. } = probabilities;
    let mut header =
        format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({classes}, {height}, {width}), }}");
    // Version 1.0: magic, version and length are 10 bytes; the header ends with a line break.
    let end = (10 + header.len() + 1).next_multiple_of(ALIGNMENT);
    header.push_str(&" ".repeat(end - 10 - header.len() - 1));
    header.push('\n');
    let mut bytes = Vec::with_capacity(end + values.len() * size_of::<f32>());
    bytes.extend_from_slice(b"\x93NUMPY\x01\x00");
    bytes.extend_from_slice(&(header.len() as u16).to_le_bytes());
    bytes.extend_from_slice(header.as_bytes());
    bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    bytes.into()
}

/// Returns the probability of the class at this position as 16-bit grey PNG, in which 65535 is 1.
///
/// # Errors
/// [`Error::Image`] if it cannot be encoded.
pub fn png(probabilities: &Logits, class: usize) -> Result<Bytes, Error> {
    let Logits { height, width, values, .. } = probabilities;
    let plane = &values[class * height * width..][..height * width];
    Ok(bcs_imaging::encode::unit_png(plane, (*width as u32, *height as u32))?.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn npy_has_numpys_header() {
        let probabilities =
            Logits { classes: 2, height: 1, width: 2, values: vec![0.25, 0.5, 0.75, 0.5], embedding: None };
        let bytes = npy(&probabilities);
        assert_eq!(&bytes[..8], b"\x93NUMPY\x01\x00");
        let end = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
        assert_eq!(end % ALIGNMENT, 0);
        let header = std::str::from_utf8(&bytes[10..end]).unwrap();
        assert_eq!(header.trim_end(), "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 1, 2), }");
        assert!(header.ends_with('\n'));
        assert_eq!(bytes[end..end + 4], 0.25_f32.to_le_bytes());
        assert_eq!(bytes.len(), end + 16);
    }

    #[test]
    fn a_class_is_a_plane() {
        let probabilities =
            Logits { classes: 2, height: 1, width: 2, values: vec![0.25, 1.0, 0.75, 0.0], embedding: None };
        let image = image::load_from_memory(&png(&probabilities, 1).unwrap()).unwrap().into_luma16();
        assert_eq!(image.as_raw(), &[49151, 0]);
    }
}

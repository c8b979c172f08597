//! Any bytes decode to an image within the limit or give an error.
#![no_main]

use bcs_imaging::Limits;
use bcs_imaging::decode::{decode, decode_mask, header};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let limits = Limits { max_pixels: 1 << 18 };
    if let Ok(image) = decode(bytes, limits) {
        let (width, height) = image.rgb.dimensions();
        assert!(u64::from(width) * u64::from(height) <= limits.max_pixels);
        assert!(header(bytes, limits).is_ok());
    }
    let _ = decode_mask(bytes, limits);
});

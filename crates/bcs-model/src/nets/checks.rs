//! Checks of constructor arguments that several networks share.

use crate::arguments::in_range;
use crate::blocks::Pair;
use crate::blocks::conv::{MAX_CHANNELS, MAX_KERNEL};
use crate::blocks::convolution::same_padding;
use crate::error::{Error, argument};

/// Largest number of levels.
pub(super) const MAX_LEVELS: usize = 16;

/// Largest product of the strides.
const MAX_DIVISOR: i64 = 1 << 16;

/// Returns an error unless the images have two dimensions and the channels of the input and output are in range.
pub(super) fn dimensions(spatial_dims: i64, in_channels: i64, out_channels: i64) -> Result<(), Error> {
    if spatial_dims != 2 {
        let reason = format!("is {spatial_dims}; only 2 is supported, as images have two dimensions");
        return Err(argument("spatial_dims", reason));
    }
    in_range("in_channels", in_channels, 1, MAX_CHANNELS)?;
    in_range("out_channels", out_channels, 1, MAX_CHANNELS)
}

/// Returns an error unless the kernel keeps the size of the image and is not excessively large.
pub(super) fn kernel(name: &str, size: Pair) -> Result<(), Error> {
    same_padding(name, size.dims())?;
    size.dims().iter().try_for_each(|side| in_range(name, *side, 1, MAX_KERNEL))
}

/// Channels and strides per level, top level first: the arguments `channels` and `strides`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Levels<'a> {
    pub channels: &'a [i64],
    pub strides: &'a [Pair],
}

impl Levels<'_> {
    pub(super) fn check(self) -> Result<(), Error> {
        let levels = self.channels.len();
        if !(2..=MAX_LEVELS).contains(&levels) {
            let reason = format!("has {levels} entries; it needs 2 to {MAX_LEVELS}, one per level");
            return Err(argument("channels", reason));
        }
        if self.strides.len() < levels - 1 {
            let reason = format!(
                "has {} entries; {levels} channels need at least {} (one per level but the last)",
                self.strides.len(),
                levels - 1
            );
            return Err(argument("strides", reason));
        }
        for (level, channels) in self.channels.iter().enumerate() {
            in_range(&format!("channels[{level}]"), *channels, 1, MAX_CHANNELS)?;
        }
        for (level, stride) in self.used_strides().iter().enumerate() {
            stride
                .iter()
                .try_for_each(|step| in_range(&format!("strides[{level}]"), *step, 1, MAX_KERNEL))?;
        }
        let [height, width] = self.size_divisor();
        if height.max(width) > MAX_DIVISOR {
            let reason =
                format!("multiply to {}; the product must be at most {MAX_DIVISOR}", height.max(width));
            return Err(argument("strides", reason));
        }
        Ok(())
    }

    /// Strides that are used: one per level but the last.
    pub(super) fn used_strides(self) -> Vec<[i64; 2]> {
        self.strides.iter().take(self.channels.len().saturating_sub(1)).map(|stride| stride.dims()).collect()
    }

    /// Product of the strides.
    pub(super) fn size_divisor(self) -> [i64; 2] {
        let multiply = |[h, w]: [i64; 2], [sh, sw]: [i64; 2]| [h.saturating_mul(sh), w.saturating_mul(sw)];
        self.used_strides().into_iter().fold([1, 1], multiply)
    }
}

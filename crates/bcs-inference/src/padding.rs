use std::fmt;
use std::str::FromStr;

/// Padding of an image smaller than the window, along each axis that is smaller.
///
/// All but [`Padding::Fit`] are those of MONAI's `sliding_window_inference`: the window keeps its size, and the image
/// lies in its centre (with one pixel less before it than after it where the difference is odd). They accept images that
/// are smaller than the network's least size.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Padding {
    /// The window shrinks to the image, rounded up to the network's size divisor; the last row and column are repeated.
    #[default]
    Fit,
    /// A constant on the scale of the network's input, after scaling: with a scaling of value/255, 0 is black; with
    /// standardization, 0 is the mean colour. MONAI's `constant` with this `cval`.
    Constant(f32),
    /// The image mirrored, without repeating its edge. The padding must be smaller than the image.
    Reflect,
    /// The edge, repeated.
    Replicate,
    /// The opposite side of the image, as if it were a torus. The padding must not be larger than the image.
    Circular,
}

impl Padding {
    /// Returns the position within an image of `size` pixels that a position of the padded image repeats.
    pub(crate) fn source(self, position: isize, size: usize) -> usize {
        let last = size as isize - 1;
        let source = match self {
            Self::Fit | Self::Replicate | Self::Constant(_) => position,
            Self::Reflect if position > last => 2 * last - position,
            Self::Reflect => position.abs(),
            Self::Circular => position.rem_euclid(last + 1),
        };
        source.clamp(0, last) as usize
    }

    /// Returns the largest number of pixels that can be added to one side of an image of `size` pixels.
    pub(crate) fn most(self, size: usize) -> usize {
        match self {
            Self::Fit | Self::Constant(_) | Self::Replicate => usize::MAX,
            Self::Reflect => size.saturating_sub(1),
            Self::Circular => size,
        }
    }
}

impl FromStr for Padding {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "fit" => return Ok(Self::Fit),
            "constant" => return Ok(Self::Constant(0.0)),
            "reflect" => return Ok(Self::Reflect),
            "replicate" => return Ok(Self::Replicate),
            "circular" => return Ok(Self::Circular),
            _ => {}
        }
        let value = text.strip_prefix("constant=").and_then(|value| value.parse().ok());
        value.filter(|value: &f32| value.is_finite()).map(Self::Constant).ok_or_else(|| {
            format!(
                "unknown padding '{text}'; known are fit, constant, constant=VALUE, reflect, replicate and circular"
            )
        })
    }
}

impl fmt::Display for Padding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fit => f.write_str("fit"),
            Self::Constant(0.0) => f.write_str("constant"),
            Self::Constant(value) => write!(f, "constant={value}"),
            Self::Reflect => f.write_str("reflect"),
            Self::Replicate => f.write_str("replicate"),
            Self::Circular => f.write_str("circular"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_outside_repeat_those_inside() {
        // np.pad(np.arange(4), (3, 3), mode=…) with reflect, edge and wrap.
        let sources = |padding: Padding| (-3..7).map(|at| padding.source(at, 4)).collect::<Vec<_>>();
        assert_eq!(sources(Padding::Reflect), [3, 2, 1, 0, 1, 2, 3, 2, 1, 0]);
        assert_eq!(sources(Padding::Replicate), [0, 0, 0, 0, 1, 2, 3, 3, 3, 3]);
        assert_eq!(sources(Padding::Circular), [1, 2, 3, 0, 1, 2, 3, 0, 1, 2]);
    }

    #[test]
    fn names_are_parsed_and_written() {
        for name in ["fit", "constant", "constant=0.5", "reflect", "replicate", "circular"] {
            assert_eq!(name.parse::<Padding>().unwrap().to_string(), name);
        }
        for name in ["edge", "constant=", "constant=NaN", "constant=x"] {
            let error = name.parse::<Padding>().unwrap_err();
            assert!(error.contains(name) && error.contains("replicate"), "{error}");
        }
    }
}

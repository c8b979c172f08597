//! Colour maps for masks: a colour map of matplotlib, or the colours of the classes.

use bcs_contracts::{Color, TissueClass};

use crate::error::Error;

/// Names of the colour maps.
pub const NAMES: [&str; 2] = ["YlGn", "classes"];

/// ColorBrewer's nine colours of YlGn, between which matplotlib interpolates.
const YLGN: [[u8; 3]; 9] = [
    [255, 255, 229],
    [247, 252, 185],
    [217, 240, 163],
    [173, 221, 142],
    [120, 198, 121],
    [65, 171, 93],
    [35, 132, 67],
    [0, 104, 55],
    [0, 69, 41],
];

/// Returns the colour of each class, in the order of the classes: with `YlGn`, matplotlib's colour map at equal
/// intervals from light to dark, as in the predecessor; with `classes`, the classes' own colours.
///
/// # Errors
/// [`Error::UnknownColormap`] for another name.
pub fn palette(name: &str, classes: &[TissueClass]) -> Result<Vec<Color>, Error> {
    match name {
        "YlGn" => Ok((0..classes.len()).map(|index| ylgn(position(index, classes.len()))).collect()),
        "classes" => Ok(classes.iter().map(|class| class.color).collect()),
        _ => Err(Error::UnknownColormap { name: name.to_owned() }),
    }
}

/// Position of the `index`-th of `count` classes on the colour map, in [0, 1].
fn position(index: usize, count: usize) -> f64 {
    if count < 2 { 0.0 } else { index as f64 / (count - 1) as f64 }
}

/// matplotlib's `YlGn`: 256 levels, interpolated linearly between the anchors.
fn ylgn(position: f64) -> Color {
    let level = (position * 256.0).floor().clamp(0.0, 255.0);
    let at = level / 255.0 * (YLGN.len() - 1) as f64;
    let below = (at as usize).min(YLGN.len() - 2);
    let fraction = at - below as f64;
    let mix = |channel: usize| {
        let (from, to) = (f64::from(YLGN[below][channel]), f64::from(YLGN[below + 1][channel]));
        (from + (to - from) * fraction) as u8
    };
    Color([mix(0), mix(1), mix(2)])
}

#[cfg(test)]
mod tests {
    use bcs_contracts::class::unnamed_classes;

    use super::*;

    #[test]
    fn ylgn_matches_matplotlib() {
        // (np.array(matplotlib.colormaps["YlGn"](x)) * 255).astype(int) for x = 0, 0.25, 0.5, 0.9, 1.
        let colors = [0.0, 0.25, 0.5, 0.9, 1.0].map(|x| ylgn(x).0);
        assert_eq!(colors, [[255, 255, 229], [216, 239, 162], [119, 197, 120], [0, 96, 51], [0, 69, 41]]);
    }

    #[test]
    fn an_unknown_name_is_an_error_that_lists_the_names() {
        let error = palette("jet", &unnamed_classes(2)).unwrap_err().to_string();
        assert!(error.contains("jet") && error.contains("YlGn"), "{error}");
        assert_eq!(palette("YlGn", &unnamed_classes(1)).unwrap().len(), 1);
    }
}

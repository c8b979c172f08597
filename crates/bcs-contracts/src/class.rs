//! A tissue class, as masks, legends and answers name it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Class index of ignored pixels: they take no part in losses, metrics or class fractions.
pub const IGNORE: u8 = 255;

/// A class of a segmentation: its value in masks, its name and its colour in overlays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TissueClass {
    /// Value of the class in a stored mask. Its channel in the network's output is its position among the classes.
    pub code: u8,
    /// Name in lower case, as `tumour` or `stroma`.
    pub name: String,
    /// Colour of the class in overlays, legends and plots.
    pub color: Color,
}

/// An RGB colour, written `#rrggbb`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Color(pub [u8; 3]);

impl fmt::Display for Color {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [red, green, blue] = self.0;
        write!(f, "#{red:02x}{green:02x}{blue:02x}")
    }
}

impl FromStr for Color {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || format!("'{text}' is not a colour; write it as #rrggbb");
        let digits = text.strip_prefix('#').filter(|d| d.len() == 6 && d.is_ascii()).ok_or_else(error)?;
        let channel = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).map_err(|_| error());
        Ok(Self([channel(0)?, channel(2)?, channel(4)?]))
    }
}

impl TryFrom<String> for Color {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Color> for String {
    fn from(color: Color) -> Self {
        color.to_string()
    }
}

/// Default class colours: the palette of Okabe and Ito (2008), which most colour-blind readers can distinguish.
const DEFAULT_COLORS: [[u8; 3]; 8] = [
    [153, 153, 153],
    [213, 94, 0],
    [0, 158, 115],
    [86, 180, 233],
    [230, 159, 0],
    [204, 121, 167],
    [0, 114, 178],
    [240, 228, 66],
];

/// Returns the first code that two classes have.
pub fn duplicate_code(classes: &[TissueClass]) -> Option<u8> {
    let earlier = |at: usize| classes[..at].iter().any(|class| class.code == classes[at].code);
    (0..classes.len()).find(|at| earlier(*at)).map(|at| classes[at].code)
}

/// Default classes of a model that does not name its own: `class 0`, `class 1`, …
pub fn unnamed_classes(count: usize) -> Vec<TissueClass> {
    (0..count)
        .map(|index| TissueClass {
            code: u8::try_from(index).unwrap_or(u8::MAX),
            name: format!("class {index}"),
            color: Color(DEFAULT_COLORS[index % DEFAULT_COLORS.len()]),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_color_reads_back_as_it_is_written() {
        let color: Color = "#0a80ff".parse().unwrap();
        assert_eq!(color, Color([10, 128, 255]));
        assert_eq!(color.to_string(), "#0a80ff");
    }

    #[test]
    fn duplicate_codes_are_found() {
        let mut classes = unnamed_classes(3);
        assert_eq!(duplicate_code(&classes), None);
        classes[2].code = 0;
        assert_eq!(duplicate_code(&classes), Some(0));
    }

    #[test]
    fn an_invalid_color_is_quoted_in_the_error() {
        for text in ["red", "#12345", "#12345g", "#ä1234"] {
            let error = text.parse::<Color>().unwrap_err();
            assert!(error.contains(text), "{error}");
        }
    }
}

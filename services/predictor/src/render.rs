//! Encodes a segmentation: the mask as stored, and the overlay for viewing.

use axum::http::HeaderMap;
use bcs_contracts::{Color, TissueClass};
use bcs_imaging::{Error, colormap, encode, overlay as layers};
use bcs_service::negotiation;
use bytes::Bytes;
use image::{GrayImage, RgbImage};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Default weight of the class colours in an overlay.
pub const DEFAULT_ALPHA: f64 = 0.5;

/// Names of a background class.
const BACKGROUND: [&str; 2] = ["background", "other"];

/// File format of an overlay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// PNG, lossless; the default.
    Png,
    /// JPEG.
    Jpeg,
}

impl Format {
    /// Returns the format that the client prefers by its `Accept` header.
    pub fn preferred(headers: &HeaderMap) -> Self {
        negotiation::preferred(headers, [Self::Png, Self::Jpeg].map(|format| (format.media_type(), format)))
    }

    /// Returns the media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
        }
    }
}

/// Colours of the classes in an overlay.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(default = "YlGn")]
pub enum Colormap {
    /// The `YlGn` colour map of matplotlib, spread over the classes; the first class is not tinted.
    #[default]
    YlGn,
    /// The colours of the classes; a first class named `background` or `other` is not tinted.
    #[serde(rename = "classes")]
    Classes,
}

impl Colormap {
    fn name(self) -> &'static str {
        match self {
            Self::YlGn => "YlGn",
            Self::Classes => "classes",
        }
    }

    /// Returns the colour of each class; `None` for a class that is not tinted.
    ///
    /// # Errors
    /// [`Error::UnknownColormap`] for a colour map that is not built in.
    pub fn palette(self, classes: &[TissueClass]) -> Result<Vec<Option<Color>>, Error> {
        let mut palette: Vec<_> = colormap::palette(self.name(), classes)?.into_iter().map(Some).collect();
        let named = classes.first().is_some_and(|class| BACKGROUND.contains(&class.name.as_str()));
        if let Some(first) = palette.first_mut().filter(|_| self == Self::YlGn || named) {
            *first = None;
        }
        Ok(palette)
    }
}

/// Style of an overlay.
#[derive(Debug, Clone, Copy)]
pub struct OverlayStyle {
    /// Weight of the class colours, in [0, 1].
    pub alpha: f64,
    /// Colours of the classes.
    pub colormap: Colormap,
    /// File format.
    pub format: Format,
}

impl Default for OverlayStyle {
    fn default() -> Self {
        Self { alpha: DEFAULT_ALPHA, colormap: Colormap::default(), format: Format::Png }
    }
}

/// Encoded mask and overlay of a segmentation.
#[derive(Debug, Clone)]
pub struct Rendered {
    /// The mask: a PNG of class codes.
    pub mask: Bytes,
    /// The overlay, if it was asked for.
    pub overlay: Option<Bytes>,
}

/// Encodes a segmentation. `indices` holds class indices. Neither image is copied.
///
/// # Errors
/// [`Error::Encode`], or [`Error::SizeMismatch`] if image and mask differ in size.
pub fn render(
    image: RgbImage,
    indices: GrayImage,
    classes: &[TissueClass],
    style: Option<OverlayStyle>,
) -> Result<Rendered, Error> {
    // The mask of indices becomes that of codes, so it comes last.
    let overlay = style.map(|style| overlay(image, &indices, classes, style)).transpose()?;
    Ok(Rendered { mask: mask(indices, classes)?.into(), overlay: overlay.map(Bytes::from) })
}

/// Blends the class colours over the image and encodes it. `mask` holds class indices.
fn overlay(
    mut image: RgbImage,
    mask: &GrayImage,
    classes: &[TissueClass],
    style: OverlayStyle,
) -> Result<Vec<u8>, Error> {
    layers::blend(&mut image, mask, &style.colormap.palette(classes)?, style.alpha)?;
    match style.format {
        Format::Png => encode::png(&image),
        Format::Jpeg => encode::jpeg(&image),
    }
}

/// Encodes a mask of class indices as a PNG of class codes.
fn mask(mut mask: GrayImage, classes: &[TissueClass]) -> Result<Vec<u8>, Error> {
    for value in mask.iter_mut() {
        *value = classes.get(usize::from(*value)).map_or(*value, |class| class.code);
    }
    encode::mask_png(&mask)
}

#[cfg(test)]
mod tests {
    use bcs_contracts::class::unnamed_classes;
    use bcs_imaging::{Limits, decode, decode::decode_mask};
    use image::{Luma, Rgb};

    use super::*;

    fn classes(first: &str, codes: [u8; 2]) -> Vec<TissueClass> {
        let mut classes = unnamed_classes(2);
        first.clone_into(&mut classes[0].name);
        for (class, code) in classes.iter_mut().zip(codes) {
            class.code = code;
        }
        classes
    }

    #[test]
    fn stored_masks_hold_class_codes() {
        let indices = GrayImage::from_fn(4, 1, |x, _| Luma([(x % 2) as u8]));
        let stored = |codes| {
            decode_mask(&mask(indices.clone(), &classes("a", codes)).unwrap(), Limits::default()).unwrap()
        };
        assert_eq!(stored([0, 1]).into_raw(), [0, 1, 0, 1]);
        assert_eq!(stored([3, 9]).into_raw(), [3, 9, 3, 9]);
    }

    #[test]
    fn the_background_class_is_not_tinted() {
        let image = RgbImage::from_pixel(2, 1, Rgb([200, 100, 50]));
        let indices = GrayImage::from_fn(2, 1, |x, _| Luma([x as u8]));
        let tinted = |colormap, first| {
            let style = OverlayStyle { colormap, ..OverlayStyle::default() };
            let bytes = overlay(image.clone(), &indices, &classes(first, [0, 1]), style).unwrap();
            let rgb = decode(&bytes, Limits::default()).unwrap().rgb;
            [0, 1].map(|x| rgb.get_pixel(x, 0) != image.get_pixel(x, 0))
        };
        assert_eq!(tinted(Colormap::YlGn, "class 0"), [false, true]);
        assert_eq!(tinted(Colormap::Classes, "other"), [false, true]);
        assert_eq!(tinted(Colormap::Classes, "tumour"), [true, true]);
    }

    #[test]
    fn names_are_those_of_the_colour_maps() {
        let names = [Colormap::YlGn, Colormap::Classes].map(Colormap::name);
        assert_eq!(names, colormap::NAMES);
        for name in names {
            assert_eq!(serde_json::from_value::<Colormap>(name.into()).unwrap().name(), name);
        }
    }
}

//! Encodes a segmentation: the mask as stored, and the overlay for viewing.

use std::sync::Arc;

use axum::http::HeaderMap;
use bcs_contracts::{Color, TissueClass};
use bcs_imaging::{Error, colormap, encode, overlay as layers};
use bcs_service::negotiation;
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
    fn palette(self, classes: &[TissueClass]) -> Result<Vec<Option<Color>>, Error> {
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

/// Blends the class colours over the image and encodes it. `mask` holds class indices.
///
/// # Errors
/// [`Error::Encode`], or [`Error::SizeMismatch`] if image and mask differ in size.
pub fn overlay(
    image: Arc<RgbImage>,
    mask: &GrayImage,
    classes: &[TissueClass],
    style: OverlayStyle,
) -> Result<Vec<u8>, Error> {
    let mut image = Arc::unwrap_or_clone(image);
    layers::blend(&mut image, mask, &style.colormap.palette(classes)?, style.alpha)?;
    match style.format {
        Format::Png => encode::png(&image),
        Format::Jpeg => encode::jpeg(&image),
    }
}

/// Encodes a mask of class indices as a PNG of class codes.
///
/// # Errors
/// [`Error::Encode`].
pub fn mask(indices: &GrayImage, classes: &[TissueClass]) -> Result<Vec<u8>, Error> {
    if classes.iter().enumerate().all(|(index, class)| index == usize::from(class.code)) {
        return encode::mask_png(indices);
    }
    let mut codes = indices.clone();
    for value in codes.iter_mut() {
        *value = classes.get(usize::from(*value)).map_or(*value, |class| class.code);
    }
    encode::mask_png(&codes)
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
        let stored =
            |codes| decode_mask(&mask(&indices, &classes("a", codes)).unwrap(), Limits::default()).unwrap();
        assert_eq!(stored([0, 1]).into_raw(), [0, 1, 0, 1]);
        assert_eq!(stored([3, 9]).into_raw(), [3, 9, 3, 9]);
    }

    #[test]
    fn the_background_class_is_not_tinted() {
        let image = Arc::new(RgbImage::from_pixel(2, 1, Rgb([200, 100, 50])));
        let indices = GrayImage::from_fn(2, 1, |x, _| Luma([x as u8]));
        let tinted = |colormap, first| {
            let style = OverlayStyle { colormap, ..OverlayStyle::default() };
            let bytes = overlay(Arc::clone(&image), &indices, &classes(first, [0, 1]), style).unwrap();
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

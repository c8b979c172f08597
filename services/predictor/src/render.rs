//! Encodes a segmentation: the mask as stored, the overlay for viewing, and the regions.

use axum::http::HeaderMap;
use bcs_contracts::{Color, TissueClass};
use bcs_imaging::legend::{Legend, Line};
use bcs_imaging::overlay::Overlay;
use bcs_imaging::{Error, Raster, colormap, encode};
use bcs_inference::Segmentation;
use bcs_service::negotiation;
use bytes::Bytes;
use image::GrayImage;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::answer::geojson;

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
    /// Whether the classes are named in a legend.
    pub legend: bool,
    /// File format.
    pub format: Format,
}

impl Default for OverlayStyle {
    fn default() -> Self {
        Self { alpha: DEFAULT_ALPHA, colormap: Colormap::default(), legend: false, format: Format::Png }
    }
}

/// What is made of a segmentation besides its mask.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rendering {
    /// Style of the overlay; `None` for no overlay.
    pub overlay: Option<OverlayStyle>,
    /// Whether the regions are wanted.
    pub regions: bool,
}

/// Encoded results of a segmentation.
#[derive(Debug, Clone)]
pub struct Rendered {
    /// The mask: a PNG of class codes.
    pub mask: Bytes,
    /// The overlay, if it was asked for.
    pub overlay: Option<Bytes>,
    /// The regions as GeoJSON, if they were asked for.
    pub regions: Option<Bytes>,
}

/// Encodes a segmentation. Neither image nor mask is copied.
///
/// # Errors
/// [`Error::Encode`]; [`Error::SizeMismatch`] if image and mask differ in size; [`Error::TooManyRegions`]; the errors of
/// decoding an image that is read in bands.
pub fn render(
    image: Raster,
    segmentation: Segmentation,
    classes: &[TissueClass],
    rendering: Rendering,
) -> Result<Rendered, crate::error::Error> {
    // The mask of indices becomes that of codes, so the overlay comes first.
    let overlay = rendering.overlay.map(|style| overlay(image, &segmentation, classes, style)).transpose()?;
    let codes = codes(segmentation.mask, classes);
    let regions = rendering.regions.then(|| geojson::encode(&codes, classes)).transpose()?;
    Ok(Rendered { mask: encode::mask_png(&codes)?.into(), overlay: overlay.map(Bytes::from), regions })
}

/// Blends the class colours over the image and encodes it.
fn overlay(
    image: Raster,
    segmentation: &Segmentation,
    classes: &[TissueClass],
    style: OverlayStyle,
) -> Result<Vec<u8>, Error> {
    let palette = style.colormap.palette(classes)?;
    let lines = legend_lines(segmentation, classes, &palette);
    let legend =
        (style.legend && !lines.is_empty()).then(|| Legend::new(&lines, image.size())).transpose()?;
    let overlay =
        Overlay { mask: &segmentation.mask, palette: &palette, alpha: style.alpha, legend: legend.as_ref() };
    match style.format {
        Format::Png => overlay.png(image),
        Format::Jpeg => overlay.jpeg(image),
    }
}

/// Returns the tinted classes that occur, with their part of the area.
fn legend_lines(
    segmentation: &Segmentation,
    classes: &[TissueClass],
    palette: &[Option<Color>],
) -> Vec<Line> {
    let areas = segmentation.fractions(classes);
    let tinted = areas.iter().zip(palette).filter(|(area, _)| area.pixels > 0);
    tinted
        .filter_map(|(area, color)| Some(Line { text: line(&area.name, area.fraction), color: (*color)? }))
        .collect()
}

fn line(name: &str, fraction: f64) -> String {
    let percent = fraction * 100.0;
    if percent < 1.0 { format!("{name} < 1 %") } else { format!("{name} {percent:.0} %") }
}

/// Replaces class indices by class codes.
fn codes(mut mask: GrayImage, classes: &[TissueClass]) -> GrayImage {
    for value in mask.iter_mut() {
        *value = classes.get(usize::from(*value)).map_or(*value, |class| class.code);
    }
    mask
}

#[cfg(test)]
mod tests {
    use bcs_contracts::class::unnamed_classes;
    use bcs_imaging::{Limits, decode};
    use bcs_inference::ExpectedArea;
    use image::{Luma, Rgb, RgbImage};

    use super::*;

    fn classes(first: &str, codes: [u8; 2]) -> Vec<TissueClass> {
        let mut classes = unnamed_classes(2);
        first.clone_into(&mut classes[0].name);
        for (class, code) in classes.iter_mut().zip(codes) {
            class.code = code;
        }
        classes
    }

    /// A pixel of each of two classes.
    fn two_classes() -> Segmentation {
        let mask = GrayImage::from_fn(2, 1, |x, _| Luma([x as u8]));
        Segmentation {
            mask,
            class_pixels: vec![1, 1],
            expected: vec![ExpectedArea::default(); 2],
            confidence: 1.0,
            entropy: 0.0,
            embedding: None,
        }
    }

    #[test]
    fn a_legend_has_the_tinted_classes_that_occur() {
        let classes = classes("other", [0, 1]);
        let palette = Colormap::Classes.palette(&classes).unwrap();
        let lines = legend_lines(&two_classes(), &classes, &palette);
        assert_eq!(lines, [Line { text: "class 1 50 %".to_owned(), color: classes[1].color }]);
        let without = Segmentation { class_pixels: vec![2, 0], ..two_classes() };
        assert_eq!(legend_lines(&without, &classes, &palette), []);
        assert_eq!(line("fat", 0.004), "fat < 1 %");
    }

    #[test]
    fn stored_masks_hold_class_codes() {
        let indices = GrayImage::from_fn(4, 1, |x, _| Luma([(x % 2) as u8]));
        let stored = |values| codes(indices.clone(), &classes("a", values)).into_raw();
        assert_eq!(stored([0, 1]), [0, 1, 0, 1]);
        assert_eq!(stored([3, 9]), [3, 9, 3, 9]);
    }

    #[test]
    fn the_background_class_is_not_tinted() {
        let image = RgbImage::from_pixel(2, 1, Rgb([200, 100, 50]));
        let segmentation = two_classes();
        let tinted = |colormap, first| {
            let style = OverlayStyle { colormap, ..OverlayStyle::default() };
            let bytes = overlay(image.clone().into(), &segmentation, &classes(first, [0, 1]), style).unwrap();
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

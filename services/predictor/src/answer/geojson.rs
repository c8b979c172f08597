//! The classes of a mask as GeoJSON (RFC 7946), in pixels from the top left corner of the image, as QuPath reads it.

use bcs_contracts::TissueClass;
use bcs_imaging::polygons;
use bcs_imaging::polygons::{ClassPolygons, Ring};
use bytes::Bytes;
use image::GrayImage;
use serde::Serialize;

use crate::error::Error;

/// Media type of GeoJSON.
pub const MEDIA_TYPE: &str = "application/geo+json";

/// Returns the feature collection of a mask of class codes: one annotation per class that occurs, with all of its regions.
/// Their polygons follow the edges of the pixels, so that filling them gives the mask.
///
/// # Errors
/// [`Error::Image`] if the mask has too many regions.
pub fn encode(mask: &GrayImage, classes: &[TissueClass]) -> Result<Bytes, Error> {
    let polygons = polygons(mask)?;
    let features = polygons.iter().map(|class| Feature::new(class, classes)).collect();
    let collection = Collection { kind: "FeatureCollection", features };
    serde_json::to_vec(&collection).map(Bytes::from).map_err(|error| Error::Internal(error.to_string()))
}

#[derive(Serialize)]
struct Collection<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    features: Vec<Feature<'a>>,
}

#[derive(Serialize)]
struct Feature<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    geometry: Geometry<'a>,
    properties: Properties,
}

#[derive(Serialize)]
struct Geometry<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    /// Polygons of rings of positions.
    coordinates: Vec<Vec<&'a Ring>>,
}

/// Properties by QuPath's names, and the code of the class.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Properties {
    object_type: &'static str,
    classification: Classification,
    code: u8,
}

#[derive(Serialize)]
struct Classification {
    name: String,
    color: [u8; 3],
}

impl<'a> Feature<'a> {
    fn new(regions: &'a ClassPolygons, classes: &[TissueClass]) -> Self {
        let rings = |polygon: &'a bcs_imaging::polygons::Polygon| {
            std::iter::once(&polygon.exterior).chain(&polygon.holes).collect()
        };
        let coordinates = regions.polygons.iter().map(rings).collect();
        let class = classes.iter().find(|class| class.code == regions.code);
        let classification = Classification {
            name: class.map_or_else(|| format!("class {}", regions.code), |class| class.name.clone()),
            color: class.map_or([128; 3], |class| class.color.0),
        };
        Self {
            kind: "Feature",
            geometry: Geometry { kind: "MultiPolygon", coordinates },
            properties: Properties { object_type: "annotation", classification, code: regions.code },
        }
    }
}

#[cfg(test)]
mod tests {
    use bcs_contracts::class::unnamed_classes;
    use image::Luma;
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_class_is_an_annotation_with_its_regions() {
        let mask = GrayImage::from_fn(3, 1, |x, _| Luma([u8::from(x == 1)]));
        let bytes = encode(&mask, &unnamed_classes(2)).unwrap();
        let json: Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(json["type"], "FeatureCollection");
        assert_eq!(json["features"][0]["geometry"]["coordinates"].as_array().unwrap().len(), 2);
        assert_eq!(
            json["features"][1],
            json!({
                "type": "Feature",
                "geometry": {
                    "type": "MultiPolygon", "coordinates": [[[[1, 0], [2, 0], [2, 1], [1, 1], [1, 0]]]],
                },
                "properties": {
                    "objectType": "annotation",
                    "classification": {"name": "class 1", "color": [213, 94, 0]},
                    "code": 1,
                },
            })
        );
    }
}

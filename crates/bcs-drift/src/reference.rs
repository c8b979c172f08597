//! A drift reference from the features of the training images.

use std::borrow::Borrow;
use std::collections::BTreeMap;

use bcs_contracts::reference::{FORMAT_VERSION, MAX_VALUES};
use bcs_contracts::{DriftReference, Features};

use crate::error::Error;
use crate::sample::require_finite;

/// The distribution of each feature over `images`: sorted and, above [`MAX_VALUES`], thinned to evenly spaced ranks
/// that keep the least and the greatest value. The order of the images doesn't matter.
///
/// `model_version` may be empty, for a reference of images alone.
///
/// # Errors
/// [`Error::NoImages`] without images; [`Error::NotFinite`] names feature and image (from 1).
pub fn build<F: Borrow<Features>>(
    model_version: &str,
    images: impl IntoIterator<Item = F>,
) -> Result<DriftReference, Error> {
    let mut count = 0;
    let mut features: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for image in images {
        count += 1;
        for (name, value) in image.borrow() {
            require_finite(name, count, *value)?;
            features.entry(name.clone()).or_default().push(*value);
        }
    }
    if count == 0 {
        return Err(Error::NoImages);
    }
    for values in features.values_mut() {
        values.sort_unstable_by(f64::total_cmp);
        thin(values, MAX_VALUES);
    }
    Ok(DriftReference {
        format_version: FORMAT_VERSION,
        model_version: model_version.to_owned(),
        images: count,
        features,
    })
}

/// Keeps `most` values at evenly spaced ranks, the first and the last among them; `most` is at least 2.
fn thin(ascending: &mut Vec<f64>, most: usize) {
    let last = ascending.len().saturating_sub(1);
    if last >= most {
        *ascending = (0..most).map(|rank| ascending[rank * last / (most - 1)]).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(value: f64) -> Features {
        Features::from([("grey_mean".to_owned(), value)])
    }

    #[test]
    fn values_are_sorted_and_images_counted() {
        let reference = build("v1", [image(0.5), image(0.1), Features::new(), image(0.3)]).unwrap();
        assert_eq!(reference.images, 4);
        assert_eq!(reference.features["grey_mean"], [0.1, 0.3, 0.5]);
    }

    #[test]
    fn many_values_are_thinned_evenly() {
        let many = 3 * MAX_VALUES + 7;
        let reference = build("", (0..many).rev().map(|i| image(i as f64))).unwrap();
        let values = &reference.features["grey_mean"];
        assert_eq!((values.len(), reference.images), (MAX_VALUES, many));
        assert_eq!((values[0], values[MAX_VALUES - 1]), (0.0, (many - 1) as f64));
        assert!(values.windows(2).all(|pair| (3.0..=4.0).contains(&(pair[1] - pair[0]))));
    }

    #[test]
    fn as_many_as_allowed_are_kept() {
        let mut values: Vec<f64> = (0..10).map(f64::from).collect();
        thin(&mut values, 10);
        assert_eq!(values.len(), 10);
    }

    #[test]
    fn what_can_not_be_a_reference_is_refused() {
        assert!(matches!(build("", Vec::<Features>::new()), Err(Error::NoImages)));
        let error = build("", [image(0.1), image(f64::NAN)]).unwrap_err().to_string();
        assert!(error.contains("'grey_mean', row 2: NaN"), "{error}");
    }
}

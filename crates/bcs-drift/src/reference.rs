//! Building of drift references.

use bcs_contracts::reference::{FORMAT_VERSION, MAX_ROWS};
use bcs_contracts::{DriftReference, FeatureTable};

use crate::error::Error;
use crate::sample::require_finite;

/// Builds the drift reference of a model from the image features of its training tiles and the model features of its
/// validation tiles. Tables of more than [`MAX_ROWS`] rows are reduced to that many, evenly spaced.
///
/// For a reference of images without a model, `model_version` and `model` are empty.
///
/// # Errors
/// [`Error::NoImages`] if `image` has no rows; [`Error::NotFinite`] names feature and row (from 1).
pub fn build(model_version: &str, image: FeatureTable, model: FeatureTable) -> Result<DriftReference, Error> {
    if image.rows() == 0 {
        return Err(Error::NoImages);
    }
    check_finite(&image)?;
    check_finite(&model)?;
    Ok(DriftReference {
        format_version: FORMAT_VERSION,
        model_version: model_version.to_owned(),
        image: thin(image, MAX_ROWS),
        model: thin(model, MAX_ROWS),
        calibration: Vec::new(),
    })
}

fn check_finite(table: &FeatureTable) -> Result<(), Error> {
    for (name, column) in &table.features {
        for (index, value) in column.iter().enumerate() {
            if let Some(value) = value {
                require_finite(name, index + 1, *value)?;
            }
        }
    }
    Ok(())
}

/// Keeps at most `most` evenly spaced rows, including the first.
fn thin(table: FeatureTable, most: usize) -> FeatureTable {
    let rows = table.rows();
    if rows <= most {
        return table;
    }
    let kept = |index: usize| index * rows / most;
    let cases = (0..most).map(|index| table.cases[kept(index)].clone()).collect();
    let thinned = |values: &[Option<f64>]| (0..most).map(|index| values[kept(index)]).collect();
    let features = table.features.iter().map(|(name, values)| (name.clone(), thinned(values))).collect();
    FeatureTable { cases, features }
}

#[cfg(test)]
mod tests {
    use bcs_contracts::Features;

    use super::*;

    fn case(value: f64) -> Option<String> {
        Some(format!("case {value}"))
    }

    fn table(values: impl IntoIterator<Item = f64>) -> FeatureTable {
        let mut table = FeatureTable::default();
        for value in values {
            table.push(case(value), &Features::from([("grey_mean".to_owned(), value)]));
        }
        table
    }

    #[test]
    fn rows_and_cases_keep_their_order() {
        let reference = build("v1", table([0.5, 0.1, 0.3]), FeatureTable::default()).unwrap();
        assert_eq!(reference.image.values("grey_mean").collect::<Vec<_>>(), [0.5, 0.1, 0.3]);
        assert_eq!(reference.image.cases, [0.5, 0.1, 0.3].map(case));
    }

    #[test]
    fn tables_with_too_many_rows_are_thinned_evenly() {
        let many = 3 * MAX_ROWS + 7;
        let reference = build("", table((0..many).map(|i| i as f64)), FeatureTable::default()).unwrap();
        let values: Vec<f64> = reference.image.values("grey_mean").collect();
        assert_eq!((values.len(), reference.image.rows()), (MAX_ROWS, MAX_ROWS));
        assert_eq!(values[0], 0.0);
        assert!(values.iter().zip(&reference.image.cases).all(|(value, name)| *name == case(*value)));
        assert!(values.windows(2).all(|pair| (3.0..=4.0).contains(&(pair[1] - pair[0]))));
    }

    #[test]
    fn empty_and_non_finite_tables_are_errors() {
        let empty = FeatureTable::default;
        assert!(matches!(build("", empty(), empty()), Err(Error::NoImages)));
        let error = build("", table([0.1, f64::NAN]), empty()).unwrap_err().to_string();
        assert!(error.contains("'grey_mean', row 2: NaN"), "{error}");
    }
}

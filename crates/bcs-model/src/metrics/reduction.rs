//! Reductions of per-image, per-class values, with the meaning of `monai.metrics.utils.do_metric_reduction`.

use serde::Deserialize;

/// Reduction of the values of images and classes; NaN values never take part. By MONAI's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reduction {
    /// All values, image by image: `[images × classes]`.
    None,
    /// Mean over the images of each image's mean over its classes: one value.
    #[default]
    Mean,
    /// Sum of all values: one value.
    Sum,
    /// Mean over the images: one value per class.
    MeanBatch,
    /// Sum over the images: one value per class.
    SumBatch,
    /// Mean over the classes: one value per image.
    MeanChannel,
    /// Sum over the classes: one value per image.
    SumChannel,
}

/// Result of a reduction.
#[derive(Debug, Clone, PartialEq)]
pub struct Reduced {
    /// The reduced values. A sum or mean over no value is 0, as in MONAI; only [`Reduction::None`] gives NaN.
    pub values: Vec<f64>,
    /// Number of values that are not NaN, for each of `values`: of images for [`Reduction::Mean`].
    pub not_nans: Vec<usize>,
}

/// Values of a metric: a row per image, a column per class. NaN where a value is undefined.
#[derive(Debug, Clone)]
pub(super) struct Table {
    columns: usize,
    values: Vec<f64>,
}

/// Sum and number of the values that are not NaN.
#[derive(Clone, Copy)]
struct Total {
    sum: f64,
    count: usize,
}

impl Table {
    /// Creates a table without rows. There is at least one column.
    pub(super) fn new(columns: usize) -> Self {
        Self { columns, values: Vec::new() }
    }

    /// Appends the values of an image, one per column.
    pub(super) fn push(&mut self, row: impl IntoIterator<Item = f64>) {
        self.values.extend(row);
        debug_assert_eq!(self.values.len() % self.columns, 0);
    }

    /// Removes all rows.
    pub(super) fn clear(&mut self) {
        self.values.clear();
    }

    pub(super) fn reduce(&self, reduction: Reduction) -> Reduced {
        match reduction {
            Reduction::None => Reduced {
                values: self.values.clone(),
                not_nans: self.values.iter().map(|value| usize::from(!value.is_nan())).collect(),
            },
            Reduction::Mean => {
                let images = self.by_image().filter(|image| image.count > 0);
                reduced([Total::of(images.map(Total::mean))], Total::mean)
            }
            Reduction::Sum => reduced([Total::of(self.values.iter().copied())], |total| total.sum),
            Reduction::MeanBatch => reduced(self.by_class(), Total::mean),
            Reduction::SumBatch => reduced(self.by_class(), |total| total.sum),
            Reduction::MeanChannel => reduced(self.by_image(), Total::mean),
            Reduction::SumChannel => reduced(self.by_image(), |total| total.sum),
        }
    }

    fn by_image(&self) -> impl Iterator<Item = Total> {
        self.values.chunks_exact(self.columns).map(|row| Total::of(row.iter().copied()))
    }

    fn by_class(&self) -> impl Iterator<Item = Total> {
        let column = |class| self.values.iter().skip(class).step_by(self.columns).copied();
        (0..self.columns).map(move |class| Total::of(column(class)))
    }
}

impl Total {
    fn of(values: impl Iterator<Item = f64>) -> Self {
        let add = |total: Self, value| Self { sum: total.sum + value, count: total.count + 1 };
        values.filter(|value| !value.is_nan()).fold(Self { sum: 0.0, count: 0 }, add)
    }

    fn mean(self) -> f64 {
        if self.count == 0 { 0.0 } else { self.sum / self.count as f64 }
    }
}

fn reduced(totals: impl IntoIterator<Item = Total>, value: fn(Total) -> f64) -> Reduced {
    let (values, not_nans) = totals.into_iter().map(|total| (value(total), total.count)).unzip();
    Reduced { values, not_nans }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAN: f64 = f64::NAN;

    fn reduce(reduction: Reduction) -> (Vec<f64>, Vec<usize>) {
        let mut table = Table::new(2);
        table.push([0.5, 1.0]);
        table.push([NAN, 0.25]);
        table.push([NAN, NAN]);
        let Reduced { values, not_nans } = table.reduce(reduction);
        (values, not_nans)
    }

    #[test]
    fn nan_takes_no_part() {
        assert_eq!(reduce(Reduction::Mean), (vec![0.5], vec![2]));
        assert_eq!(reduce(Reduction::Sum), (vec![1.75], vec![3]));
        assert_eq!(reduce(Reduction::MeanBatch), (vec![0.5, 0.625], vec![1, 2]));
        assert_eq!(reduce(Reduction::SumBatch), (vec![0.5, 1.25], vec![1, 2]));
        assert_eq!(reduce(Reduction::MeanChannel), (vec![0.75, 0.25, 0.0], vec![2, 1, 0]));
        assert_eq!(reduce(Reduction::SumChannel), (vec![1.5, 0.25, 0.0], vec![2, 1, 0]));
        let (values, not_nans) = reduce(Reduction::None);
        assert_eq!((values[..2].to_vec(), not_nans), (vec![0.5, 1.0], vec![1, 1, 0, 1, 0, 0]));
        assert!(values[2].is_nan() && values[4].is_nan());
    }

    #[test]
    fn without_images_there_are_no_values_to_count() {
        let table = Table::new(2);
        assert_eq!(table.reduce(Reduction::Mean), Reduced { values: vec![0.0], not_nans: vec![0] });
        assert_eq!(
            table.reduce(Reduction::MeanBatch),
            Reduced { values: vec![0.0; 2], not_nans: vec![0; 2] }
        );
        assert_eq!(table.reduce(Reduction::None), Reduced { values: vec![], not_nans: vec![] });
    }
}

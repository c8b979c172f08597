use std::ops::Range;

use bcs_contracts::features::Embedding;
use rayon::prelude::*;

/// Network output for an image, before softmax.
#[derive(Debug, Clone, PartialEq)]
pub struct Logits {
    /// Number of classes.
    pub classes: usize,
    /// Height in pixels.
    pub height: usize,
    /// Width in pixels.
    pub width: usize,
    /// Logits `[classes, height, width]` in row-major order.
    pub values: Vec<f32>,
    /// Mean of the embeddings of its windows, if the model gives some.
    pub embedding: Option<Embedding>,
}

impl Logits {
    /// Returns logits of 0.
    pub(crate) fn zeros(classes: usize, [height, width]: [usize; 2]) -> Self {
        Self { classes, height, width, values: vec![0.0; classes * height * width], embedding: None }
    }

    /// Writes row `y` of all classes, `[classes, width]`.
    pub(crate) fn set_row(&mut self, y: usize, row: &[f32]) {
        let (area, width) = (self.height * self.width, self.width);
        for (class, values) in row.chunks_exact(width.max(1)).enumerate() {
            self.values[class * area + y * width..][..width].copy_from_slice(values);
        }
    }

    /// Returns the softmax over the classes: their probabilities at every pixel.
    pub fn into_probabilities(mut self) -> Self {
        let rows = 0..self.height;
        self.rows_mut(rows).into_par_iter().for_each(|mut row| {
            let mut pixel = vec![0.0; row.len()];
            for x in 0..row.first().map_or(0, |first| first.len()) {
                pixel.iter_mut().zip(&row).for_each(|(value, class)| *value = class[x]);
                softmax(&mut pixel);
                row.iter_mut().zip(&pixel).for_each(|(class, value)| class[x] = *value);
            }
        });
        self
    }

    /// Returns some rows, each as one slice per class, so that they can be written in parallel.
    pub(crate) fn rows_mut(&mut self, rows: Range<usize>) -> Vec<Vec<&mut [f32]>> {
        let (area, width) = ((self.height * self.width).max(1), self.width.max(1));
        let mut planes: Vec<_> = self
            .values
            .chunks_exact_mut(area)
            .map(|plane| plane[rows.start * width..rows.end * width].chunks_exact_mut(width))
            .collect();
        rows.map(|_| planes.iter_mut().filter_map(Iterator::next).collect()).collect()
    }
}

/// Replaces the logits of a pixel by their softmax.
pub(crate) fn softmax(values: &mut [f32]) {
    let max = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut sum = 0.0;
    for value in values.iter_mut() {
        *value = (*value - max).exp();
        sum += *value;
    }
    for value in values {
        *value /= sum;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_are_the_softmax_over_the_classes() {
        let logits = Logits {
            classes: 2,
            height: 1,
            width: 2,
            values: vec![0.0, 100.0, 0.0, -100.0],
            embedding: None,
        };
        assert_eq!(logits.into_probabilities().values, [0.5, 1.0, 0.5, 0.0]);
    }
}

use std::ops::Range;

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
}

impl Logits {
    /// Returns logits of 0.
    pub(crate) fn zeros(classes: usize, [height, width]: [usize; 2]) -> Self {
        Self { classes, height, width, values: vec![0.0; classes * height * width] }
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

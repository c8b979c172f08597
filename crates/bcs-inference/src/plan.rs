//! Where the windows of an image lie, and their pixels.

use std::ops::Range;

use bcs_imaging::windows::{Window, positions, starts};
use image::RgbImage;
use rayon::prelude::*;

use crate::engine::Border;
use crate::padding::Padding;
use crate::view::View;

/// Number of bytes of an RGB pixel.
const BYTES: usize = 3;

/// Position of an image in the windows that cover it. Sizes are (height, width).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    /// Size of the image.
    pub(crate) size: [usize; 2],
    /// Size of a window.
    pub(crate) roi: [usize; 2],
    /// Number of rows above and of columns to the left of the image, where it is smaller than a window.
    pub(crate) before: [usize; 2],
    /// Overlap of neighbouring windows as a fraction of the window.
    pub(crate) overlap: [f64; 2],
}

/// The part of a window that is cut from the image, and the border that the engine puts around it. Windows with the same
/// frame fit into one batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Frame {
    /// Size of a window.
    pub(crate) roi: [usize; 2],
    /// Size of the part that is cut.
    inside: [usize; 2],
    /// Number of rows above and of columns to the left of that part.
    before: [usize; 2],
}

/// Images from which windows are cut.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source<'a> {
    /// The images.
    pub(crate) images: &'a [RgbImage],
    /// The plan of the view of each image.
    pub(crate) plans: &'a [Plan],
    /// The view of the images that the windows lie in.
    pub(crate) view: View,
    /// Padding of images smaller than the window.
    pub(crate) padding: Padding,
    /// Row of the plan that is the first one of the images, of which there may be a part only.
    pub(crate) top: usize,
}

impl Plan {
    /// Returns all windows, row by row. Their origin is that of the padded image.
    pub(crate) fn windows(&self) -> Vec<Window> {
        positions(self.size, self.roi, self.overlap)
    }

    /// Returns the start of each row and of each column of windows.
    pub(crate) fn starts(&self) -> [Vec<usize>; 2] {
        std::array::from_fn(|axis| starts(self.size[axis], self.roi[axis], self.overlap[axis]))
    }

    /// Returns the rows (axis 0) or columns (axis 1) of the image that a window starting at `start` covers.
    pub(crate) fn covered(&self, axis: usize, start: usize) -> Range<usize> {
        let before = self.before[axis];
        start.saturating_sub(before)..(start + self.roi[axis] - before).min(self.size[axis])
    }

    /// Returns the first row or column of a window starting at `start` that lies on the image.
    pub(crate) fn first(&self, axis: usize, start: usize) -> usize {
        self.before[axis].saturating_sub(start)
    }

    /// Returns the frame of the windows: a constant is padded by the engine, everything else is cut.
    pub(crate) fn frame(&self, padding: Padding) -> Frame {
        let roi = self.roi;
        match padding {
            Padding::Constant(_) => Frame {
                roi,
                inside: std::array::from_fn(|axis| roi[axis].min(self.size[axis])),
                before: self.before,
            },
            _ => Frame { roi, inside: roi, before: [0; 2] },
        }
    }
}

impl Frame {
    /// Returns the shape of a batch for [`crate::Engine::run`].
    pub(crate) fn shape(&self, count: usize) -> [usize; 3] {
        [count, self.inside[0], self.inside[1]]
    }

    /// Returns the border for [`crate::Engine::run`].
    pub(crate) fn border(&self, padding: Padding) -> Border {
        let Padding::Constant(value) = padding else { return Border::default() };
        let after: [usize; 2] =
            std::array::from_fn(|axis| self.roi[axis] - self.inside[axis] - self.before[axis]);
        Border { top: self.before[0], bottom: after[0], left: self.before[1], right: after[1], value }
    }

    /// Returns the bytes of windows, one after the other, each with the index of its image.
    pub(crate) fn cut(&self, source: &Source<'_>, windows: &[(usize, Window)]) -> Vec<u8> {
        let length = self.bytes();
        let mut pixels = vec![0; windows.len() * length];
        let slots = pixels.par_chunks_exact_mut(length).zip(windows);
        slots.for_each(|(pixels, (image, window))| self.cut_one(source, *image, *window, pixels));
        pixels
    }

    /// Returns the number of bytes of a window.
    pub(crate) fn bytes(&self) -> usize {
        self.inside[0] * self.inside[1] * BYTES
    }

    /// Writes the bytes of a window of the image with this index.
    pub(crate) fn cut_one(&self, source: &Source<'_>, index: usize, window: Window, pixels: &mut [u8]) {
        let Source { images, plans, view, padding, top } = *source;
        let (image, plan) = (&images[index], &plans[index]);
        let positions = |axis: usize, start: usize| -> Vec<usize> {
            // Where the engine adds the border, the part that is cut begins with the image.
            let before = plan.before[axis] as isize - self.before[axis] as isize;
            let inside = start as isize..(start + self.inside[axis]) as isize;
            inside.map(|position| padding.source(position - before, plan.size[axis])).collect()
        };
        let (rows, columns) = (positions(0, window.y), positions(1, window.x));
        let grid = view.in_image([image.height() as usize, image.width() as usize]);
        let unbroken = grid.keeps_rows() && columns.is_sorted_by(|a, b| a + 1 == *b);
        let bytes = image.as_raw();
        for (row, y) in pixels.chunks_exact_mut(columns.len() * BYTES).zip(rows) {
            if unbroken {
                row.copy_from_slice(&bytes[grid.at(y - top, columns[0]) * BYTES..][..row.len()]);
                continue;
            }
            for (pixel, x) in row.chunks_exact_mut(BYTES).zip(&columns) {
                pixel.copy_from_slice(&bytes[grid.at(y - top, *x) * BYTES..][..BYTES]);
            }
        }
    }
}

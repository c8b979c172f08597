//! An image flipped or rotated by a multiple of 90°.

/// One of the eight symmetries of a square: the image may be transposed, after flipping its rows or columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct View {
    /// Whether rows become columns.
    pub(crate) transposed: bool,
    /// Whether the order of the image's rows is reversed.
    pub(crate) flipped_rows: bool,
    /// Whether the order of the image's columns is reversed.
    pub(crate) flipped_columns: bool,
}

/// Where the pixels of one image lie in the memory of another, in pixels.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Grid {
    start: isize,
    down: isize,
    right: isize,
}

impl Grid {
    /// Returns the position of the pixel in row `y` and column `x`.
    pub(crate) fn at(self, y: usize, x: usize) -> usize {
        (self.start + y as isize * self.down + x as isize * self.right) as usize
    }

    /// Whether the pixels of a row lie side by side, from left to right.
    pub(crate) fn keeps_rows(self) -> bool {
        self.right == 1
    }
}

impl View {
    /// The image itself.
    pub(crate) const IDENTITY: Self = Self { transposed: false, flipped_rows: false, flipped_columns: false };

    /// Returns the height and width of the view of an image.
    pub(crate) fn size(self, [height, width]: [usize; 2]) -> [usize; 2] {
        if self.transposed { [width, height] } else { [height, width] }
    }

    /// Returns where the pixels of the view lie in an image of this size.
    pub(crate) fn in_image(self, [height, width]: [usize; 2]) -> Grid {
        let (top, down) = axis(height, width, self.flipped_rows);
        let (left, right) = axis(width, 1, self.flipped_columns);
        let (down, right) = if self.transposed { (right, down) } else { (down, right) };
        Grid { start: top + left, down, right }
    }

    /// Returns where the pixels of an image of this size lie in its view.
    pub(crate) fn of_image(self, [height, width]: [usize; 2]) -> Grid {
        let (row, column) = if self.transposed { (1, height) } else { (width, 1) };
        let (top, down) = axis(height, row, self.flipped_rows);
        let (left, right) = axis(width, column, self.flipped_columns);
        Grid { start: top + left, down, right }
    }
}

/// Returns the start and the step along an axis of `length` positions that are `step` apart.
fn axis(length: usize, step: usize, flipped: bool) -> (isize, isize) {
    let (last, step) = (length.saturating_sub(1) as isize, step as isize);
    if flipped { (last * step, -step) } else { (0, step) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn views_are_the_symmetries() {
        // 0 1 2
        // 3 4 5
        let pixels = |transposed, flipped_rows, flipped_columns| {
            let view = View { transposed, flipped_rows, flipped_columns };
            let ([height, width], grid) = (view.size([2, 3]), view.in_image([2, 3]));
            (0..height * width).map(|at| grid.at(at / width, at % width)).collect::<Vec<_>>()
        };
        assert_eq!(pixels(false, false, false), [0, 1, 2, 3, 4, 5]);
        assert_eq!(pixels(false, true, false), [3, 4, 5, 0, 1, 2]);
        assert_eq!(pixels(false, false, true), [2, 1, 0, 5, 4, 3]);
        assert_eq!(pixels(true, false, false), [0, 3, 1, 4, 2, 5]);
        // Rotations by 90° clockwise and anticlockwise.
        assert_eq!(pixels(true, true, false), [3, 0, 4, 1, 5, 2]);
        assert_eq!(pixels(true, false, true), [2, 5, 1, 4, 0, 3]);
    }

    #[test]
    fn the_way_back_is_the_inverse() {
        for bits in 0..8 {
            let [transposed, flipped_rows, flipped_columns] = [1, 2, 4].map(|bit| bits & bit != 0);
            let view = View { transposed, flipped_rows, flipped_columns };
            let ([height, width], image, back) =
                (view.size([3, 5]), view.in_image([3, 5]), view.of_image([3, 5]));
            for (y, x) in (0..height).flat_map(|y| (0..width).map(move |x| (y, x))) {
                let at = image.at(y, x);
                assert_eq!(back.at(at / 5, at % 5), y * width + x, "{view:?}");
            }
        }
    }
}

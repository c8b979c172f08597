//! Pixels to the graph's input: the same numbers as `bcs_model::preprocess::to_input`, without libtorch.

use bcs_contracts::package::Scaling;

use crate::engine::Border;

/// Share of red, green and blue in the luma (ITU-R BT.601).
const LUMA: [f32; 3] = [0.299, 0.587, 0.114];

/// The input of each value that a byte has, by channel: red, green, blue.
pub(super) struct Table([[f32; 256]; 3]);

impl Table {
    pub(super) fn new(scaling: &Scaling) -> Self {
        let value = |channel: usize, byte: usize| {
            let color = byte as f32 / 255.0;
            match scaling {
                Scaling::UnitRange => color,
                Scaling::Standardize { mean, std } => (color - mean[channel] as f32) / std[channel] as f32,
            }
        };
        Self(std::array::from_fn(|channel| std::array::from_fn(|byte| value(channel, byte))))
    }

    /// Writes the input of an RGB image with a border. `input` has one plane per channel: three, or one of the luma.
    pub(super) fn fill(&self, pixels: &[u8], size: [usize; 2], border: &Border, input: &mut [f32]) {
        let [height, width] = size;
        let (rows, columns) = (border.top + height + border.bottom, border.left + width + border.right);
        let area = rows * columns;
        if area > height * width {
            input.fill(border.value);
        }
        let is_luma = input.len() == area;
        for (channel, plane) in input.chunks_exact_mut(area).enumerate() {
            let inside = plane.chunks_exact_mut(columns).skip(border.top);
            for (row, pixels) in inside.zip(pixels.chunks_exact(3 * width)) {
                let row = row[border.left..][..width].iter_mut().zip(pixels.chunks_exact(3));
                match is_luma {
                    true => row.for_each(|(value, pixel)| *value = self.luma(pixel)),
                    false => row.for_each(|(value, pixel)| *value = self.color(channel, pixel)),
                }
            }
        }
    }

    fn color(&self, channel: usize, pixel: &[u8]) -> f32 {
        self.0[channel][usize::from(pixel[channel])]
    }

    fn luma(&self, pixel: &[u8]) -> f32 {
        LUMA.iter().enumerate().map(|(channel, share)| share * self.color(channel, pixel)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixels_are_scaled_into_planes_within_the_border() {
        let table = Table::new(&Scaling::Standardize { mean: [0.0, 0.5, 0.0], std: [1.0, 0.5, 2.0] });
        let border = Border { top: 1, right: 1, value: 7.0, ..Border::default() };
        let mut input = [0.0; 18];
        table.fill(&[255, 255, 255, 0, 0, 51], [1, 2], &border, &mut input);
        let expected: [f32; 18] =
            [7.0, 7.0, 7.0, 1.0, 0.0, 7.0, 7.0, 7.0, 7.0, 1.0, -1.0, 7.0, 7.0, 7.0, 7.0, 0.5, 0.1, 7.0];
        assert_eq!(input, expected);
    }

    #[test]
    fn a_single_plane_is_the_luma() {
        let mut input = [0.0; 2];
        Table::new(&Scaling::UnitRange).fill(
            &[255, 0, 0, 255, 255, 255],
            [1, 2],
            &Border::default(),
            &mut input,
        );
        assert!((input[0] - 0.299).abs() < 1e-6 && (input[1] - 1.0).abs() < 1e-6, "{input:?}");
    }
}

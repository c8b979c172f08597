//! Conformal p-values.

/// Distances of the images of the reference, each case counted once.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Calibration {
    /// Distances in ascending order, with the number of cases at and beyond each.
    distances: Vec<(f64, f64)>,
    cases: usize,
}

impl Calibration {
    /// Adds the distances of the images of a case.
    pub(super) fn add_case(&mut self, distances: &[f64]) {
        self.cases += 1;
        let weight = 1.0 / distances.len() as f64;
        self.distances.extend(distances.iter().map(|distance| (*distance, weight)));
    }

    /// Makes p-values available, after the last case.
    pub(super) fn finish(&mut self) {
        self.distances.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        let mut beyond = 0.0;
        for (_, weight) in self.distances.iter_mut().rev() {
            beyond += *weight;
            *weight = beyond;
        }
    }

    /// Returns the p-value of a distance: the share of cases at or beyond it, with the image itself as one more case.
    pub(super) fn p_value(&self, distance: f64) -> f64 {
        let nearer = self.distances.partition_point(|(other, _)| *other < distance);
        let beyond = self.distances.get(nearer).map_or(0.0, |(_, beyond)| *beyond);
        ((1.0 + beyond) / (self.cases + 1) as f64).min(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases_count_once_whatever_their_number_of_images() {
        let mut calibration = Calibration::default();
        calibration.add_case(&[1.0]);
        calibration.add_case(&[2.0, 0.5, 4.0, 3.0]);
        calibration.add_case(&[2.0]);
        calibration.finish();
        for (distance, beyond) in [(0.0, 3.0), (0.7, 2.75), (2.0, 1.75), (3.5, 0.25), (4.0, 0.25), (5.0, 0.0)]
        {
            assert!((calibration.p_value(distance) - (1.0 + beyond) / 4.0).abs() < 1e-12, "{distance}");
        }
    }
}

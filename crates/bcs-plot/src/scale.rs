//! Positions and ticks of values on an axis.

/// How values are spread along an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scale {
    /// Equal differences are equal distances.
    #[default]
    Linear,
    /// Equal ratios are equal distances; values must be positive.
    Log,
}

impl Scale {
    /// Whether a value has a position.
    pub(crate) fn accepts(self, value: f64) -> bool {
        value.is_finite() && (self == Self::Linear || value > 0.0)
    }

    fn transform(self, value: f64) -> f64 {
        match self {
            Self::Linear => value,
            Self::Log => value.log10(),
        }
    }
}

/// Smallest and largest of the values that have a position on the scale.
pub(crate) fn range(scale: Scale, values: impl Iterator<Item = f64>) -> Option<[f64; 2]> {
    values.filter(|value| scale.accepts(*value)).fold(None, |range, value| match range {
        None => Some([value, value]),
        Some([low, high]) => Some([low.min(value), high.max(value)]),
    })
}

/// An axis: values from `low` to `high` at positions from `start` to `end`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mapping {
    pub(crate) scale: Scale,
    pub(crate) low: f64,
    pub(crate) high: f64,
    start: f64,
    end: f64,
}

impl Mapping {
    /// Creates an axis. A range of one value is widened.
    pub(crate) fn new(scale: Scale, [low, high]: [f64; 2], [start, end]: [f64; 2]) -> Self {
        let [low, high] = match scale {
            _ if low < high => [low, high],
            Scale::Log => [low / 2.0, low * 2.0],
            Scale::Linear if low == 0.0 => [0.0, 1.0],
            Scale::Linear => [low - low.abs() * 0.1, low + low.abs() * 0.1],
        };
        Self { scale, low, high, start, end }
    }

    /// Extends a linear axis to ticks at both ends.
    pub(crate) fn extended(self, ticks: usize) -> Self {
        if self.scale == Scale::Log {
            return self;
        }
        let step = step(self.high - self.low, ticks);
        let (low, high) = ((self.low / step).floor() * step, (self.high / step).ceil() * step);
        Self { low, high, ..self }
    }

    /// Returns the position of a value; `None` if it has none. Values beyond the axis are at its end.
    pub(crate) fn at(&self, value: f64) -> Option<f64> {
        if !self.scale.accepts(value) {
            return None;
        }
        let [low, high, value] = [self.low, self.high, value].map(|value| self.scale.transform(value));
        // Halved, because the difference may overflow.
        let fraction = ((value / 2.0 - low / 2.0) / (high / 2.0 - low / 2.0)).clamp(0.0, 1.0);
        Some(self.start + fraction * (self.end - self.start))
    }

    /// Returns about `count` round values on the axis, ascending.
    pub(crate) fn ticks(&self, count: usize) -> Vec<f64> {
        if self.scale == Scale::Log {
            let ticks = log_ticks(self.low, self.high, count);
            if ticks.len() >= 2 {
                return ticks;
            }
        }
        let step = step(self.high - self.low, count);
        let (first, last) = ((self.low / step - 1e-9).ceil(), (self.high / step + 1e-9).floor());
        // A multiple of a fraction has rounding errors, such as 3 * 0.1; the reciprocal of a power of ten has none.
        let multiple = |index: f64| if step < 1.0 { index / (1.0 / step) } else { index * step };
        (0..=(last - first).max(0.0) as usize).map(|index| multiple(first + index as f64)).collect()
    }

    /// Distance between linear ticks, which decides about their digits.
    pub(crate) fn step(&self, count: usize) -> f64 {
        step(self.high - self.low, count)
    }
}

/// Returns 1, 2 or 5 times a power of ten, so that a range has about `count` of it.
fn step(range: f64, count: usize) -> f64 {
    let rough = range / count.max(1) as f64;
    if !rough.is_finite() || rough <= 0.0 {
        return 1.0;
    }
    let power = 10_f64.powf(rough.log10().floor());
    let factor = [1.0, 2.0, 5.0].into_iter().find(|factor| factor * power >= rough * 0.999).unwrap_or(10.0);
    factor * power
}

/// Powers of ten on an axis, thinned to about `count`; with their multiples 2 and 5 if there are few.
fn log_ticks(low: f64, high: f64, count: usize) -> Vec<f64> {
    let (first, last) = (low.log10().floor() as i32, high.log10().ceil() as i32);
    let is_within = |tick: &f64| *tick >= low * 0.999_999 && *tick <= high * 1.000_001;
    let every = usize::try_from(last - first).unwrap_or(0).div_ceil(count.max(1)).max(1);
    // From 10^0 on in both directions, so that 1 is a tick.
    let powers = (first..=last).filter(|power| power.rem_euclid(every as i32) == 0);
    let ticks: Vec<f64> = powers.map(|power| 10_f64.powi(power)).filter(is_within).collect();
    if ticks.len() >= 3 {
        return ticks;
    }
    let fine = (first..=last).flat_map(|power| [1.0, 2.0, 5.0].map(|factor| factor * 10_f64.powi(power)));
    fine.filter(is_within).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round() {
        for (scale, low, high, expected) in [
            (Scale::Linear, 0.0, 1.0, vec![0.0, 0.2, 0.4, 0.6, 0.8, 1.0]),
            (Scale::Linear, 0.0, 19.0, vec![0.0, 5.0, 10.0, 15.0]),
            (Scale::Linear, -3.0, 3.0, vec![-2.0, 0.0, 2.0]),
            (Scale::Linear, 0.512, 0.538, vec![0.52, 0.53]),
            (Scale::Log, 1e-5, 1e-1, vec![1e-5, 1e-4, 1e-3, 1e-2, 1e-1]),
            (Scale::Log, 0.15, 3.0, vec![0.2, 0.5, 1.0, 2.0]),
            (Scale::Log, 3.1, 3.3, vec![3.1, 3.15, 3.2, 3.25, 3.3]),
        ] {
            let ticks = Mapping::new(scale, [low, high], [0.0, 100.0]).ticks(5);
            let equal =
                ticks.iter().zip(&expected).all(|(tick, value)| (tick - value).abs() <= 1e-12 * value.abs());
            assert!(ticks.len() == expected.len() && equal, "{ticks:?}");
        }
    }

    #[test]
    fn an_axis_of_one_value_has_a_range() {
        for value in [0.0, 5.0, -5.0] {
            let axis = Mapping::new(Scale::Linear, [value, value], [0.0, 100.0]);
            assert!(axis.low < axis.high && axis.at(value).is_some());
            assert!(!axis.ticks(5).is_empty());
        }
        let axis = Mapping::new(Scale::Log, [1.0, 1.0], [0.0, 100.0]);
        assert!((axis.at(1.0).unwrap() - 50.0).abs() < 1e-9);
    }

    #[test]
    fn values_without_a_position_are_left_out() {
        let axis = Mapping::new(Scale::Log, [1.0, 100.0], [0.0, 100.0]);
        assert_eq!([0.0, -1.0, f64::NAN, f64::INFINITY].map(|value| axis.at(value)), [None; 4]);
        assert_eq!((axis.at(10.0), axis.at(1e9)), (Some(50.0), Some(100.0)));
        assert_eq!(range(Scale::Log, [0.0, 3.0, f64::NAN, 2.0].into_iter()), Some([2.0, 3.0]));
        assert_eq!(range(Scale::Linear, [f64::NAN].into_iter()), None);
    }

    #[test]
    fn an_extended_axis_ends_at_ticks() {
        let axis = Mapping::new(Scale::Linear, [0.13, 0.87], [0.0, 1.0]).extended(4);
        assert_eq!((axis.low, axis.high), (0.0, 1.0));
    }
}

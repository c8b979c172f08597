//! Ranges of floats in decimal arithmetic, as Hydra computes them with Python's `decimal`: three steps of 0.1 are 0.3.

/// Significant digits that Python keeps of a sum.
const DIGITS: u32 = 28;

/// Digits that fit into an `i128`, with some to spare for sums.
const CAPACITY: i32 = 36;

/// Returns the numbers from `start` to `stop`, which is excluded; `step` is not zero, and all are finite.
pub(super) fn range(start: f64, stop: f64, step: f64) -> impl Iterator<Item = f64> {
    let decimals = decimals(start.abs().max(stop.abs()).max(step.abs()));
    let fixed = |value: f64| fixed(value, decimals);
    let (mut sum, stop, step) = (fixed(start), fixed(stop), fixed(step));
    std::iter::from_fn(move || {
        let (current, stop, step) = (sum?, stop?, step?);
        let inside = if step > 0 { current < stop } else { step < 0 && current > stop };
        sum = current.checked_add(step).map(rounded);
        inside.then(|| format!("{current}e-{decimals}").parse().ok()).flatten()
    })
}

/// Returns the number of decimals with which a number of this size fits.
fn decimals(size: f64) -> usize {
    let whole_digits = if size > 0.0 { size.log10().floor() as i32 + 1 } else { 1 };
    usize::try_from(CAPACITY - whole_digits).unwrap_or(0)
}

/// Returns a float in units of the last decimal; `None` if it does not fit.
fn fixed(value: f64, decimals: usize) -> Option<i128> {
    format!("{value:.decimals$}").replace('.', "").parse().ok()
}

/// Rounds to the significant digits that Python keeps, half to even.
fn rounded(value: i128) -> i128 {
    let excess = value.unsigned_abs().checked_ilog10().map_or(0, |log| (log + 1).saturating_sub(DIGITS));
    let unit = 10_i128.pow(excess);
    let (quotient, rest) = (value / unit, (value % unit).abs());
    let up = rest * 2 > unit || (rest * 2 == unit && quotient % 2 != 0);
    (quotient + if up { value.signum() } else { 0 }) * unit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_add_up_in_decimals() {
        let cases: [(f64, f64, f64, &[f64]); 5] = [
            (0.0, 0.5, 0.1, &[0.0, 0.1, 0.2, 0.3, 0.4]),
            // As Hydra: the sum of steps is above the end, if only by rounding.
            (1e-3, 5e-3, 1e-3, &[1e-3, 2e-3, 3e-3, 4e-3]),
            (0.0, 0.3, 0.1, &[0.0, 0.1, 0.2]),
            (1.0, 0.0, -0.4, &[1.0, 0.6, 0.199_999_999_999_999_96]),
            (1.0, 1.0, 0.5, &[]),
        ];
        for (start, stop, step, expected) in cases {
            assert_eq!(
                range(start, stop, step).collect::<Vec<_>>(),
                expected,
                "range({start},{stop},{step})"
            );
        }
    }
}

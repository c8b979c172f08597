//! The distribution functions of two samples as steps.

use crate::sample::Sample;

/// An interval between neighbouring values, on which both distribution functions are constant.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    /// Distribution function of the reference minus that of the current values.
    pub gap: f64,
    /// Length of the interval.
    pub width: f64,
}

/// Returns the steps between the different values of both samples, in ascending order.
pub(super) fn steps<'a>(reference: &'a Sample, current: &'a Sample) -> impl Iterator<Item = Step> + 'a {
    let (a, b) = (reference.values(), current.values());
    let (mut i, mut j) = (0, 0);
    let mut last = a[0].min(b[0]);
    std::iter::from_fn(move || {
        let next = match (a.get(i), b.get(j)) {
            (Some(x), Some(y)) => x.min(*y),
            (Some(x), None) | (None, Some(x)) => *x,
            (None, None) => return None,
        };
        let gap = i as f64 / a.len() as f64 - j as f64 / b.len() as f64;
        let step = Step { gap, width: next - last };
        last = next;
        i += a[i..].iter().take_while(|value| **value == next).count();
        j += b[j..].iter().take_while(|value| **value == next).count();
        Some(step)
    })
}

//! Shares of both samples in common bins, as Evidently cuts them.

use crate::sample::Sample;

/// Number of different reference values up to which each value is a bin of its own.
const MAX_DISCRETE: usize = 20;

/// Share that stands in for an empty bin, where a logarithm needs one.
const FILLING: f64 = 0.0001;

/// Returns the number of times that each different value of both samples occurs in them, in ascending order of the values.
pub(super) fn counts(reference: &Sample, current: &Sample) -> Vec<[usize; 2]> {
    let mut counts: Vec<(f64, [usize; 2])> = Vec::new();
    let (mut a, mut b) = (reference.values(), current.values());
    while let Some(value) = a.first().into_iter().chain(b.first()).copied().reduce(f64::min) {
        let take = |values: &mut &[f64]| {
            let count = values.iter().take_while(|other| **other == value).count();
            *values = &values[count..];
            count
        };
        counts.push((value, [take(&mut a), take(&mut b)]));
    }
    counts.into_iter().map(|(_, counts)| counts).collect()
}

/// Returns the different values of a sample in ascending order, at most this many.
pub(super) fn different(sample: &Sample, most: usize) -> Vec<f64> {
    let mut rest = sample.values();
    let mut different = Vec::new();
    while let Some(value) = rest.first().filter(|_| different.len() < most) {
        different.push(*value);
        rest = &rest[rest.partition_point(|other| other <= value)..];
    }
    different
}

/// Returns the shares of both samples in each bin: values if the reference has up to 20 different ones, else intervals of
/// equal width whose number follows from the number of all values.
pub(super) fn shares(reference: &Sample, current: &Sample) -> Vec<[f64; 2]> {
    let all = reference.values().len() + current.values().len();
    let binned = if different(reference, MAX_DISCRETE + 1).len() > MAX_DISCRETE {
        histogram(reference, current, all)
    } else {
        counts(reference, current)
    };
    of_all(reference, current, binned)
}

/// Returns the [`shares`] with empty bins filled: with 0.0001 or, where a side has a share of at most that, with a millionth of
/// its smallest share.
pub(super) fn filled_shares(reference: &Sample, current: &Sample) -> Vec<[f64; 2]> {
    let mut shares = shares(reference, current);
    for side in [0, 1] {
        let smallest =
            shares.iter().map(|share| share[side]).filter(|share| *share > 0.0).fold(1.0, f64::min);
        let filling = if smallest <= FILLING { smallest / 1e6 } else { FILLING };
        shares.iter_mut().filter(|share| share[side] == 0.0).for_each(|share| share[side] = filling);
    }
    shares
}

/// Divides counts by the numbers of values of both sides.
pub(super) fn of_all(reference: &Sample, current: &Sample, counts: Vec<[usize; 2]>) -> Vec<[f64; 2]> {
    let sizes = [reference, current].map(|sample| sample.values().len() as f64);
    counts.into_iter().map(|[a, b]| [a as f64 / sizes[0], b as f64 / sizes[1]]).collect()
}

/// Counts in intervals of equal width, whose number follows from `number` (Sturges, 1926):
/// `numpy.histogram_bin_edges(both, bins="sturges")`.
pub(super) fn histogram(reference: &Sample, current: &Sample, number: usize) -> Vec<[usize; 2]> {
    let (a, b) = (reference.values(), current.values());
    let (low, high) = (a[0].min(b[0]), a[a.len() - 1].max(b[b.len() - 1]));
    let width = (high - low) / ((number as f64).log2() + 1.0);
    // A single value has a width of 0.
    let bins = ((high - low) / width).ceil().max(1.0) as usize;
    let edge = |bin: usize| if bin == bins { high } else { low + bin as f64 * ((high - low) / bins as f64) };
    // A bin has its lower edge, the last one both edges.
    let below = |values: &[f64], bin: usize| match bin == bins {
        true => values.len(),
        false => values.partition_point(|value| *value < edge(bin)),
    };
    (0..bins).map(|bin| [a, b].map(|values| below(values, bin + 1) - below(values, bin))).collect()
}

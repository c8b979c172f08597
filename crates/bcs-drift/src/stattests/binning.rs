//! Shares of both samples in common bins, as Evidently cuts them.

use crate::sample::Sample;

/// Number of different reference values up to which each value is a bin of its own.
const MAX_DISCRETE: usize = 20;

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

/// Returns the shares of both samples in each bin: values if the reference has up to 20 different ones, else intervals of
/// equal width whose number follows from the number of all values (Sturges, 1926).
pub(super) fn shares(reference: &Sample, current: &Sample) -> Vec<[f64; 2]> {
    let discrete = counts(reference, current);
    let different = discrete.iter().filter(|[count, _]| *count > 0).count();
    let binned = if different > MAX_DISCRETE { histogram(reference, current) } else { discrete };
    let sizes = [reference, current].map(|sample| sample.values().len() as f64);
    binned.into_iter().map(|[a, b]| [a as f64 / sizes[0], b as f64 / sizes[1]]).collect()
}

/// Counts in `numpy.histogram_bin_edges(both, bins="sturges")`.
fn histogram(reference: &Sample, current: &Sample) -> Vec<[usize; 2]> {
    let (a, b) = (reference.values(), current.values());
    let (low, high) = (a[0].min(b[0]), a[a.len() - 1].max(b[b.len() - 1]));
    let all = (a.len() + b.len()) as f64;
    let width = (high - low) / (all.log2() + 1.0);
    let bins = ((high - low) / width).ceil().max(1.0) as usize;
    let edge = |bin: usize| if bin == bins { high } else { low + bin as f64 * ((high - low) / bins as f64) };
    // A bin has its lower edge, the last one both edges.
    let below = |values: &[f64], bin: usize| match bin == bins {
        true => values.len(),
        false => values.partition_point(|value| *value < edge(bin)),
    };
    (0..bins).map(|bin| [a, b].map(|values| below(values, bin + 1) - below(values, bin))).collect()
}

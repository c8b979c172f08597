//! Choice of the images to label.

use bcs_contracts::Features;

/// An image that could be labelled.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// Doubt of the network, for example the mean entropy of its predictions; at least 0.
    pub uncertainty: f64,
    /// Features of the image.
    pub features: Features,
}

/// Chooses up to `count` images, 5 to 10 as a rule, whose labels would tell most: the one with the largest uncertainty, then each
/// time the one with the largest product of uncertainty and distance to the nearest chosen image. Distances are Euclidean, in
/// standard deviations of the features that all candidates have. Returns positions in the order of choice; an image that is equal
/// to a chosen one tells nothing new and is not chosen.
///
/// This is the greedy k-centre choice of O. Sener and S. Savarese ("Active learning for convolutional neural networks: a core-set
/// approach", ICLR 2018), weighted by uncertainty as F. Zhdanov proposes for diverse batches ("Diverse mini-batch active
/// learning", arXiv:1901.05954).
pub fn to_label(candidates: &[Candidate], count: usize) -> Vec<usize> {
    let rows = standardized(candidates);
    let mut distances = vec![1.0; candidates.len()];
    let mut chosen = Vec::new();
    while chosen.len() < count {
        let gain = |at: usize| candidates[at].uncertainty.max(0.0) * distances[at];
        let best = (0..candidates.len()).max_by(|a, b| gain(*a).total_cmp(&gain(*b)).then(b.cmp(a)));
        let Some(best) = best.filter(|best| gain(*best) > 0.0) else { break };
        let is_first = chosen.is_empty();
        chosen.push(best);
        for (distance, row) in distances.iter_mut().zip(&rows) {
            let squares = row.iter().zip(&rows[best]).map(|(a, b)| (a - b).powi(2));
            let to_best = squares.sum::<f64>().sqrt();
            *distance = if is_first { to_best } else { distance.min(to_best) };
        }
    }
    chosen
}

/// The features that all candidates have, in standard deviations.
fn standardized(candidates: &[Candidate]) -> Vec<Vec<f64>> {
    let Some(first) = candidates.first() else { return Vec::new() };
    let mut rows = vec![Vec::new(); candidates.len()];
    for name in first.features.keys() {
        let values: Option<Vec<f64>> =
            candidates.iter().map(|candidate| candidate.features.get(name).copied()).collect();
        let Some(values) = values else { continue };
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / values.len() as f64;
        if variance > 0.0 {
            rows.iter_mut().zip(values).for_each(|(row, value)| row.push((value - mean) / variance.sqrt()));
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(uncertainty: f64, x: f64, y: f64) -> Candidate {
        let features = Features::from([("x".to_owned(), x), ("y".to_owned(), y)]);
        Candidate { uncertainty, features }
    }

    #[test]
    fn doubtful_images_that_differ_are_chosen() {
        let mut candidates =
            vec![candidate(0.9, 0.0, 0.0), candidate(0.89, 0.01, 0.0), candidate(0.88, 0.0, 0.01)];
        candidates.extend([candidate(0.6, 5.0, 5.0), candidate(0.5, -5.0, 5.0), candidate(0.01, 9.0, -9.0)]);
        assert_eq!(to_label(&candidates, 3), [0, 3, 4]);
    }

    #[test]
    fn copies_and_certain_images_are_not_chosen() {
        let candidates = [candidate(0.5, 1.0, 1.0), candidate(0.5, 1.0, 1.0), candidate(0.0, 7.0, 1.0)];
        assert_eq!(to_label(&candidates, 5), [0]);
        assert_eq!(to_label(&[], 5), Vec::<usize>::new());
    }

    #[test]
    fn a_feature_that_some_lack_does_not_count() {
        let mut candidates =
            vec![candidate(0.5, 0.0, 0.0), candidate(0.4, 0.0, 9.0), candidate(0.3, 4.0, 0.0)];
        candidates[2].features.remove("y");
        assert_eq!(to_label(&candidates, 2), [0, 2]);
    }
}

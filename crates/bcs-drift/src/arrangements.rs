//! Arrangements: the ways to divide pooled values into two sides of given sizes, for permutation tests.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

/// Number of arrangements up to which all are enumerated.
const MAX_ENUMERATED: u64 = 20_000;

/// Number of random arrangements otherwise.
pub(crate) const DRAWN: u64 = 9_999;

/// Arrangements of two sides.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arrangements {
    reference: usize,
    current: usize,
}

impl Arrangements {
    /// Arrangements of sides of these sizes.
    pub(crate) fn new(reference: usize, current: usize) -> Self {
        Self { reference, current }
    }

    /// Number of arrangements; `None` if it exceeds 2⁶⁴.
    fn count(self) -> Option<u64> {
        let all = (self.reference + self.current) as u64;
        (0..self.current.min(self.reference) as u64).try_fold(1_u64, |product, at| {
            let product = u128::from(product) * u128::from(all - at) / u128::from(at + 1);
            u64::try_from(product).ok()
        })
    }

    /// Number of arrangements if they are few enough to be enumerated.
    pub(crate) fn enumerated(self) -> Option<u64> {
        self.count().filter(|count| *count <= MAX_ENUMERATED)
    }

    /// Visits all arrangements, or the observed and `drawn` random ones if there are too many, and returns the number of
    /// visits. Each visit is given the positions of the current side among all values, of which those of the reference
    /// come first.
    pub(crate) fn visit(self, drawn: u64, seed: u64, mut visit: impl FnMut(&[usize])) -> u64 {
        let all = self.reference + self.current;
        if self.enumerated().is_some() {
            let mut current: Vec<usize> = (0..self.current).collect();
            let mut count = 0;
            loop {
                visit(&current);
                count += 1;
                if !advance(&mut current, all) {
                    return count;
                }
            }
        }
        visit(&(self.reference..all).collect::<Vec<_>>());
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut positions: Vec<usize> = (0..all).collect();
        for _ in 0..drawn {
            let (current, _) = positions.partial_shuffle(&mut random, self.current);
            visit(current);
        }
        drawn + 1
    }
}

/// Advances to the next combination of numbers below `all`, in lexicographic order; `false` after the last one.
fn advance(combination: &mut [usize], all: usize) -> bool {
    let length = combination.len();
    for at in (0..length).rev() {
        if combination[at] < all - length + at {
            combination[at] += 1;
            for later in at + 1..length {
                combination[later] = combination[later - 1] + 1;
            }
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_arrangements_are_enumerated_once() {
        let mut seen = std::collections::BTreeSet::new();
        let count = Arrangements::new(4, 3).visit(10, 0, |current| assert!(seen.insert(current.to_vec())));
        assert_eq!((count, seen.len()), (35, 35));
    }

    #[test]
    fn of_many_arrangements_the_observed_and_random_ones_are_visited() {
        let mut visited = Vec::new();
        let count = Arrangements::new(30, 20).visit(10, 0, |current| visited.push(current.to_vec()));
        assert_eq!((count, visited.len()), (11, 11));
        assert_eq!(visited[0], (30..50).collect::<Vec<_>>());
        assert!(visited.iter().all(|current| current.len() == 20));
        assert_eq!(Arrangements::new(1000, 1000).count(), None);
    }
}

//! Finds what somebody who mistyped a name may have meant.

/// The candidate nearest to `wanted`, if one is near enough to be a slip of the fingers.
pub(crate) fn nearest<'a>(wanted: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (wanted.chars().count() / 3).clamp(1, 4);
    let distances = candidates.into_iter().map(|candidate| (distance(wanted, candidate), candidate));
    distances.filter(|(distance, _)| (1..=limit).contains(distance)).min().map(|(_, candidate)| candidate)
}

/// A sentence to put behind an error; empty without a suggestion.
pub(crate) fn hint(suggestion: Option<&str>) -> String {
    suggestion.map_or_else(String::new, |name| format!(" Did you mean '{name}'?"))
}

/// Edit distance in which swapping two neighbours counts as one slip.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    let mut previous = None;
    for (row, from) in a.chars().enumerate() {
        let mut current = vec![row + 1];
        for (column, to) in b.iter().enumerate() {
            let mut best = (above[column] + usize::from(from != *to))
                .min(above[column + 1] + 1)
                .min(current[column] + 1);
            if column > 0 && previous == Some(*to) && from == b[column - 1] {
                best = best.min(before[column - 1] + 1);
            }
            current.push(best);
        }
        before = std::mem::replace(&mut above, current);
        previous = Some(from);
    }
    above[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_found_and_strangers_are_not() {
        assert_eq!(nearest("max_epoch", ["max_epochs", "min_epochs"]), Some("max_epochs"));
        assert_eq!(nearest("train_hpy", ["model_hyp", "train_hyp"]), Some("train_hyp"));
        assert_eq!(nearest("optimizer", ["loss", "dropout"]), None);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("ab", "ba"), 1);
    }
}

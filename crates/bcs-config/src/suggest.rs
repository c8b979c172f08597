//! Suggests names for misspelled ones.

/// Returns the candidate nearest to `wanted`, if it is near enough to be a typing error.
pub fn nearest<'a>(wanted: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let near =
        candidates.into_iter().filter_map(|candidate| Some((typing_errors(wanted, candidate)?, candidate)));
    near.filter(|(errors, _)| *errors > 0).min().map(|(_, candidate)| candidate)
}

/// Returns the dotted path nearest to `wanted`, each key of which is near enough to be a typing error;
/// without one, a path whose last key is the same or nearest.
pub(crate) fn nearest_path<'a>(wanted: &str, paths: &'a [String]) -> Option<&'a str> {
    let others = || paths.iter().map(String::as_str).filter(|path| *path != wanted);
    let same_shape = others().filter_map(|path| Some((path_errors(wanted, path)?, path)));
    let same_end = || others().filter_map(|path| Some((typing_errors(last(wanted), last(path))?, path)));
    // The first of several paths that are equally near.
    same_shape
        .min_by_key(|(errors, _)| *errors)
        .or_else(|| same_end().min_by_key(|(errors, _)| *errors))
        .map(|(_, path)| path)
}

/// Returns a suggestion as a sentence to append to an error; empty without one.
pub fn hint(suggestion: Option<&str>) -> String {
    suggestion.map_or_else(String::new, |name| format!(" Did you mean '{name}'?"))
}

fn last(path: &str) -> &str {
    path.rsplit('.').next().unwrap_or(path)
}

fn path_errors(wanted: &str, path: &str) -> Option<usize> {
    if wanted.split('.').count() != path.split('.').count() {
        return None;
    }
    wanted.split('.').zip(path.split('.')).map(|(wanted, found)| typing_errors(wanted, found)).sum()
}

/// Returns the edit distance, if it is small for the length of `wanted`.
fn typing_errors(wanted: &str, found: &str) -> Option<usize> {
    let limit = (wanted.chars().count() / 3).clamp(1, 4);
    Some(distance(wanted, found)).filter(|distance| *distance <= limit)
}

/// Edit distance in which a swap of two neighbouring characters counts once (optimal string alignment).
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
    fn misspelled_names_get_a_suggestion_and_other_names_none() {
        assert_eq!(nearest("max_epoch", ["max_epochs", "min_epochs"]), Some("max_epochs"));
        assert_eq!(nearest("train_hpy", ["model_hyp", "train_hyp"]), Some("train_hyp"));
        assert_eq!(nearest("optimizer", ["loss", "dropout"]), None);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("ab", "ba"), 1);
    }

    #[test]
    fn paths_are_compared_key_by_key() {
        let paths = ["train_hyp", "train_hyp.loss", "train_hyp.max_epochs", "data.loss"].map(str::to_owned);
        let cases = [
            ("train_hyp.max_epoch", Some("train_hyp.max_epochs")),
            ("train_hpy.max_epoch", Some("train_hyp.max_epochs")),
            ("max_epoch", Some("train_hyp.max_epochs")),
            ("model.loss", Some("train_hyp.loss")),
            // Near to `train_hyp.loss` only because of the long prefix.
            ("train_hyp.foo", None),
        ];
        for (wanted, expected) in cases {
            assert_eq!(nearest_path(wanted, &paths), expected, "{wanted}");
        }
    }
}

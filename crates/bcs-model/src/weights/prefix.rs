//! The prefix that a file puts before the network's names, because the network was an attribute of another module.

use std::collections::BTreeMap;

use crate::error::Error;

/// Attributes under which wrappers keep a network: Lightning modules, `DataParallel` and `torch.compile`.
const WRAPPERS: [&str; 7] = ["module", "model", "_model", "net", "_net", "network", "_orig_mod"];

/// Returns the prefix under which the file has the network's parameters: empty, or some attributes and a dot each, as
/// `net.` or `module.net.`.
///
/// Names outside the prefix are those of other parts of a checkpoint (losses, metrics). A prefix of attributes other
/// than the usual ones counts only if at least half of the network's names are found under it.
///
/// # Errors
/// [`Error::Weights`] if the file has the network twice, under prefixes of equal standing.
pub(super) fn find<'a>(
    file: impl Iterator<Item = &'a String>,
    is_known: impl Fn(&str) -> bool,
    known: usize,
) -> Result<&'a str, Error> {
    let mut found: BTreeMap<&str, usize> = BTreeMap::new();
    for name in file {
        for (prefix, _) in suffixes(name).filter(|(_, suffix)| is_known(suffix)) {
            *found.entry(prefix).or_default() += 1;
        }
    }
    found.retain(|prefix, count| is_usual(prefix) || *count * 2 >= known);
    let rank = |(prefix, count): (&&str, &usize)| (*count, is_usual(prefix));
    let Some(best) = found.iter().map(rank).max() else { return Ok("") };
    let prefixes: Vec<&str> =
        found.iter().filter(|entry| rank(*entry) == best).map(|(prefix, _)| *prefix).collect();
    match prefixes[..] {
        [prefix] => Ok(prefix),
        _ => Err(Error::Weights(format!(
            "the file has the network's parameters under each of the prefixes '{}'; remove all but one",
            prefixes.join("', '")
        ))),
    }
}

/// Returns the parts before and after each possible end of a prefix.
pub(super) fn suffixes(name: &str) -> impl Iterator<Item = (&str, &str)> {
    let starts = std::iter::once(0).chain(name.match_indices('.').map(|(dot, _)| dot + 1));
    starts.map(|start| name.split_at(start))
}

fn is_usual(prefix: &str) -> bool {
    prefix.split_terminator('.').all(|attribute| WRAPPERS.contains(&attribute))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NETWORK: [&str; 4] = ["model.0.weight", "model.0.bias", "model.1.weight", "head.weight"];

    fn find_in(names: &[String]) -> Result<&str, Error> {
        find(names.iter(), |name| NETWORK.contains(&name), NETWORK.len())
    }

    fn under(prefixes: &[&str]) -> Vec<String> {
        prefixes.iter().flat_map(|prefix| NETWORK.map(|name| format!("{prefix}{name}"))).collect()
    }

    #[test]
    fn the_prefix_with_most_of_the_networks_names_is_found() {
        for prefix in ["", "net.", "model.", "module.net.", "net._orig_mod.", "segmenter.unet."] {
            let mut names = under(&[prefix]);
            names.push("loss.weight".to_owned());
            assert_eq!(find_in(&names).unwrap(), prefix);
            names.remove(0);
            assert_eq!(find_in(&names).unwrap(), prefix, "a missing parameter");
        }
    }

    #[test]
    fn the_network_is_preferred_to_its_average_and_ambiguity_is_an_error() {
        assert_eq!(find_in(&under(&["net.", "ema.net."])).unwrap(), "net.");
        let error = find_in(&under(&["student.", "teacher."])).unwrap_err().to_string();
        assert!(error.contains("'student.', 'teacher.'"), "{error}");
    }

    #[test]
    fn a_chance_agreement_is_no_prefix() {
        let names = ["decoder.head.weight", "decoder.x.weight", "model.9.weight"].map(str::to_owned);
        assert_eq!(find_in(&names).unwrap(), "");
        assert_eq!(find_in(&[]).unwrap(), "");
    }
}

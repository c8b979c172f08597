//! What was copied from a file of parameters into a network.

use std::collections::{BTreeMap, BTreeSet};

use bcs_model::nets::Network;
use bcs_model::weights::Loaded;

/// Says how many parameters were copied, and lists those that were not, grouped by module.
pub(crate) fn describe(network: &Network, loaded: &Loaded) -> String {
    // A mismatch is described after the name.
    let mismatched = loaded.mismatched.iter().filter_map(|text| text.split(": ").next());
    let left: BTreeSet<&str> = loaded.missing.iter().map(String::as_str).chain(mismatched).collect();
    let mut text =
        format!("copied {} of {} parameters", loaded.copied.len(), loaded.copied.len() + left.len());
    let state = network.state();
    let groups = |names| groups(state.keys().map(String::as_str), names);
    if !left.is_empty() {
        text += &format!("; left as initialized: {}", list(&groups(&left)));
    }
    for mismatch in &loaded.mismatched {
        text += &format!("\n  {mismatch}");
    }
    if !loaded.unknown.is_empty() {
        let unknown: BTreeSet<&str> = loaded.unknown.iter().map(String::as_str).collect();
        text += &format!("\n  in the file, but not in the network: {}", list(&groups(&unknown)));
    }
    text
}

/// Groups names that were left by the largest modules in which the network has no other name, each with its number of
/// names.
fn groups<'a>(all: impl Iterator<Item = &'a str>, left: &BTreeSet<&str>) -> BTreeMap<String, usize> {
    let mut copied_in: BTreeSet<&str> = BTreeSet::new();
    for name in all.filter(|name| !left.contains(name)) {
        copied_in.extend(modules(name));
    }
    let mut groups = BTreeMap::new();
    for name in left {
        let largest = modules(name).find(|module| !copied_in.contains(module)).unwrap_or(name);
        *groups.entry(largest.to_owned()).or_insert(0) += 1;
    }
    groups
}

/// Modules that a name lies in, the outermost first.
fn modules(name: &str) -> impl Iterator<Item = &str> {
    name.match_indices('.').map(|(dot, _)| &name[..dot])
}

fn list(groups: &BTreeMap<String, usize>) -> String {
    let group = |(name, count): (&String, &usize)| match count {
        1 => name.clone(),
        _ => format!("{name} ({count})"),
    };
    groups.iter().map(group).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_grouped_by_the_largest_modules_without_a_copy() {
        let all = [
            "encoder.0.w",
            "encoder.0.b",
            "encoder.1.w",
            "decoder.0.w",
            "decoder.1.w",
            "decoder.1.b",
            "scale",
        ];
        let left = BTreeSet::from(["encoder.1.w", "decoder.0.w", "decoder.1.w", "decoder.1.b", "scale"]);
        let found = list(&groups(all.into_iter(), &left));
        assert_eq!(found, "decoder (3), encoder.1, scale");
    }
}

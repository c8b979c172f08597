//! Train/validation split. Tiles of one slide resemble each other, so a split by tile leaks; whole folders, patients
//! or institutes are held out instead.

use std::collections::BTreeSet;

use bcs_contracts::tile_name::TileName;
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::index::Pair;

/// Institutes that the authors of BCSS hold out.
pub const HELD_OUT_INSTITUTES: [&str; 6] = ["OL", "LL", "E2", "EW", "GM", "S3"];

/// Unit of the train/validation split.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum By {
    /// The validation folders, as they are.
    Folder,
    /// Patients of the training folders, as `TCGA-A2-A1G6`.
    Patient,
    /// Institutes (tissue source sites) of the training folders, as `OL`.
    Institute,
}

/// Splits the pairs of the training folders into training and validation pairs; the latter are those of the `held_out`
/// patients or institutes. An empty `held_out` stands for [`HELD_OUT_INSTITUTES`] when splitting by institute.
///
/// # Errors
/// [`Error::Split`] if nothing is held out, if a held-out name does not occur (the message lists the names that do), if
/// a file name states no patient, and if either side would be empty.
pub fn split(pairs: Vec<Pair>, by: By, held_out: &[String]) -> Result<(Vec<Pair>, Vec<Pair>), Error> {
    let unit = if by == By::Institute { "institute" } else { "patient" };
    let units = pairs.iter().map(|pair| unit_of(pair, by)).collect::<Result<Vec<_>, _>>()?;
    let known: BTreeSet<&str> = units.iter().map(String::as_str).collect();
    let known_list = || known.iter().copied().collect::<Vec<_>>().join(", ");
    let held_out: Vec<&str> = match (held_out, by) {
        ([], By::Institute) => HELD_OUT_INSTITUTES.to_vec(),
        ([], _) => {
            return Err(Error::Split(format!(
                "data.split={unit} needs data.held_out=[…]; the {unit}s are {}",
                known_list()
            )));
        }
        (names, _) => {
            let unknown: Vec<&str> =
                names.iter().map(String::as_str).filter(|name| !known.contains(name)).collect();
            if !unknown.is_empty() {
                return Err(Error::Split(format!(
                    "data.held_out: no tile is of {unit} {}; the {unit}s are {}",
                    unknown.join(", "),
                    known_list()
                )));
            }
            names.iter().map(String::as_str).collect()
        }
    };
    let is_empty = |held: bool| !known.iter().any(|name| held_out.contains(name) == held);
    for (held, side) in [(false, "training"), (true, "validation")] {
        if is_empty(held) {
            return Err(Error::Split(format!(
                "data.held_out={held_out:?} leaves no {side} tiles; the {unit}s are {}",
                known_list()
            )));
        }
    }
    let is_held_out: Vec<bool> = units.iter().map(|name| held_out.contains(&name.as_str())).collect();
    let (validation, train): (Vec<_>, Vec<_>) =
        pairs.into_iter().zip(is_held_out).partition(|(_, held_out)| *held_out);
    let pairs = |side: Vec<(Pair, bool)>| side.into_iter().map(|(pair, _)| pair).collect();
    Ok((pairs(train), pairs(validation)))
}

fn unit_of(pair: &Pair, by: By) -> Result<String, Error> {
    let name = TileName::parse(&pair.name).ok_or_else(|| {
        Error::Split(format!(
            "the name of {} does not begin like TCGA-A2-A0D2, so its patient is unknown; use data.split=folder",
            pair.image.display()
        ))
    })?;
    Ok(if by == By::Institute { name.institute } else { name.patient })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs() -> Vec<Pair> {
        let names = ["TCGA-A2-A0D2-DX1_1", "TCGA-OL-A66I-DX1_1", "TCGA-A2-A1G6-DX1_2", "TCGA-A2-A0D2-DX1_2"];
        let pair = |name: &str| Pair { name: name.to_owned(), image: name.into(), mask: name.into() };
        names.into_iter().map(pair).collect()
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn whole_patients_and_institutes_are_held_out() {
        let (train, validation) = split(pairs(), By::Patient, &names(&["TCGA-A2-A0D2"])).unwrap();
        assert_eq!((train.len(), validation.len()), (2, 2));
        let (train, validation) = split(pairs(), By::Institute, &[]).unwrap();
        assert_eq!((train.len(), validation[0].name.as_str()), (3, "TCGA-OL-A66I-DX1_1"));
    }

    #[test]
    fn unknown_names_are_errors_that_list_the_known_ones() {
        // One unknown name beside a known one is a misspelling, not a smaller validation set.
        for (by, held_out, known) in [
            (By::Institute, ["XX", "OL"], "A2, OL"),
            (By::Patient, ["XX", "TCGA-A2-A0D2"], "TCGA-A2-A0D2, TCGA-A2-A1G6, TCGA-OL-A66I"),
        ] {
            let error = split(pairs(), by, &names(&held_out)).unwrap_err().to_string();
            assert!(error.contains("data.held_out") && error.contains("XX;"), "{error}");
            assert!(error.contains(known), "{error}");
        }
    }

    #[test]
    fn an_empty_side_is_an_error() {
        let error = split(pairs(), By::Institute, &names(&["A2", "OL"])).unwrap_err().to_string();
        assert!(error.contains("no training tiles"), "{error}");
        let a2 = pairs().into_iter().filter(|pair| pair.name.contains("-A2-")).collect();
        let error = split(a2, By::Institute, &[]).unwrap_err().to_string();
        assert!(error.contains("no validation tiles"), "{error}");
        let error = split(pairs(), By::Patient, &[]).unwrap_err().to_string();
        assert!(error.contains("TCGA-OL-A66I"), "{error}");
    }
}

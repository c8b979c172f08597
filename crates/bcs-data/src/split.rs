//! Who trains and who validates. Tiles of one region look alike, so a split by tile leaks; whole folders,
//! patients or institutes are held out.

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::index::Pair;
use bcs_contracts::tile_name::TileName;

/// The institutes that the authors of BCSS hold out.
pub const HELD_OUT_INSTITUTES: [&str; 6] = ["OL", "LL", "E2", "EW", "GM", "S3"];

/// What is held out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum By {
    /// The validation folders as they are.
    #[default]
    Folder,
    /// Patients, as `TCGA-A2-A1G6`, of the training folders.
    Patient,
    /// Institutes, as `OL`, of the training folders.
    Institute,
}

/// Splits pairs into those that train and those that validate: of the `held_out` patients or institutes.
///
/// # Errors
/// [`Error::Split`] for a name that tells neither, and where a side would be empty.
pub fn split(pairs: Vec<Pair>, by: By, held_out: &[String]) -> Result<(Vec<Pair>, Vec<Pair>), Error> {
    let mut train = Vec::new();
    let mut validation = Vec::new();
    let mut seen = std::collections::BTreeSet::new();
    for pair in pairs {
        let name = TileName::parse(&pair.name).ok_or_else(|| {
            Error::Split(format!("{} does not begin like TCGA-A2-A0D2, so its patient is unknown", pair.name))
        })?;
        let unit = if by == By::Institute { name.institute } else { name.patient };
        if held_out.contains(&unit) { &mut validation } else { &mut train }.push(pair);
        seen.insert(unit);
    }
    if train.is_empty() || validation.is_empty() {
        let side = if train.is_empty() { "trains" } else { "validates" };
        let seen = seen.into_iter().collect::<Vec<_>>().join(", ");
        return Err(Error::Split(format!(
            "with {} held out, nobody {side}; there are {seen}",
            held_out.join(", ")
        )));
    }
    Ok((train, validation))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs() -> Vec<Pair> {
        let names = ["TCGA-A2-A0D2-DX1_1", "TCGA-OL-A66I-DX1_1", "TCGA-A2-A1G6-DX1_2", "TCGA-A2-A0D2-DX1_2"];
        let pair = |name: &str| Pair { name: name.to_owned(), image: name.into(), mask: name.into() };
        names.into_iter().map(pair).collect()
    }

    #[test]
    fn whole_patients_and_institutes_are_held_out() {
        let (train, validation) = split(pairs(), By::Patient, &["TCGA-A2-A0D2".to_owned()]).unwrap();
        assert_eq!((train.len(), validation.len()), (2, 2));
        let institutes = HELD_OUT_INSTITUTES.map(str::to_owned);
        let (train, validation) = split(pairs(), By::Institute, &institutes).unwrap();
        assert_eq!((train.len(), validation[0].name.as_str()), (3, "TCGA-OL-A66I-DX1_1"));
    }

    #[test]
    fn an_empty_side_names_whom_there_is() {
        let error = split(pairs(), By::Institute, &["XX".to_owned()]).unwrap_err().to_string();
        assert!(error.contains("XX") && error.contains("A2, OL"), "{error}");
    }
}

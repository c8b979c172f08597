//! Which codes of a mask are which class: data, not code. The maps that everyone needs are built in; others are
//! YAML files of the same form.

use std::path::Path;

use bcs_contracts::package::Labels;
use bcs_contracts::{Color, TissueClass};
use serde::Deserialize;

use crate::error::Error;

pub use bcs_contracts::IGNORE;

/// The table entry of a code that a map does not know.
const UNKNOWN: u8 = 254;

/// Most classes a map can have: what is left of a byte beside [`IGNORE`] and [`UNKNOWN`].
const MAX_CLASSES: usize = 254;

/// The maps that are built in.
const BUILT_IN: [(&str, &str); 4] = [
    ("bcss-tumor", include_str!("../label_maps/bcss-tumor.yaml")),
    ("bcss-3class", include_str!("../label_maps/bcss-3class.yaml")),
    ("bcss-5class", include_str!("../label_maps/bcss-5class.yaml")),
    ("bcss-22-tumor", include_str!("../label_maps/bcss-22-tumor.yaml")),
];

/// Which codes of a mask are which class.
#[derive(Debug, Clone)]
pub struct LabelMap {
    name: String,
    classes: Vec<TissueClass>,
    background: Option<usize>,
    table: [u8; 256],
}

/// A map as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default, rename = "description")]
    _description: String,
    /// The class that scores are not averaged over.
    background: Option<String>,
    classes: Vec<WrittenClass>,
    #[serde(default)]
    dont_care: Vec<u8>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenClass {
    name: String,
    color: Color,
    codes: Vec<u8>,
}

impl LabelMap {
    /// The built-in map of this name, or the one in the YAML file of this path.
    ///
    /// # Errors
    /// [`Error::LabelMap`].
    pub fn load(name_or_path: &str) -> Result<Self, Error> {
        if let Some((name, text)) = BUILT_IN.iter().find(|(name, _)| *name == name_or_path) {
            return Self::parse(name, text);
        }
        let error = |reason: String| Error::LabelMap { name: name_or_path.to_owned(), reason };
        if !Path::new(name_or_path).exists() {
            return Err(error(format!(
                "no such file, and no built-in map; there are {}",
                names().join(", ")
            )));
        }
        let text = std::fs::read_to_string(name_or_path).map_err(|reason| error(reason.to_string()))?;
        Self::parse(name_or_path, &text)
    }

    /// Reads a map from YAML.
    ///
    /// # Errors
    /// [`Error::LabelMap`], also for a code that stands twice.
    pub fn parse(name: &str, text: &str) -> Result<Self, Error> {
        let error = |reason: String| Error::LabelMap { name: name.to_owned(), reason };
        let value = bcs_config::yaml::parse(text, name).map_err(|reason| error(reason.to_string()))?;
        let json = value.to_json().map_err(|reason| error(reason.to_string()))?;
        let written: Written = serde_json::from_value(json).map_err(|reason| error(reason.to_string()))?;
        written.into_map(name)
    }

    /// The map that a model package brings.
    ///
    /// # Errors
    /// [`Error::LabelMap`], where it contradicts itself or the classes.
    pub fn from_package(labels: &Labels, classes: &[TissueClass]) -> Result<Self, Error> {
        if labels.codes.len() != classes.len() {
            let reason = format!("it has codes for {} classes of {}", labels.codes.len(), classes.len());
            return Err(Error::LabelMap { name: labels.name.clone(), reason });
        }
        let with_codes = |(class, codes): (&TissueClass, &Vec<u8>)| WrittenClass {
            name: class.name.clone(),
            color: class.color,
            codes: codes.clone(),
        };
        let written = Written {
            _description: String::new(),
            background: labels.background.clone(),
            classes: classes.iter().zip(&labels.codes).map(with_codes).collect(),
            dont_care: labels.dont_care.clone(),
        };
        written.into_map(&labels.name)
    }

    /// The map as a model package brings it.
    pub fn to_package(&self) -> Labels {
        let codes_of =
            |class: u8| (0..=u8::MAX).filter(|code| self.table[usize::from(*code)] == class).collect();
        Labels {
            name: self.name.clone(),
            codes: self.classes.iter().map(|class| codes_of(class.code)).collect(),
            dont_care: codes_of(IGNORE),
            background: self.background.map(|index| self.classes[index].name.clone()),
        }
    }

    /// Its name, or the path it was read from.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The classes, in the order of a network's output channels; the code of each is its index.
    pub fn classes(&self) -> &[TissueClass] {
        &self.classes
    }

    /// The index of the class that scores are not averaged over, where there is one.
    pub fn background(&self) -> Option<usize> {
        self.background
    }

    /// The indices of the classes that scores are averaged over.
    pub fn foreground(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.classes.len()).filter(|index| Some(*index) != self.background)
    }

    /// Turns the codes of a mask into class indices, in place, and don't-care codes into [`IGNORE`].
    ///
    /// # Errors
    /// The codes that the map does not know, ascending; then the mask is spoilt.
    pub fn apply(&self, mask: &mut [u8]) -> Result<(), Vec<u8>> {
        let mut unknown = [false; 256];
        let mut any = false;
        for code in mask {
            let class = self.table[usize::from(*code)];
            if class == UNKNOWN {
                unknown[usize::from(*code)] = true;
                any = true;
            }
            *code = class;
        }
        if any { Err((0..=u8::MAX).filter(|code| unknown[usize::from(*code)]).collect()) } else { Ok(()) }
    }

    /// The codes that the map knows, for messages.
    pub fn known_codes(&self) -> String {
        let known = (0..=u8::MAX).filter(|code| self.table[usize::from(*code)] != UNKNOWN);
        known.map(|code| code.to_string()).collect::<Vec<_>>().join(", ")
    }
}

fn names() -> Vec<&'static str> {
    BUILT_IN.iter().map(|(name, _)| *name).collect()
}

impl Written {
    fn into_map(self, name: &str) -> Result<LabelMap, Error> {
        let error = |reason: String| Err(Error::LabelMap { name: name.to_owned(), reason });
        if self.classes.len() < 2 || self.classes.len() > MAX_CLASSES {
            return error(format!("{} classes; there must be 2 to {MAX_CLASSES}", self.classes.len()));
        }
        let mut table = [UNKNOWN; 256];
        let entries = self.classes.iter().enumerate().flat_map(|(index, class)| {
            class.codes.iter().map(move |code| (*code, u8::try_from(index).unwrap_or(UNKNOWN)))
        });
        for (code, class) in entries.chain(self.dont_care.iter().map(|code| (*code, IGNORE))) {
            let entry = &mut table[usize::from(code)];
            if *entry != UNKNOWN {
                return error(format!("code {code} stands twice"));
            }
            *entry = class;
        }
        let background = match &self.background {
            None => None,
            Some(wanted) => match self.classes.iter().position(|class| class.name == *wanted) {
                Some(index) => Some(index),
                None => return error(format!("the background '{wanted}' is none of the classes")),
            },
        };
        let classes = (0u8..).zip(self.classes);
        let classes = classes.map(|(code, class)| TissueClass { code, name: class.name, color: class.color });
        Ok(LabelMap { name: name.to_owned(), classes: classes.collect(), background, table })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_maps_read_and_group_as_the_authors_do() {
        for name in names() {
            LabelMap::load(name).unwrap();
        }
        let map = LabelMap::load("bcss-5class").unwrap();
        let mut mask = [0, 1, 2, 3, 4, 7, 10, 11, 19, 20, 21, 15];
        map.apply(&mut mask).unwrap();
        assert_eq!(mask, [IGNORE, 0, 1, 2, 3, IGNORE, 2, 2, 0, 0, 4, 4]);
        assert_eq!(map.background(), None);
        let map = LabelMap::load("bcss-tumor").unwrap();
        assert_eq!(map.foreground().collect::<Vec<_>>(), [1]);
        assert_eq!(map.apply(&mut [0, 1, 2, 9, 2]), Err(vec![2, 9]));
    }

    #[test]
    fn a_map_goes_into_a_package_and_back() {
        for name in names() {
            let map = LabelMap::load(name).unwrap();
            let back = LabelMap::from_package(&map.to_package(), map.classes()).unwrap();
            assert_eq!((back.table, back.background), (map.table, map.background), "{name}");
        }
    }

    #[test]
    fn all_22_codes_are_known_to_the_maps_of_the_original_masks() {
        for name in ["bcss-5class", "bcss-22-tumor"] {
            let map = LabelMap::load(name).unwrap();
            let mut codes: Vec<u8> = (0..=21).collect();
            map.apply(&mut codes).unwrap();
        }
    }

    #[test]
    fn maps_that_contradict_themselves_are_named() {
        let cases = [
            ("classes: [{name: a, color: '#000000', codes: [1]}]", "2 to"),
            (
                "classes: [{name: a, color: '#000000', codes: [1]}, {name: b, color: '#000000', codes: [1]}]",
                "code 1",
            ),
            ("classes: [{name: a, color: red, codes: [1]}]", "red"),
            ("clases: []", "clases"),
        ];
        for (text, expected) in cases {
            let error = LabelMap::parse("own.yaml", text).unwrap_err().to_string();
            assert!(error.contains(expected) && error.contains("own.yaml"), "{error}");
        }
        let error = LabelMap::load("bcss-6class").unwrap_err().to_string();
        assert!(error.contains("bcss-5class"), "{error}");
    }
}

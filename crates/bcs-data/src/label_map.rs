//! Label maps: which mask codes belong to which class. The usual maps are built in; others are YAML files of the same
//! form.

use std::path::Path;

use bcs_contracts::package::Labels;
use bcs_contracts::{Color, IGNORE, TissueClass};
use serde::Deserialize;

use crate::error::Error;

/// Table entry of a code that is in no class and not ignored.
const UNKNOWN: u8 = 254;

/// Maximum number of classes: a byte has room for 254 beside [`IGNORE`] and [`UNKNOWN`].
const MAX_CLASSES: usize = 254;

/// Built-in label maps by name.
const BUILT_IN: [(&str, &str); 4] = [
    ("bcss-tumor", include_str!("../label_maps/bcss-tumor.yaml")),
    ("bcss-3class", include_str!("../label_maps/bcss-3class.yaml")),
    ("bcss-5class", include_str!("../label_maps/bcss-5class.yaml")),
    ("bcss-22-tumor", include_str!("../label_maps/bcss-22-tumor.yaml")),
];

/// Assignment of mask codes to classes.
#[derive(Debug, Clone)]
pub struct LabelMap {
    name: String,
    setting: &'static str,
    classes: Vec<TissueClass>,
    background: Option<usize>,
    table: [u8; 256],
}

/// A label map as document in YAML.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default, rename = "description")]
    _description: String,
    /// Name of the class that averaged scores leave out.
    background: Option<String>,
    classes: Vec<Class>,
    #[serde(default)]
    dont_care: Vec<u8>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Class {
    name: String,
    color: Color,
    codes: Vec<u8>,
}

impl LabelMap {
    /// Returns the built-in label map of this name, or reads the YAML file at this path. `setting` is what the user
    /// chooses the label map with, for messages: a configuration key or a flag.
    ///
    /// # Errors
    /// [`Error::LabelMap`] if there is neither, and for invalid YAML, unknown keys, fewer than two classes, a code that is
    /// listed twice and a background that is not among the classes.
    pub fn load(name_or_path: &str, setting: &'static str) -> Result<Self, Error> {
        if let Some((name, text)) = BUILT_IN.iter().find(|(name, _)| *name == name_or_path) {
            return Self::parse(name, text, setting);
        }
        let error = |reason: String| Error::LabelMap { name: name_or_path.to_owned(), reason };
        if !Path::new(name_or_path).exists() {
            return Err(error(format!(
                "is neither a built-in label map ({}) nor a file; choose another with {setting}",
                names().join(", ")
            )));
        }
        let text = std::fs::read_to_string(name_or_path).map_err(|reason| error(reason.to_string()))?;
        Self::parse(name_or_path, &text, setting)
    }

    fn parse(name: &str, text: &str, setting: &'static str) -> Result<Self, Error> {
        let error = |reason: String| Error::LabelMap { name: name.to_owned(), reason };
        let value = bcs_config::yaml::parse(text, name).map_err(|reason| error(reason.to_string()))?;
        let json = value.to_json().map_err(|reason| error(reason.to_string()))?;
        let document: Document = serde_json::from_value(json).map_err(|reason| error(reason.to_string()))?;
        document.into_map(name, setting)
    }

    /// Builds the label map that a model package describes; `setting` chooses another one.
    ///
    /// # Errors
    /// [`Error::LabelMap`] if it is inconsistent or does not fit the classes.
    pub fn from_package(
        labels: &Labels,
        classes: &[TissueClass],
        setting: &'static str,
    ) -> Result<Self, Error> {
        if labels.codes.len() != classes.len() {
            let reason =
                format!("has codes for {} classes, but there are {}", labels.codes.len(), classes.len());
            return Err(Error::LabelMap { name: labels.name.clone(), reason });
        }
        let with_codes = |(class, codes): (&TissueClass, &Vec<u8>)| Class {
            name: class.name.clone(),
            color: class.color,
            codes: codes.clone(),
        };
        let document = Document {
            _description: String::new(),
            background: labels.background.clone(),
            classes: classes.iter().zip(&labels.codes).map(with_codes).collect(),
            dont_care: labels.dont_care.clone(),
        };
        document.into_map(&labels.name, setting)
    }

    /// Returns the description of the label map for a model package.
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

    /// Name, or the path that the label map was read from.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the user chooses the label map with, for messages.
    pub fn setting(&self) -> &'static str {
        self.setting
    }

    /// Classes, in the order of the network's output channels; the code of each is its index.
    pub fn classes(&self) -> &[TissueClass] {
        &self.classes
    }

    /// Index of the background class, which averaged scores leave out; `None` if every class counts.
    pub fn background(&self) -> Option<usize> {
        self.background
    }

    /// Indices of the classes other than background.
    pub fn foreground(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.classes.len()).filter(|index| Some(*index) != self.background)
    }

    /// Whether the map ignores any code.
    pub fn ignores(&self) -> bool {
        self.table.contains(&IGNORE)
    }

    /// Replaces mask codes with class indices, and ignored codes with [`IGNORE`], in place.
    ///
    /// # Errors
    /// Returns the codes that the label map does not have, in ascending order; the contents of `mask` are then
    /// unspecified.
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

    /// Says that masks have codes that the map does not have, and what to do.
    pub(crate) fn lacks(&self, codes: &[u8]) -> String {
        let codes = codes.iter().map(u8::to_string).collect::<Vec<_>>().join(", ");
        format!(
            "has codes {codes}, which the label map {} does not have (it has {}); choose another with {}",
            self.name(),
            self.known_codes(),
            self.setting()
        )
    }

    /// Lists the codes that the label map has, for messages.
    pub fn known_codes(&self) -> String {
        let known = (0..=u8::MAX).filter(|code| self.table[usize::from(*code)] != UNKNOWN);
        known.map(|code| code.to_string()).collect::<Vec<_>>().join(", ")
    }
}

fn names() -> Vec<&'static str> {
    BUILT_IN.iter().map(|(name, _)| *name).collect()
}

impl Document {
    fn into_map(self, name: &str, setting: &'static str) -> Result<LabelMap, Error> {
        let error = |reason: String| Err(Error::LabelMap { name: name.to_owned(), reason });
        if self.classes.len() < 2 || self.classes.len() > MAX_CLASSES {
            return error(format!("has {} classes; give 2 to {MAX_CLASSES}", self.classes.len()));
        }
        let mut table = [UNKNOWN; 256];
        let entries = self.classes.iter().enumerate().flat_map(|(index, class)| {
            class.codes.iter().map(move |code| (*code, u8::try_from(index).unwrap_or(UNKNOWN)))
        });
        for (code, class) in entries.chain(self.dont_care.iter().map(|code| (*code, IGNORE))) {
            let entry = &mut table[usize::from(code)];
            if *entry != UNKNOWN {
                return error(format!("code {code} is listed twice; list it in one class or in dont_care"));
            }
            *entry = class;
        }
        let background = match &self.background {
            None => None,
            Some(wanted) => match self.classes.iter().position(|class| class.name == *wanted) {
                Some(index) => Some(index),
                None => return error(format!("background '{wanted}' is not the name of a class")),
            },
        };
        let classes = (0u8..).zip(self.classes);
        let classes = classes.map(|(code, class)| TissueClass { code, name: class.name, color: class.color });
        Ok(LabelMap { name: name.to_owned(), setting, classes: classes.collect(), background, table })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTING: &str = "data.label_map";

    #[test]
    fn built_in_maps_group_codes_as_the_authors_of_bcss_do() {
        for name in names() {
            LabelMap::load(name, SETTING).unwrap();
        }
        let map = LabelMap::load("bcss-5class", SETTING).unwrap();
        let mut mask = [0, 1, 2, 3, 4, 7, 10, 11, 19, 20, 21, 15];
        map.apply(&mut mask).unwrap();
        assert_eq!(mask, [IGNORE, 0, 1, 2, 3, IGNORE, 2, 2, 0, 0, 4, 4]);
        assert!(map.ignores() && !LabelMap::load("bcss-tumor", "").unwrap().ignores());
        assert_eq!(map.background(), None);
        let map = LabelMap::load("bcss-tumor", SETTING).unwrap();
        assert_eq!(map.foreground().collect::<Vec<_>>(), [1]);
        assert_eq!(map.apply(&mut [0, 1, 2, 9, 2]), Err(vec![2, 9]));
    }

    #[test]
    fn a_map_reads_back_from_a_package() {
        for name in names() {
            let map = LabelMap::load(name, SETTING).unwrap();
            let back = LabelMap::from_package(&map.to_package(), map.classes(), SETTING).unwrap();
            assert_eq!((back.table, back.background), (map.table, map.background), "{name}");
        }
    }

    #[test]
    fn maps_of_the_original_masks_have_all_22_codes() {
        for name in ["bcss-5class", "bcss-22-tumor"] {
            let map = LabelMap::load(name, SETTING).unwrap();
            let mut codes: Vec<u8> = (0..=21).collect();
            map.apply(&mut codes).unwrap();
        }
    }

    #[test]
    fn inconsistent_maps_are_errors_that_name_them() {
        let cases = [
            ("classes: [{name: a, color: '#000000', codes: [1]}]", "give 2 to"),
            (
                "classes: [{name: a, color: '#000000', codes: [1]}, {name: b, color: '#000000', codes: [1]}]",
                "code 1",
            ),
            ("classes: [{name: a, color: red, codes: [1]}]", "red"),
            ("clases: []", "clases"),
        ];
        for (text, expected) in cases {
            let error = LabelMap::parse("own.yaml", text, SETTING).unwrap_err().to_string();
            assert!(error.contains(expected) && error.contains("own.yaml"), "{error}");
        }
        let error = LabelMap::load("bcss-6class", SETTING).unwrap_err().to_string();
        assert!(error.contains("bcss-5class") && error.contains(SETTING), "{error}");
    }
}

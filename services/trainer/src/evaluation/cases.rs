//! Images by case (patient).

use bcs_data::TileSet;

/// Number of cases from which intervals are not called unreliable.
const FEW: usize = 5;

/// Cases of a data set, and to which one each image belongs. Images whose names state no patient are cases of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cases {
    names: Vec<String>,
    of_image: Vec<usize>,
    unnamed: usize,
}

impl Cases {
    /// Reads the cases of the tiles from their names.
    pub(crate) fn new(tiles: &TileSet) -> Self {
        Self::from_names((0..tiles.len()).map(|index| (tiles.pair(index).name.clone(), tiles.case(index))))
    }

    fn from_names(images: impl Iterator<Item = (String, Option<String>)>) -> Self {
        let mut cases = Self { names: Vec::new(), of_image: Vec::new(), unnamed: 0 };
        for (image, case) in images {
            cases.unnamed += usize::from(case.is_none());
            let name = case.unwrap_or(image);
            let index = cases.names.iter().position(|known| *known == name).unwrap_or_else(|| {
                cases.names.push(name);
                cases.names.len() - 1
            });
            cases.of_image.push(index);
        }
        cases
    }

    /// Number of cases.
    pub(crate) fn len(&self) -> usize {
        self.names.len()
    }

    /// Case of an image.
    pub(crate) fn of(&self, image: usize) -> usize {
        self.of_image[image]
    }

    /// Name of the case of an image.
    pub(crate) fn name_of(&self, image: usize) -> &str {
        &self.names[self.of_image[image]]
    }

    /// Returns what limits the intervals, as sentences.
    pub(crate) fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if self.unnamed > 0 {
            let images =
                if self.unnamed == 1 { "1 image".to_owned() } else { format!("{} images", self.unnamed) };
            notes.push(format!(
                "The file names of {images} state no patient: each counts as a patient of its own, and the intervals are too \
                 narrow if several are of one patient."
            ));
        }
        if self.len() < FEW {
            let patients =
                if self.len() == 1 { "one patient".to_owned() } else { format!("{} patients", self.len()) };
            notes.push(format!(
                "With {patients} the confidence intervals are not reliable: so few cannot show how much patients differ."
            ));
        }
        notes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cases(names: &[(&str, Option<&str>)]) -> Cases {
        Cases::from_names(names.iter().map(|(image, case)| ((*image).to_owned(), case.map(str::to_owned))))
    }

    #[test]
    fn images_without_a_patient_are_cases_of_their_own() {
        let cases = cases(&[("a", Some("P1")), ("b", None), ("c", Some("P1")), ("d", None)]);
        assert_eq!((cases.len(), [0, 1, 2, 3].map(|image| cases.of(image))), (3, [0, 1, 0, 2]));
        assert_eq!((cases.name_of(1), cases.name_of(2)), ("b", "P1"));
        let notes = cases.notes();
        assert!(notes[0].starts_with("The file names of 2 images state no patient"), "{notes:?}");
        assert!(
            notes[1].starts_with("With 3 patients the confidence intervals are not reliable"),
            "{notes:?}"
        );
    }

    #[test]
    fn five_patients_have_no_notes() {
        let names = ["1", "2", "3", "4", "5"].map(|name| (name, Some(name)));
        assert_eq!(cases(&names).notes(), Vec::<String>::new());
    }
}

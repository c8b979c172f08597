//! What a tile's name tells: `TCGA-A2-A0D2-DX1_xmin96887_ymin22299_MPP-0.2500_0_224_size224.png` comes from the
//! institute A2 and its patient A0D2.

/// What a tile's name tells.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TileName {
    /// The two letters of the institute, as `A2`.
    pub institute: String,
    /// The patient, as `TCGA-A2-A0D2`.
    pub patient: String,
}

impl TileName {
    /// Reads a file's stem; `None` where it does not begin with three parts between `-`.
    pub fn parse(stem: &str) -> Option<Self> {
        let slide = stem.split('_').next()?;
        let mut parts = slide.splitn(4, '-');
        let (project, institute, patient) = (parts.next()?, parts.next()?, parts.next()?);
        if [project, institute, patient].iter().any(|part| part.is_empty()) {
            return None;
        }
        Some(Self { institute: institute.to_owned(), patient: format!("{project}-{institute}-{patient}") })
    }
}

/// Micrometres a pixel, where the name says so (`MPP-0.2500`). The Kaggle release cut the number off at its
/// point (`MPP-0_`), and says nothing.
pub fn mpp(stem: &str) -> Option<f64> {
    let text = stem.split('_').find_map(|part| part.strip_prefix("MPP-"))?;
    text.parse().ok().filter(|mpp| *mpp > 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_bcss_tell_patient_and_institute() {
        let name = TileName::parse("TCGA-A2-A0D2-DX1_xmin96887_ymin22299_MPP-0_0_1120_size224").unwrap();
        assert_eq!((name.institute.as_str(), name.patient.as_str()), ("A2", "TCGA-A2-A0D2"));
        assert_eq!(TileName::parse("tile_7"), None);
        assert_eq!(TileName::parse("a--b"), None);
    }

    #[test]
    fn a_cut_off_resolution_is_no_resolution() {
        assert_eq!(mpp("TCGA-A2-A1G6-DX1_xmin57706_ymin69514_MPP-0.2500"), Some(0.25));
        assert_eq!(mpp("TCGA-A2-A0D2-DX1_xmin96887_ymin22299_MPP-0_0_0_size224"), None);
    }
}

//! What the file name of a TCGA tile tells:
//! `TCGA-A2-A0D2-DX1_xmin96887_ymin22299_MPP-0.2500_0_224_size224.png` is a tile of patient `TCGA-A2-A0D2` from
//! institute `A2`, at 0.25 µm/px.

/// Institute and patient of a tile, read from a name that begins like a TCGA barcode.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TileName {
    /// Tissue source site, as `A2`.
    pub institute: String,
    /// Patient barcode, as `TCGA-A2-A0D2`.
    pub patient: String,
}

impl TileName {
    /// Parses a file name. Returns `None` unless it begins with `PROJECT-SITE-PARTICIPANT` in capital letters and
    /// digits, `PROJECT` having at least three letters and `SITE` two characters.
    pub fn parse(file_name: &str) -> Option<Self> {
        let slide = file_name.split(['_', '.']).next()?;
        let mut parts = slide.splitn(4, '-');
        let (project, site, participant) = (parts.next()?, parts.next()?, parts.next()?);
        let upper_alphanumeric =
            |text: &str| text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
        let fits = project.len() >= 3
            && project.bytes().all(|byte| byte.is_ascii_uppercase())
            && site.len() == 2
            && upper_alphanumeric(site)
            && !participant.is_empty()
            && upper_alphanumeric(participant);
        fits.then(|| Self { institute: site.to_owned(), patient: format!("{project}-{site}-{participant}") })
    }
}

/// Resolution in µm/px, where the file name states it (`MPP-0.2500`). The Kaggle release of BCSS cuts the number
/// off at the decimal point (`MPP-0_`), which states nothing.
pub fn mpp(file_name: &str) -> Option<f64> {
    let text = file_name.split('_').find_map(|part| part.strip_prefix("MPP-"))?;
    text.parse().ok().filter(|mpp| *mpp > 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bcss_names_tell_patient_and_institute() {
        for name in [
            "TCGA-A2-A0D2-DX1_xmin96887_ymin22299_MPP-0_0_1120_size224",
            "TCGA-A2-A0D2-01Z-00-DX1.svs",
            "TCGA-A2-A0D2.png",
        ] {
            let name = TileName::parse(name).unwrap();
            assert_eq!((name.institute.as_str(), name.patient.as_str()), ("A2", "TCGA-A2-A0D2"));
        }
    }

    #[test]
    fn other_names_tell_nothing() {
        for name in ["tile_7", "a--b", "IMG-2024-1124.png", "my-ph-oto.png", "TCGA-A2-.png", "TCGA-A2", ""] {
            assert_eq!(TileName::parse(name), None, "{name}");
        }
    }

    #[test]
    fn a_truncated_resolution_is_no_resolution() {
        assert_eq!(mpp("TCGA-A2-A1G6-DX1_xmin57706_ymin69514_MPP-0.2500"), Some(0.25));
        assert_eq!(mpp("TCGA-A2-A0D2-DX1_xmin96887_ymin22299_MPP-0_0_0_size224"), None);
    }
}

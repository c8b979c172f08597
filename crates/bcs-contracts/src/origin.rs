//! Where an image comes from: its source (site or scanner) and its case (patient or slide).

use crate::tile_name::TileName;

/// Maximum length of a source or case, in bytes.
pub const MAX_LENGTH: usize = 64;

/// A source or case that is empty, too long, or has a character that is not allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidIdentifier;

impl std::fmt::Display for InvalidIdentifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "must be 1 to {MAX_LENGTH} ASCII letters, digits, '.', '_', ':' or '-'")
    }
}

impl std::error::Error for InvalidIdentifier {}

/// Checks the identifier of a source or case.
///
/// # Errors
/// [`InvalidIdentifier`], which states what is allowed.
pub fn check(identifier: &str) -> Result<(), InvalidIdentifier> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._:-".contains(&byte);
    let fits = (1..=MAX_LENGTH).contains(&identifier.len()) && identifier.bytes().all(allowed);
    if fits { Ok(()) } else { Err(InvalidIdentifier) }
}

/// The case that a file name tells: the patient of a TCGA-like name, without folders before it; otherwise `None`.
pub fn case_of(file_name: &str) -> Option<String> {
    let name = file_name.rsplit(['/', '\\']).next()?;
    TileName::parse(name).map(|name| name.patient).filter(|patient| check(patient).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_short_and_printable() {
        for good in ["A", "site-3.scanner_2", "TCGA-A2-A0D2", "urn:case:7", &"x".repeat(MAX_LENGTH)] {
            assert!(check(good).is_ok(), "{good}");
        }
        for bad in ["", "two words", "zürich", "a/b", "a\nb", &"x".repeat(MAX_LENGTH + 1)] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_case_of_a_tcga_name_is_its_patient() {
        assert_eq!(case_of("val/TCGA-A2-A1G6-DX1_0_0.png").as_deref(), Some("TCGA-A2-A1G6"));
        assert_eq!(case_of("C:\\tiles\\TCGA-A2-A1G6.png").as_deref(), Some("TCGA-A2-A1G6"));
        assert_eq!(case_of("tile.png"), None);
        assert_eq!(case_of(&format!("TCGA-A2-{}.png", "A".repeat(80))), None);
    }
}

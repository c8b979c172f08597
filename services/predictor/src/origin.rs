//! Source (site or scanner) and case (patient or slide) of an image.

use axum::http::HeaderMap;
use bcs_contracts::origin;

use crate::error::Error;

/// Request header with the site or scanner of the image.
pub const SOURCE: &str = "x-source";
/// Request header with the patient or slide of the image.
pub const CASE: &str = "x-case";

/// Source and case of an image, where known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    /// Site or scanner.
    pub source: Option<String>,
    /// Patient or slide.
    pub case: Option<String>,
}

impl Origin {
    /// Creates an origin from what the client stated. Without a stated case, it is the patient of a TCGA-like file name.
    pub fn new(source: Option<String>, case: Option<String>, file_name: Option<&str>) -> Self {
        Self { source, case: case.or_else(|| origin::case_of(file_name?)) }
    }

    /// Reads the headers [`SOURCE`] and [`CASE`]; see [`Origin::new`] for `file_name`.
    ///
    /// # Errors
    /// [`Error::Header`] for a header that is repeated or not a valid identifier.
    pub fn from_headers(headers: &HeaderMap, file_name: Option<&str>) -> Result<Self, Error> {
        Ok(Self::new(identifier(headers, SOURCE)?, identifier(headers, CASE)?, file_name))
    }
}

fn identifier(headers: &HeaderMap, name: &'static str) -> Result<Option<String>, Error> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Error::Header { name, reason: "must be sent once".to_owned() });
    }
    // A value that is not ASCII is as invalid as an empty one.
    let value = value.to_str().unwrap_or_default();
    origin::check(value).map_err(|error| Error::Header { name, reason: error.to_string() })?;
    Ok(Some(value.to_owned()))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    const TCGA: &str = "val/TCGA-A2-A1G6-DX1_0_0.png";

    fn origin(headers: &[(&'static str, &[u8])], file_name: Option<&str>) -> Result<Origin, Error> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_bytes(value).unwrap());
        }
        Origin::from_headers(&map, file_name)
    }

    #[test]
    fn the_stated_case_precedes_that_of_the_file_name() {
        let case = |headers: &[(&'static str, &[u8])], name| origin(headers, name).unwrap().case;
        assert_eq!(case(&[(CASE, b"case-7")], Some(TCGA)).as_deref(), Some("case-7"));
        assert_eq!(case(&[], Some(TCGA)).as_deref(), Some("TCGA-A2-A1G6"));
        assert_eq!(case(&[], Some("tile.png")), None);
        assert_eq!(case(&[(SOURCE, b"scanner:3")], None), None);
        assert_eq!(origin(&[(SOURCE, b"scanner:3")], None).unwrap().source.as_deref(), Some("scanner:3"));
    }

    #[test]
    fn invalid_headers_are_named() {
        for (name, value) in [(SOURCE, "".as_bytes()), (CASE, b"two words"), (CASE, "zürich".as_bytes())] {
            let error = origin(&[(name, value)], Some(TCGA)).unwrap_err().to_string();
            assert!(error.starts_with(&format!("the header {name} must be 1 to 64 ASCII")), "{error}");
        }
        let error = origin(&[(SOURCE, b"a"), (SOURCE, b"b")], None).unwrap_err().to_string();
        assert!(error.contains("x-source must be sent once"), "{error}");
    }
}

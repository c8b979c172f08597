use super::Error;
use super::head::parameter;

/// Most characters of a boundary (RFC 2046, section 5.1.1).
const MAX_LENGTH: usize = 70;

/// Returns the boundary in a `Content-Type` such as `multipart/form-data; boundary=abc`.
///
/// # Errors
/// [`Error::ContentType`].
pub fn boundary(content_type: &str) -> Result<String, Error> {
    let (media_type, parameters) = content_type.split_once(';').ok_or(Error::ContentType)?;
    if !media_type.trim().eq_ignore_ascii_case("multipart/form-data") {
        return Err(Error::ContentType);
    }
    parameter(parameters, "boundary")
        .filter(|boundary| (1..=MAX_LENGTH).contains(&boundary.len()))
        .ok_or(Error::ContentType)
}

//! Which image format a client prefers, by its `Accept` header (RFC 9110, 12.5.1).

use axum::http::{HeaderMap, header};

/// A format that overlays are answered in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Lossless, and what is sent to who does not mind.
    Png,
    /// Smaller.
    Jpeg,
}

impl Format {
    /// The format that the headers prefer: JPEG where it is wanted more than PNG.
    pub fn preferred(headers: &HeaderMap) -> Self {
        let values = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
        let ranges: Vec<Range<'_>> =
            values.flat_map(|value| value.split(',')).filter_map(Range::parse).collect();
        if quality(&ranges, "jpeg") > quality(&ranges, "png") { Self::Jpeg } else { Self::Png }
    }

    /// Its media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
        }
    }
}

/// One entry of the header, as `image/*;q=0.8`.
struct Range<'a> {
    kind: &'a str,
    subtype: &'a str,
    quality: f32,
}

impl<'a> Range<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let (kind, subtype) = parts.next()?.split_once('/')?;
        let quality =
            parts.find_map(|part| part.strip_prefix("q=")).and_then(|q| q.parse().ok()).unwrap_or(1.0);
        Some(Self { kind, subtype, quality })
    }

    /// How exactly it names `image/<subtype>`; `None` where it does not.
    fn exactness(&self, subtype: &str) -> Option<u8> {
        match (self.kind, self.subtype) {
            ("*", "*") => Some(0),
            ("image", "*") => Some(1),
            ("image", named) if named.eq_ignore_ascii_case(subtype) => Some(2),
            _ => None,
        }
    }
}

/// The quality of the range that names the type most exactly.
fn quality(ranges: &[Range<'_>], subtype: &str) -> f32 {
    let matching = ranges.iter().filter_map(|range| Some((range.exactness(subtype)?, range.quality)));
    matching.max_by_key(|(exactness, _)| *exactness).map_or(0.0, |(_, quality)| quality)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn preferred(accept: &str) -> Format {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, accept.parse().unwrap());
        Format::preferred(&headers)
    }

    #[test]
    fn jpeg_is_sent_to_who_prefers_it() {
        for accept in [
            "image/jpeg",
            "image/png;q=0.5, image/jpeg",
            "*/*;q=0.1, image/jpeg;q=0.2",
            "image/*, image/png;q=0",
        ] {
            assert_eq!(preferred(accept), Format::Jpeg, "{accept}");
        }
    }

    #[test]
    fn png_is_sent_to_everyone_else() {
        let browser = "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8";
        for accept in ["*/*", "image/png, image/jpeg", browser, "application/json", "", "nonsense;;q=x"] {
            assert_eq!(preferred(accept), Format::Png, "{accept}");
        }
        assert_eq!(Format::preferred(&HeaderMap::new()), Format::Png);
    }
}

//! Content negotiation by the `Accept` header (RFC 9110, section 12.5.1).

use axum::http::{HeaderMap, header};

/// Returns the alternative whose media type the client prefers; the first of equals, also where the client accepts
/// none of them.
///
/// ```
/// use axum::http::{HeaderMap, header};
/// use bcs_service::negotiation::preferred;
///
/// let mut headers = HeaderMap::new();
/// headers.insert(header::ACCEPT, "text/*;q=0.9, application/json".parse()?);
/// assert_eq!(preferred(&headers, [("text/html", 'h'), ("application/json", 'j')]), 'j');
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn preferred<T: Copy, const N: usize>(headers: &HeaderMap, alternatives: [(&str, T); N]) -> T {
    const { assert!(N > 0, "at least one alternative") };
    let values = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let ranges: Vec<MediaRange<'_>> =
        values.flat_map(|value| value.split(',')).filter_map(MediaRange::parse).collect();
    let (mut best, mut best_quality) = (alternatives[0].1, 0.0);
    for (media_type, alternative) in alternatives {
        let quality = quality(&ranges, media_type);
        if quality > best_quality {
            (best, best_quality) = (alternative, quality);
        }
    }
    best
}

/// One media range of the header, such as `text/*;q=0.8`.
struct MediaRange<'a> {
    kind: &'a str,
    subtype: &'a str,
    quality: f32,
}

impl<'a> MediaRange<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let (kind, subtype) = parts.next()?.split_once('/')?;
        let quality = parts.find_map(|part| part.strip_prefix("q="));
        let quality = quality.and_then(|quality| quality.parse().ok()).unwrap_or(1.0);
        Some(Self { kind, subtype, quality })
    }

    /// Returns how specific the range is for a media type: 0 for `*/*`, 1 for `type/*`, 2 for the exact type; `None`
    /// if it does not match.
    fn specificity(&self, media_type: &str) -> Option<u8> {
        let (kind, subtype) = media_type.split_once('/')?;
        match (self.kind, self.subtype) {
            ("*", "*") => Some(0),
            (range, "*") if range.eq_ignore_ascii_case(kind) => Some(1),
            (range, sub) if range.eq_ignore_ascii_case(kind) && sub.eq_ignore_ascii_case(subtype) => Some(2),
            _ => None,
        }
    }
}

/// Returns the quality of the most specific range that matches, or 0 if none does.
fn quality(ranges: &[MediaRange<'_>], media_type: &str) -> f32 {
    let matching = ranges.iter().filter_map(|range| Some((range.specificity(media_type)?, range.quality)));
    matching.max_by_key(|(specificity, _)| *specificity).map_or(0.0, |(_, quality)| quality)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choose<const N: usize>(accept: &str, media_types: [&'static str; N]) -> &'static str {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, accept.parse().unwrap());
        preferred(&headers, media_types.map(|media_type| (media_type, media_type)))
    }

    #[test]
    fn the_higher_quality_wins() {
        for accept in [
            "image/jpeg",
            "IMAGE/JPEG",
            "image/png;q=0.5, image/jpeg",
            "*/*;q=0.1, image/jpeg;q=0.2",
            "image/*, image/png;q=0",
        ] {
            assert_eq!(choose(accept, ["image/png", "image/jpeg"]), "image/jpeg", "{accept}");
        }
        let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8";
        for accept in [browser, "text/html", "text/*, application/json;q=0.5"] {
            assert_eq!(choose(accept, ["application/json", "text/html"]), "text/html", "{accept}");
        }
        for accept in ["application/json", "application/json, text/html;q=0.5", "application/*"] {
            assert_eq!(choose(accept, ["text/html", "application/json"]), "application/json", "{accept}");
        }
    }

    #[test]
    fn the_first_of_equals_wins() {
        let browser = "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8";
        let indifferent =
            ["*/*", "", "image/png, image/jpeg", browser, "text/plain", "nonsense;;q=x", "a/b;q=NaN"];
        for accept in indifferent {
            assert_eq!(choose(accept, ["image/png", "image/jpeg"]), "image/png", "{accept}");
            assert_eq!(choose(accept, ["image/jpeg", "image/png"]), "image/jpeg", "{accept}");
        }
        assert_eq!(preferred(&HeaderMap::new(), [("image/png", 1), ("image/jpeg", 2)]), 1);
    }
}

//! Whether a client prefers a page or JSON, by its `Accept` header (RFC 9110, 12.5.1).

use axum::http::{HeaderMap, header};

/// What a report or a list of them is answered as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Html,
    /// For programs.
    Json,
}

impl Format {
    /// The format that the headers prefer; `otherwise` where they prefer neither.
    pub fn preferred(headers: &HeaderMap, otherwise: Self) -> Self {
        let values = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
        let ranges: Vec<Range<'_>> =
            values.flat_map(|value| value.split(',')).filter_map(Range::parse).collect();
        let (html, json) = (quality(&ranges, "text", "html"), quality(&ranges, "application", "json"));
        if html > json {
            Self::Html
        } else if json > html {
            Self::Json
        } else {
            otherwise
        }
    }
}

/// One entry of the header, as `text/*;q=0.8`.
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

    /// How exactly it names the type; `None` where it does not.
    fn exactness(&self, kind: &str, subtype: &str) -> Option<u8> {
        match (self.kind, self.subtype) {
            ("*", "*") => Some(0),
            (named, "*") if named.eq_ignore_ascii_case(kind) => Some(1),
            (named, sub) if named.eq_ignore_ascii_case(kind) && sub.eq_ignore_ascii_case(subtype) => Some(2),
            _ => None,
        }
    }
}

/// The quality of the range that names the type most exactly.
fn quality(ranges: &[Range<'_>], kind: &str, subtype: &str) -> f32 {
    let matching = ranges.iter().filter_map(|range| Some((range.exactness(kind, subtype)?, range.quality)));
    matching.max_by_key(|(exactness, _)| *exactness).map_or(0.0, |(_, quality)| quality)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn preferred(accept: &str, otherwise: Format) -> Format {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, accept.parse().unwrap());
        Format::preferred(&headers, otherwise)
    }

    #[test]
    fn browsers_get_pages_and_programs_json() {
        let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8";
        for accept in [browser, "text/html", "text/*, application/json;q=0.5"] {
            assert_eq!(preferred(accept, Format::Json), Format::Html, "{accept}");
        }
        for accept in ["application/json", "application/json, text/html;q=0.5", "application/*"] {
            assert_eq!(preferred(accept, Format::Html), Format::Json, "{accept}");
        }
    }

    #[test]
    fn who_does_not_mind_gets_the_default() {
        for default in [Format::Html, Format::Json] {
            for accept in ["*/*", "", "image/png", "text/html, application/json", "nonsense;;q=x"] {
                assert_eq!(preferred(accept, default), default, "{accept}");
            }
            assert_eq!(Format::preferred(&HeaderMap::new(), default), default);
        }
    }
}

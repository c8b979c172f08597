//! `GET /` and `/viewer/{file}`: the viewer, a page to segment images, and the files it loads.

use std::sync::{Arc, LazyLock};

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bcs_imaging::encode;
use bcs_service::{Problem, page};
use bcs_synthetic::Slide;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::app::App;
use crate::error::Error;

/// Content security policy: scripts, styles and requests of this server only.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Width and height in pixels of an example.
const EXAMPLE_SIZE: u32 = 448;

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

/// The files of the viewer: name, media type and content.
const FILES: [(&str, &str, &str); 13] = [
    ("index.html", HTML, include_str!("../viewer/index.html")),
    ("icon.svg", "image/svg+xml", include_str!("../viewer/icon.svg")),
    ("page.css", CSS, page::STYLE),
    ("style.css", CSS, include_str!("../viewer/style.css")),
    ("api.js", JAVASCRIPT, include_str!("../viewer/api.js")),
    ("brush.js", JAVASCRIPT, include_str!("../viewer/brush.js")),
    ("dom.js", JAVASCRIPT, include_str!("../viewer/dom.js")),
    ("legend.js", JAVASCRIPT, include_str!("../viewer/legend.js")),
    ("main.js", JAVASCRIPT, include_str!("../viewer/main.js")),
    ("pixels.js", JAVASCRIPT, include_str!("../viewer/pixels.js")),
    ("png.js", JAVASCRIPT, include_str!("../viewer/png.js")),
    ("view.js", JAVASCRIPT, include_str!("../viewer/view.js")),
    ("words.js", JAVASCRIPT, include_str!("../viewer/words.js")),
];

/// The entity tag of each file.
static ETAGS: LazyLock<Vec<String>> =
    LazyLock::new(|| FILES.iter().map(|(_, _, content)| format!("\"{}\"", hash(content))).collect());

/// Returns the page.
pub async fn viewer(headers: HeaderMap) -> Response {
    file(Path("index.html".to_owned()), headers).await
}

/// Returns a file of the viewer. Clients revalidate it on every use.
pub async fn file(Path(name): Path<String>, headers: HeaderMap) -> Response {
    let mut files = FILES.iter().zip(&*ETAGS);
    let Some(((_, media_type, content), etag)) = files.find(|((known, ..), _)| *known == name) else {
        return Problem::new(StatusCode::NOT_FOUND, "the viewer has no such file").into_response();
    };
    let known = headers.get(header::IF_NONE_MATCH).is_some_and(|value| value == etag.as_str());
    let mut response = if known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        ([(header::CONTENT_TYPE, *media_type)], *content).into_response()
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    if let Ok(etag) = HeaderValue::from_str(etag) {
        headers.insert(header::ETAG, etag);
    }
    response
}

fn hash(content: &str) -> String {
    Sha256::digest(content).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// Query parameters of an example.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Example {
    /// Equal seeds give equal images.
    seed: u64,
}

/// Returns an image of synthetic tissue.
///
/// # Errors
/// [`Error::Query`] for an invalid query.
pub async fn example(
    State(app): State<Arc<App>>,
    query: Result<Query<Example>, QueryRejection>,
) -> Result<impl IntoResponse, Error> {
    let Query(Example { seed }) = query.map_err(|rejection| Error::Query(rejection.body_text()))?;
    let draw = move || encode::png(&Slide::new(seed, 0).render(EXAMPLE_SIZE, EXAMPLE_SIZE).0);
    let drawn = app.predictor.workers.run(draw).await.map_err(|panic| Error::Internal(panic.to_string()))?;
    Ok(([(header::CONTENT_TYPE, "image/png")], drawn?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_loads_only_files_of_the_viewer() {
        let names: Vec<&str> = FILES.iter().map(|(name, ..)| *name).collect();
        let mut loaded = 0;
        for (name, _, content) in FILES {
            assert!(
                !content.contains("http:") && !content.contains("https:") || name == "icon.svg",
                "{name}"
            );
            for marker in ["\"/viewer/", "from './"] {
                for start in content.match_indices(marker).map(|(at, _)| at + marker.len()) {
                    let file: String = content[start..]
                        .chars()
                        .take_while(|c| c.is_ascii_alphanumeric() || *c == '.')
                        .collect();
                    assert!(names.contains(&file.as_str()), "{name} loads {file}");
                    loaded += 1;
                }
            }
        }
        assert!(loaded > names.len());
    }

    #[test]
    fn the_page_has_neither_inline_scripts_nor_styles() {
        let page = FILES[0].2;
        assert!(!page.contains("<style") && !page.contains(" style=") && !page.contains("onclick"));
        assert_eq!(page.matches("<script").count(), page.matches("<script type=\"module\" src=").count());
    }

    #[tokio::test]
    async fn a_file_that_has_not_changed_is_not_sent_again() {
        let first = file(Path("main.js".to_owned()), HeaderMap::new()).await;
        assert_eq!(
            (first.status().as_u16(), &first.headers()["content-type"]),
            (200, &JAVASCRIPT.parse().unwrap())
        );
        let headers = HeaderMap::from_iter([(header::IF_NONE_MATCH, first.headers()["etag"].clone())]);
        assert_eq!(file(Path("main.js".to_owned()), headers).await.status(), 304);
        assert_eq!(file(Path("../settings.rs".to_owned()), HeaderMap::new()).await.status(), 404);
    }
}

//! `GET /`: web page to segment an image.

use std::sync::LazyLock;

use axum::response::IntoResponse;
use bcs_service::page;

/// Content security policy: inline style and script, images of this page, and requests to this server.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; \
    img-src 'self' blob: data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Placeholder of the shared style sheet in the page.
const STYLE_MARK: &str = "/* shared style sheet */";

static PAGE: LazyLock<String> =
    LazyLock::new(|| include_str!("../viewer.html").replacen(STYLE_MARK, page::STYLE, 1));

/// Returns the page.
pub async fn viewer() -> impl IntoResponse {
    page::respond(PAGE.as_str(), POLICY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_the_shared_style_and_loads_nothing() {
        assert!(PAGE.contains(page::STYLE) && !PAGE.contains(STYLE_MARK));
        for loading in ["<link rel=\"stylesheet\"", "src=\"", "@import", "url("] {
            assert!(!PAGE.contains(loading), "{loading}");
        }
    }
}

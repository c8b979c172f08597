//! Protection of a server: keys or ID tokens of its clients, origins of pages that may call it, and headers that browsers obey.
//!
//! # Layout
//! - [`ApiKeys`]: keys of clients, from a file
//! - `cors`: origins of pages that may call the server
//! - `headers`: headers of all responses
//! - [`tokens`]: ID tokens of clients

mod cors;
mod headers;
mod keys;
pub mod tokens;

use std::sync::Arc;

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};

pub use cors::check_origin;
pub use keys::ApiKeys;
use tokens::IdTokens;

use crate::problem::Problem;

/// How a server is protected.
#[derive(Debug, Clone, Default)]
pub struct Guard {
    /// Keys of clients; `None` if there are none.
    pub keys: Option<Arc<ApiKeys>>,
    /// ID tokens of clients, in place of a key; `None` if there are none. Without keys and tokens, everybody may call the
    /// server.
    pub tokens: Option<Arc<IdTokens>>,
    /// Routes, or beginnings of routes that end with `/`, that need neither.
    pub open: Vec<String>,
    /// Origins of pages that may call the server, such as `https://viewer.example.org`.
    pub origins: Vec<HeaderValue>,
}

impl Guard {
    /// Adds the protection to all routes.
    pub fn protect(self, router: Router) -> Router {
        let cors = cors::layer(&self.origins);
        let router = if self.is_closed() {
            router.layer(middleware::from_fn_with_state(self, require_credentials))
        } else {
            router
        };
        let router = router.layer(middleware::map_response(headers::add));
        match cors {
            Some(cors) => router.layer(cors),
            None => router,
        }
    }

    /// Whether clients need a key or a token.
    pub fn is_closed(&self) -> bool {
        self.keys.is_some() || self.tokens.is_some()
    }

    fn is_open(&self, route: &str) -> bool {
        self.open
            .iter()
            .any(|open| route == open || open.len() > 1 && open.ends_with('/') && route.starts_with(open))
    }
}

/// Middleware that refuses requests with neither a known key nor a valid ID token.
async fn require_credentials(State(guard): State<Guard>, mut request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    let key = request.headers().get(header::AUTHORIZATION).and_then(bearer);
    let known = guard.keys.as_ref().is_some_and(|keys| key.is_some_and(|key| keys.contains(key)));
    if known || route.is_some_and(|route| guard.is_open(route)) {
        return next.run(request).await;
    }
    match &guard.tokens {
        Some(tokens) => match tokens.admit(&mut request).await {
            Ok(()) => next.run(request).await,
            Err(error) => error.into_response(),
        },
        None => unknown_key(),
    }
}

fn unknown_key() -> Response {
    let detail = "the request needs a known key; send it as Authorization: Bearer KEY";
    let mut response = Problem::new(StatusCode::UNAUTHORIZED, detail).into_response();
    response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    response
}

/// Returns the token of `Bearer TOKEN`.
fn bearer(value: &HeaderValue) -> Option<&[u8]> {
    let (scheme, token) = value.as_bytes().split_at_checked("Bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then(|| token.trim_ascii())
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::net::TcpListener;

    use super::*;

    async fn status(router: Router, path: &str, key: Option<&str>) -> (u16, String) {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let key = key.map_or(String::new(), |key| format!("Authorization: {key}\r\n"));
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: a\r\nOrigin: https://a.example\r\n{key}Connection: close\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        (text[9..12].parse().unwrap(), text.to_lowercase())
    }

    fn router(guard: Guard) -> Router {
        let page = || async { "page" };
        guard.protect(
            Router::new().route("/", get(page)).route("/docs/{*rest}", get(page)).route("/data", get(page)),
        )
    }

    fn keys(folder: &tempfile::TempDir) -> Option<Arc<ApiKeys>> {
        let path = folder.path().join("keys");
        std::fs::write(&path, "secret\n").unwrap();
        Some(Arc::new(ApiKeys::open(path).unwrap()))
    }

    #[tokio::test]
    async fn only_known_keys_open_what_is_not_open() {
        let folder = tempfile::tempdir().unwrap();
        let guard = Guard {
            keys: keys(&folder),
            open: vec!["/".to_owned(), "/docs/".to_owned()],
            ..Guard::default()
        };
        for (path, key, expected) in [
            ("/", None, 200),
            ("/docs/a", None, 200),
            ("/data", None, 401),
            ("/unknown", None, 401),
            ("/data", Some("Bearer secret"), 200),
            ("/data", Some("bearer secret"), 200),
            ("/data", Some("Bearer secre"), 401),
            ("/data", Some("Basic secret"), 401),
        ] {
            let (status, text) = status(router(guard.clone()), path, key).await;
            assert_eq!(status, expected, "{path} {key:?}");
            assert_eq!(status == 401, text.contains("www-authenticate: bearer"), "{text}");
        }
    }

    #[tokio::test]
    async fn pages_of_allowed_origins_may_call() {
        let allowed = |origin: &'static str| Guard {
            origins: vec![HeaderValue::from_static(origin)],
            ..Guard::default()
        };
        let (_, text) = status(router(allowed("https://a.example")), "/data", None).await;
        assert!(text.contains("access-control-allow-origin: https://a.example"), "{text}");
        assert!(text.contains("x-content-type-options: nosniff"), "{text}");
        let (_, text) = status(router(allowed("https://b.example")), "/data", None).await;
        assert!(!text.contains("access-control-allow-origin: https://a.example"), "{text}");
    }
}

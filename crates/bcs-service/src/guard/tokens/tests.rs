use axum::routing::post;
use axum::{Extension, Router, middleware};
use bcs_tests::{TokenIssuer, token_claims, unsigned_token};
use reqwest::Client;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::*;

const AUDIENCE: &str = "https://monitor.example.org";
const EMAIL: &str = "scheduler@project.iam.gserviceaccount.com";

fn claims() -> Value {
    token_claims(AUDIENCE, EMAIL)
}

fn with(name: &str, value: impl Into<Value>) -> Value {
    let mut claims = claims();
    claims[name] = value.into();
    claims
}

async fn serve(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

fn settings(keys_url: String) -> TokenSettings {
    TokenSettings {
        audience: Some(AUDIENCE.to_owned()),
        emails: vec!["other@example.org".to_owned(), EMAIL.to_owned()],
        issuer: "https://accounts.google.com".to_owned(),
        keys_url,
    }
}

/// Starts an issuer and a protected server, and returns the issuer and the address of the server.
async fn start() -> (TokenIssuer, String) {
    let issuer = TokenIssuer::start().await;
    let tokens = Arc::new(settings(issuer.keys_url.clone()).open().unwrap().unwrap());
    let answer = async |Extension(Caller(email)): Extension<Caller>| email;
    let server =
        Router::new().route("/run", post(answer)).layer(middleware::from_fn_with_state(tokens, require));
    (issuer, serve(server).await)
}

async fn status(server: &str, authorization: Option<String>) -> (u16, String) {
    let mut request = Client::new().post(format!("{server}/run"));
    if let Some(authorization) = authorization {
        request = request.header("authorization", authorization);
    }
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

async fn with_token(server: &str, token: String) -> u16 {
    status(server, Some(format!("Bearer {token}"))).await.0
}

#[tokio::test]
async fn only_valid_tokens_of_allowed_callers_pass() {
    let (issuer, server) = start().await;
    let valid = issuer.token(&claims());
    assert_eq!(status(&server, Some(format!("Bearer {valid}"))).await, (200, EMAIL.to_owned()));
    assert_eq!(with_token(&server, issuer.token(&with("iss", "accounts.google.com"))).await, 200);

    let now = jiff::Timestamp::now().as_second();
    // Within the skew of clocks.
    assert_eq!(with_token(&server, issuer.token(&with("exp", now - 10))).await, 200);
    for (claims, expected) in [
        (with("exp", now - 60), 401),
        (with("exp", Value::Null), 401),
        (with("nbf", now + 300), 401),
        (with("aud", "https://predictor.example.org"), 401),
        (with("aud", Value::Null), 401),
        (with("iss", "https://accounts.example.org"), 401),
        (with("email", "someone@example.org"), 403),
        (with("email", Value::Null), 403),
        (with("email_verified", false), 403),
    ] {
        assert_eq!(with_token(&server, issuer.token(&claims)).await, expected, "{claims}");
    }
    assert_eq!(issuer.reads(), 1, "the keys are read once");
}

#[tokio::test]
async fn tokens_without_a_valid_signature_do_not_pass() {
    let (issuer, server) = start().await;
    let valid = issuer.token(&claims());
    let (text, signature) = valid.rsplit_once('.').unwrap();
    let none = unsigned_token(&json!({"alg": "none", "kid": "1"}), &claims());
    let other = unsigned_token(&json!({"alg": "RS256", "kid": "1"}), &with("email", "other@example.org"));
    for token in [
        format!("{text}."),
        text.to_owned(),
        format!("{none}."),
        format!("{none}.{signature}"),
        format!("{other}.{signature}"),
        format!("{}.{signature}", unsigned_token(&json!({"alg": "HS256", "kid": "1"}), &claims())),
        format!("{}.{signature}", unsigned_token(&json!({"alg": "RS256"}), &claims())),
        format!("{}.{signature}", unsigned_token(&json!({"alg": "RS256", "kid": "9"}), &claims())),
        "a.b.c".to_owned(),
        String::new(),
    ] {
        assert_eq!(with_token(&server, token.clone()).await, 401, "{token}");
    }
    assert_eq!(status(&server, None).await.0, 401);
    assert_eq!(status(&server, Some(format!("Basic {valid}"))).await.0, 401);
    assert_eq!(with_token(&server, valid).await, 200);
}

#[tokio::test]
async fn new_keys_of_the_issuer_are_read_and_old_ones_forgotten() {
    let (issuer, server) = start().await;
    let old = issuer.token(&claims());
    assert_eq!(with_token(&server, old.clone()).await, 200);
    issuer.rotate();
    assert_eq!(with_token(&server, issuer.token(&claims())).await, 200);
    assert_eq!(with_token(&server, old.clone()).await, 401);
    // Tokens of unknown keys do not make the server read the keys again and again.
    assert_eq!(with_token(&server, old).await, 401);
    assert_eq!(issuer.reads(), 2);
}

#[tokio::test]
async fn without_the_keys_of_the_issuer_no_token_passes() {
    let issuer = TokenIssuer::start().await;
    let tokens = settings("http://127.0.0.1:1/certs".to_owned()).open().unwrap().unwrap();
    let error = tokens.verify(issuer.token(&claims()).as_bytes()).await.unwrap_err();
    assert!(matches!(error, TokenError::Keys(_)), "{error}");
    assert_eq!(error.into_response().status(), 503);
}

#[test]
fn callers_must_be_named() {
    let everybody = TokenSettings { emails: Vec::new(), ..settings(String::new()) };
    assert!(everybody.open().unwrap_err().to_string().contains("OIDC_EMAILS"));
    assert!(TokenSettings { audience: None, ..everybody }.open().unwrap().is_none());
}

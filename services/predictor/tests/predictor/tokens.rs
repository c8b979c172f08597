//! ID tokens of clients.

use bcs_tests::{TokenIssuer, token_claims};

use crate::images;
use crate::server::{Server, problem};

const AUDIENCE: &str = "https://predictor.example.org";
const EMAIL: &str = "scanner@project.iam.gserviceaccount.com";

async fn start(issuer: &TokenIssuer, variables: &[(&str, &str)]) -> Server {
    let oidc =
        [("OIDC_AUDIENCE", AUDIENCE), ("OIDC_EMAILS", EMAIL), ("OIDC_KEYS_URL", issuer.keys_url.as_str())];
    Server::ready_with(&[&oidc[..], variables].concat(), "").await
}

async fn status(server: &Server, credential: &str) -> u16 {
    let request = server.client.get(format!("{}/info", server.address)).bearer_auth(credential);
    request.send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn only_clients_with_a_valid_token_may_call() {
    let issuer = TokenIssuer::start().await;
    let server = start(&issuer, &[]).await;
    for open in ["/", "/docs/", "/openapi.json", "/health", "/ready", "/metrics"] {
        assert_eq!(server.get(open).await.status(), 200, "{open}");
    }
    let valid = issuer.token(&token_claims(AUDIENCE, EMAIL));
    assert_eq!(status(&server, &valid).await, 200);
    for (token, expected) in issuer.refused_tokens(AUDIENCE, EMAIL) {
        assert_eq!(status(&server, &token).await, expected, "{token}");
    }
    issuer.rotate();
    assert_eq!(status(&server, &issuer.token(&token_claims(AUDIENCE, EMAIL))).await, 200);
    assert_eq!(status(&server, &valid).await, 401);
    let refused = server.predict("", images::png(64, 64)).await;
    assert_eq!(refused.headers()["www-authenticate"], "Bearer");
    assert!(problem(refused, 401).await.contains("ID token"));

    let api = server.json("/openapi.json").await;
    let schemes = api["components"]["securitySchemes"].as_object().unwrap();
    assert_eq!(schemes.keys().collect::<Vec<_>>(), ["token"]);
    assert!(api["paths"]["/predict-img/"]["post"]["responses"]["403"].is_object());
    assert!(api["paths"]["/health"]["get"]["responses"]["401"].is_null());
}

#[tokio::test]
async fn a_key_or_a_token_is_enough() {
    let issuer = TokenIssuer::start().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys");
    std::fs::write(&file, "a-key-of-the-viewer\n").unwrap();
    let server = start(&issuer, &[("API_KEYS_FILE", file.to_str().unwrap())]).await;
    assert_eq!(status(&server, "a-key-of-the-viewer").await, 200);
    assert_eq!(status(&server, &issuer.token(&token_claims(AUDIENCE, EMAIL))).await, 200);
    assert_eq!(status(&server, "a-key-of-nobody").await, 401);
}

//! Keys of clients, origins of pages, and headers.

use crate::images;
use crate::server::{Server, problem};

#[tokio::test]
async fn clients_need_a_key_where_keys_are_set() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys");
    std::fs::write(&file, "a-key-of-the-viewer\n").unwrap();
    let server = Server::ready_with(&[("API_KEYS_FILE", file.to_str().unwrap())], "").await;
    for open in ["/", "/docs/", "/openapi.json", "/health", "/ready", "/metrics"] {
        assert_eq!(server.get(open).await.status(), 200, "{open}");
    }
    let refused = server.get("/info").await;
    assert_eq!(refused.headers()["www-authenticate"], "Bearer");
    problem(refused, 401).await;
    problem(server.predict("", images::png(64, 64)).await, 401).await;
    problem(server.get("/predictions/x").await, 401).await;

    let with = |key: &str| server.client.get(format!("{}/info", server.address)).bearer_auth(key).send();
    assert_eq!(with("a-key-of-the-viewer").await.unwrap().status(), 200);
    let refused = with("a-key-of-the-view").await.unwrap();
    let detail = problem(refused, 401).await;
    assert!(!detail.contains("a-key"), "{detail}");

    let api = server.json("/openapi.json").await;
    assert_eq!(api["components"]["securitySchemes"]["key"]["scheme"], "bearer");
    assert!(api["paths"]["/predict-img/"]["post"]["responses"]["401"].is_object());
    assert!(api["paths"]["/health"]["get"]["responses"]["401"].is_null());
}

#[tokio::test]
async fn browsers_are_told_what_they_may_do() {
    let server = Server::ready_with(&[("CORS_ORIGINS", "https://viewer.example.org")], "").await;
    let preflight = |origin: &'static str| {
        let request =
            server.client.request(reqwest::Method::OPTIONS, format!("{}/predict-img/", server.address));
        request
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "authorization,x-case")
            .send()
    };
    let allowed = preflight("https://viewer.example.org").await.unwrap();
    assert_eq!(allowed.headers()["access-control-allow-origin"], "https://viewer.example.org");
    assert!(allowed.headers()["access-control-allow-headers"].to_str().unwrap().contains("x-case"));
    let refused = preflight("https://elsewhere.example.org").await.unwrap();
    assert!(!refused.headers().contains_key("access-control-allow-origin"));

    for route in ["/", "/info", "/predictions/x", "/nowhere"] {
        let headers = server.get(route).await.headers().clone();
        assert_eq!(headers["x-content-type-options"], "nosniff", "{route}");
        assert_eq!(headers["referrer-policy"], "no-referrer", "{route}");
        assert!(headers.contains_key("cache-control"), "{route}");
    }
}

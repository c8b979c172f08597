//! ID tokens of callers.

use bcs_tests::{TokenIssuer, token_claims};

use crate::support::{Server, World};

const AUDIENCE: &str = "https://monitor.example.org";
const EMAIL: &str = "scheduler@project.iam.gserviceaccount.com";

async fn run(server: &Server, token: &str) -> u16 {
    let request = server.client.post(format!("{}/run", server.address)).bearer_auth(token);
    request.send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn only_the_scheduler_may_run_and_everybody_may_read() {
    let world = World::new();
    let issuer = TokenIssuer::start().await;
    let mut command = world.command();
    command.env("OIDC_AUDIENCE", AUDIENCE).env("OIDC_EMAILS", EMAIL).env("OIDC_KEYS_URL", &issuer.keys_url);
    let server = Server::start_with(command);

    let valid = issuer.token(&token_claims(AUDIENCE, EMAIL));
    assert_eq!(run(&server, &valid).await, 201);
    for (token, expected) in issuer.refused_tokens(AUDIENCE, EMAIL) {
        assert_eq!(run(&server, &token).await, expected, "{token}");
    }
    issuer.rotate();
    assert_eq!(run(&server, &issuer.token(&token_claims(AUDIENCE, EMAIL))).await, 200);
    assert_eq!(run(&server, &valid).await, 401);

    let (status, problem) = server.post("").await;
    assert_eq!(status, 401, "{problem}");
    let (status, reports) = server.json("/reports").await;
    assert_eq!((status.as_u16(), reports.as_array().map(Vec::len)), (200, Some(1)));
}

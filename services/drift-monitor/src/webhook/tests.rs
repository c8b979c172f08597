use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::post;
use tokio::net::TcpListener;

use super::*;

/// A receiver that answers with the statuses in turn, and what it received.
struct Receiver {
    statuses: Mutex<Vec<u16>>,
    received: Mutex<Vec<(HeaderMap, String)>>,
}

impl Receiver {
    async fn start(statuses: &[u16]) -> (Arc<Self>, String) {
        let mut statuses = statuses.to_vec();
        statuses.reverse();
        let receiver = Arc::new(Self { statuses: Mutex::new(statuses), received: Mutex::default() });
        let answer = async |State(receiver): State<Arc<Self>>, headers: HeaderMap, body: String| {
            receiver.received.lock().unwrap().push((headers, body));
            let status = receiver.statuses.lock().unwrap().pop().unwrap();
            StatusCode::from_u16(status).unwrap()
        };
        let router = Router::new().route("/drift", post(answer)).with_state(Arc::clone(&receiver));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/drift", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (receiver, url)
    }
}

fn webhook(url: &str) -> Webhook {
    let webhook =
        Webhook::new(url, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", WebhookEvents::Reports).unwrap();
    Webhook { pauses: vec![Duration::from_millis(1); 3], ..webhook }
}

#[test]
fn the_signature_is_that_of_the_specification() {
    // The test vector of the reference libraries of Standard Webhooks.
    let signature = webhook("http://127.0.0.1:1").signature(
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "1614265330",
        r#"{"test": 2432232314}"#,
    );
    assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

#[tokio::test]
async fn the_receiver_is_told_until_it_answers() {
    let (receiver, url) = Receiver::start(&[503, 429, 204]).await;
    let webhook = webhook(&url);
    webhook.tell(&crate::pages::tests::summary("v1")).await;
    let received = receiver.received.lock().unwrap();
    assert_eq!(received.len(), 3);
    let (headers, body) = received.last().unwrap();
    let header = |name: &str| headers[name].to_str().unwrap();
    assert_eq!(header("webhook-id"), crate::pages::tests::summary("v1").id);
    assert_eq!(
        header("webhook-signature"),
        webhook.signature(header("webhook-id"), header("webhook-timestamp"), body)
    );
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!((&body["type"], &body["data"]["id"]), (&"drift.report".into(), &header("webhook-id").into()));
}

#[tokio::test]
async fn a_receiver_that_refuses_or_never_answers_ends_the_tries() {
    for (statuses, tries) in [(vec![404], 1), (vec![500; 4], 4), (vec![302], 1)] {
        let (receiver, url) = Receiver::start(&statuses).await;
        webhook(&url).tell(&crate::pages::tests::summary("v1")).await;
        assert_eq!(receiver.received.lock().unwrap().len(), tries, "{statuses:?}");
    }
    webhook("http://127.0.0.1:1").tell(&crate::pages::tests::summary("v1")).await;
}

#[test]
fn urls_and_secrets_are_checked() {
    for (url, secret, named) in [
        ("ftp://a", "s", "WEBHOOK_URL"),
        ("drift", "s", "WEBHOOK_URL"),
        ("https://a", "", "WEBHOOK_SECRET"),
        ("https://a", "whsec_%", "WEBHOOK_SECRET"),
    ] {
        let error = Webhook::new(url, secret, WebhookEvents::Reports).err().unwrap().to_string();
        assert!(error.contains(named), "{error}");
    }
    assert!(Webhook::new("https://a/b?c=d", "a secret", WebhookEvents::Reports).is_ok());
}

#[test]
fn a_webhook_for_alarms_is_told_of_nothing_else() {
    let webhook = Webhook::new("https://a", "a secret", WebhookEvents::Alarms).unwrap();
    let mut report = crate::pages::tests::summary("v1");
    assert!(!webhook.wants(&report));
    report.alarms.push(bcs_drift::judgement::Family::Focus);
    assert!(webhook.wants(&report));
}

//! Tells another server of a report, in the manner of [Standard Webhooks](https://www.standardwebhooks.com): a signed POST
//! request, tried again if it fails.

use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bcs_service::Failure;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode, Url};
use serde::Serialize;
use sha2::Sha256;

use crate::report::Summary;
use crate::settings::WebhookEvents;

/// Time in which the other server must answer.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Times between two tries.
const PAUSES: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(3), Duration::from_secs(9)];

/// Beginning of secrets that hold their bytes in base64.
const ENCODED: &str = "whsec_";

/// A server that is told of reports.
pub struct Webhook {
    http: Client,
    url: Url,
    secret: Vec<u8>,
    pauses: Vec<Duration>,
    events: WebhookEvents,
}

/// Body of the request.
#[derive(Serialize)]
struct Message<'a> {
    /// What happened.
    #[serde(rename = "type")]
    kind: &'static str,
    /// When the report was made.
    timestamp: Timestamp,
    /// The report, as `GET /reports` lists it.
    data: &'a Summary,
}

/// Why a try failed.
struct Failed {
    reason: String,
    /// Whether another try may succeed.
    again: bool,
}

impl Webhook {
    /// Creates a webhook. A secret that starts with `whsec_` holds its bytes in base64; any other is used as it is.
    ///
    /// # Errors
    /// [`Failure::Usage`] for an invalid URL or secret; [`Failure::Failed`] if TLS cannot be set up.
    pub fn new(url: &str, secret: &str, events: WebhookEvents) -> Result<Self, Failure> {
        let parsed = Url::parse(url).ok().filter(|url| ["http", "https"].contains(&url.scheme()));
        let url = parsed.ok_or_else(|| {
            Failure::usage(format!("webhook.url (WEBHOOK_URL) is '{url}'; it must be an http(s) URL"))
        })?;
        let secret = match secret.strip_prefix(ENCODED) {
            None => secret.as_bytes().to_vec(),
            Some(encoded) => BASE64_STANDARD.decode(encoded).map_err(|error| {
                Failure::usage(format!("WEBHOOK_SECRET starts with {ENCODED}, but is not base64: {error}"))
            })?,
        };
        if secret.is_empty() {
            return Err(Failure::usage(
                "webhook.url (WEBHOOK_URL) is set, but not WEBHOOK_SECRET, by which the receiver knows that a message \
                 is from this monitor; set both",
            ));
        }
        let http = Client::builder().timeout(TIMEOUT).redirect(Policy::none()).build();
        let http = http.map_err(|error| Failure::failed(format!("cannot send to {url}: {error}")))?;
        Ok(Self { http, url, secret, pauses: PAUSES.to_vec(), events })
    }

    /// Whether the server is to be told of a report.
    pub fn wants(&self, report: &Summary) -> bool {
        self.events == WebhookEvents::Reports || !report.alarms.is_empty()
    }

    /// Tells the server of a report. A failure is logged, and does not fail the run: the report is stored.
    pub async fn tell(&self, report: &Summary) {
        let message = Message { kind: "drift.report", timestamp: report.created, data: report };
        let body = serde_json::to_string(&message).expect("a summary is valid JSON");
        let mut pauses = self.pauses.iter();
        loop {
            let Failed { reason, again } = match self.send(&report.id, &body).await {
                Ok(()) => return tracing::info!(report = report.id, "The webhook was told of the report."),
                Err(failed) => failed,
            };
            let Some(pause) = pauses.next().filter(|_| again) else {
                return tracing::error!(
                    report = report.id,
                    reason,
                    "The webhook was not told of the report."
                );
            };
            tracing::warn!(report = report.id, reason, "The webhook failed and is tried again.");
            tokio::time::sleep(*pause).await;
        }
    }

    async fn send(&self, id: &str, body: &str) -> Result<(), Failed> {
        let timestamp = Timestamp::now().as_second().to_string();
        let request = self
            .http
            .post(self.url.clone())
            .header("content-type", "application/json")
            .header("webhook-id", id)
            .header("webhook-timestamp", &timestamp)
            .header("webhook-signature", self.signature(id, &timestamp, body))
            .body(body.to_owned());
        let response = request
            .send()
            .await
            .map_err(|error| Failed { reason: error.without_url().to_string(), again: true })?;
        let status = response.status();
        if status.is_success() {
            return Ok(());
        }
        let again = status.is_server_error()
            || [StatusCode::TOO_MANY_REQUESTS, StatusCode::REQUEST_TIMEOUT].contains(&status);
        Err(Failed { reason: format!("the receiver answered {status}"), again })
    }

    /// Returns `v1,` and the HMAC-SHA256 of `id.timestamp.body`, in base64.
    fn signature(&self, id: &str, timestamp: &str, body: &str) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.secret).expect("keys of any length are valid");
        mac.update(format!("{id}.{timestamp}.{body}").as_bytes());
        format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes()))
    }
}

#[cfg(test)]
mod tests;

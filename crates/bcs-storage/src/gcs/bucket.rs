use std::sync::atomic::AtomicBool;
use std::time::Duration;

use google_cloud_gax::retry_policy::NeverRetry;
use google_cloud_storage::client::Storage;
use google_cloud_storage::read_resume_policy::NeverResume;
use reqwest::Client;
use reqwest::redirect::Policy;

use super::api::Api;
use super::credentials;
use super::endpoint::Endpoint;
use super::failure::{Failure, chain};
use crate::uri::Uri;

/// Time of a connection attempt of the JSON API.
const CONNECT_TIME: Duration = Duration::from_secs(5);
/// Longest time of a request that transfers little.
pub(super) const SHORT_TIME: Duration = Duration::from_secs(10);

/// A bucket, or a prefix of keys in it, and its clients.
pub(super) struct Bucket {
    pub(super) uri: Uri,
    /// Google's client. It does not retry: [`super::retry`] does, within deadlines.
    pub(super) storage: Storage,
    /// The JSON API, for what Google's client does by gRPC alone, or not at all against an emulator.
    pub(super) api: Api,
    /// Whether the objects could be listed once, so that the bucket exists.
    pub(super) listed: AtomicBool,
}

impl Bucket {
    pub(super) async fn connect(uri: &Uri, endpoint: &Endpoint) -> Result<Self, Failure> {
        let credentials = credentials::of(endpoint)?;
        // An incomplete upload has the status of a redirect.
        let http = Client::builder().connect_timeout(CONNECT_TIME).redirect(Policy::none()).build()?;
        let storage = Storage::builder()
            .with_endpoint(endpoint.url())
            .with_credentials(credentials.clone())
            .with_retry_policy(NeverRetry)
            .with_read_resume_policy(NeverResume)
            .build()
            .await
            .map_err(|error| Failure::Retryable(chain(&error)))?;
        let api = Api::new(http, credentials, endpoint.url(), &uri.bucket);
        Ok(Self { uri: uri.clone(), storage, api, listed: AtomicBool::new(false) })
    }

    /// Returns the name of the object of a key, or the prefix of the names for a prefix of keys.
    pub(super) fn object(&self, key: &str) -> String {
        if self.uri.prefix.is_empty() { key.to_owned() } else { format!("{}/{key}", self.uri.prefix) }
    }

    /// Returns the key of an object; `None` for one outside the prefix.
    pub(super) fn key<'a>(&self, object: &'a str) -> Option<&'a str> {
        if self.uri.prefix.is_empty() {
            return Some(object);
        }
        object.strip_prefix(&self.uri.prefix)?.strip_prefix('/')
    }

    /// Returns the bucket as Google's client names it.
    pub(super) fn resource(&self) -> String {
        format!("projects/_/buckets/{}", self.uri.bucket)
    }
}

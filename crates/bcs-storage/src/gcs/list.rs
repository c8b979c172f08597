use std::time::Instant;

use reqwest::Method;
use serde::Deserialize;

use super::bucket::{Bucket, SHORT_TIME};
use super::failure::Failure;
use super::metadata::Metadata;
use super::retry::Retry;
use crate::key;
use crate::store::{Entry, Generation, MAX_PAGE, Page};

/// Parts of the response that are used.
const FIELDS: &str = "items(name,size,generation),nextPageToken";

#[derive(Deserialize)]
struct Listed {
    #[serde(default)]
    items: Vec<Metadata>,
    #[serde(rename = "nextPageToken")]
    next: Option<String>,
}

impl Bucket {
    pub(super) async fn list(
        &self,
        prefix: &str,
        token: Option<&str>,
        limit: usize,
        deadline: Instant,
    ) -> Result<Page, Failure> {
        let mut retry = Retry::until(deadline);
        loop {
            match retry.attempt(SHORT_TIME, self.list_once(prefix, token, limit)).await {
                Ok(page) => return Ok(page),
                Err(failure) => retry.pause(failure).await?,
            }
        }
    }

    async fn list_once(&self, prefix: &str, token: Option<&str>, limit: usize) -> Result<Page, Failure> {
        let mut url = self.api.objects(None)?;
        url.query_pairs_mut()
            .append_pair("prefix", &self.object(prefix))
            .append_pair("maxResults", &limit.clamp(1, MAX_PAGE).to_string())
            .append_pair("fields", FIELDS)
            .extend_pairs(token.map(|token| ("pageToken", token)));
        let listed: Listed = self.api.json(self.api.request(Method::GET, url)).await?;
        let mut entries = Vec::with_capacity(listed.items.len());
        for item in &listed.items {
            // Tools make objects with a slash at the end, to show folders.
            if let Some(key) = self.key(&item.name).filter(|key| key::check(key).is_ok()) {
                let generation = Generation(item.generation()?);
                entries.push(Entry { key: key.to_owned(), size: item.size()?, generation });
            }
        }
        Ok(Page { entries, next: listed.next.filter(|token| !token.is_empty()) })
    }
}

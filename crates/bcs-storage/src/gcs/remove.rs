use std::time::Instant;

use reqwest::{Method, StatusCode};

use super::bucket::{Bucket, SHORT_TIME};
use super::failure::Failure;
use super::retry::Retry;

impl Bucket {
    pub(super) async fn delete(&self, key: &str, deadline: Instant) -> Result<(), Failure> {
        let mut retry = Retry::until(deadline);
        loop {
            match retry.attempt(SHORT_TIME, self.delete_once(key)).await {
                Ok(()) | Err(Failure::NotFound) => return Ok(()),
                Err(failure) => retry.pause(failure).await?,
            }
        }
    }

    async fn delete_once(&self, key: &str) -> Result<(), Failure> {
        let url = self.api.objects(Some(&self.object(key)))?;
        let response = self.api.send(self.api.request(Method::DELETE, url)).await?;
        match response.status() {
            StatusCode::OK | StatusCode::NO_CONTENT => Ok(()),
            status => Err(Failure::from_status(status, &response.text().await?)),
        }
    }
}

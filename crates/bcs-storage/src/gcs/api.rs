use google_cloud_auth::credentials::{CacheableResource, Credentials};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode, Url};
use serde::de::DeserializeOwned;

use super::failure::Failure;

/// Requests of the JSON API of one bucket.
pub(super) struct Api {
    http: Client,
    credentials: Credentials,
    /// URL without a slash at its end.
    endpoint: String,
    bucket: String,
}

impl Api {
    pub(super) fn new(http: Client, credentials: Credentials, endpoint: &str, bucket: &str) -> Self {
        Self { http, credentials, endpoint: endpoint.to_owned(), bucket: bucket.to_owned() }
    }

    /// Returns the URL of the bucket's objects, or of one of them.
    pub(super) fn objects(&self, object: Option<&str>) -> Result<Url, Failure> {
        self.url("storage/v1", object)
    }

    /// Returns the URL to which new objects are uploaded.
    pub(super) fn uploads(&self) -> Result<Url, Failure> {
        self.url("upload/storage/v1", None)
    }

    fn url(&self, api: &str, object: Option<&str>) -> Result<Url, Failure> {
        let base = format!("{}/{api}/b/{}/o", self.endpoint, self.bucket);
        let mut url = Url::parse(&base).map_err(|error| Failure::Rejected(format!("{base}: {error}")))?;
        if let (Some(object), Ok(mut path)) = (object, url.path_segments_mut()) {
            // A slash in the name of the object is encoded.
            path.push(object);
        }
        Ok(url)
    }

    pub(super) fn request(&self, method: Method, url: Url) -> RequestBuilder {
        self.http.request(method, url)
    }

    /// Sends a request with the credentials and returns the response, whatever its status.
    pub(super) async fn send(&self, request: RequestBuilder) -> Result<Response, Failure> {
        let headers = match self.credentials.headers(Default::default()).await? {
            CacheableResource::New { data, .. } => data,
            // Only for a request that states what it has in its cache.
            CacheableResource::NotModified => Default::default(),
        };
        Ok(request.headers(headers).send().await?)
    }

    /// Sends a request and reads its response as JSON.
    pub(super) async fn json<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, Failure> {
        parse(self.send(request).await?).await
    }
}

/// Reads a response as JSON.
pub(super) async fn parse<T: DeserializeOwned>(response: Response) -> Result<T, Failure> {
    let status = response.status();
    let body = response.bytes().await?;
    if status != StatusCode::OK {
        return Err(Failure::from_status(status, &String::from_utf8_lossy(&body)));
    }
    serde_json::from_slice(&body)
        .map_err(|error| Failure::Retryable(format!("the answer is damaged: {error}")))
}

#[cfg(test)]
mod tests {
    use google_cloud_auth::credentials::anonymous;
    use proptest::prelude::*;

    use super::*;

    fn api() -> Api {
        Api::new(Client::new(), anonymous::Builder::new().build(), "http://127.0.0.1:1", "bucket")
    }

    #[test]
    fn names_of_objects_are_one_segment_of_the_path() {
        let url = api().objects(Some("records/date=2026-01-02/ü?#%.json")).unwrap();
        assert_eq!(
            url.as_str(),
            "http://127.0.0.1:1/storage/v1/b/bucket/o/records%2Fdate=2026-01-02%2F%C3%BC%3F%23%25.json"
        );
        assert_eq!(api().objects(None).unwrap().path(), "/storage/v1/b/bucket/o");
        assert_eq!(api().uploads().unwrap().path(), "/upload/storage/v1/b/bucket/o");
    }

    proptest! {
        #[test]
        fn any_valid_name_is_decoded_as_it_was(name in "[^\\x00-\\x1f\\x7f\\\\]{1,40}") {
            prop_assume!(crate::key::check(&name).is_ok());
            let url = api().objects(Some(&name)).unwrap();
            let last = url.path_segments().unwrap().next_back().unwrap();
            prop_assert_eq!(url.path_segments().unwrap().count(), 6);
            let bytes = decode(last);
            prop_assert_eq!(String::from_utf8(bytes).unwrap(), name);
        }
    }

    fn decode(text: &str) -> Vec<u8> {
        let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
        while let [first, tail @ ..] = rest {
            rest = tail;
            bytes.push(if *first == b'%' {
                let (digits, tail) = rest.split_at(2);
                rest = tail;
                u8::from_str_radix(std::str::from_utf8(digits).unwrap(), 16).unwrap()
            } else {
                *first
            });
        }
        bytes
    }
}

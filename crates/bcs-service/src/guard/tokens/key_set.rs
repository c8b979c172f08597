use std::time::{Duration, Instant};

use jsonwebtoken::DecodingKey;
use jsonwebtoken::jwk::JwkSet;
use reqwest::Client;
use tokio::sync::Mutex;

use super::TokenError;

/// Time for which the keys are used without reading them again. Google changes its keys about once a day.
const LIFETIME: Duration = Duration::from_secs(3600);

/// Time in which the issuer must answer.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Shortest time between two reads for tokens whose key is not known, so that forged tokens cannot make the server call
/// the issuer all the time.
const PAUSE: Duration = Duration::from_secs(10);

/// The public keys of an issuer (a JSON Web Key Set), which are read when first needed, every hour, and when a token names
/// one that is not known.
#[derive(Debug)]
pub(super) struct KeySet {
    http: Client,
    url: String,
    /// Held while the keys are read, so that concurrent requests read them once.
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    keys: Option<(JwkSet, Instant)>,
    /// When the keys were last read for a token whose key was not known.
    searched: Option<Instant>,
}

impl KeySet {
    /// # Errors
    /// [`reqwest::Error`] if TLS cannot be set up.
    pub(super) fn new(url: String) -> Result<Self, reqwest::Error> {
        Ok(Self { http: Client::builder().timeout(TIMEOUT).build()?, url, state: Mutex::default() })
    }

    /// Returns the key with this id.
    ///
    /// # Errors
    /// [`TokenError::UnknownKey`]; [`TokenError::Keys`] if the issuer cannot be reached; [`TokenError::Invalid`] for a key
    /// that cannot be used.
    pub(super) async fn find(&self, id: &str) -> Result<DecodingKey, TokenError> {
        let mut state = self.state.lock().await;
        let fresh = state.keys.as_ref().is_some_and(|(_, read)| read.elapsed() < LIFETIME);
        if !fresh {
            self.read(&mut state).await?;
        } else if state.key(id).is_none() && state.searched.is_none_or(|searched| searched.elapsed() >= PAUSE)
        {
            state.searched = Some(Instant::now());
            self.read(&mut state).await?;
        }
        state.key(id).ok_or(TokenError::UnknownKey)?.map_err(TokenError::from)
    }

    /// Reads the keys. Those that are known stay if the issuer cannot be reached.
    async fn read(&self, state: &mut State) -> Result<(), TokenError> {
        match self.fetch().await {
            Ok(keys) => state.keys = Some((keys, Instant::now())),
            Err(error) if state.keys.is_some() => {
                tracing::warn!(reason = error.to_string(), "The keys of the issuer stay as they were.");
            }
            Err(error) => return Err(TokenError::Keys(error.without_url().to_string())),
        }
        Ok(())
    }

    async fn fetch(&self) -> Result<JwkSet, reqwest::Error> {
        self.http.get(&self.url).send().await?.error_for_status()?.json().await
    }
}

impl State {
    fn key(&self, id: &str) -> Option<Result<DecodingKey, jsonwebtoken::errors::Error>> {
        self.keys.as_ref()?.0.find(id).map(DecodingKey::from_jwk)
    }
}

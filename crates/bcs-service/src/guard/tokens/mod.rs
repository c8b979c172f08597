//! ID tokens of OpenID Connect: who calls is proven by an issuer, such as Google, and not by a key that is shared.

mod key_set;
mod settings;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use jsonwebtoken::{Algorithm, Validation, decode, decode_header};
use serde::Deserialize;

pub use settings::TokenSettings;

use self::key_set::KeySet;
use super::bearer;
use crate::problem::Problem;

/// Difference in seconds that the clocks of issuer and server may have.
const CLOCK_SKEW: u64 = 30;

/// `Retry-After` in seconds if the keys of the issuer cannot be read.
const OUTAGE_RETRY: u32 = 5;

/// Why a token is not accepted.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The request has no token.
    #[error("the request needs an ID token; send it as Authorization: Bearer TOKEN")]
    Missing,
    /// The token is malformed, expired, of another issuer, for another audience, or its signature is wrong.
    #[error(
        "the ID token is not valid: {0}; send one of the configured issuer and audience, signed with RS256"
    )]
    Invalid(#[from] jsonwebtoken::errors::Error),
    /// The issuer has no such key, now or any longer.
    #[error("the ID token is not valid: its key is not one of the issuer; get a new token")]
    UnknownKey,
    /// The token is valid, but its owner may not call.
    #[error(
        "the ID token is valid, but its e-mail address is not verified or not one of those that may call"
    )]
    Email,
    /// The keys of the issuer cannot be read.
    #[error("the keys of the issuer cannot be read now: {0}; try again")]
    Keys(String),
}

impl TokenError {
    fn status(&self) -> StatusCode {
        match self {
            Self::Missing | Self::Invalid(_) | Self::UnknownKey => StatusCode::UNAUTHORIZED,
            Self::Email => StatusCode::FORBIDDEN,
            Self::Keys(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

impl IntoResponse for TokenError {
    fn into_response(self) -> Response {
        let status = self.status();
        let problem = Problem::new(status, self.to_string());
        if status == StatusCode::SERVICE_UNAVAILABLE {
            return problem.retry_after(OUTAGE_RETRY).into_response();
        }
        let mut response = problem.into_response();
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// E-mail address of the caller, which the middleware [`require`] adds to the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller(pub String);

/// Verifies ID tokens: signature (RS256, by the keys that the issuer publishes), issuer, audience, expiry and e-mail
/// address.
#[derive(Debug)]
pub struct IdTokens {
    validation: Validation,
    emails: BTreeSet<String>,
    keys: KeySet,
}

#[derive(Deserialize)]
struct Claims {
    email: Option<String>,
    #[serde(default)]
    email_verified: bool,
}

impl IdTokens {
    /// Verifies a token and returns its owner.
    ///
    /// # Errors
    /// [`TokenError`].
    pub async fn verify(&self, token: &[u8]) -> Result<Caller, TokenError> {
        let header = decode_header(token)?;
        // Before any key is looked up, so that other algorithms, and tokens without a signature, cost nothing.
        if header.alg != Algorithm::RS256 {
            return Err(
                jsonwebtoken::errors::Error::from(jsonwebtoken::errors::ErrorKind::InvalidAlgorithm).into()
            );
        }
        let key = self.keys.find(header.kid.as_deref().ok_or(TokenError::UnknownKey)?).await?;
        let claims = decode::<Claims>(token, &key, &self.validation)?.claims;
        let email = claims.email.filter(|email| claims.email_verified && self.emails.contains(email));
        email.map(Caller).ok_or(TokenError::Email)
    }

    /// Verifies the token of a request, and adds the [`Caller`] to it.
    ///
    /// # Errors
    /// [`TokenError`].
    pub async fn admit(&self, request: &mut Request) -> Result<(), TokenError> {
        let token = request.headers().get(header::AUTHORIZATION).and_then(bearer);
        let token = token.ok_or(TokenError::Missing)?.to_vec();
        let caller = self.verify(&token).await.inspect_err(|error| {
            tracing::warn!(reason = error.to_string(), "Refused a request by its ID token.");
        })?;
        request.extensions_mut().insert(caller);
        Ok(())
    }
}

/// Middleware that refuses requests without a valid ID token, and adds the [`Caller`] to the others.
///
/// # Errors
/// [`TokenError`], as a response.
pub async fn require(
    State(tokens): State<Arc<IdTokens>>,
    mut request: Request,
    next: Next,
) -> Result<Response, TokenError> {
    tokens.admit(&mut request).await?;
    Ok(next.run(request).await)
}

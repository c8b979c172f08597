use jsonwebtoken::{Algorithm, Validation};
use serde::Deserialize;

use super::IdTokens;
use super::key_set::KeySet;
use crate::environment::Environment;
use crate::failure::Failure;

/// Which ID tokens a server takes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenSettings {
    /// Audience of the tokens, usually the address of the server; `None` if no token is needed.
    pub audience: Option<String>,
    /// E-mail addresses that may call.
    pub emails: Vec<String>,
    /// Issuer of the tokens.
    pub issuer: String,
    /// URL of the keys of the issuer.
    pub keys_url: String,
}

impl TokenSettings {
    /// Applies the environment variables `OIDC_AUDIENCE`, `OIDC_EMAILS` (separated by commas), `OIDC_ISSUER` and
    /// `OIDC_KEYS_URL`.
    pub fn apply(&mut self, environment: &Environment<'_>) {
        environment.set_optional(&mut self.audience, "OIDC_AUDIENCE");
        environment.set_list(&mut self.emails, "OIDC_EMAILS");
        environment.set_text(&mut self.issuer, "OIDC_ISSUER");
        environment.set_text(&mut self.keys_url, "OIDC_KEYS_URL");
    }

    /// Returns the verification of tokens; `None` if no token is needed.
    ///
    /// # Errors
    /// [`Failure::Usage`] without e-mail addresses: any account of the issuer can get a token for any audience.
    /// [`Failure::Failed`] if TLS cannot be set up.
    pub fn open(&self) -> Result<Option<IdTokens>, Failure> {
        let Some(audience) = &self.audience else { return Ok(None) };
        if self.emails.is_empty() {
            return Err(Failure::usage(format!(
                "server.oidc.audience (OIDC_AUDIENCE) is {audience}, but no e-mail address may call, and any account of \
                 the issuer can get a token for this audience; list those that may in server.oidc.emails (OIDC_EMAILS)"
            )));
        }
        let mut validation = Validation::new(Algorithm::RS256);
        validation.leeway = super::CLOCK_SKEW;
        validation.validate_nbf = true;
        validation.set_audience(&[audience]);
        // Google states its issuer with and without the scheme.
        let bare = self.issuer.trim_start_matches("https://");
        validation.set_issuer(&[self.issuer.as_str(), bare]);
        validation.set_required_spec_claims(&["exp", "aud", "iss"]);
        let keys = KeySet::new(self.keys_url.clone())
            .map_err(|error| Failure::failed(format!("cannot read the keys of ID tokens: {error}")))?;
        Ok(Some(IdTokens { validation, emails: self.emails.iter().cloned().collect(), keys }))
    }
}

//! An issuer of ID tokens (OpenID Connect).

use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use axum::routing::get;
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// An issuer that signs with the newest of its keys, and publishes that one only.
#[derive(Clone)]
pub struct TokenIssuer {
    state: Arc<Mutex<State>>,
    /// URL of its keys.
    pub keys_url: String,
}

#[derive(Default)]
struct State {
    keys: Vec<RsaKeyPair>,
    reads: usize,
}

impl TokenIssuer {
    /// Starts an issuer with one key.
    pub async fn start() -> Self {
        let state = Arc::<Mutex<State>>::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("the listener is bound");
        let issuer = Self { state: Arc::clone(&state), keys_url: format!("http://{address}/certs") };
        issuer.rotate();
        let published = issuer.clone();
        let router = Router::new().route("/certs", get(async move || Json(published.published())));
        tokio::spawn(async move { axum::serve(listener, router).await });
        issuer
    }

    /// Replaces the key.
    pub fn rotate(&self) {
        let key = RsaKeyPair::generate(KeySize::Rsa2048).expect("a key can be made");
        self.with(|state| state.keys.push(key));
    }

    /// Number of times that the keys were read.
    pub fn reads(&self) -> usize {
        self.with(|state| state.reads)
    }

    /// Returns a token with these claims.
    pub fn token(&self, claims: &Value) -> String {
        self.with(|state| {
            let text = unsigned_token(&json!({"alg": "RS256", "kid": state.keys.len().to_string()}), claims);
            let key = state.keys.last().expect("there is a key");
            let mut signature = vec![0; key.public_modulus_len()];
            key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature)
                .expect("the key signs");
            format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
        })
    }

    /// Returns tokens that a service with this audience and e-mail address refuses, with the status of its answer: expired, for
    /// another audience, of another caller, without a signature, and with the algorithm `none`.
    pub fn refused_tokens(&self, audience: &str, email: &str) -> [(String, u16); 5] {
        let claims = token_claims(audience, email);
        let with = |name: &str, value: Value| {
            let mut claims = claims.clone();
            claims[name] = value;
            self.token(&claims)
        };
        let valid = self.token(&claims);
        let (unsigned, _) = valid.rsplit_once('.').expect("a token has three parts");
        let none = unsigned_token(&json!({"alg": "none", "kid": "1"}), &claims);
        [
            (with("exp", 1_700_000_000.into()), 401),
            (with("aud", "https://other.example.org".into()), 401),
            (with("email", "someone@example.org".into()), 403),
            (unsigned.to_owned(), 401),
            (format!("{none}."), 401),
        ]
    }

    fn published(&self) -> Value {
        self.with(|state| {
            state.reads += 1;
            // RSAPublicKey of 2048 bits in DER: the modulus after 9 bytes of headers, then the exponent.
            let der = state.keys.last().expect("there is a key").public_key().as_ref();
            let [modulus, exponent] =
                [&der[9..265], &der[267..]].map(|bytes| URL_SAFE_NO_PAD.encode(bytes));
            let id = state.keys.len().to_string();
            json!({"keys": [{"kty": "RSA", "use": "sig", "alg": "RS256", "kid": id, "n": modulus, "e": exponent}]})
        })
    }

    fn with<T>(&self, action: impl FnOnce(&mut State) -> T) -> T {
        action(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Returns header and claims of a token, without a signature.
pub fn unsigned_token(header: &Value, claims: &Value) -> String {
    [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string())).join(".")
}

/// Returns claims of Google's tokens, which expire in ten minutes.
pub fn token_claims(audience: &str, email: &str) -> Value {
    let now = SystemTime::UNIX_EPOCH.elapsed().expect("the clock is right").as_secs();
    json!({"iss": "https://accounts.google.com", "aud": audience, "email": email, "email_verified": true,
        "iat": now, "exp": now + 600})
}

//! Digests that name things.

use serde::Serialize;
use sha2::{Digest, Sha256};

/// Returns the first 16 hex digits of the SHA-256 of a value as JSON.
pub fn of(value: &impl Serialize) -> String {
    of_bytes(&serde_json::to_vec(value).expect("strings, numbers and times are valid JSON"))
}

/// Returns the first 16 hex digits of the SHA-256 of bytes.
pub fn of_bytes(bytes: &[u8]) -> String {
    Sha256::digest(bytes)[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}

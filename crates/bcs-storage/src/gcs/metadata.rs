use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;

use super::failure::Failure;

/// Key of the metadata that identifies the write that made an object: a write that is tried again recognises what its
/// earlier attempt stored.
pub(super) const WRITE_ID: &str = "bcs-write";

/// Description of an object, as the JSON API gives it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Metadata {
    pub(super) name: String,
    generation: String,
    size: String,
    /// CRC32C in big-endian order, in base64.
    crc32c: Option<String>,
    #[serde(default)]
    metadata: Custom,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
struct Custom {
    #[serde(rename = "bcs-write")]
    write: Option<String>,
}

impl Metadata {
    pub(super) fn generation(&self) -> Result<i64, Failure> {
        self.generation.parse().map_err(|_| unexpected("generation", &self.generation))
    }

    pub(super) fn size(&self) -> Result<u64, Failure> {
        self.size.parse().map_err(|_| unexpected("size", &self.size))
    }

    /// Whether the content has this checksum. `false` if the server states none.
    pub(super) fn has_checksum(&self, crc32c: u32) -> bool {
        self.crc32c.as_ref() == Some(&encode(crc32c))
    }

    /// Whether the write with this id made the object.
    pub(super) fn is_of(&self, write: &str) -> bool {
        self.metadata.write.as_deref() == Some(write)
    }
}

/// Returns a checksum as the JSON API writes it.
pub(super) fn encode(crc32c: u32) -> String {
    BASE64_STANDARD.encode(crc32c.to_be_bytes())
}

fn unexpected(name: &str, value: &str) -> Failure {
    Failure::Retryable(format!("the server states the {name} '{value}'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptions_are_read() {
        let text = serde_json::json!({
            "kind": "storage#object", "name": "a/1", "size": "5", "generation": "1795603340968213",
            "crc32c": "mnG7TA==", "metadata": {WRITE_ID: "id1", "other": "x"},
        });
        let metadata: Metadata = serde_json::from_value(text).unwrap();
        assert_eq!((metadata.generation(), metadata.size()), (Ok(1_795_603_340_968_213), Ok(5)));
        assert!(metadata.has_checksum(crc32c::crc32c(b"hello")) && !metadata.has_checksum(0));
        assert!(metadata.is_of("id1") && !metadata.is_of("id2"));

        let bare = serde_json::json!({"name": "a", "size": "many", "generation": ""});
        let bare: Metadata = serde_json::from_value(bare).unwrap();
        assert!(bare.size().is_err() && bare.generation().is_err());
        assert!(!bare.has_checksum(0) && !bare.is_of("id1"));
    }
}

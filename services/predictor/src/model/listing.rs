use std::fmt::Write;
use std::sync::Arc;

use bcs_contracts::keys::{METADATA_FILE, REFERENCE_FILE};
use bcs_storage::{Entry, Error, MAX_PAGE, Store, Uri};

/// The objects of a model in a bucket.
#[derive(Debug)]
pub(super) struct Listing {
    /// Location of the model.
    pub(super) uri: Uri,
    /// Its objects. The keys are those of the whole bucket.
    pub(super) entries: Vec<Entry>,
    /// Whether the model is one object, perhaps with others beside it, rather than a package.
    pub(super) is_file: bool,
}

impl Listing {
    /// Lists the model at a URI; `bucket` is the store of its whole bucket. What is not there has no entries.
    pub(super) async fn of(uri: Uri, bucket: &Arc<dyn Store>) -> Result<Self, Error> {
        if let Some(entry) = find(bucket, &uri.prefix).await? {
            let mut entries = vec![entry];
            let folder =
                uri.prefix.rsplit_once('/').map_or(String::new(), |(folder, _)| format!("{folder}/"));
            for name in [METADATA_FILE, REFERENCE_FILE] {
                entries.extend(find(bucket, &format!("{folder}{name}")).await?);
            }
            return Ok(Self { uri, entries, is_file: true });
        }
        let folder = if uri.prefix.is_empty() { String::new() } else { format!("{}/", uri.prefix) };
        let (mut entries, mut token) = (Vec::new(), None);
        loop {
            let page = bucket.list_page(&folder, token.as_deref(), MAX_PAGE).await?;
            // Checkpoints and other packages in folders below do not belong to the package.
            entries.extend(page.entries.into_iter().filter(|entry| !entry.key[folder.len()..].contains('/')));
            token = page.next;
            if token.is_none() {
                return Ok(Self { uri, entries, is_file: false });
            }
        }
    }

    /// Returns a text that differs for another model, or another version of one of its objects.
    pub(super) fn fingerprint(&self) -> String {
        let mut text = self.uri.to_string();
        for Entry { key, size, generation } in &self.entries {
            // Writing to a string does not fail.
            let _ = write!(text, "\n{key} {size} {}", generation.0);
        }
        text
    }

    /// Returns the name of the file or folder of the model.
    pub(super) fn name(&self) -> &str {
        self.uri.split().map_or(&self.uri.bucket, |(_, name)| name)
    }
}

/// Returns the object of this key if there is one: it is the first of those that start with it.
async fn find(bucket: &Arc<dyn Store>, key: &str) -> Result<Option<Entry>, Error> {
    if key.is_empty() {
        return Ok(None);
    }
    let page = bucket.list_page(key, None, 1).await?;
    Ok(page.entries.into_iter().next().filter(|entry| entry.key == key))
}

#[cfg(test)]
mod tests {
    use bcs_storage::{LocalStore, PutMode};

    use super::*;

    async fn listed(uri: &str, keys: &[&str]) -> (bool, String, Vec<String>) {
        let folder = tempfile::tempdir().unwrap();
        let store: Arc<dyn Store> = Arc::new(LocalStore::open(folder.path()).unwrap());
        for key in keys {
            store.put(key, "1".into(), PutMode::Create).await.unwrap();
        }
        let listing = Listing::of(Uri::parse(uri).unwrap(), &store).await.unwrap();
        let keys = listing.entries.iter().map(|entry| entry.key.clone()).collect();
        (listing.is_file, listing.name().to_owned(), keys)
    }

    #[tokio::test]
    async fn packages_are_folders_without_those_below() {
        let keys = [
            "run/best/metadata.json",
            "run/best/model.safetensors",
            "run/best/more/x",
            "run/best2/x",
            "run/y",
        ];
        let (is_file, name, found) = listed("gs://bucket/run/best/", &keys).await;
        assert_eq!((is_file, name.as_str(), &found[..]), (false, "best", &keys.map(String::from)[..2]));
        let (_, name, found) = listed("gs://bucket", &["metadata.json", "a/b"]).await;
        assert_eq!((name.as_str(), &found[..]), ("bucket", &["metadata.json".to_owned()][..]));
        assert!(listed("gs://bucket/run/none", &keys).await.2.is_empty());
    }

    #[tokio::test]
    async fn files_have_their_metadata_beside_them() {
        let keys = ["a/metadata.json", "a/model.pt", "a/model.pt.txt", "a/other.pt", "a/reference.json"];
        let (is_file, name, mut found) = listed("gs://bucket/a/model.pt", &keys).await;
        found.sort_unstable();
        assert!(is_file && name == "model.pt");
        assert_eq!(found, ["a/metadata.json", "a/model.pt", "a/reference.json"]);
        assert_eq!(listed("gs://bucket/model.pt", &["model.pt"]).await.2, ["model.pt"]);
    }

    #[tokio::test]
    async fn another_version_has_another_fingerprint() {
        let folder = tempfile::tempdir().unwrap();
        let store: Arc<dyn Store> = Arc::new(LocalStore::open(folder.path()).unwrap());
        let mut fingerprints = Vec::new();
        for _ in 0..3 {
            store.put("model/metadata.json", "same".into(), PutMode::Overwrite).await.unwrap();
            let uri = Uri::parse("gs://bucket/model").unwrap();
            let fingerprint = Listing::of(uri.clone(), &store).await.unwrap().fingerprint();
            assert_eq!(Listing::of(uri, &store).await.unwrap().fingerprint(), fingerprint);
            assert!(!fingerprints.contains(&fingerprint));
            fingerprints.push(fingerprint);
        }
    }
}

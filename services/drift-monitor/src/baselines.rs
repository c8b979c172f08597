//! Accepted baselines: the records of a report that someone has accepted as the new normal, with who, when and why. They are
//! kept for good; the newest of a model and source is what its later records are compared with.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bcs_contracts::features::is_model_feature;
use bcs_contracts::{DriftReference, FeatureTable, keys};
use bcs_drift::{Table, judgement, reference};
use bcs_storage::{Bytes, PutMode, Store};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::sync::Mutex;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::baseline::Baseline;
use crate::error::Error;
use crate::fetch;

/// Who accepted what as the new baseline, when and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Acceptance {
    /// Id of the baseline.
    pub id: Uuid,
    /// Who accepted it.
    pub who: String,
    /// When it was accepted.
    #[schema(value_type = String, format = DateTime)]
    pub when: Timestamp,
    /// Why it was accepted.
    pub why: String,
    /// Id of the report whose records it has.
    pub report: String,
    /// Version of the model that it is for.
    pub model_version: String,
    /// Source (site or scanner) that it is for; `null` for all that have none of their own.
    pub source: Option<String>,
}

/// `baselines/<id>.json`
#[derive(Serialize, Deserialize)]
struct Stored {
    #[serde(flatten)]
    acceptance: Acceptance,
    reference: DriftReference,
}

/// The accepted baselines in a bucket.
pub struct Baselines {
    store: Arc<dyn Store>,
    /// By key; a stored baseline never changes.
    known: Mutex<BTreeMap<String, Known>>,
}

#[derive(Clone)]
struct Known {
    acceptance: Acceptance,
    baseline: Arc<Baseline>,
}

impl Baselines {
    /// Creates the baselines of a store.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store, known: Mutex::default() }
    }

    /// Returns all, newest first.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn list(&self) -> Result<Vec<Acceptance>, Error> {
        Ok(self.read().await?.into_iter().map(|known| known.acceptance).collect())
    }

    /// Returns the newest baseline of a model for a source, or else for all sources.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn newest(
        &self,
        model_version: &str,
        source: Option<&str>,
    ) -> Result<Option<Arc<Baseline>>, Error> {
        let mut of_model = self.read().await?;
        of_model.retain(|known| known.acceptance.model_version == model_version);
        let of = |source: Option<&str>| {
            let found = of_model.iter().find(|known| known.acceptance.source.as_deref() == source);
            found.map(|known| Arc::clone(&known.baseline))
        };
        Ok(of(source).or_else(|| of(None)))
    }

    /// Stores the features of records as a baseline.
    ///
    /// # Errors
    /// [`Error::Request`] if there are too few cases; [`Error::Store`].
    pub async fn accept(&self, acceptance: Acceptance, records: FeatureTable) -> Result<Acceptance, Error> {
        let cases: BTreeSet<_> = records.cases.iter().flatten().collect();
        let unclustered = records.cases.iter().any(Option::is_none);
        if cases.len() < judgement::MIN_REFERENCE && !unclustered {
            return Err(Error::Request(format!(
                "a baseline needs at least {} cases, the report has {}; accept one of a longer window",
                judgement::MIN_REFERENCE,
                cases.len()
            )));
        }
        let (model, image) = records.features.into_iter().partition(|(name, _)| is_model_feature(name));
        let table = |features| FeatureTable { cases: records.cases.clone(), features };
        let reference = reference::build(&acceptance.model_version, table(image), table(model))?;
        let key = keys::baseline(acceptance.id);
        let bytes = serde_json::to_vec(&Stored { acceptance: acceptance.clone(), reference })
            .map_err(|error| Error::Internal(error.to_string()))?;
        self.store.put(&key, bytes.into(), PutMode::Create).await?;
        tracing::info!(
            baseline = acceptance.id.to_string(),
            who = acceptance.who,
            why = acceptance.why,
            report = acceptance.report,
            "A baseline was accepted."
        );
        Ok(acceptance)
    }

    /// Reads those that are not known yet and returns all, newest first.
    async fn read(&self) -> Result<Vec<Known>, Error> {
        let mut known = self.known.lock().await;
        let keys = self.store.list(keys::BASELINES).await?;
        known.retain(|key, _| keys.binary_search(key).is_ok());
        let unknown = keys.into_iter().filter(|key| !known.contains_key(key)).collect();
        for (key, bytes) in fetch::all(&self.store, unknown).await? {
            match parse(&bytes) {
                Ok(baseline) => _ = known.insert(key, baseline),
                Err(reason) => tracing::warn!(key, reason, "A damaged baseline is not used."),
            }
        }
        // Keys are UUIDs of version 7, which sort by time.
        Ok(known.values().rev().cloned().collect())
    }
}

fn parse(bytes: &Bytes) -> Result<Known, String> {
    let Stored { acceptance, reference } =
        serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    let table = Table::from_reference(&reference).map_err(|error| error.to_string())?;
    let Acceptance { who, when, why, .. } = &acceptance;
    let day = when.strftime("%-d %B %Y");
    let baseline = Baseline {
        version: acceptance.model_version.clone(),
        format_version: reference.format_version,
        notes: vec![format!("the reference is the baseline that {who} accepted on {day}: {why}")],
        table,
        // That of the model package counts: nothing here is labelled.
        calibration: Vec::new(),
        sha256: Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect(),
    };
    Ok(Known { acceptance, baseline: Arc::new(baseline) })
}

#[cfg(test)]
mod tests {
    use bcs_contracts::Features;
    use bcs_storage::LocalStore;

    use super::*;

    fn records(values: &[(&str, f64)]) -> FeatureTable {
        let mut table = FeatureTable::default();
        for (case, value) in values {
            let features = ["grey_mean", "confidence"].map(|name| (name.to_owned(), *value));
            table.push(Some((*case).to_owned()), &Features::from(features));
        }
        table
    }

    fn acceptance(why: &str, source: Option<&str>) -> Acceptance {
        Acceptance {
            id: Uuid::now_v7(),
            who: "a@example.org".into(),
            when: "2026-11-22T10:00:00Z".parse().unwrap(),
            why: why.into(),
            report: "r".into(),
            model_version: "v1".into(),
            source: source.map(str::to_owned),
        }
    }

    #[tokio::test]
    async fn the_newest_baseline_of_a_source_counts() {
        let folder = tempfile::tempdir().unwrap();
        let baselines = Baselines::new(Arc::new(LocalStore::open(folder.path()).unwrap()));
        assert!(baselines.newest("v1", None).await.unwrap().is_none());
        let two = [("a", 0.1), ("b", 0.2)];
        for (why, source) in [("new stainer", None), ("new lamp", Some("scanner 1")), ("new lot", None)] {
            baselines.accept(acceptance(why, source), records(&two)).await.unwrap();
        }
        let note = async |source| baselines.newest("v1", source).await.unwrap().unwrap().notes[0].clone();
        assert_eq!(
            note(Some("scanner 1")).await,
            "the reference is the baseline that a@example.org accepted on 22 November 2026: new lamp"
        );
        assert!(note(Some("scanner 2")).await.ends_with("new lot") && note(None).await.ends_with("new lot"));
        assert!(baselines.newest("v2", None).await.unwrap().is_none());
        let whys: Vec<String> = baselines.list().await.unwrap().into_iter().map(|known| known.why).collect();
        assert_eq!(whys, ["new lot", "new lamp", "new stainer"]);
        let baseline = baselines.newest("v1", None).await.unwrap().unwrap();
        assert_eq!(baseline.table.names().into_iter().collect::<Vec<_>>(), ["confidence", "grey_mean"]);
    }

    #[tokio::test]
    async fn one_case_is_no_baseline() {
        let folder = tempfile::tempdir().unwrap();
        let baselines = Baselines::new(Arc::new(LocalStore::open(folder.path()).unwrap()));
        let accepted = baselines.accept(acceptance("why", None), records(&[("a", 0.1), ("a", 0.2)])).await;
        assert!(accepted.unwrap_err().to_string().contains("at least 2 cases"));
        assert!(baselines.accept(acceptance("why", None), records(&[])).await.is_err());
    }
}

//! Prediction records of a run.
//!
//! # Layout
//! - [`collect()`]: reads the records of a window, the newest ones, or new ones
//! - `parse`: one record, checked
//! - `rows`: features by row, in bounded memory

mod collect;
mod parse;
mod rows;

use std::collections::{BTreeMap, HashSet};

use bcs_contracts::PredictionRecord;
use bcs_contracts::features::is_model_feature;
use bcs_drift::table::Part;
use jiff::Timestamp;
use jiff::civil::Date;
use sha2::{Digest, Sha256};

pub use collect::{LATE, Scope, Since, Wanted, collect, visit};

pub(crate) use parse::parse;

pub use rows::MOST;

use self::collect::arrival;
use self::rows::Rows;
use crate::gallery::Gallery;
use crate::quality::Quality;
use crate::summaries::Summaries;

/// A record, or why it is damaged.
pub type Parsed = Result<PredictionRecord, String>;

/// Records that were found, classified.
#[derive(Debug, Default)]
pub struct Records {
    /// Cases and features of the records to compare, by row, in the order in which they were read; empty before
    /// [`Records::finish`].
    pub table: Part,
    /// Whether `table` has a sample of the records, because there are more than [`MOST`].
    pub sampled: bool,
    /// Number of records to compare.
    pub used: usize,
    /// Earliest time of a used record.
    pub first: Option<Timestamp>,
    /// Number of used records whose image features were measured otherwise than those of the drift reference. Only their
    /// model features are in `table`.
    pub model_features_only: usize,
    /// Number of records of images that a used record has already.
    pub repeated: usize,
    /// Damaged records: key and reason.
    pub damaged: BTreeMap<String, String>,
    /// Number of records of other models, by model version.
    pub other_versions: BTreeMap<String, usize>,
    /// [`key_hash`] of the records that arrived lately, which the next report does not have; only for [`Scope::Since`].
    pub recent: HashSet<u64>,
    /// Whether `table` has one row per case instead of one per record.
    pub summarized: bool,
    /// Quality of the predictions.
    pub quality: Quality,
    /// Images that the report shows.
    pub gallery: Gallery,
    rows: Rows,
    /// Images of the used records, by the beginning of their SHA-256.
    images: HashSet<u64>,
    /// Digest of the ids of the used records.
    ids: Sha256,
}

/// Returns a hash of the key of a record.
pub fn key_hash(key: &str) -> u64 {
    let digest = Sha256::digest(key);
    u64::from_be_bytes(std::array::from_fn(|index| digest[index]))
}

impl Records {
    /// Creates records of which only the summaries of their cases are known, from a file with this content.
    pub fn summarized(summaries: Summaries, file: &[u8]) -> Self {
        let Summaries { table, images } = summaries;
        let ids = Sha256::new_with_prefix(file);
        Self { table, used: images, summarized: true, ids, ..Self::default() }
    }

    /// Adds a record if it is wanted and `is_in` the window.
    fn add(&mut self, key: &str, parsed: Parsed, wanted: &Wanted, is_in: bool) {
        let record = match parsed {
            Ok(record) => record,
            Err(reason) => {
                self.damaged.insert(key.to_owned(), reason);
                return;
            }
        };
        if !is_in || wanted.source.is_some() && record.source != wanted.source {
            return;
        }
        if record.model_version != wanted.version {
            *self.other_versions.entry(record.model_version).or_default() += 1;
            return;
        }
        if let Some(image) = image_hash(&record.input.sha256)
            && !self.images.insert(image)
        {
            self.repeated += 1;
            return;
        }
        let has_label = self.quality.add(&record);
        self.gallery.add(&record, has_label);
        let mut features = record.features;
        if record.format_version != wanted.format {
            features.retain(|name, _| is_model_feature(name));
            self.model_features_only += 1;
        }
        self.rows.push(record.id, record.case, &features);
        self.used += 1;
        self.first = Some(self.first.map_or(record.time, |first| first.min(record.time)));
        self.ids.update(record.id.as_bytes());
    }

    /// Fills the table.
    fn finish(&mut self) {
        (self.table, self.sampled) = std::mem::take(&mut self.rows).finish();
    }

    /// Whether there is no record of any kind.
    pub fn is_empty(&self) -> bool {
        self.used == 0 && self.repeated == 0 && self.damaged.is_empty() && self.other_versions.is_empty()
    }

    /// Remembers which of the records of a day arrived within [`LATE`] before `to`.
    fn note_recent(&mut self, day: Date, keys: &[String], to: Timestamp) {
        let recent = keys.iter().filter(|key| {
            let arrived = arrival(day, key);
            arrived >= to - LATE && arrived < to
        });
        self.recent.extend(recent.map(|key| key_hash(key)));
    }

    /// Returns a digest of the ids of the used records, in lower-case hex.
    pub fn ids(&self) -> String {
        self.ids.clone().finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Returns notes for the report: records of which only the model features are used, and images that were sent again.
    pub fn notes(&self) -> Vec<String> {
        let (count, used) = (self.model_features_only, self.used);
        let otherwise = (count > 0).then(|| {
            format!(
                "{count} of {used} records are compared on model features (class fractions, confidence, entropy) only: \
                 their image features were measured otherwise than those of the drift reference (format 1: over the \
                 whole image; format 2: per model window), so they are not comparable"
            )
        });
        let repeated = (self.repeated > 0).then(|| match self.repeated {
            1 => "1 record is of an image that another record has, and was counted once".to_owned(),
            many => format!("{many} records are of images that other records have, which were counted once"),
        });
        let summarized = self.summarized.then(|| {
            "the records are known by the means of their cases only, so the spread within cases is not compared".to_owned()
        });
        let sampled = self.sampled.then(|| {
            format!(
                "{} of {used} records, drawn by their ids, are compared; the means of the cases are those of all records",
                self.table.rows()
            )
        });
        otherwise.into_iter().chain(repeated).chain(summarized).chain(sampled).collect()
    }
}

/// Returns the beginning of a SHA-256 in hex; `None` for any other text, such as that of records without a hash.
fn image_hash(sha256: &str) -> Option<u64> {
    (sha256.len() == 64).then(|| u64::from_str_radix(sha256.get(..16)?, 16).ok())?
}

#[cfg(test)]
pub(crate) mod tests;

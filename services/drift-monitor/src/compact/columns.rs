use std::collections::BTreeMap;

use bcs_contracts::PredictionRecord;
use parquet::data_type::ByteArray;

/// Records by column.
#[derive(Default)]
pub(super) struct Columns {
    pub(super) id: Vec<ByteArray>,
    /// Microseconds since 1970 (UTC).
    pub(super) time: Vec<i64>,
    pub(super) model_version: Vec<ByteArray>,
    pub(super) source: Vec<Option<ByteArray>>,
    pub(super) case: Vec<Option<ByteArray>>,
    pub(super) image_sha256: Vec<ByteArray>,
    pub(super) width: Vec<i64>,
    pub(super) height: Vec<i64>,
    pub(super) record_format: Vec<i64>,
    pub(super) drift_score: Vec<Option<f64>>,
    /// Values of each feature; shorter than the others where the last rows have none.
    pub(super) features: BTreeMap<String, Vec<Option<f64>>>,
}

impl Columns {
    pub(super) fn rows(&self) -> usize {
        self.time.len()
    }

    pub(super) fn push(&mut self, record: PredictionRecord) {
        let row = self.rows();
        let text = |text: String| ByteArray::from(text.into_bytes());
        self.id.push(text(record.id.to_string()));
        self.time.push(record.time.as_microsecond());
        self.model_version.push(text(record.model_version));
        self.source.push(record.source.map(text));
        self.case.push(record.case.map(text));
        self.image_sha256.push(text(record.input.sha256));
        self.width.push(record.input.width.into());
        self.height.push(record.input.height.into());
        self.record_format.push(record.format_version.into());
        self.drift_score.push(record.drift_score);
        for (name, value) in record.features {
            let column = self.features.entry(name).or_default();
            column.resize(row, None);
            column.push(Some(value));
        }
    }

    /// Returns the values of a feature, one per row.
    pub(super) fn feature(&self, name: &str) -> Vec<Option<f64>> {
        let mut values = self.features.get(name).cloned().unwrap_or_default();
        values.resize(self.rows(), None);
        values
    }
}

//! A row of the history of a run: all values of one step.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value, json};

use super::messages::{HistoryRecord, HistoryStep, Item, SummaryRecord};

/// Values of a step.
#[derive(Debug, Default)]
pub(super) struct Row {
    step: Option<u64>,
    values: Map<String, Value>,
}

impl Row {
    /// Step of the row; `None` if it is empty.
    pub(super) fn step(&self) -> Option<u64> {
        self.step
    }

    /// Adds values of a step, at this time in a run that began at `start`.
    pub(super) fn add(
        &mut self,
        step: u64,
        time: SystemTime,
        start: SystemTime,
        values: Vec<(String, Value)>,
    ) {
        self.step = Some(step);
        self.values.extend(values);
        let timestamp = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        let runtime = time.duration_since(start).unwrap_or_default();
        self.values.insert("_step".to_owned(), json!(step));
        self.values.insert("_timestamp".to_owned(), json!(timestamp.as_secs_f64()));
        self.values.insert("_runtime".to_owned(), json!(runtime.as_secs_f64()));
    }

    /// Returns the row as a record of the history, the record that makes its values those of the summary, and the values;
    /// `None` for an empty row.
    pub(super) fn into_records(self) -> Option<(HistoryRecord, SummaryRecord, Map<String, Value>)> {
        let step = self.step?;
        let items: Vec<Item> = self
            .values
            .iter()
            .map(|(key, value)| Item { nested_key: vec![key.clone()], value_json: value.to_string() })
            .collect();
        let history = HistoryRecord { item: items.clone(), step: Some(HistoryStep { num: step as i64 }) };
        Some((history, SummaryRecord { update: items }, self.values))
    }
}

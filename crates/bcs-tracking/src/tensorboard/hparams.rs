//! Messages of TensorBoard's tab HPARAMS: the configuration of a run, flattened, and the scores that it is compared by.

use std::collections::BTreeMap;

use prost::Message;
use serde_json::Value as Json;

use super::messages::{
    DataType, Dim, Experiment, HParam, HParamInfo, HParamsData, HParamsPluginData, Kind, MetricInfo,
    MetricName, PluginData, SessionEndInfo, SessionStartInfo, Status, SummaryMetadata, TensorProto,
    TensorShapeProto, Value, Widget,
};
use crate::entry::{Run, VAL_METRIC};
use crate::sink::Outcome;

/// Type float32, of the empty tensors that carry the messages.
const DT_FLOAT: i32 = 1;

/// Scores that runs are compared by.
const METRICS: [&str; 3] = [VAL_METRIC, "train/loss_epoch", "speed/images_per_second"];

/// The run as a session.
#[derive(Debug)]
pub(super) struct Session {
    name: String,
    hparams: BTreeMap<String, HParam>,
    /// Beginnings of the keys whose columns come first, as TensorBoard shows the first ones: those that were overridden.
    first: Vec<String>,
}

impl Session {
    /// Takes the hyperparameters from the configuration of a run.
    pub(super) fn new(run: &Run) -> Self {
        let mut hparams = BTreeMap::new();
        for (key, value) in &run.config {
            flatten(key, value, &mut hparams);
        }
        let key = |text: &String| Some(text.split_once('=')?.0.trim_start_matches('+').to_owned());
        Self { name: run.name.clone(), hparams, first: run.arguments.iter().filter_map(key).collect() }
    }

    /// Returns the description of the columns, and the message that starts the session.
    pub(super) fn start(&self, time: f64) -> [Value; 2] {
        let info = |(name, value): (&String, &HParam)| HParamInfo {
            name: name.clone(),
            r#type: match value.kind {
                Some(Kind::Number(_)) => DataType::Float64,
                Some(Kind::Bool(_)) => DataType::Bool,
                Some(Kind::Text(_)) => DataType::String,
                None => DataType::Unset,
            } as i32,
        };
        let mut hparam_infos: Vec<HParamInfo> = self.hparams.iter().map(info).collect();
        hparam_infos.sort_by_key(|info| !self.first.iter().any(|key| info.name.starts_with(key.as_str())));
        let metric = |tag: &str| MetricInfo { name: Some(MetricName { tag: tag.to_owned() }) };
        let experiment =
            Experiment { time_created_secs: time, hparam_infos, metric_infos: METRICS.map(metric).into() };
        let start = SessionStartInfo {
            hparams: self.hparams.clone(),
            group_name: self.name.clone(),
            start_time_secs: time,
        };
        [
            message("_hparams_/experiment", HParamsData::Experiment(experiment)),
            message("_hparams_/session_start_info", HParamsData::SessionStartInfo(start)),
        ]
    }

    /// Returns the message that ends the session.
    pub(super) fn end(&self, outcome: &Outcome, time: f64) -> Value {
        let status = match outcome {
            Outcome::Finished => Status::Success,
            Outcome::Interrupted => Status::Unknown,
            Outcome::Failed(_) => Status::Failure,
        };
        let end = SessionEndInfo { status: status as i32, end_time_secs: time };
        message("_hparams_/session_end_info", HParamsData::SessionEndInfo(end))
    }
}

/// Adds all values below a key. Lists become text; null becomes `null`, so that the column has a value for each run.
fn flatten(key: &str, value: &Json, hparams: &mut BTreeMap<String, HParam>) {
    let kind = match value {
        Json::Object(map) if !map.is_empty() => {
            for (name, value) in map {
                flatten(&format!("{key}.{name}"), value, hparams);
            }
            return;
        }
        Json::Number(number) => Kind::Number(number.as_f64().unwrap_or(f64::NAN)),
        Json::Bool(value) => Kind::Bool(*value),
        Json::String(text) => Kind::Text(text.clone()),
        Json::Null | Json::Array(_) | Json::Object(_) => Kind::Text(value.to_string()),
    };
    hparams.insert(key.to_owned(), HParam { kind: Some(kind) });
}

fn message(tag: &str, data: HParamsData) -> Value {
    let content = HParamsPluginData { version: 0, data: Some(data) }.encode_to_vec();
    let plugin_data = PluginData { plugin_name: "hparams".to_owned(), content };
    // TensorBoard passes over values without a tensor.
    let tensor = TensorProto {
        dtype: DT_FLOAT,
        tensor_shape: Some(TensorShapeProto { dim: vec![Dim { size: 0 }] }),
        ..TensorProto::default()
    };
    Value {
        metadata: Some(SummaryMetadata { plugin_data: Some(plugin_data) }),
        ..Value::new(tag.to_owned(), Widget::Tensor(tensor))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn configurations_are_flattened() {
        let mut hparams = BTreeMap::new();
        let config = json!({"a": {"b": 1, "c": {}}, "d": [1, 2], "e": null, "f": true, "g": "x"});
        for (key, value) in config.as_object().unwrap() {
            flatten(key, value, &mut hparams);
        }
        let text = |text: &str| Kind::Text(text.to_owned());
        let expected = [
            ("a.b", Kind::Number(1.0)),
            ("a.c", text("{}")),
            ("d", text("[1,2]")),
            ("e", text("null")),
            ("f", Kind::Bool(true)),
            ("g", text("x")),
        ];
        let found: Vec<_> =
            hparams.iter().map(|(key, value)| (key.as_str(), value.kind.clone().unwrap())).collect();
        assert_eq!(found, expected);
    }
}

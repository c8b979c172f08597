//! Layer tables against MONAI's modules; `golden/golden_summary.py` made the file.

use std::collections::BTreeSet;

use bcs_model::nets::{Network, names};
use serde_json::{Value, json};
use tch::Device;

#[test]
fn layers_parameters_and_operations_are_those_of_monai() {
    let text = include_str!("golden/summaries.json");
    let golden: Value = serde_json::from_str(text).unwrap();
    let mut networks = BTreeSet::new();
    for case in golden["cases"].as_array().unwrap() {
        let name = case["network"].as_str().unwrap();
        networks.insert(name);
        let network = Network::new(name, case["arguments"].as_object().unwrap(), Device::Cpu).unwrap();
        let size = [0, 1].map(|axis| case["size"][axis].as_i64().unwrap());
        let summary = network.summary(size).unwrap();
        for (what, found) in [
            ("parameters", summary.parameters as i64),
            ("buffers", summary.buffers as i64),
            ("bytes", summary.bytes as i64),
            ("macs", summary.macs),
        ] {
            assert_eq!(found, case[what].as_i64().unwrap(), "{name}: {what}");
        }
        // MONAI lists them in the order in which they were made.
        let mut found: Vec<Value> =
            summary.layers.iter().map(|layer| json!([layer.name, layer.output])).collect();
        let mut expected: Vec<Value> =
            case["layers"].as_array().unwrap().iter().map(|layer| json!([layer[0], layer[2]])).collect();
        found.sort_by_key(Value::to_string);
        expected.sort_by_key(Value::to_string);
        assert_eq!(found, expected, "{name}");
        for layer in case["layers"].as_array().unwrap().iter().filter(|layer| !layer[2].is_null()) {
            let found = summary.layers.iter().find(|found| layer[0] == found.name).unwrap();
            assert_eq!(found.kind, layer[1], "{name}: {}", found.name);
        }
    }
    assert_eq!(networks, names().collect(), "a network has no golden layer table");
}

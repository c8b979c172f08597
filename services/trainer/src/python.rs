//! Python that loads an exported model.

use std::path::Path;

use bcs_contracts::package::Architecture;
use bcs_model::package::Package;
use serde_json::Value;

/// Returns the lines that load a TorchScript file.
pub(crate) fn load_torchscript(path: &Path, package: &Package) -> String {
    let channels = package.network.in_channels();
    format!(
        "net = torch.jit.load({})\n\
         logits = net(image)  # image: float32 [N, {channels}, H, W]",
        text(&path.display().to_string())
    )
}

/// Returns the lines that run an ONNX file.
pub(crate) fn run_onnx(path: &Path, package: &Package) -> String {
    let channels = package.network.in_channels();
    format!(
        "session = onnxruntime.InferenceSession({})\n\
         logits = session.run(None, {{\"image\": image}})[0]  # image: float32 [N, {channels}, H, W]",
        text(&path.display().to_string())
    )
}

/// Returns the lines that load a safetensors file into MONAI's network.
pub(crate) fn load_safetensors(path: &Path, architecture: &Architecture) -> String {
    let argument = |(name, value): (&String, &Value)| format!("{name}={}", argument(value));
    let arguments: Vec<String> = architecture.arguments.iter().map(argument).collect();
    format!(
        "net = monai.networks.nets.{}({})\n\
         net.load_state_dict(safetensors.torch.load_file({}))",
        architecture.name,
        arguments.join(", "),
        text(&path.display().to_string())
    )
}

/// Formats an argument of a network: MONAI's sequences are tuples.
fn argument(value: &Value) -> String {
    match value {
        Value::Array(values) if values.len() == 1 => format!("({},)", literal(&values[0])),
        Value::Array(values) => format!("({})", list(values)),
        other => literal(other),
    }
}

/// Formats a JSON value as Python.
fn literal(value: &Value) -> String {
    match value {
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Number(number) => number.to_string(),
        Value::String(value) => text(value),
        Value::Array(values) => format!("[{}]", list(values)),
        Value::Object(entries) => {
            let entry = |(key, value): (&String, &Value)| format!("{}: {}", text(key), literal(value));
            format!("{{{}}}", entries.iter().map(entry).collect::<Vec<_>>().join(", "))
        }
    }
}

fn list(values: &[Value]) -> String {
    values.iter().map(literal).collect::<Vec<_>>().join(", ")
}

/// Formats a string. JSON's escapes are Python's, too.
fn text(value: &str) -> String {
    Value::from(value).to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn arguments_are_python_literals() {
        let arguments = json!({
            "strides": [2, [1, 2]], "channels": [4], "bias": true, "dropout": null, "act": ["elu", {"alpha": 0.5}],
            "norm": "a\"b",
        });
        let architecture =
            Architecture { name: "UNet".to_owned(), arguments: arguments.as_object().unwrap().clone() };
        let lines = load_safetensors(Path::new("net.safetensors"), &architecture);
        assert_eq!(
            lines,
            "net = monai.networks.nets.UNet(strides=(2, [1, 2]), channels=(4,), bias=True, dropout=None, \
             act=(\"elu\", {\"alpha\": 0.5}), norm=\"a\\\"b\")\n\
             net.load_state_dict(safetensors.torch.load_file(\"net.safetensors\"))"
        );
    }
}

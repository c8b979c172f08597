//! What an ONNX file says about itself. Only its metadata is decoded, not its graph.

use bcs_contracts::graph::{GRAPH_SHAPES, GraphShapes};
use prost::Message;

#[derive(Clone, PartialEq, prost::Message)]
struct Model {
    #[prost(message, repeated, tag = "14")]
    metadata_props: Vec<Entry>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Entry {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(string, tag = "2")]
    value: String,
}

/// Returns the sizes that the graph of an ONNX file accepts.
///
/// # Errors
/// What is wrong with the file.
pub(super) fn shapes(file: &[u8]) -> Result<GraphShapes, String> {
    let model = Model::decode(file).map_err(|error| format!("it is not an ONNX file: {error}"))?;
    let entry = model.metadata_props.iter().find(|entry| entry.key == GRAPH_SHAPES);
    let entry = entry.ok_or_else(|| {
        format!(
            "its metadata has no entry '{GRAPH_SHAPES}'; write the file with bcs-trainer export --format onnx"
        )
    })?;
    let shapes: GraphShapes = serde_json::from_str(&entry.value)
        .map_err(|error| format!("{GRAPH_SHAPES} in its metadata: {error}"))?;
    match shapes.size_divisor.iter().chain(&shapes.min_size).all(|side| *side > 0) {
        true => Ok(shapes),
        false => Err(format!("{GRAPH_SHAPES} in its metadata has a side of 0")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(key: &str, value: &str) -> Vec<u8> {
        let entry = Entry { key: key.to_owned(), value: value.to_owned() };
        Model { metadata_props: vec![entry] }.encode_to_vec()
    }

    #[test]
    fn sizes_are_read_from_the_metadata() {
        let text = r#"{"size_divisor":[16,8],"min_size":[32,16]}"#;
        let expected = GraphShapes { size_divisor: [16, 8], min_size: [32, 16] };
        assert_eq!(shapes(&file(GRAPH_SHAPES, text)).unwrap(), expected);
    }

    #[test]
    fn files_without_sizes_are_errors() {
        assert!(shapes(b"PK\x03\x04").unwrap_err().contains("not an ONNX file"));
        assert!(shapes(&file("other", "")).unwrap_err().contains("bcs-trainer export"));
        let zero = r#"{"size_divisor":[0,8],"min_size":[32,16]}"#;
        assert!(shapes(&file(GRAPH_SHAPES, zero)).unwrap_err().contains("a side of 0"));
    }
}

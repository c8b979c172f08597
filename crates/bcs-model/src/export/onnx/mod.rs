//! ONNX files, for ONNX Runtime, OpenVINO and other runtimes.
//!
//! # Layout
//! - [`attributes`]: attributes of operators
//! - [`expression`]: expressions of a trace
//! - [`graph`]: the graph under construction
//! - [`messages`]: messages of the file
//! - [`node`]: operators and their attributes
//! - [`operators`]: what each function of `torch` is in ONNX
//! - [`quantize`]: quantization after training
//! - [`rewrite`]: rewrites of the finished graph, which make it faster
//! - [`tensor`]: constants and their values
//! - [`value`]: values of expressions

mod attributes;
mod expression;
mod graph;
mod messages;
mod node;
mod operators;
pub mod quantize;
mod rewrite;
mod tensor;
mod value;

use std::collections::HashMap;

use bcs_contracts::features::EMBEDDING_LENGTH;
use bcs_contracts::graph::{EMBEDDING_OUTPUT, GRAPH_SHAPES, GraphShapes};
use prost::Message;
use tch::{Device, Kind, Tensor};

use self::expression::{Expression, Statement, parse};
use self::graph::{Graph, Variable};
use self::messages::{GraphProto, IR_VERSION, ModelProto, OperatorSetIdProto, StringStringEntryProto};
use self::value::{Arguments, Value};
use super::tensors::Tensors;
use super::trace::{Trace, trace, trace_size};
use crate::embedding::projection;
use crate::error::Error;
use crate::nets::{Activations, Network};

/// Version of the ONNX operator set that exported graphs use. ONNX 1.12 introduced it.
pub const OPSET: i64 = 17;

/// Name of the output that holds the logits.
const LOGITS: &str = "logits";

/// Function of `torch` that stands for a [`pair`] in a trace. It takes two tensors of any shapes, and no network uses it.
const PAIR: &str = "isin";

/// Returns the network in inference mode as an ONNX file.
///
/// Its graph maps `image` `[N, in_channels, H, W]`, of any batch size and of every size that the network accepts, to
/// `logits`, in float32, and to their [`EMBEDDING_OUTPUT`] `[N, 8]`, which [`embed`](crate::embedding::embed) gives too. Its parameters have MONAI's names, and a suffix where they are rewritten for speed. The file says
/// which sizes the network accepts: the entry [`GRAPH_SHAPES`] of its metadata is a [`GraphShapes`] in JSON. `example_size`
/// (height and width) is a size that the network accepts.
///
/// # Errors
/// Those of [`Network::forward`] for `example_size`; [`Error::Export`] for an operator that has no counterpart here;
/// [`Error::Torch`].
pub fn onnx(network: &Network, example_size: [i64; 2]) -> Result<Vec<u8>, Error> {
    let state = network.state();
    let tensors = Tensors::of(network, &state);
    let size = trace_size(network, example_size);
    let trace = trace(network, size, &tensors.distinct, pair)?;
    let graph = convert(network, &tensors, &trace)?;
    let model = ModelProto {
        ir_version: IR_VERSION,
        producer_name: env!("CARGO_PKG_NAME").to_owned(),
        producer_version: env!("CARGO_PKG_VERSION").to_owned(),
        graph: Some(graph),
        opset_import: vec![OperatorSetIdProto { domain: String::new(), version: OPSET }],
        metadata_props: vec![StringStringEntryProto {
            key: GRAPH_SHAPES.to_owned(),
            value: serde_json::to_string(&shapes(network))
                .map_err(|error| Error::Export(error.to_string()))?,
        }],
    };
    Ok(model.encode_to_vec())
}

/// Makes one tensor of both outputs, since libtorch does not save a trace of two.
fn pair(found: &Activations) -> Result<Tensor, Error> {
    Ok(Tensor::f_isin(&found.logits, &found.bottleneck, false, false)?)
}

fn shapes(network: &Network) -> GraphShapes {
    let sides = |sides: [i64; 2]| sides.map(|side| u32::try_from(side).unwrap_or(u32::MAX));
    GraphShapes { size_divisor: sides(network.size_divisor()), min_size: sides(network.min_size()) }
}

fn convert(network: &Network, tensors: &Tensors<'_>, trace: &Trace) -> Result<GraphProto, Error> {
    let mut converter = Converter::default();
    let image = Graph::input(network.in_channels());
    converter.values.insert(trace.image.clone(), Value::Tensor(image.clone()));
    for ((variable, name), tensor) in trace.tensors.iter().zip(&tensors.names).zip(&tensors.distinct) {
        if tensor.f_kind()? != Kind::Int64 {
            let parameter = converter.graph.floats(name, &tensor.size(), &values_of(tensor)?);
            converter.values.insert(variable.clone(), Value::Tensor(parameter));
        }
    }
    let [logits, bottleneck] = converter.run(&trace.body).map_err(Error::Export)?;
    let embedding = embed(&mut converter.graph, &bottleneck);
    Ok(converter.graph.finish(&image, &[(LOGITS, &logits), (EMBEDDING_OUTPUT, &embedding)]))
}

/// Adds the operators that compute embeddings from the bottleneck.
fn embed(graph: &mut Graph, bottleneck: &Variable) -> Variable {
    let channels = bottleneck.channels;
    let values = projection(usize::try_from(channels).unwrap_or_default());
    let projection = graph.floats("projection", &[channels, EMBEDDING_LENGTH as i64], &values);
    let averages = graph.add("GlobalAveragePool", &[bottleneck], Vec::new());
    let averages = graph.add("Flatten", &[&averages], Vec::new());
    let embedding = graph.add("MatMul", &[&averages, &projection], Vec::new());
    Variable { rank: 2, channels: EMBEDDING_LENGTH as i64, ..embedding }
}

fn values_of(tensor: &Tensor) -> Result<Vec<f32>, Error> {
    let tensor = tensor.f_detach()?.f_to_device(Device::Cpu)?.f_to_kind(Kind::Float)?.f_contiguous()?;
    let mut values = vec![0.0; tensor.numel()];
    tensor.f_copy_data(&mut values, tensor.numel())?;
    Ok(values)
}

/// Turns the statements of a trace into operators.
#[derive(Default)]
struct Converter {
    graph: Graph,
    values: HashMap<String, Value>,
}

impl Converter {
    /// Returns the tensors of the [`pair`] that the trace returns.
    fn run(&mut self, body: &str) -> Result<[Variable; 2], String> {
        for statement in parse(body)? {
            match statement {
                Statement::Assign(variable, expression) => {
                    let value = self.evaluate(&expression)?;
                    self.values.insert(variable, value);
                }
                Statement::Return(expression) => {
                    return match self.evaluate(&expression)? {
                        Value::Pair(outputs) => Ok(*outputs),
                        other => Err(format!("the trace returns {other:?}")),
                    };
                }
            }
        }
        Err("the trace returns nothing".to_owned())
    }

    fn evaluate(&mut self, expression: &Expression) -> Result<Value, String> {
        Ok(match expression {
            Expression::Variable(name) => {
                self.values.get(name).cloned().ok_or_else(|| format!("the trace has no variable '{name}'"))?
            }
            Expression::Int(number) => Value::Int(*number),
            Expression::Float(number) => Value::Float(*number),
            Expression::Bool(flag) => Value::Bool(*flag),
            Expression::Text(text) => Value::Text(text.clone()),
            Expression::None => Value::None,
            Expression::List(items) => Value::List(self.evaluate_all(items)?),
            Expression::Call(function, arguments) => return self.call(function, arguments),
        })
    }

    fn evaluate_all(&mut self, expressions: &[Expression]) -> Result<Vec<Value>, String> {
        expressions.iter().map(|expression| self.evaluate(expression)).collect()
    }

    fn call(&mut self, function: &str, arguments: &[Expression]) -> Result<Value, String> {
        let values = self.evaluate_all(arguments)?;
        // A function that ends with an underscore writes its result where its first argument is.
        let name = function.strip_suffix('_').unwrap_or(function);
        if name == PAIR {
            let pair = Arguments { function: name, values: &values };
            return Ok(Value::Pair(Box::new([pair.tensor(0)?.clone(), pair.tensor(1)?.clone()])));
        }
        let value = operators::apply(&mut self.graph, &Arguments { function: name, values: &values })?;
        if let (true, Some(Expression::Variable(variable))) = (name != function, arguments.first()) {
            self.values.insert(variable.clone(), value.clone());
        }
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::{Value as Json, json};

    use super::messages::{Length, ValueInfoProto};
    use super::*;

    fn network(name: &str, mut arguments: Json) -> Network {
        for (key, value) in [("spatial_dims", 2), ("in_channels", 3), ("out_channels", 2)] {
            if arguments[key].is_null() {
                arguments[key] = value.into();
            }
        }
        Network::new(name, arguments.as_object().unwrap(), Device::Cpu).unwrap()
    }

    fn exported(network: &Network) -> ModelProto {
        let file = onnx(network, network.accepted_size([32, 32])).unwrap();
        ModelProto::decode(file.as_slice()).unwrap()
    }

    fn lengths(value: &ValueInfoProto) -> Vec<Option<i64>> {
        let shape = value.r#type.as_ref().and_then(|kind| kind.tensor_type.as_ref()?.shape.as_ref()).unwrap();
        let length = |dimension: &messages::Dimension| match dimension.length {
            Some(Length::Value(length)) => Some(length),
            _ => None,
        };
        shape.dim.iter().map(length).collect()
    }

    #[test]
    fn files_describe_themselves() {
        let network = network("UNet", json!({"channels": [4, 8], "strides": [2], "num_res_units": 1}));
        let model = exported(&network);
        assert_eq!((model.opset_import[0].domain.as_str(), model.opset_import[0].version), ("", OPSET));
        let graph = model.graph.unwrap();
        let names: Vec<&str> =
            graph.input.iter().chain(&graph.output).map(|value| value.name.as_str()).collect();
        assert_eq!(names, ["image", "logits", "embedding"]);
        assert_eq!(lengths(&graph.input[0]), [None, Some(3), None, None]);
        assert_eq!(lengths(&graph.output[0]), [None, Some(2), None, None]);
        assert_eq!(lengths(&graph.output[1]), [None, Some(8)]);
        let [entry] = model.metadata_props.as_slice() else { panic!("{:?}", model.metadata_props) };
        assert_eq!(entry.key, GRAPH_SHAPES);
        let shapes: GraphShapes = serde_json::from_str(&entry.value).unwrap();
        assert_eq!(shapes, GraphShapes { size_divisor: [2, 2], min_size: [4, 4] });
    }

    #[test]
    fn parameters_have_monais_names_and_values() {
        // With more output channels than are rewritten.
        let arguments = json!({"channels": [4, 8], "strides": [2], "norm": "batch", "out_channels": 5});
        let network = network("UNet", arguments);
        let graph = exported(&network).graph.unwrap();
        let mut state = network.state();
        state.retain(|name, _| !name.ends_with("num_batches_tracked"));
        for constant in graph.initializer.iter().filter(|constant| constant.name != "projection") {
            let tensor = state.remove(&constant.name).unwrap_or_else(|| panic!("{}", constant.name));
            assert_eq!(constant.dims, tensor.size(), "{}", constant.name);
            let bytes: Vec<u8> = values_of(&tensor).unwrap().into_iter().flat_map(f32::to_le_bytes).collect();
            assert!(constant.raw_data == bytes, "{}", constant.name);
        }
        assert!(state.is_empty(), "{state:?}");
    }

    #[test]
    fn biases_that_a_normalization_subtracts_are_left_out() {
        let network = network("UNet", json!({"channels": [4, 8], "strides": [2], "out_channels": 5}));
        let graph = exported(&network).graph.unwrap();
        let biases: Vec<&str> = graph
            .initializer
            .iter()
            .map(|constant| constant.name.as_str())
            .filter(|name| name.ends_with("bias"))
            .collect();
        // Of the last convolution, which is not normalized.
        assert_eq!(biases, ["model.2.conv.bias"]);
    }

    #[test]
    fn the_last_level_of_a_unet_is_computed_by_phases() {
        let operators = |arguments: Json| {
            let graph = exported(&network("UNet", arguments)).graph.unwrap();
            let operators = graph.node.into_iter().map(|node| node.op_type);
            // Those of the embedding lie between.
            let embeds = |operator: &str| ["GlobalAveragePool", "Flatten", "MatMul"].contains(&operator);
            let mut operators: Vec<String> = operators.filter(|operator| !embeds(operator)).collect();
            assert_eq!(operators.pop().as_deref(), Some("Identity"), "of the embedding");
            operators
        };
        let arguments = json!({"channels": [4, 8, 16], "strides": [2, 2], "num_res_units": 2});
        let rewritten = operators(arguments.clone());
        let end = [
            "Shape",
            "Reshape",
            "InstanceNormalization",
            "Reshape",
            "PRelu",
            "Conv",
            "DepthToSpace",
            "Identity",
        ];
        assert!(rewritten.ends_with(&end.map(str::to_owned)), "{rewritten:?}");
        // The transposed convolution below has four channels, but is not the last one.
        assert_eq!(rewritten.iter().filter(|operator| *operator == "ConvTranspose").count(), 1);
        let mut more_classes = arguments;
        more_classes["out_channels"] = 5.into();
        let plain = operators(more_classes);
        // Without the sum, which is in the last convolution.
        let end = ["ConvTranspose", "InstanceNormalization", "PRelu", "Conv", "Identity"];
        assert!(plain.ends_with(&end.map(str::to_owned)), "{plain:?}");
    }

    #[test]
    fn every_input_is_computed_before_and_every_output_is_used() {
        let features = json!([2, 4, 6, 8, 4, 2]);
        for network in [
            network("BasicUNet", json!({"features": features, "upsample": "nontrainable"})),
            network(
                "DynUNet",
                json!({
                    "kernel_size": [3, 3, 3], "strides": [1, 2, 2], "upsample_kernel_size": [2, 2], "filters": [4, 8, 16],
                }),
            ),
        ] {
            let graph = exported(&network).graph.unwrap();
            let operators: BTreeSet<&str> = graph.node.iter().map(|node| node.op_type.as_str()).collect();
            assert!(operators.contains("LeakyRelu") && !operators.contains("Where"), "{operators:?}");
            let constants = graph.initializer.iter().map(|constant| constant.name.as_str());
            let mut known: BTreeSet<&str> = constants.chain(["image", ""]).collect();
            let mut unused: BTreeSet<&str> = BTreeSet::new();
            for node in &graph.node {
                for input in &node.input {
                    assert!(known.contains(input.as_str()), "{input} of {}", node.name);
                    unused.remove(input.as_str());
                }
                known.insert(&node.output[0]);
                unused.insert(&node.output[0]);
            }
            assert_eq!(unused, BTreeSet::from(["logits", "embedding"]));
        }
    }

    #[test]
    fn a_repeated_edge_is_one_pad() {
        let features = json!([2, 4, 6, 8, 4, 2]);
        let graph = exported(&network("BasicUNet", json!({"features": features}))).graph.unwrap();
        let count = |operator: &str| graph.node.iter().filter(|node| node.op_type == operator).count();
        // Rows and columns of four levels.
        assert_eq!((count("Pad"), count("Gather"), count("CumSum")), (8, 0, 0));
    }

    #[test]
    fn what_has_no_counterpart_is_an_error() {
        let image = Value::Tensor(Graph::input(3));
        let mut converter =
            Converter { values: HashMap::from([("x".to_owned(), image)]), ..Converter::default() };
        let mut error = |body: &str| converter.run(body).unwrap_err();
        assert!(error("return torch.fft(x)").contains("torch.fft has no counterpart"));
        assert!(
            error("return torch.adaptive_avg_pool2d(x, [2, 2])")
                .contains("argument 1 of adaptive_avg_pool2d")
        );
        assert!(error("return torch.relu(y)").contains("no variable 'y'"));
        assert!(error("_0 = torch.relu(x)").contains("returns nothing"));
    }
}

//! Layer table of a network.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use tch::{Kind, Tensor};

use super::Network;
use crate::blocks::record::{self, address};
use crate::error::Error;

/// Layers of a network with their parameters, and totals. Tensors that have several names count once.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// Layers that have parameters or buffers, in the order of the forward pass; those that it does not run stand last.
    pub layers: Vec<LayerSummary>,
    /// Number of trainable parameters.
    pub parameters: usize,
    /// Number of elements of all buffers.
    pub buffers: usize,
    /// Size of parameters and buffers in bytes.
    pub bytes: usize,
    /// Number of multiply–accumulate operations of the convolutions and linear layers in a forward pass of one image.
    pub macs: i64,
}

/// A layer that has parameters or buffers.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerSummary {
    /// Path of the module, as in MONAI's `state_dict`.
    pub name: String,
    /// Class name in `torch.nn`, as `Conv2d`. A layer that inference does not run is described by the shapes of its
    /// parameters, as `convolution`.
    pub kind: &'static str,
    /// Shape of the output for one image, `[1, C, H, W]`; `None` if inference does not run the layer, such as a head of
    /// deep supervision.
    pub output: Option<Vec<i64>>,
    /// Number of trainable parameters.
    pub parameters: usize,
    /// Number of elements of the buffers.
    pub buffers: usize,
}

impl Network {
    /// Returns the layers of the network, with their output shapes for an image of `[height, width]` in inference.
    ///
    /// # Errors
    /// Those of [`forward`](Self::forward).
    pub fn summary(&self, size: [i64; 2]) -> Result<Summary, Error> {
        let state = self.state();
        let mut modules = Modules::of(&state);
        let input = Tensor::f_zeros([1, self.in_channels(), size[0], size[1]], (Kind::Float, self.device()))?;
        let (result, calls) = record::calls_of(|| tch::no_grad(|| self.forward(&input, false)));
        let _ = result?;
        let macs = calls.iter().map(|call| call.macs).sum();
        let mut layers = Vec::new();
        for call in calls {
            // A layer that runs again has its row already.
            if let Some(layer) = modules.take(call.address) {
                layers.push(LayerSummary { kind: call.kind, output: Some(call.output), ..layer });
            }
        }
        layers.extend(modules.rest());
        Ok(Summary {
            parameters: layers.iter().map(|layer| layer.parameters).sum(),
            buffers: layers.iter().map(|layer| layer.buffers).sum(),
            bytes: bytes(&state),
            layers,
            macs,
        })
    }
}

/// Modules that have no row yet.
struct Modules {
    layers: BTreeMap<String, LayerSummary>,
    by_address: HashMap<usize, String>,
}

impl Modules {
    fn of(state: &BTreeMap<String, Tensor>) -> Self {
        let mut modules = Self { layers: BTreeMap::new(), by_address: HashMap::new() };
        let mut tensors: BTreeMap<&str, Vec<&Tensor>> = BTreeMap::new();
        // Of several names of a tensor, the first module that MONAI registers has the one nearest to the root; DynUNet
        // registers all its layers again under skip_layers.
        let mut named: Vec<(&String, &Tensor)> = state.iter().collect();
        named.sort_by_key(|(name, _)| {
            (name.starts_with("skip_layers."), name.matches('.').count(), name.as_str())
        });
        for (name, tensor) in named {
            let module = name.rsplit_once('.').map_or("", |(module, _)| module);
            // A tensor that another module has already shown is that module's.
            if let Entry::Vacant(entry) = modules.by_address.entry(address(tensor)) {
                entry.insert(module.to_owned());
                tensors.entry(module).or_default().push(tensor);
            }
        }
        for (module, tensors) in tensors {
            let (trained, buffers): (Vec<&Tensor>, Vec<&Tensor>) =
                tensors.iter().partition(|tensor| tensor.requires_grad());
            let elements = |tensors: &[&Tensor]| tensors.iter().map(|tensor| tensor.numel()).sum();
            let layer = LayerSummary {
                name: module.to_owned(),
                kind: kind_by_shape(&tensors),
                output: None,
                parameters: elements(&trained),
                buffers: elements(&buffers),
            };
            modules.layers.insert(module.to_owned(), layer);
        }
        modules
    }

    /// Takes out the module that a tensor belongs to.
    fn take(&mut self, address: usize) -> Option<LayerSummary> {
        self.layers.remove(self.by_address.get(&address)?)
    }

    fn rest(self) -> impl Iterator<Item = LayerSummary> {
        self.layers.into_values()
    }
}

fn kind_by_shape(tensors: &[&Tensor]) -> &'static str {
    match tensors.iter().map(|tensor| tensor.dim()).max() {
        Some(4) => "convolution",
        Some(2) => "linear",
        _ if tensors.len() > 1 => "normalization",
        _ => "parameter",
    }
}

fn bytes(state: &BTreeMap<String, Tensor>) -> usize {
    let mut counted = BTreeSet::new();
    let distinct = state.values().filter(|tensor| counted.insert(address(tensor)));
    distinct.map(|tensor| tensor.numel() * tensor.kind().elt_size_in_bytes()).sum()
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tch::Device;

    use super::*;

    fn network(name: &str, arguments: &serde_json::Value) -> Network {
        Network::new(name, arguments.as_object().unwrap(), Device::Cpu).unwrap()
    }

    #[test]
    fn rows_follow_the_forward_pass_and_count_by_hand() {
        let arguments = json!({
            "spatial_dims": 2, "in_channels": 3, "out_channels": 2, "channels": [4, 8], "strides": [2], "norm": "batch",
        });
        let summary = network("UNet", &arguments).summary([8, 12]).unwrap();
        let row = |layer: &LayerSummary| {
            let output = layer.output.clone().unwrap();
            (layer.name.clone(), layer.kind, output, layer.parameters, layer.buffers)
        };
        let rows: Vec<_> = summary.layers.iter().map(row).collect();
        let expected = [
            ("model.0.conv", "Conv2d", vec![1, 4, 4, 6], 4 * 3 * 9 + 4, 0),
            ("model.0.adn.N", "BatchNorm2d", vec![1, 4, 4, 6], 8, 9),
            ("model.0.adn.A", "PReLU", vec![1, 4, 4, 6], 1, 0),
            ("model.1.submodule.conv", "Conv2d", vec![1, 8, 4, 6], 8 * 4 * 9 + 8, 0),
            ("model.1.submodule.adn.N", "BatchNorm2d", vec![1, 8, 4, 6], 16, 17),
            ("model.1.submodule.adn.A", "PReLU", vec![1, 8, 4, 6], 1, 0),
            ("model.2.conv", "ConvTranspose2d", vec![1, 2, 8, 12], 12 * 2 * 9 + 2, 0),
        ];
        let expected = expected.map(|(name, kind, output, p, b)| (name.to_owned(), kind, output, p, b));
        assert_eq!(rows, expected);
        let (parameters, buffers) = (112 + 8 + 1 + 296 + 16 + 1 + 218, 26);
        assert_eq!((summary.parameters, summary.buffers), (parameters, buffers));
        // num_batches_tracked are the only elements of eight bytes.
        assert_eq!(summary.bytes, 4 * (parameters + buffers - 2) + 8 * 2);
        // Per output pixel of a convolution, and per input pixel of a transposed one.
        assert_eq!(summary.macs, 24 * (4 * 27 + 8 * 36 + 12 * 2 * 9));
    }

    #[test]
    fn a_summary_leaves_the_network_as_it_is() {
        let network = network(
            "BasicUNet",
            &json!({"spatial_dims": 2, "norm": "batch", "features": [2, 2, 2, 2, 2, 2]}),
        );
        let copy =
            |network: &Network| network.state().into_iter().map(|(name, t)| (name, t.copy())).collect();
        let before: BTreeMap<String, Tensor> = copy(&network);
        network.summary([32, 32]).unwrap();
        for (name, tensor) in network.state() {
            assert!(tensor.equal(&before[&name]), "{name}");
        }
    }

    #[test]
    fn layers_with_two_names_count_once_and_those_left_out_of_inference_stand_last() {
        let arguments = json!({
            "spatial_dims": 2, "in_channels": 3, "init_filters": 8, "act": "prelu", "blocks_down": [1], "blocks_up": [],
            "use_conv_final": false,
        });
        let network = network("SegResNet", &arguments);
        let summary = network.summary([8, 8]).unwrap();
        assert_eq!(summary.parameters, network.parameters());
        let unused: Vec<_> = summary.layers.iter().filter(|layer| layer.output.is_none()).collect();
        let kinds: Vec<_> = unused.iter().map(|layer| (layer.name.as_str(), layer.kind)).collect();
        let expected = [
            ("act_mod", "parameter"),
            ("conv_final.0", "normalization"),
            ("conv_final.2.conv", "convolution"),
        ];
        assert_eq!(kinds, expected);
    }

    #[test]
    fn sizes_that_the_network_refuses_are_errors() {
        let arguments = json!({
            "spatial_dims": 2, "in_channels": 3, "out_channels": 2, "channels": [4, 8], "strides": [2],
        });
        assert!(
            network("UNet", &arguments).summary([7, 8]).unwrap_err().to_string().contains("multiple of 2")
        );
    }
}

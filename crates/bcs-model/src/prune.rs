//! Structured pruning: a smaller network from the most important channels of a trained one.
//!
//! Channels that are added to each other are kept or removed together. Filters are no measure of importance, as an instance
//! normalization undoes their scale; a channel counts by what the layers that read it make of it, the norm of their weights.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use tch::{Device, Kind, Tensor};

use crate::error::{Error, argument};
use crate::nets::{Network, UNetArguments};
use crate::weights::{Load, load_state};

/// Returns a `UNet` with these numbers of channels per level, made of the most important channels of a trained one, and its
/// arguments.
///
/// # Errors
/// [`Error::Argument`] for numbers that do not suit the network; [`Error::Torch`].
pub fn prune_unet(
    network: &Network,
    arguments: &Map<String, Value>,
    channels: &[i64],
) -> Result<(Network, Map<String, Value>), Error> {
    let given: UNetArguments = serde_json::from_value(Value::Object(arguments.clone()))
        .map_err(|error| argument("UNet", format!("has other arguments: {error}")))?;
    let fits = channels.len() == given.channels.len()
        && channels.iter().zip(&given.channels).all(|(kept, all)| (1..=*all).contains(kept));
    if !fits {
        return Err(argument(
            "channels",
            format!(
                "is {channels:?}; the network has {:?}, and each number must be from 1 to its own",
                given.channels
            ),
        ));
    }
    let state = network.state();
    let mut plan = Plan { arguments: &given, state: &state, groups: Vec::new(), layers: Vec::new() };
    let image = plan.group(given.in_channels, None);
    plan.level("model", image, None, 0);
    let kept = plan.kept(channels)?;
    let pruned = plan.slice(&kept)?;
    let mut arguments = arguments.clone();
    arguments.insert("channels".to_owned(), channels.into());
    let smaller = Network::new("UNet", &arguments, Device::Cpu)?;
    if !smaller.state().keys().eq(pruned.keys()) {
        return Err(argument(
            "channels",
            format!(
                "is {channels:?}; the network has {:?}, and neighbouring levels must have equal numbers where they have in it, \
                 and only there",
                given.channels
            ),
        ));
    }
    load_state(&smaller, pruned, Load::Strict)?;
    Ok((smaller, arguments))
}

/// Channels that are kept or removed together.
struct Group {
    channels: i64,
    /// Level that tells how many are kept; `None` if all are.
    level: Option<usize>,
}

/// A convolution, by indices of groups.
struct Layer {
    /// Path of its parameters.
    path: String,
    /// Path of the normalization and the activation after it.
    adn: String,
    inputs: Vec<usize>,
    output: usize,
    is_transposed: bool,
}

/// The convolutions of a network, and the groups of channels between them.
struct Plan<'a> {
    arguments: &'a UNetArguments,
    state: &'a BTreeMap<String, Tensor>,
    groups: Vec<Group>,
    layers: Vec<Layer>,
}

impl Plan<'_> {
    fn group(&mut self, channels: i64, level: Option<usize>) -> usize {
        self.groups.push(Group { channels, level });
        self.groups.len() - 1
    }

    fn of_level(&mut self, level: usize) -> usize {
        self.group(self.arguments.channels[level], Some(level))
    }

    fn layer(&mut self, path: String, adn: String, inputs: Vec<usize>, output: usize, is_transposed: bool) {
        self.layers.push(Layer { path, adn, inputs, output, is_transposed });
    }

    /// Adds an encoder–decoder level, and returns its output. `outputs` is the level above.
    fn level(&mut self, path: &str, input: usize, outputs: Option<usize>, depth: usize) -> usize {
        let below_path = format!("{path}.1.submodule");
        let down = self.down(&format!("{path}.0"), input, depth);
        let below = if self.arguments.channels.len() - depth > 2 {
            self.level(&below_path, down, Some(depth), depth + 1)
        } else {
            self.down(&below_path, down, depth + 1)
        };
        let output = match outputs {
            Some(level) => self.of_level(level),
            None => self.group(self.arguments.out_channels, None),
        };
        let inputs = vec![down, below];
        if self.arguments.num_res_units == 0 {
            self.layer(format!("{path}.2.conv"), format!("{path}.2.adn"), inputs, output, true);
        } else {
            self.layer(format!("{path}.2.0.conv"), format!("{path}.2.0.adn"), inputs, output, true);
            // Its output is added to its input.
            let unit = format!("{path}.2.1.conv.unit0");
            self.layer(format!("{unit}.conv"), format!("{unit}.adn"), vec![output], output, false);
        }
        output
    }

    /// Adds the encoder of a level, and returns its output.
    fn down(&mut self, path: &str, input: usize, level: usize) -> usize {
        let units = self.arguments.num_res_units;
        if units == 0 {
            let output = self.of_level(level);
            self.layer(format!("{path}.conv"), format!("{path}.adn"), vec![input], output, false);
            return output;
        }
        let has_residual = self.state.contains_key(&format!("{path}.residual.weight"));
        let output = if has_residual { self.of_level(level) } else { input };
        let mut inputs = input;
        for unit in 0..units {
            let outputs = if unit + 1 == units { output } else { self.of_level(level) };
            let unit = format!("{path}.conv.unit{unit}");
            self.layer(format!("{unit}.conv"), format!("{unit}.adn"), vec![inputs], outputs, false);
            inputs = outputs;
        }
        if has_residual {
            self.layer(format!("{path}.residual"), String::new(), vec![input], output, false);
        }
        output
    }

    /// Returns the kept channels of each group, in ascending order: those with the largest norm of the weights that read them.
    fn kept(&self, channels: &[i64]) -> Result<Vec<Vec<i64>>, Error> {
        let mut importance: Vec<Vec<f64>> =
            self.groups.iter().map(|group| vec![0.0; group.channels as usize]).collect();
        for layer in &self.layers {
            let weight = self.weight(layer)?;
            // Dimensions of a weight: of a convolution [outputs, inputs, …], of a transposed one [inputs, outputs, …].
            let others: &[i64] = if layer.is_transposed { &[1, 2, 3] } else { &[0, 2, 3] };
            let squares = weight.f_square()?.f_sum_dim_intlist(others, false, Kind::Double)?;
            let squares: Vec<f64> = Vec::try_from(squares)?;
            let mut squares = squares.into_iter();
            for group in &layer.inputs {
                importance[*group].iter_mut().zip(&mut squares).for_each(|(sum, square)| *sum += square);
            }
        }
        let kept = self.groups.iter().zip(importance).map(|(group, importance)| {
            let count = group.level.map_or(group.channels, |level| channels[level]);
            let mut order: Vec<i64> = (0..group.channels).collect();
            order.sort_by(|one, other| importance[*other as usize].total_cmp(&importance[*one as usize]));
            order.truncate(count as usize);
            order.sort_unstable();
            order
        });
        Ok(kept.collect())
    }

    /// Returns the parameters of the kept channels.
    fn slice(&self, kept: &[Vec<i64>]) -> Result<BTreeMap<String, Tensor>, Error> {
        let _no_grad = tch::no_grad_guard();
        let mut sliced = BTreeMap::new();
        for layer in &self.layers {
            let (inputs, outputs) = (self.inputs(layer, kept), Tensor::from_slice(&kept[layer.output]));
            let [input_axis, output_axis] = if layer.is_transposed { [0, 1] } else { [1, 0] };
            let weight = self.weight(layer)?.f_index_select(output_axis, &outputs)?;
            let weight = weight.f_index_select(input_axis, &Tensor::from_slice(&inputs))?;
            sliced.insert(format!("{}.weight", layer.path), weight);
            let (bias, adn) = (format!("{}.bias", layer.path), format!("{}.", layer.adn));
            for (name, tensor) in self.state {
                if *name == bias || (!layer.adn.is_empty() && name.starts_with(&adn)) {
                    let is_by_channel = tensor.size() == [self.groups[layer.output].channels];
                    let tensor = tensor.detach();
                    let values = if is_by_channel { tensor.f_index_select(0, &outputs)? } else { tensor };
                    sliced.insert(name.clone(), values);
                }
            }
        }
        Ok(sliced)
    }

    /// Positions of the kept inputs of a layer, which reads its groups one after the other.
    fn inputs(&self, layer: &Layer, kept: &[Vec<i64>]) -> Vec<i64> {
        let mut start = 0;
        let mut positions = Vec::new();
        for group in &layer.inputs {
            positions.extend(kept[*group].iter().map(|channel| start + channel));
            start += self.groups[*group].channels;
        }
        positions
    }

    fn weight(&self, layer: &Layer) -> Result<Tensor, Error> {
        let name = format!("{}.weight", layer.path);
        let weight = self.state.get(&name).ok_or_else(|| Error::Weights(format!("there is no {name}")))?;
        Ok(weight.f_detach()?.f_to_device(Device::Cpu)?)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn arguments(more: &Value) -> Map<String, Value> {
        let mut all = json!({
            "spatial_dims": 2, "in_channels": 3, "out_channels": 2, "channels": [8, 16, 24], "strides": [2, 2],
        });
        all.as_object_mut().unwrap().append(&mut more.as_object().unwrap().clone());
        all.as_object().unwrap().clone()
    }

    fn output(network: &Network) -> Tensor {
        let image =
            Tensor::linspace(0.0, 1.0, 3 * 16 * 24, (Kind::Float, Device::Cpu)).reshape([1, 3, 16, 24]);
        tch::no_grad(|| network.forward(&image, false)).unwrap()
    }

    /// Makes every channel but the first ones of each level invisible to the layers that read it.
    fn mute(network: &Network, kept: &[i64]) {
        let _no_grad = tch::no_grad_guard();
        let state = network.state();
        let given = [8, 16, 24];
        for (name, weight) in &state {
            let (axis, segments): (i64, Vec<usize>) = match name.as_str() {
                "model.1.submodule.2.0.conv.weight" => (0, vec![1, 2]),
                "model.2.0.conv.weight" => (0, vec![0, 0]),
                "model.1.submodule.2.1.conv.unit0.conv.weight" => (1, vec![0]),
                "model.0.conv.unit1.conv.weight" => (1, vec![0]),
                "model.1.submodule.1.submodule.conv.unit1.conv.weight" => (1, vec![2]),
                "model.1.submodule.0.conv.unit1.conv.weight" => (1, vec![1]),
                name if name.starts_with("model.1.submodule.0.") && weight.dim() == 4 => (1, vec![0]),
                name if name.starts_with("model.1.submodule.1.submodule.") && weight.dim() == 4 => {
                    (1, vec![1])
                }
                _ => continue,
            };
            let mut start = 0;
            for level in segments {
                let unseen = given[level] - kept[level];
                let _ = weight.narrow(axis, start + kept[level], unseen).zero_();
                start += given[level];
            }
        }
    }

    #[test]
    fn channels_that_nothing_reads_are_removed_without_a_trace() {
        tch::manual_seed(5);
        let arguments = arguments(&json!({"num_res_units": 2}));
        let network = Network::new("UNet", &arguments, Device::Cpu).unwrap();
        let channels = [5, 8, 9];
        mute(&network, &channels);
        let (pruned, smaller) = prune_unet(&network, &arguments, &channels).unwrap();
        assert_eq!(smaller["channels"], json!(channels));
        assert!(pruned.parameters() < network.parameters() / 2);
        assert!(output(&pruned).allclose(&output(&network), 1e-4, 1e-5, false));
    }

    #[test]
    fn all_variants_can_be_pruned() {
        let variants = [
            json!({}),
            json!({"num_res_units": 1, "norm": "batch"}),
            json!({"num_res_units": 3, "act": ["PRELU", {"num_parameters": 1}], "bias": false}),
            // The bottom has no convolution beside its units.
            json!({"num_res_units": 2, "channels": [8, 16, 16]}),
        ];
        for variant in variants {
            let arguments = arguments(&variant);
            let network = Network::new("UNet", &arguments, Device::Cpu).unwrap();
            let bottom = if arguments["channels"] == json!([8, 16, 16]) { 8 } else { 9 };
            let (pruned, _) = prune_unet(&network, &arguments, &[4, 8, bottom]).unwrap();
            assert_eq!(output(&pruned).size(), output(&network).size(), "{variant}");
        }
    }

    #[test]
    fn numbers_of_channels_are_checked() {
        let arguments = arguments(&json!({}));
        let network = Network::new("UNet", &arguments, Device::Cpu).unwrap();
        for channels in [&[8, 16][..], &[8, 17, 24], &[0, 8, 8]] {
            let error = prune_unet(&network, &arguments, channels).unwrap_err().to_string();
            assert!(error.contains("[8, 16, 24]"), "{error}");
        }
    }

    #[test]
    fn levels_that_become_equal_would_lose_a_convolution() {
        let arguments = arguments(&json!({"num_res_units": 2}));
        let network = Network::new("UNet", &arguments, Device::Cpu).unwrap();
        let error = prune_unet(&network, &arguments, &[4, 8, 8]).unwrap_err().to_string();
        assert!(error.contains("neighbouring levels"), "{error}");
    }
}

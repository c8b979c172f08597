//! TorchScript archives, for `torch.jit.load`.

use std::collections::BTreeMap;

use tch::{CModule, Device, Kind, Tensor};

use super::code::Classes;
use super::module::Module;
use super::pickle;
use super::tensors::Tensors;
use super::trace::{Trace, trace, trace_size};
use crate::error::Error;
use crate::nets::Network;
use crate::weights::{archive, check_torchscript};

/// Largest accepted difference of the archive's logits from the network's, relative to their largest magnitude.
const TOLERANCE: f64 = 1e-4;

/// Returns the network in inference mode as a TorchScript archive, which `torch.jit.load` runs in Python and C++.
///
/// The archive maps images `[N, in_channels, H, W]` of any batch size and of every size that the network accepts to
/// logits. Its parameters and buffers have MONAI's names and are those of its `state_dict`, so that it can be
/// fine-tuned and [`weights::read`](crate::weights::read) reads them; normalization stays that of inference, and there
/// is no dropout, whatever its mode. Tensors are stored on the CPU. The archive was run on images of `example_size`
/// (height and width) and of a larger size, and its logits compared with the network's.
///
/// # Errors
/// Those of [`Network::forward`] for `example_size`; [`Error::Export`] if the archive's logits are not the network's;
/// [`Error::Torch`].
pub fn torchscript(network: &Network, example_size: [i64; 2]) -> Result<Vec<u8>, Error> {
    let state = network.state();
    let tensors = Tensors::of(network, &state);
    let trace = trace(network, trace_size(network, example_size), &tensors.distinct, |found| {
        Ok(found.logits.shallow_clone())
    })?;
    let file = write(&state, &tensors, &trace)?;
    verify(network, &file, example_size)?;
    Ok(file)
}

/// Writes the archive.
fn write(state: &BTreeMap<String, Tensor>, tensors: &Tensors<'_>, trace: &Trace) -> Result<Vec<u8>, Error> {
    let mut root = Module::default();
    state.keys().for_each(|name| root.insert(name, tensors.entries[name.as_str()]));
    let stored = tensors
        .distinct
        .iter()
        .map(|tensor| Ok(tensor.f_detach()?.f_to_device(Device::Cpu)?.f_contiguous()?))
        .collect::<Result<Vec<_>, Error>>()?;
    let mut classes = Classes::default();
    let data = pickle::write(&root, &mut classes, &stored)?;
    let code = classes.finish(&root, trace, &tensors.names);
    let mut records = vec![
        ("data.pkl".to_owned(), data),
        ("code/__torch__.py".to_owned(), code.into_bytes()),
        ("version".to_owned(), trace.version.clone()),
        ("byteorder".to_owned(), b"little".to_vec()),
    ];
    records.extend(trace.constants.iter().cloned());
    for (index, tensor) in stored.iter().enumerate() {
        let mut bytes = vec![0; tensor.numel() * tensor.f_kind()?.elt_size_in_bytes()];
        tensor.f_copy_data_u8(&mut bytes, tensor.numel())?;
        records.push((format!("data/{index}"), bytes));
    }
    let named = records.iter().map(|(name, contents)| (format!("network/{name}"), contents.as_slice()));
    archive::write(named).map_err(Error::Export)
}

/// Runs the archive at two sizes and two batch sizes, and compares its logits with the network's.
fn verify(network: &Network, file: &[u8], example: [i64; 2]) -> Result<(), Error> {
    let checked = check_torchscript(file).map_err(Error::Export)?;
    let module = CModule::load_data_on_device(&mut checked.as_slice(), network.device())?;
    let [height, width] = example;
    let [step_height, step_width] = network.size_divisor();
    for [images, height, width] in [[1, height, width], [2, height + step_height, width + 2 * step_width]] {
        let shape = [images, network.in_channels(), height, width];
        let input = image(shape, network.device())?;
        let (expected, found) = tch::no_grad(|| {
            Ok::<_, Error>((network.forward(&input, false)?, module.forward_ts(&[&input])?))
        })?;
        if largest(&expected)?.is_nan() {
            return Err(Error::Export("its logits are NaN, so that no comparison is possible".to_owned()));
        }
        let agree = found.size() == expected.size()
            && largest(&found.f_sub(&expected)?)? <= TOLERANCE * largest(&expected)?;
        if !agree {
            return Err(Error::Export(format!(
                "the TorchScript archive gives other logits than the network for images of {height}×{width}"
            )));
        }
    }
    Ok(())
}

/// Returns values in [0, 1) without a visible pattern, and without changing the state of libtorch's generator.
fn image(shape: [i64; 4], device: Device) -> Result<Tensor, Error> {
    let count = Tensor::f_arange(shape.iter().product::<i64>(), (Kind::Double, Device::Cpu))?;
    let values = count.f_mul_scalar(std::f64::consts::SQRT_2)?.f_frac()?.f_reshape(shape)?;
    Ok(values.f_to_kind(Kind::Float)?.f_to_device(device)?)
}

fn largest(tensor: &Tensor) -> Result<f64, Error> {
    Ok(tensor.f_abs()?.f_max()?.f_double_value(&[])?)
}

//! The trace of a network: libtorch records the operators of a forward pass, and writes them as source code.

use tch::{CModule, Kind, Tensor};

use crate::error::Error;
use crate::nets::{Activations, Network};
use crate::weights::archive::Archive;

/// Twice the product of the strides of the networks that take sides which their strides do not divide.
const PERIOD: i64 = 64;

/// The source code of a forward pass in inference.
#[derive(Debug)]
pub(super) struct Trace {
    /// Variable of the input image.
    pub image: String,
    /// Variables of the tensors, in the order in which they were given.
    pub tensors: Vec<String>,
    /// Statements, each indented by four spaces.
    pub body: String,
    /// Record of the format version, which follows from the operators.
    pub version: Vec<u8>,
    /// Records of the constants that the statements refer to, by their names in the archive.
    pub constants: Vec<(String, Vec<u8>)>,
}

/// Traces the network on an image of this size. `tensors` are all that the network's state consists of; they become
/// variables, where libtorch would make constants of them. The trace returns `output` of what the network computes.
///
/// # Errors
/// Those of [`Network::forward`]; [`Error::Export`] if libtorch writes code of another form than expected.
pub(super) fn trace(
    network: &Network,
    size: [i64; 2],
    tensors: &[Tensor],
    output: impl Fn(&Activations) -> Result<Tensor, Error>,
) -> Result<Trace, Error> {
    let [height, width] = size;
    let shape = [1, network.in_channels(), height, width];
    let mut inputs = vec![Tensor::f_zeros(shape, (Kind::Float, network.device()))?];
    inputs.extend(tensors.iter().map(Tensor::shallow_clone));
    let mut failure = None;
    let mut forward = |inputs: &[Tensor]| {
        let found = network.activations(&inputs[0], false);
        let output = found.and_then(|found| output(&found)).unwrap_or_else(|error| {
            failure = Some(error);
            inputs[0].shallow_clone()
        });
        vec![output]
    };
    let module =
        tch::no_grad(|| CModule::create_by_tracing("__torch__.Traced", "forward", &inputs, &mut forward))?;
    match failure {
        Some(error) => Err(error),
        None => parse(&saved(&module)?, tensors.len()).map_err(Error::Export),
    }
}

/// Returns the size to trace at. Networks repeat the edge of feature maps whose side is odd before it is halved; the
/// trace holds for all sizes only if it contains this wherever it may happen. Of the multiples of the divisor, this one
/// is halved to odd sides as often as possible.
pub(super) fn trace_size(network: &Network, example: [i64; 2]) -> [i64; 2] {
    let (divisors, least) = (network.size_divisor(), network.min_size());
    [0, 1].map(|axis| match divisors[axis] {
        divisor if PERIOD % divisor == 0 => {
            let side = example[axis].max(least[axis]);
            side + (-divisor - side).rem_euclid(PERIOD)
        }
        _ => example[axis],
    })
}

/// Returns the archive that libtorch writes.
fn saved(module: &CModule) -> Result<Vec<u8>, Error> {
    let unwritten = |error: std::io::Error| Error::Export(format!("no temporary file: {error}"));
    // libtorch names the archive after the file without its ending, which must not be empty.
    let file = tempfile::Builder::new().prefix("trace").suffix(".pt").tempfile().map_err(unwritten)?;
    module.save(file.path())?;
    std::fs::read(file.path()).map_err(unwritten)
}

fn parse(file: &[u8], tensors: usize) -> Result<Trace, String> {
    let archive = Archive::read(file)?;
    let code = archive.get("code/__torch__.py").ok_or("the trace has no code")?;
    let code = std::str::from_utf8(code).map_err(|_| "the trace is not UTF-8")?;
    let method = code.split_once("  def forward(self: __torch__.Traced,\n").map(|(_, method)| method);
    let (arguments, body) = method
        .and_then(|method| method.split_once(") -> Tensor:\n"))
        .ok_or("the trace has no forward pass")?;
    let mut names = arguments.split(',').filter_map(|argument| argument.split_once(": Tensor"));
    let mut name = || names.next().map(|(name, _)| name.trim().to_owned());
    let image = name().ok_or("the trace has no input")?;
    let variables: Vec<String> = std::iter::from_fn(name).collect();
    if variables.len() != tensors {
        return Err(format!("the trace has {} variables for {tensors} tensors", variables.len()));
    }
    let constants = archive.records().filter(|(name, _)| name.starts_with("constants"));
    // Where it is depends on the version.
    let version = archive.get("version").or_else(|| archive.get(".data/version"));
    Ok(Trace {
        image,
        tensors: variables,
        body: body.to_owned(),
        version: version.ok_or("the trace has no version")?.to_vec(),
        constants: constants.map(|(name, contents)| (name.to_owned(), contents.to_vec())).collect(),
    })
}

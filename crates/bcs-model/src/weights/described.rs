//! Safetensors files that say what network they are of.

use serde_json::{Map, Value};

use super::write_safetensors;
use crate::error::Error;
use crate::nets::Network;

/// Key of the entries about the file as a whole, in the header.
const METADATA: &str = "__metadata__";

/// Returns the parameters and buffers of a network as a safetensors file, with these entries in its header
/// (`__metadata__`, Python's `safe_open(…).metadata()`). Equal arguments give equal files.
///
/// # Errors
/// [`Error::Torch`]; [`Error::Weights`].
pub fn write_described_safetensors(
    network: &Network,
    description: &[(&str, String)],
) -> Result<Vec<u8>, Error> {
    let file = write_safetensors(network)?;
    describe(&file, description)
        .ok_or_else(|| Error::Weights("the header of the safetensors file cannot be extended".to_owned()))
}

/// Adds entries to the header. A file is the header's length in eight bytes (little-endian), the header in JSON, padded
/// with spaces, and the values.
fn describe(file: &[u8], description: &[(&str, String)]) -> Option<Vec<u8>> {
    let (length, rest) = file.split_first_chunk::<8>()?;
    let (header, values) = rest.split_at_checked(usize::try_from(u64::from_le_bytes(*length)).ok()?)?;
    let mut header: Map<String, Value> = serde_json::from_slice(header).ok()?;
    let entries = header.entry(METADATA).or_insert_with(|| Map::new().into()).as_object_mut()?;
    for (name, text) in description {
        entries.insert((*name).to_owned(), text.as_str().into());
    }
    let mut header = serde_json::to_vec(&header).ok()?;
    // Values begin at a multiple of eight bytes.
    header.resize(header.len().next_multiple_of(8), b' ');
    Some([&(header.len() as u64).to_le_bytes(), header.as_slice(), values].concat())
}

#[cfg(test)]
mod tests {
    use safetensors::SafeTensors;
    use serde_json::json;
    use tch::Device;

    use super::super::read_safetensors;
    use super::*;

    #[test]
    fn the_description_is_read_back_and_the_tensors_are_the_same() {
        let arguments = json!({
            "spatial_dims": 2, "in_channels": 3, "out_channels": 2, "channels": [2, 4], "strides": [2],
        });
        let network = Network::new("UNet", arguments.as_object().unwrap(), Device::Cpu).unwrap();
        let description = [("network", "UNet".to_owned()), ("classes", "[\"tumour\", \"µ\"]".to_owned())];
        let file = write_described_safetensors(&network, &description).unwrap();
        assert_eq!(file, write_described_safetensors(&network, &description).unwrap());
        let (_, header) = SafeTensors::read_metadata(&file).unwrap();
        let metadata = header.metadata().as_ref().unwrap();
        assert_eq!(metadata["format"], "pt");
        for (name, text) in &description {
            assert_eq!(metadata[*name], *text);
        }
        let state = read_safetensors(&file, "file").unwrap();
        assert_eq!(state.len(), network.state().len());
        for (name, tensor) in network.state() {
            assert!(tensor.equal(&state[&name]), "{name}");
        }
    }
}

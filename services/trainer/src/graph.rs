//! The ONNX graph in a model package.

use std::collections::BTreeMap;

use bcs_contracts::keys::GRAPH_FILE;
use bcs_model::export::onnx;
use bcs_model::nets::Network;

use crate::output::warn;

/// Adds the network as an ONNX graph to the files of a package. A network that has no such form goes without, with a
/// warning: the predictor then runs it with libtorch. `tile` is the height and width of the training tiles.
pub(crate) fn add_graph(files: &mut BTreeMap<String, Vec<u8>>, network: &Network, tile: [u32; 2]) {
    match onnx(network, network.accepted_size(tile.map(i64::from))) {
        Ok(graph) => drop(files.insert(GRAPH_FILE.to_owned(), graph)),
        Err(error) => warn(&format!("the package has no {GRAPH_FILE}: {error}")),
    }
}

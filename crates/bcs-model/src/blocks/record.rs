//! Record of the layers that a forward pass runs, for [`Network::summary`](crate::nets::Network::summary).
//!
//! Layers do not know their names. A call is recorded with one of the layer's tensors instead, whose address the state
//! dictionary of the network maps to a name.

use std::cell::RefCell;

use tch::Tensor;

/// A call of a layer that has parameters or buffers.
#[derive(Debug)]
pub(crate) struct Call {
    /// Class name in `torch.nn`.
    pub kind: &'static str,
    /// Address of the values of one of the layer's parameters or buffers.
    pub address: usize,
    /// Shape of the output.
    pub output: Vec<i64>,
    /// Number of multiply–accumulate operations.
    pub macs: i64,
}

thread_local! {
    /// Calls so far; `None` if nothing is recorded.
    static CALLS: RefCell<Option<Vec<Call>>> = const { RefCell::new(None) };
}

/// Runs `work`, and returns its result and the calls of layers on this thread, in order.
pub(crate) fn calls_of<T>(work: impl FnOnce() -> T) -> (T, Vec<Call>) {
    CALLS.set(Some(Vec::new()));
    let result = work();
    (result, CALLS.take().unwrap_or_default())
}

/// Records a call of a layer, if calls are recorded. `macs` is only called then.
pub(crate) fn called(kind: &'static str, tensor: &Tensor, output: &Tensor, macs: impl FnOnce() -> i64) {
    CALLS.with_borrow_mut(|calls| {
        if let Some(calls) = calls {
            let address = address(tensor);
            calls.push(Call { kind, address, output: output.size(), macs: macs() });
        }
    });
}

/// Returns the address of the values of a tensor.
pub(crate) fn address(tensor: &Tensor) -> usize {
    tensor.data_ptr() as usize
}

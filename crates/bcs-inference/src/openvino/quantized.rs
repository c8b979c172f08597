//! Which graph of a package runs.

use bcs_contracts::keys::{GRAPH_FILE, QUANTIZED_GRAPH_FILE};

use crate::options::Precision;

/// Returns the name of the graph for a precision. `has` tells whether the package has a file.
pub(super) fn graph_file(precision: Precision, has: impl Fn(&str) -> bool) -> &'static str {
    if precision != Precision::Int8 {
        return GRAPH_FILE;
    }
    if !has(QUANTIZED_GRAPH_FILE) {
        tracing::warn!(
            "The package has no {QUANTIZED_GRAPH_FILE}; its model is not quantized. bcs-trainer quantize writes one."
        );
        return GRAPH_FILE;
    }
    if !has_int8() {
        tracing::warn!("The CPU has no instructions for int8; the model is not quantized.");
        return GRAPH_FILE;
    }
    QUANTIZED_GRAPH_FILE
}

/// Returns whether the CPU multiplies and adds bytes without overflow of intermediate sums.
#[cfg(target_arch = "x86_64")]
pub fn has_int8() -> bool {
    std::arch::is_x86_feature_detected!("avx512vnni") || std::arch::is_x86_feature_detected!("avxvnni")
}

/// Returns whether the CPU multiplies and adds bytes: all others that OpenVINO supports do.
#[cfg(not(target_arch = "x86_64"))]
pub fn has_int8() -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quantized_graph_runs_if_asked_for_and_there() {
        assert_eq!(graph_file(Precision::Bfloat16, |_| true), GRAPH_FILE);
        assert_eq!(graph_file(Precision::Int8, |name| name == GRAPH_FILE), GRAPH_FILE);
        let expected = if has_int8() { QUANTIZED_GRAPH_FILE } else { GRAPH_FILE };
        assert_eq!(graph_file(Precision::Int8, |_| true), expected);
    }
}

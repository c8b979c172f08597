#pragma once
#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>

#include <optional>

namespace bcs {

// Running statistics, or undefined tensors.
struct Running {
    at::Tensor mean, variance;
};

// Batch normalization with mean and variance of the images [N, C, …] of all ranks. Images of a rank that is not `counted`
// are normalized, but are no part of the statistics.
at::Tensor sync_batch_norm(const at::Tensor& input, const std::optional<at::Tensor>& weight,
                           const std::optional<at::Tensor>& bias, const Running& running, double momentum, double eps,
                           const c10::intrusive_ptr<c10d::ProcessGroup>& group, bool counted);

}  // namespace bcs

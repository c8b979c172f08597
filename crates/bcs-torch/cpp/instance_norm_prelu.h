#pragma once
#include <ATen/core/Tensor.h>

#include <optional>

namespace bcs {

// Whether instance_norm_prelu takes these tensors: images [N, C, H, W] on the CPU in channels-last order, float32 or
// bfloat16; one slope or one per channel; a residual of the same shape and type.
bool takes_instance_norm_prelu(const at::Tensor& input, const at::Tensor& slope,
                               const std::optional<at::Tensor>& residual);

// PReLU of the instance normalization of the input, plus the residual.
at::Tensor instance_norm_prelu(const at::Tensor& input, const at::Tensor& slope,
                               const std::optional<at::Tensor>& residual, double eps);

}  // namespace bcs

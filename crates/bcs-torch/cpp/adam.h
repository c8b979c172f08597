#pragma once
#include <ATen/core/Tensor.h>

#include "kernels.h"

namespace bcs {

// Takes a step of Adam on vectors of one length, in place. Returns false if they are not contiguous float32 on the CPU.
bool adam_step(at::Tensor& parameters, const at::Tensor& gradients, at::Tensor& averages, at::Tensor& squares,
               const AdamStep& step);

}  // namespace bcs

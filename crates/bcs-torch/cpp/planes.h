#pragma once
#include <ATen/core/Tensor.h>

namespace bcs {

// Images [N, C, H, W] in float32, with a plane of memory per channel. The gradient has the type and the order in memory of the
// images, so that what it is added to later has the same order.
at::Tensor planes(const at::Tensor& images);

}  // namespace bcs

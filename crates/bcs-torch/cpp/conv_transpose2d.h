#pragma once
#include <ATen/core/Tensor.h>

#include <array>
#include <optional>

namespace bcs {

// Arguments of a transposed convolution, height before width.
struct ConvTransposeOptions {
    std::array<int64_t, 2> stride, padding, output_padding;
    int64_t groups;
};

// Whether conv_transpose2d takes an input: images [N, C, H, W] on the CPU in channels-last order.
bool takes_conv_transpose2d(const at::Tensor& input);

// Transposed convolution.
at::Tensor conv_transpose2d(const at::Tensor& input, const at::Tensor& weight, const std::optional<at::Tensor>& bias,
                            const ConvTransposeOptions& options);

}  // namespace bcs

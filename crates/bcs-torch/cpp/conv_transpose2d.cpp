// Transposed convolution whose gradients are computed as those of the convolution that it transposes. oneDNN has slower
// kernels for the gradient of the weight of a transposed convolution.
#include "conv_transpose2d.h"

#include <ATen/ops/conv_transpose2d.h>
#include <ATen/ops/convolution.h>
#include <ATen/ops/convolution_backward.h>
#include <torch/csrc/autograd/custom_function.h>

namespace bcs {
namespace {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr std::array<int64_t, 2> ONES = {1, 1}, ZEROS = {0, 0};

struct ConvTranspose2d : torch::autograd::Function<ConvTranspose2d> {
    static Tensor forward(AutogradContext* context, const Tensor& input, const Tensor& weight,
                          const std::optional<Tensor>& bias, const ConvTransposeOptions& options) {
        context->save_for_backward({input, weight});
        context->saved_data["stride"] = at::IntArrayRef(options.stride);
        context->saved_data["padding"] = at::IntArrayRef(options.padding);
        context->saved_data["groups"] = options.groups;
        context->saved_data["bias"] = bias.has_value();
        return at::conv_transpose2d(input, weight, bias, options.stride, options.padding, options.output_padding,
                                    options.groups, ONES);
    }

    static variable_list backward(AutogradContext* context, const variable_list& gradients) {
        auto saved = context->get_saved_variables();
        const Tensor &input = saved[0], &weight = saved[1];
        auto stride = context->saved_data["stride"].toIntVector(), padding = context->saved_data["padding"].toIntVector();
        int64_t groups = context->saved_data["groups"].toInt();
        Tensor gradient = gradients[0].contiguous(at::MemoryFormat::ChannelsLast);
        // The convolution takes the output to the input.
        Tensor of_input = at::convolution(gradient, weight, {}, stride, padding, ONES, false, ZEROS, groups);
        Tensor of_weight = std::get<1>(at::convolution_backward(input, gradient, weight, {}, stride, padding, ONES, false,
                                                                ZEROS, groups, {false, true, false}));
        Tensor of_bias = context->saved_data["bias"].toBool() ? gradient.sum({0, 2, 3}) : Tensor();
        return {of_input, of_weight, of_bias, Tensor()};
    }
};

}  // namespace

bool takes_conv_transpose2d(const Tensor& input) {
    return input.is_cpu() && input.dim() == 4 && input.is_contiguous(at::MemoryFormat::ChannelsLast);
}

Tensor conv_transpose2d(const Tensor& input, const Tensor& weight, const std::optional<Tensor>& bias,
                        const ConvTransposeOptions& options) {
    return ConvTranspose2d::apply(input, weight, bias, options);
}

}  // namespace bcs

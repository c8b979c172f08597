#include "planes.h"

#include <torch/csrc/autograd/custom_function.h>

namespace bcs {
namespace {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct Planes : torch::autograd::Function<Planes> {
    static Tensor forward(AutogradContext* context, const Tensor& images) {
        context->saved_data["type"] = images.scalar_type();
        context->saved_data["order"] = images.suggest_memory_format();
        return images.to(at::kFloat, false, true, at::MemoryFormat::Contiguous);
    }

    static variable_list backward(AutogradContext* context, const variable_list& gradients) {
        auto type = context->saved_data["type"].toScalarType();
        auto order = context->saved_data["order"].toMemoryFormat();
        return {gradients[0].to(type, false, false, order).contiguous(order)};
    }
};

}  // namespace

Tensor planes(const Tensor& images) { return Planes::apply(images); }

}  // namespace bcs

// The functions of layers and optimizers that Rust calls. Each returns null, or the message of an error, which
// `bcs_torch_free` frees, and leaves `output` alone for tensors that it does not take.
#include "adam.h"
#include "conv_transpose2d.h"
#include "instance_norm_prelu.h"
#include "message.h"
#include "planes.h"

namespace {

using bcs::message_of;

std::optional<at::Tensor> optional(const at::Tensor* tensor) {
    return tensor == nullptr ? std::nullopt : std::optional(*tensor);
}

}  // namespace

extern "C" {

void bcs_torch_free(char* message) { free(message); }

char* bcs_torch_instance_norm_prelu(const at::Tensor* input, const at::Tensor* slope, const at::Tensor* residual,
                                    double eps, at::Tensor** output) {
    return message_of([&] {
        auto added = optional(residual);
        if (bcs::takes_instance_norm_prelu(*input, *slope, added))
            *output = new at::Tensor(bcs::instance_norm_prelu(*input, *slope, added, eps));
    });
}

// `options` are stride, padding and output padding, each height before width, and the number of groups.
char* bcs_torch_conv_transpose2d(const at::Tensor* input, const at::Tensor* weight, const at::Tensor* bias,
                                 const int64_t* options, at::Tensor** output) {
    return message_of([&] {
        if (!bcs::takes_conv_transpose2d(*input)) return;
        bcs::ConvTransposeOptions arguments = {
            {options[0], options[1]}, {options[2], options[3]}, {options[4], options[5]}, options[6]};
        *output = new at::Tensor(bcs::conv_transpose2d(*input, *weight, optional(bias), arguments));
    });
}

char* bcs_torch_planes(const at::Tensor* images, at::Tensor** output) {
    return message_of([&] { *output = new at::Tensor(bcs::planes(*images)); });
}

// `constants` are the fields of AdamStep. Sets `taken` to whether the step was taken.
char* bcs_torch_adam_step(at::Tensor* parameters, const at::Tensor* gradients, at::Tensor* averages, at::Tensor* squares,
                          const float* constants, bool* taken) {
    return message_of([&] {
        bcs::AdamStep step = {constants[0], constants[1], constants[2], constants[3],
                              constants[4], constants[5], constants[6], constants[7]};
        *taken = bcs::adam_step(*parameters, *gradients, *averages, *squares, step);
    });
}
}

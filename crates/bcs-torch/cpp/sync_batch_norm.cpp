// Batch normalization over the ranks of a process group, as torch.nn.SyncBatchNorm.
#include "sync_batch_norm.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "group.h"

namespace bcs {

namespace {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;
using Group = c10::intrusive_ptr<c10d::ProcessGroup>;

// All dimensions but that of the channels.
std::vector<int64_t> reduced(const Tensor& input) {
    std::vector<int64_t> dimensions = {0};
    for (int64_t at = 2; at < input.dim(); ++at) dimensions.push_back(at);
    return dimensions;
}

// A value per channel in the shape of images.
Tensor spread(const Tensor& values, const Tensor& input) {
    std::vector<int64_t> shape(input.dim(), 1);
    shape[1] = -1;
    return values.view(shape);
}

// Statistics of all ranks, in double precision.
struct Statistics {
    Tensor mean, variance;
    double count;
};

Statistics statistics(const Tensor& input, c10d::ProcessGroup& group, bool counted) {
    auto [variance, mean] = at::var_mean(input, reduced(input), /*correction=*/0);
    double count = counted ? static_cast<double>(input.numel() / input.size(1)) : 0.0;
    auto options = mean.options().dtype(at::kDouble);
    Tensor own = at::cat({mean.to(at::kDouble), variance.to(at::kDouble), at::full({1}, count, options)});
    Tensor all = at::stack(all_gather(group, own));
    int64_t channels = input.size(1);
    Tensor means = all.narrow(1, 0, channels), variances = all.narrow(1, channels, channels);
    Tensor counts = all.narrow(1, 2 * channels, 1);
    Tensor total = counts.sum();
    Tensor pooled = (means * counts).sum(0) / total;
    Tensor spreads = variances + (means - pooled).square();
    return {pooled, (spreads * counts).sum(0) / total, total.item<double>()};
}

void track(const Running& running, const Statistics& all, double momentum) {
    if (!running.mean.defined()) return;
    at::NoGradGuard guard;
    double unbiased = all.count / std::max(all.count - 1.0, 1.0);
    auto update = [momentum](Tensor to, const Tensor& from) {
        to.mul_(1.0 - momentum).add_(from.to(to.scalar_type()), momentum);
    };
    update(running.mean, all.mean);
    update(running.variance, all.variance * unbiased);
}

struct SyncBatchNorm : torch::autograd::Function<SyncBatchNorm> {
    static Tensor forward(AutogradContext* context, const Tensor& input, const Tensor& weight, const Tensor& bias,
                          const Running& running, double momentum, double eps, const Group& group, bool counted) {
        Tensor x = input.to(at::kFloat);
        Statistics all = statistics(x, *group, counted);
        track(running, all, momentum);
        Tensor mean = all.mean.to(at::kFloat), inverse = (all.variance + eps).rsqrt().to(at::kFloat);
        context->save_for_backward({input, weight, mean, inverse});
        context->saved_data["group"] = c10::IValue::make_capsule(group);
        context->saved_data["count"] = all.count;
        context->saved_data["counted"] = counted;
        Tensor output = (x - spread(mean, x)).mul_(spread(inverse, x));
        if (weight.defined()) output.mul_(spread(weight, x)).add_(spread(bias, x));
        return output.to(input.scalar_type());
    }

    static variable_list backward(AutogradContext* context, const variable_list& gradients) {
        auto saved = context->get_saved_variables();
        const Tensor &input = saved[0], &weight = saved[1];
        Tensor mean = spread(saved[2], input), inverse = spread(saved[3], input);
        Tensor dy = gradients[0].to(at::kFloat), normalized = (input.to(at::kFloat) - mean).mul_(inverse);
        Tensor sum = dy.sum(reduced(dy)), product = (dy * normalized).sum(reduced(dy));
        Tensor scale = weight.defined() ? inverse * spread(weight, input) : inverse;
        Tensor dx = dy.clone();
        Tensor sums = at::stack({sum, product}).to(at::kDouble);
        // Images that are not counted have no part in mean and variance.
        bool counted = context->saved_data["counted"].toBool();
        if (!counted) sums.zero_();
        auto capsule = context->saved_data["group"].toCapsule();
        all_reduce(static_cast<c10d::ProcessGroup&>(*capsule), sums);
        if (counted) {
            Tensor means = (sums / context->saved_data["count"].toDouble()).to(at::kFloat);
            dx.sub_(spread(means[0], input)).sub_(normalized * spread(means[1], input));
        }
        dx = dx.mul_(scale).to(input.scalar_type());
        bool affine = weight.defined();
        return {dx,       affine ? product : Tensor(), affine ? sum : Tensor(), Tensor(), Tensor(),
                Tensor(), Tensor(),                    Tensor()};
    }
};

}  // namespace

Tensor sync_batch_norm(const Tensor& input, const std::optional<Tensor>& weight, const std::optional<Tensor>& bias,
                       const Running& running, double momentum, double eps, const Group& group, bool counted) {
    return SyncBatchNorm::apply(input, weight.value_or(Tensor()), bias.value_or(Tensor()), running, momentum, eps, group,
                                counted);
}

}  // namespace bcs

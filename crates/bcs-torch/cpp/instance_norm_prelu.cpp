// Instance normalization and PReLU in one pass over memory, as a function for autograd.
#include "instance_norm_prelu.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <torch/csrc/autograd/custom_function.h>

#include <cmath>
#include <numeric>
#include <vector>

#include "kernels.h"

namespace bcs {
namespace {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// Values that a thread processes at a time. They fit into its cache, and the parts that are summed apart depend on the
// shape alone, so that sums do not depend on the number of threads.
constexpr int64_t PART = 1 << 14;

// How images in channels-last order are cut into rows, and rows into parts.
struct Layout {
    int64_t images, channels, pixels, lanes, rows, rows_per_part, parts;

    explicit Layout(const Tensor& x)
        : images(x.size(0)),
          channels(x.size(1)),
          pixels(x.size(2) * x.size(3)),
          lanes(std::lcm(channels, BLOCK)),
          rows(channels * pixels / lanes),
          rows_per_part(std::max<int64_t>(PART / lanes, 1)),
          parts((rows + rows_per_part - 1) / rows_per_part) {}

    // Calls work(image, part, offset of the part, number of its rows) on all threads.
    template <typename Work>
    void for_each_part(const Work& work) const {
        at::parallel_for(0, images * parts, 1, [&](int64_t begin, int64_t end) {
            for (int64_t at = begin; at < end; ++at) {
                int64_t image = at / parts, part = at % parts, first = part * rows_per_part;
                work(image, part, (image * rows + first) * lanes, std::min(rows_per_part, rows - first));
            }
        });
    }

    // Values per lane from values per channel of each image.
    std::vector<float> to_lanes(const float* of_channels) const {
        std::vector<float> of_lanes(images * lanes);
        for (int64_t at = 0; at < images * lanes; ++at)
            of_lanes[at] = of_channels[at / lanes * channels + at % channels];
        return of_lanes;
    }
};

// A tensor per image and channel.
Tensor per_channel(const Layout& layout, const Tensor& like) {
    return at::empty({layout.images, layout.channels}, like.options().dtype(at::kFloat));
}

std::vector<float> slopes(const Layout& layout, const Tensor& slope) {
    Tensor values = slope.to(at::kFloat).expand({layout.channels}).contiguous();
    std::vector<float> of_lanes(layout.lanes);
    for (int64_t lane = 0; lane < layout.lanes; ++lane)
        of_lanes[lane] = values.const_data_ptr<float>()[lane % layout.channels];
    return of_lanes;
}

// Factors with which x * scale + shift has mean 0 and variance 1 in each channel of each image.
template <typename T>
void normalizing(const Layout& layout, const T* x, double eps, float* scale, float* shift) {
    int64_t lanes = layout.lanes;
    std::vector<float> means(layout.images * layout.parts * lanes), squares(means.size());
    layout.for_each_part([&](int64_t image, int64_t part, int64_t offset, int64_t rows) {
        int64_t to = (image * layout.parts + part) * lanes;
        kernels<T>().moments(x + offset, rows, lanes, &means[to], &squares[to]);
    });
    at::parallel_for(0, layout.images * layout.channels, 16, [&](int64_t begin, int64_t end) {
        for (int64_t at = begin; at < end; ++at) {
            int64_t image = at / layout.channels, channel = at % layout.channels;
            double count = 0, mean = 0, square = 0;
            // Chan et al., Updating formulae and a pairwise algorithm for computing sample variances (1979).
            for (int64_t part = 0; part < layout.parts; ++part)
                for (int64_t lane = channel; lane < lanes; lane += layout.channels) {
                    int64_t from = (image * layout.parts + part) * lanes + lane;
                    double added =
                        static_cast<double>(std::min(layout.rows_per_part, layout.rows - part * layout.rows_per_part));
                    double difference = means[from] - mean, total = count + added;
                    mean += difference * added / total;
                    square += squares[from] + difference * difference * count * added / total;
                    count = total;
                }
            double factor = 1 / std::sqrt(square / count + eps);
            scale[at] = static_cast<float>(factor);
            shift[at] = static_cast<float>(-mean * factor);
        }
    });
}

template <typename T>
T* data(const Tensor& tensor) {
    return static_cast<T*>(tensor.data_ptr());
}

template <typename T>
Tensor forward(const Tensor& x, const Tensor& slope, const Tensor& residual, double eps, Tensor& scale, Tensor& shift) {
    Layout layout(x);
    normalizing(layout, data<T>(x), eps, data<float>(scale), data<float>(shift));
    auto scales = layout.to_lanes(data<float>(scale)), shifts = layout.to_lanes(data<float>(shift));
    auto of_lanes = slopes(layout, slope);
    Tensor y = at::empty_like(x);
    const T *from = data<T>(x), *added = residual.defined() ? data<T>(residual) : nullptr;
    T* to = data<T>(y);
    layout.for_each_part([&](int64_t image, int64_t, int64_t offset, int64_t rows) {
        int64_t lanes = layout.lanes, factors = image * lanes;
        kernels<T>().forward(from + offset, added == nullptr ? nullptr : added + offset, to + offset, rows, lanes,
                             &scales[factors], &shifts[factors], of_lanes.data());
    });
    return y;
}

// Gradients of x and slope.
template <typename T>
std::pair<Tensor, Tensor> backward(const Tensor& x, const Tensor& slope, const Tensor& scale, const Tensor& shift,
                                   const Tensor& dy) {
    Layout layout(x);
    int64_t lanes = layout.lanes, channels = layout.channels;
    auto scales = layout.to_lanes(data<float>(scale)), shifts = layout.to_lanes(data<float>(shift));
    auto of_lanes = slopes(layout, slope);
    const T *values = data<T>(x), *gradients = data<T>(dy);
    std::vector<float> sums(layout.images * layout.parts * 3 * lanes);
    layout.for_each_part([&](int64_t image, int64_t part, int64_t offset, int64_t rows) {
        float* to = &sums[(image * layout.parts + part) * 3 * lanes];
        kernels<T>().backward_sums(values + offset, gradients + offset, rows, lanes, &scales[image * lanes],
                                   &shifts[image * lanes], of_lanes.data(), to, to + lanes, to + 2 * lanes);
    });
    // Means of dn and dn * n of each image and channel; gradient of the slope of each channel.
    std::vector<float> mean_dn(layout.images * channels), mean_dn_n(mean_dn.size());
    std::vector<double> of_slope(channels);
    for (int64_t image = 0; image < layout.images; ++image)
        for (int64_t channel = 0; channel < channels; ++channel) {
            double total[3] = {};
            for (int64_t part = 0; part < layout.parts; ++part)
                for (int64_t lane = channel; lane < lanes; lane += channels)
                    for (int64_t kind = 0; kind < 3; ++kind)
                        total[kind] += sums[((image * layout.parts + part) * 3 + kind) * lanes + lane];
            mean_dn[image * channels + channel] = static_cast<float>(total[0] / layout.pixels);
            mean_dn_n[image * channels + channel] = static_cast<float>(total[1] / layout.pixels);
            of_slope[channel] += total[2];
        }
    auto dn_lanes = layout.to_lanes(mean_dn.data()), dn_n_lanes = layout.to_lanes(mean_dn_n.data());
    Tensor dx = at::empty_like(x);
    T* to = data<T>(dx);
    layout.for_each_part([&](int64_t image, int64_t, int64_t offset, int64_t rows) {
        int64_t at = image * lanes;
        kernels<T>().backward(values + offset, gradients + offset, to + offset, rows, lanes, &scales[at], &shifts[at],
                              of_lanes.data(), &dn_lanes[at], &dn_n_lanes[at]);
    });
    Tensor dslope = at::empty({slope.size(0)}, slope.options().dtype(at::kFloat));
    if (slope.size(0) == 1) of_slope = {std::accumulate(of_slope.begin(), of_slope.end(), 0.0)};
    for (int64_t at = 0; at < slope.size(0); ++at) data<float>(dslope)[at] = static_cast<float>(of_slope[at]);
    return {dx, dslope.to(slope.scalar_type())};
}

struct InstanceNormPReLU : torch::autograd::Function<InstanceNormPReLU> {
    static Tensor forward(AutogradContext* context, const Tensor& input, const Tensor& slope,
                          const std::optional<Tensor>& residual, double eps) {
        Tensor x = input.contiguous(at::MemoryFormat::ChannelsLast);
        Tensor added = residual ? residual->contiguous(at::MemoryFormat::ChannelsLast) : Tensor();
        context->saved_data["residual"] = residual.has_value();
        Layout layout(x);
        Tensor scale = per_channel(layout, x), shift = per_channel(layout, x);
        context->save_for_backward({x, slope, scale, shift});
        return x.scalar_type() == at::kFloat ? bcs::forward<float>(x, slope, added, eps, scale, shift)
                                             : bcs::forward<bfloat>(x, slope, added, eps, scale, shift);
    }

    static variable_list backward(AutogradContext* context, const variable_list& gradients) {
        auto saved = context->get_saved_variables();
        const Tensor& x = saved[0];
        Tensor dy = gradients[0].to(x.scalar_type()).contiguous(at::MemoryFormat::ChannelsLast);
        auto [dx, dslope] = x.scalar_type() == at::kFloat
                                ? bcs::backward<float>(x, saved[1], saved[2], saved[3], dy)
                                : bcs::backward<bfloat>(x, saved[1], saved[2], saved[3], dy);
        bool has_residual = context->saved_data["residual"].toBool();
        return {dx, dslope, has_residual ? dy : Tensor(), Tensor()};
    }
};

}  // namespace

bool takes_instance_norm_prelu(const Tensor& input, const Tensor& slope, const std::optional<Tensor>& residual) {
    auto kind = input.scalar_type();
    if (!input.is_cpu() || !slope.is_cpu() || input.dim() != 4 || input.numel() == 0) return false;
    if ((kind != at::kFloat && kind != at::kBFloat16) || slope.dim() != 1) return false;
    if (!input.is_contiguous(at::MemoryFormat::ChannelsLast)) return false;
    if (residual && (residual->scalar_type() != kind || residual->sizes() != input.sizes())) return false;
    int64_t channels = input.size(1), pixels = input.size(2) * input.size(3);
    return (slope.size(0) == 1 || slope.size(0) == channels) && pixels % (BLOCK / std::gcd(channels, BLOCK)) == 0;
}

Tensor instance_norm_prelu(const Tensor& input, const Tensor& slope, const std::optional<Tensor>& residual,
                           double eps) {
    return InstanceNormPReLU::apply(input, slope, residual, eps);
}

}  // namespace bcs

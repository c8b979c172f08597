// A step of Adam or AdamW in one pass over memory.
#include "adam.h"

#include <ATen/Parallel.h>

namespace bcs {

bool adam_step(at::Tensor& parameters, const at::Tensor& gradients, at::Tensor& averages, at::Tensor& squares,
               const AdamStep& step) {
    for (const at::Tensor& vector : {parameters, gradients, averages, squares})
        if (!vector.is_cpu() || vector.scalar_type() != at::kFloat || !vector.is_contiguous() ||
            vector.numel() != parameters.numel())
            return false;
    float *p = parameters.mutable_data_ptr<float>(), *m = averages.mutable_data_ptr<float>(),
          *v = squares.mutable_data_ptr<float>();
    const float* g = gradients.const_data_ptr<float>();
    at::parallel_for(0, parameters.numel(), 1 << 15, [&](int64_t begin, int64_t end) {
        adam()(p + begin, g + begin, m + begin, v + begin, end - begin, step);
    });
    return true;
}

}  // namespace bcs

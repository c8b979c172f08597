// Loops over plain buffers. They are compiled once per instruction set and include no header of libtorch, so that no
// inline function of it is compiled for an instruction set that the machine may lack.
#pragma once
#include <cstdint>

namespace bcs {

// Bits of a bfloat16.
using bfloat = uint16_t;

// Float32 values in the widest register.
constexpr int64_t BLOCK = 16;

// Constants of a step of Adam. The moments move towards the gradient and its square; parameters are multiplied by `keep`,
// which is 1 without decoupled weight decay, and `penalty` times the parameters is added to the gradient.
struct AdamStep {
    // What a moment takes of the new value, what the second one keeps of the old.
    float beta1_left, beta2_left, beta2;
    float eps, keep, penalty;
    // Learning rate over the bias correction of the first moment, and the square root of the second one's.
    float step_size, correction;
};

// Images in channels-last order are rows of `lanes` values. `lanes` is a multiple of BLOCK and of the number of channels,
// so that lane k of every row belongs to channel k % channels. Factors are given per lane.
//
// With n = x * scale + shift, the activation is n where n > 0, and n * slope elsewhere.
template <typename T>
struct Kernels {
    // Mean of each lane, and the sum of squared differences from it.
    void (*moments)(const T* x, int64_t rows, int64_t lanes, float* mean, float* squares);
    // Activation of n, plus `residual` unless it is null.
    void (*forward)(const T* x, const T* residual, T* y, int64_t rows, int64_t lanes, const float* scale,
                    const float* shift, const float* slope);
    // For the gradient `dy` of the activation, the sums of each lane over dn (gradient of n), dn * n, and the gradient of
    // the slope.
    void (*backward_sums)(const T* x, const T* dy, int64_t rows, int64_t lanes, const float* scale, const float* shift,
                          const float* slope, float* dn, float* dn_n, float* dslope);
    // dx = scale * (dn - mean_dn - n * mean_dn_n).
    void (*backward)(const T* x, const T* dy, T* dx, int64_t rows, int64_t lanes, const float* scale,
                     const float* shift, const float* slope, const float* mean_dn, const float* mean_dn_n);
};

// Takes a step of Adam on `count` parameters.
using Adam = void (*)(float* parameters, const float* gradients, float* averages, float* squares, int64_t count,
                      const AdamStep& step);

// Kernels for the instruction set of this machine.
template <typename T>
const Kernels<T>& kernels();
Adam adam();

}  // namespace bcs

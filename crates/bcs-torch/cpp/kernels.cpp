// The kernels for one instruction set, which the macro LEVEL names.
#include "kernels.h"

#include <cmath>
#include <cstring>

namespace bcs {
namespace {

// Values in a register of this instruction set.
#if defined(__AVX512F__)
constexpr int64_t WIDTH = 16;
#elif defined(__AVX2__)
constexpr int64_t WIDTH = 8;
#else
constexpr int64_t WIDTH = 4;
#endif
static_assert(BLOCK % WIDTH == 0);

using Floats = float __attribute__((vector_size(WIDTH * sizeof(float))));
using Words = uint32_t __attribute__((vector_size(WIDTH * sizeof(uint32_t))));
using Halves = uint16_t __attribute__((vector_size(WIDTH * sizeof(uint16_t))));

// Rows whose sums are independent, so that additions overlap.
constexpr int64_t UNROLLED = 4;

inline Floats load(const float* from) {
    Floats values;
    std::memcpy(&values, from, sizeof values);
    return values;
}

inline Floats load(const bfloat* from) {
    Halves bits;
    std::memcpy(&bits, from, sizeof bits);
    Words words = __builtin_convertvector(bits, Words) << 16;
    Floats values;
    std::memcpy(&values, &words, sizeof values);
    return values;
}

inline void store(float* to, Floats values) { std::memcpy(to, &values, sizeof values); }

// Rounds to the nearest, and of two to the even one.
inline void store(bfloat* to, Floats values) {
    Words words;
    std::memcpy(&words, &values, sizeof words);
    Words rounded = words + 0x7fff + ((words >> 16) & 1);
    // The addition would turn some NaN into numbers.
    rounded = values == values ? rounded : (words | 0x400000);
    Halves bits = __builtin_convertvector(rounded >> 16, Halves);
    std::memcpy(to, &bits, sizeof bits);
}

template <typename T>
void moments(const T* x, int64_t rows, int64_t lanes, float* mean, float* squares) {
    for (int64_t lane = 0; lane < lanes; lane += WIDTH) {
        Floats sum[UNROLLED] = {};
        int64_t row = 0;
        for (; row + UNROLLED <= rows; row += UNROLLED)
            for (int64_t k = 0; k < UNROLLED; ++k) sum[k] += load(x + (row + k) * lanes + lane);
        for (; row < rows; ++row) sum[0] += load(x + row * lanes + lane);
        Floats center = ((sum[0] + sum[1]) + (sum[2] + sum[3])) / static_cast<float>(rows);
        Floats square[UNROLLED] = {};
        for (row = 0; row + UNROLLED <= rows; row += UNROLLED)
            for (int64_t k = 0; k < UNROLLED; ++k) {
                Floats difference = load(x + (row + k) * lanes + lane) - center;
                square[k] += difference * difference;
            }
        for (; row < rows; ++row) {
            Floats difference = load(x + row * lanes + lane) - center;
            square[0] += difference * difference;
        }
        store(mean + lane, center);
        store(squares + lane, (square[0] + square[1]) + (square[2] + square[3]));
    }
}

template <typename T>
void forward(const T* x, const T* residual, T* y, int64_t rows, int64_t lanes, const float* scale, const float* shift,
             const float* slope) {
    for (int64_t row = 0; row < rows; ++row)
        for (int64_t lane = 0; lane < lanes; lane += WIDTH) {
            int64_t at = row * lanes + lane;
            Floats n = load(x + at) * load(scale + lane) + load(shift + lane);
            Floats result = n > 0.0F ? n : n * load(slope + lane);
            if (residual != nullptr) result += load(residual + at);
            store(y + at, result);
        }
}

// One register of `backward_sums`.
template <typename T>
inline void add_gradients(const T* x, const T* dy, Floats scale, Floats shift, Floats slope, Floats& dn_sum,
                          Floats& dn_n_sum, Floats& dslope_sum) {
    Floats n = load(x) * scale + shift, gradient = load(dy);
    Floats product = gradient * n, zero = {};
    dn_sum += n > 0.0F ? gradient : gradient * slope;
    dn_n_sum += n > 0.0F ? product : product * slope;
    dslope_sum += n > 0.0F ? zero : product;
}

template <typename T>
void backward_sums(const T* x, const T* dy, int64_t rows, int64_t lanes, const float* scale, const float* shift,
                   const float* slope, float* dn, float* dn_n, float* dslope) {
    for (int64_t lane = 0; lane < lanes; lane += WIDTH) {
        Floats a = load(scale + lane), b = load(shift + lane), c = load(slope + lane);
        Floats sums[2][3] = {};
        int64_t row = 0;
        for (; row + 2 <= rows; row += 2)
            for (int64_t k = 0; k < 2; ++k) {
                int64_t at = (row + k) * lanes + lane;
                add_gradients(x + at, dy + at, a, b, c, sums[k][0], sums[k][1], sums[k][2]);
            }
        for (; row < rows; ++row) {
            int64_t at = row * lanes + lane;
            add_gradients(x + at, dy + at, a, b, c, sums[0][0], sums[0][1], sums[0][2]);
        }
        store(dn + lane, sums[0][0] + sums[1][0]);
        store(dn_n + lane, sums[0][1] + sums[1][1]);
        store(dslope + lane, sums[0][2] + sums[1][2]);
    }
}

template <typename T>
void backward(const T* x, const T* dy, T* dx, int64_t rows, int64_t lanes, const float* scale, const float* shift,
              const float* slope, const float* mean_dn, const float* mean_dn_n) {
    for (int64_t row = 0; row < rows; ++row)
        for (int64_t lane = 0; lane < lanes; lane += WIDTH) {
            int64_t at = row * lanes + lane;
            Floats factor = load(scale + lane), gradient = load(dy + at);
            Floats n = load(x + at) * factor + load(shift + lane);
            Floats dn = n > 0.0F ? gradient : gradient * load(slope + lane);
            store(dx + at, factor * (dn - load(mean_dn + lane) - n * load(mean_dn_n + lane)));
        }
}

void step_of_adam(float* __restrict parameters, const float* __restrict gradients, float* __restrict averages,
                  float* __restrict squares, int64_t count, const AdamStep& step) {
    for (int64_t at = 0; at < count; ++at) {
        float gradient = gradients[at] + step.penalty * parameters[at];
        averages[at] += step.beta1_left * (gradient - averages[at]);
        squares[at] = step.beta2 * squares[at] + step.beta2_left * gradient * gradient;
        float denominator = std::sqrt(squares[at]) / step.correction + step.eps;
        parameters[at] = step.keep * parameters[at] - step.step_size * averages[at] / denominator;
    }
}

template <typename T>
constexpr Kernels<T> TABLE = {moments<T>, forward<T>, backward_sums<T>, backward<T>};

}  // namespace

namespace LEVEL {
extern const Kernels<float> of_float;
extern const Kernels<bfloat> of_bfloat;
extern const Adam of_adam;
const Kernels<float> of_float = TABLE<float>;
const Kernels<bfloat> of_bfloat = TABLE<bfloat>;
const Adam of_adam = step_of_adam;
}  // namespace LEVEL

}  // namespace bcs

// Chooses the kernels for the machine.
#include "kernels.h"

namespace bcs {

#define DECLARE(LEVEL)                      \
    namespace LEVEL {                       \
    extern const Kernels<float> of_float;   \
    extern const Kernels<bfloat> of_bfloat; \
    extern const Adam of_adam;              \
    }

#if defined(__x86_64__)
DECLARE(v3)
DECLARE(v4)
#define CHOOSE(NAME)                                                    \
    (__builtin_cpu_supports("x86-64-v4")   ? v4::NAME                   \
     : __builtin_cpu_supports("x86-64-v3") ? v3::NAME                   \
                                           : base::NAME)
#else
#define CHOOSE(NAME) base::NAME
#endif
DECLARE(base)

template <>
const Kernels<float>& kernels<float>() {
    static const Kernels<float>& chosen = CHOOSE(of_float);
    return chosen;
}

template <>
const Kernels<bfloat>& kernels<bfloat>() {
    static const Kernels<bfloat>& chosen = CHOOSE(of_bfloat);
    return chosen;
}

Adam adam() {
    static const Adam chosen = CHOOSE(of_adam);
    return chosen;
}

}  // namespace bcs

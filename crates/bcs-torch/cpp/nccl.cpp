// ProcessGroupNCCL of libtorch, found at run time: its header needs those of CUDA and NCCL, which a build for CPUs does not
// have, and one binary serves both. Only its constructors are called by name; all else is virtual in c10d::Backend.
#include "nccl.h"

#include <dlfcn.h>

#include <memory>
#include <new>

namespace bcs {

namespace {

using Store = c10::intrusive_ptr<c10d::Store>;
using Options = c10d::Backend::Options;

// ProcessGroupNCCL::Options::Options(bool is_high_priority_stream)
constexpr const char* kOptions = "_ZN4c10d16ProcessGroupNCCL7OptionsC1Eb";
// ProcessGroupNCCL::ProcessGroupNCCL(intrusive_ptr<Store> store, int rank, int size, intrusive_ptr<Options> options)
constexpr const char* kGroup =
    "_ZN4c10d16ProcessGroupNCCLC1EN3c1013intrusive_ptrINS_5StoreENS1_6detail34intrusive_target_default_null_typeIS3_EEEE"
    "iiNS2_INS0_7OptionsENS5_IS8_EEEE";

// Room for an object of either class: far more than the 1112 bytes of the larger one in libtorch 2.11.
constexpr size_t kRoom = 16384;

// Creates an object with a constructor of this name. Its virtual destructor frees it.
template <typename Class, typename... Arguments>
c10::intrusive_ptr<Class> construct(const char* name, Arguments... arguments) {
    // A constructor is called as a function whose first argument is the object.
    auto constructor = reinterpret_cast<void (*)(void*, Arguments...)>(dlsym(RTLD_DEFAULT, name));
    TORCH_CHECK(constructor != nullptr, "the CUDA part of libtorch 2.11 is not loaded; use Gloo");
    std::unique_ptr<void, void (*)(void*)> room(::operator new(kRoom), [](void* memory) { ::operator delete(memory); });
    constructor(room.get(), std::move(arguments)...);
    return c10::intrusive_ptr<Class>::unsafe_steal_from_new(static_cast<Class*>(room.release()));
}

}  // namespace

c10::intrusive_ptr<c10d::Backend> connect_nccl(const Store& store, int rank, int size,
                                               std::chrono::milliseconds timeout) {
    auto options = construct<Options>(kOptions, /*is_high_priority_stream=*/false);
    options->timeout = timeout;
    return construct<c10d::Backend>(kGroup, store, rank, size, options);
}

}  // namespace bcs

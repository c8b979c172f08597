#pragma once
#include <cstring>
#include <exception>

namespace bcs {

// Runs `work`, and returns null, or the message of its exception, which `bcs_torch_free` frees.
template <typename Work>
char* message_of(const Work& work) {
    try {
        work();
        return nullptr;
    } catch (const std::exception& error) {
        return strdup(error.what());
    } catch (...) {
        return strdup("unknown error");
    }
}

}  // namespace bcs

#pragma once
#include <torch/csrc/distributed/c10d/Backend.hpp>
#include <torch/csrc/distributed/c10d/Store.hpp>

#include <chrono>

namespace bcs {

// Creates libtorch's process group of NCCL, for tensors on GPUs. It comes from the CUDA part of libtorch in this process;
// throws if there is none. After `timeout`, a collective that does not end ends the process.
c10::intrusive_ptr<c10d::Backend> connect_nccl(const c10::intrusive_ptr<c10d::Store>& store, int rank, int size,
                                               std::chrono::milliseconds timeout);

}  // namespace bcs

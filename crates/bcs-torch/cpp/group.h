#pragma once
#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>
#include <torch/csrc/distributed/c10d/Store.hpp>

#include <chrono>
#include <string>
#include <vector>

namespace bcs {

using Milliseconds = std::chrono::milliseconds;

// Connects to a TCPStore, which this process serves if `serves`.
c10::intrusive_ptr<c10d::Store> connect_store(const std::string& host, uint16_t port, bool serves, Milliseconds timeout);

// Creates a process group of Gloo, which all ranks do together. `interface` is the name of a network interface, or empty
// for that of the host's name.
c10::intrusive_ptr<c10d::ProcessGroup> connect_gloo(const c10::intrusive_ptr<c10d::Store>& store, int rank, int size,
                                                    const std::string& interface, Milliseconds timeout);

// Gives the tensors on GPUs to NCCL, which all ranks do together. A collective of theirs fails after `timeout`.
void use_nccl(c10d::ProcessGroup& group, const c10::intrusive_ptr<c10d::Store>& store, Milliseconds timeout);

// Waits until a collective is complete on this rank. Throws if it fails, or takes longer than the time-out.
void wait(c10d::Backend& backend, c10d::Work& work);

// Collectives, which return when they are complete on this rank. The all-reduce sums.
void broadcast(c10d::ProcessGroup& group, at::Tensor& tensor, int root);
void all_reduce(c10d::ProcessGroup& group, at::Tensor& tensor);
std::vector<at::Tensor> all_gather(c10d::ProcessGroup& group, const at::Tensor& tensor);
void barrier(c10d::ProcessGroup& group);

}  // namespace bcs

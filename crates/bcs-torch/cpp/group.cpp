// Process groups, as torch.distributed creates them.
#include "group.h"

#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

namespace bcs {

c10::intrusive_ptr<c10d::Store> connect_store(const std::string& host, uint16_t port, bool serves,
                                              Milliseconds timeout) {
    c10d::TCPStoreOptions options;
    options.port = port;
    options.isServer = serves;
    options.waitWorkers = false;
    options.timeout = timeout;
    return c10::make_intrusive<c10d::TCPStore>(host, options);
}

c10::intrusive_ptr<c10d::ProcessGroup> connect_gloo(const c10::intrusive_ptr<c10d::Store>& store, int rank, int size,
                                                    const std::string& interface, Milliseconds timeout) {
    using Gloo = c10d::ProcessGroupGloo;
    auto options = Gloo::Options::create(timeout);
    options->devices.push_back(interface.empty() ? Gloo::createDefaultDevice()
                                                 : Gloo::createDeviceForInterface(interface));
    auto gloo = c10::make_intrusive<Gloo>(store, rank, size, options);
    auto group = c10::make_intrusive<c10d::ProcessGroup>(store, rank, size);
    auto type = c10d::ProcessGroup::BackendType::GLOO;
    group->setBackend(c10::DeviceType::CPU, type, gloo);
    group->setBackend(c10::DeviceType::CUDA, type, gloo);
    group->setDefaultBackend(type);
    return group;
}

void broadcast(c10d::ProcessGroup& group, at::Tensor& tensor, int root) {
    std::vector<at::Tensor> tensors = {tensor};
    c10d::BroadcastOptions options;
    options.rootRank = root;
    group.getBackend(tensor.device().type())->broadcast(tensors, options)->wait();
}

void all_reduce(c10d::ProcessGroup& group, at::Tensor& tensor) {
    std::vector<at::Tensor> tensors = {tensor};
    group.getBackend(tensor.device().type())->allreduce(tensors)->wait();
}

std::vector<at::Tensor> all_gather(c10d::ProcessGroup& group, const at::Tensor& tensor) {
    std::vector<at::Tensor> inputs = {tensor.contiguous()};
    std::vector<std::vector<at::Tensor>> outputs(1);
    for (int rank = 0; rank < group.getSize(); ++rank) outputs[0].push_back(at::empty_like(inputs[0]));
    group.getBackend(tensor.device().type())->allgather(outputs, inputs)->wait();
    return outputs[0];
}

void barrier(c10d::ProcessGroup& group) { group.getBackend(c10::DeviceType::CPU)->barrier()->wait(); }

}  // namespace bcs

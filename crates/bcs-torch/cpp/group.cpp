// Process groups, as torch.distributed creates them.
#include "group.h"

#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include <thread>

#include "nccl.h"

namespace bcs {

namespace {

using std::chrono::steady_clock;

// NCCL ends the process when it finds a collective that takes longer than its own time-out. It finds none: `wait` is first.
constexpr int kSlack = 2;

// Time between two looks at a collective of NCCL.
constexpr auto kPoll = std::chrono::microseconds(50);

}  // namespace

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

void use_nccl(c10d::ProcessGroup& group, const c10::intrusive_ptr<c10d::Store>& store, Milliseconds timeout) {
    auto prefixed = c10::make_intrusive<c10d::PrefixStore>("nccl", store);
    auto nccl = connect_nccl(prefixed, group.getRank(), group.getSize(), kSlack * timeout);
    group.setBackend(c10::DeviceType::CUDA, c10d::ProcessGroup::BackendType::NCCL, nccl);
}

void wait(c10d::Backend& backend, c10d::Work& work) {
    if (backend.getBackendName() == "nccl") {
        // Its own `wait` only puts streams in order; the process would then wait for the GPU, without end if a peer is lost.
        auto timeout = backend.getBackendOptions()->timeout / kSlack;
        auto end = steady_clock::now() + timeout;
        while (!work.isCompleted()) {
            TORCH_CHECK(steady_clock::now() < end, "NCCL has not ended it in ", timeout.count(), " ms");
            std::this_thread::sleep_for(kPoll);
        }
        if (auto error = work.exception()) std::rethrow_exception(error);
    }
    work.wait();
}

void broadcast(c10d::ProcessGroup& group, at::Tensor& tensor, int root) {
    std::vector<at::Tensor> tensors = {tensor};
    c10d::BroadcastOptions options;
    options.rootRank = root;
    auto backend = group.getBackend(tensor.device().type());
    wait(*backend, *backend->broadcast(tensors, options));
}

void all_reduce(c10d::ProcessGroup& group, at::Tensor& tensor) {
    std::vector<at::Tensor> tensors = {tensor};
    auto backend = group.getBackend(tensor.device().type());
    wait(*backend, *backend->allreduce(tensors));
}

std::vector<at::Tensor> all_gather(c10d::ProcessGroup& group, const at::Tensor& tensor) {
    std::vector<at::Tensor> inputs = {tensor.contiguous()};
    std::vector<std::vector<at::Tensor>> outputs(1);
    for (int rank = 0; rank < group.getSize(); ++rank) outputs[0].push_back(at::empty_like(inputs[0]));
    auto backend = group.getBackend(tensor.device().type());
    wait(*backend, *backend->allgather(outputs, inputs));
    return outputs[0];
}

void barrier(c10d::ProcessGroup& group) { group.getBackend(c10::DeviceType::CPU)->barrier()->wait(); }

}  // namespace bcs

// Gradients are summed, not averaged: the loss of each rank is scaled by its share of the tiles.
#include "reducer.h"

#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/variable.h>
#include <torch/csrc/distributed/c10d/comm.hpp>
#include <torch/csrc/distributed/c10d/reducer.hpp>

#include <algorithm>
#include <unordered_set>

#include "group.h"

namespace bcs {

namespace {

using std::chrono::steady_clock;
using Group = c10::intrusive_ptr<c10d::ProcessGroup>;

struct State {
    Group group;
    std::shared_ptr<Reductions> reductions;
};

// All-reduces a bucket in float32, also where gradients are bfloat16, and notes when.
class Sum : public c10d::CppCommHookInterface<State> {
   public:
    explicit Sum(State state) : CppCommHookInterface(std::move(state)) {}

    c10::intrusive_ptr<c10::ivalue::Future> runHook(c10d::GradBucket& bucket) override {
        auto begin = steady_clock::now();
        at::Tensor gradients = bucket.getBufferRef();
        at::Tensor sum = gradients.to(at::kFloat);
        auto bytes = static_cast<int64_t>(sum.nbytes());
        std::vector<at::Tensor> tensors = {sum};
        auto work = state_.group->allreduce(tensors);
        // The future of a GPU is complete as soon as its work is in a stream.
        bool open = sum.is_cuda();
        if (open) {
            std::lock_guard<std::mutex> lock(state_.reductions->mutex);
            state_.reductions->open.push_back({begin, bytes, work});
        }
        auto end = [=, reductions = state_.reductions](c10::ivalue::Future& future) -> c10::IValue {
            future.value();
            if (!sum.is_same(gradients)) gradients.copy_(sum);
            if (!open) reductions->end(begin, bytes);
            return gradients;
        };
        return work->getFuture()->then(end, c10::TensorType::get());
    }
};

// Whether the graph of a loss has all parameters.
bool has_all(const at::Tensor& loss, const std::vector<at::Tensor>& parameters) {
    using torch::autograd::Node;
    std::unordered_set<Node*> found;
    std::vector<Node*> open = {loss.grad_fn().get()};
    while (!open.empty()) {
        Node* node = open.back();
        open.pop_back();
        if (node == nullptr || !found.insert(node).second) continue;
        for (const auto& edge : node->next_edges()) open.push_back(edge.function.get());
    }
    return std::all_of(parameters.begin(), parameters.end(), [&](const at::Tensor& parameter) {
        return found.count(torch::autograd::impl::grad_accumulator(parameter).get()) > 0;
    });
}

}  // namespace

void Reductions::end(steady_clock::time_point begin, int64_t bytes) {
    auto now = steady_clock::now();
    std::lock_guard<std::mutex> lock(mutex);
    ended.push_back({begin, now, bytes});
}

Reducer::Reducer(std::vector<at::Tensor> parameters, const Group& group, int64_t bucket_bytes)
    : parameters(std::move(parameters)),
      group(group),
      bucket_bytes(bucket_bytes),
      reductions(std::make_shared<Reductions>()) {}

Reducer::~Reducer() = default;

void Reducer::create(bool find_unused) {
    int64_t first = std::min<int64_t>(c10d::kDefaultFirstBucketBytes, bucket_bytes);
    std::vector<bool> sparse(parameters.size(), false);
    auto limits = {static_cast<size_t>(first), static_cast<size_t>(bucket_bytes)};
    auto buckets = std::get<0>(c10d::compute_bucket_assignment_by_size(parameters, limits, sparse));
    // Gradients of the last layers are there first.
    std::reverse(buckets.begin(), buckets.end());
    std::unordered_map<size_t, std::string> names;
    bool views = false;
    reducer =
        std::make_unique<c10d::Reducer>(parameters, std::move(buckets), group, std::move(sparse), bucket_bytes,
                                        find_unused, views, names, first, false, false, std::vector<int64_t>());
    reducer->register_comm_hook(std::make_unique<Sum>(State{group, reductions}));
}

void Reducer::prepare(const at::Tensor& loss) {
    if (reducer == nullptr) create(!has_all(loss, parameters));
    reducer->prepare_for_forward();
    reducer->prepare_for_backward({loss});
}

void Reducer::finish() {
    std::vector<OpenReduction> open;
    {
        std::lock_guard<std::mutex> lock(reductions->mutex);
        std::swap(open, reductions->open);
    }
    for (const auto& [begin, bytes, work] : open) {
        wait(*group->getBackend(c10::DeviceType::CUDA), *work);
        reductions->end(begin, bytes);
    }
}

std::vector<Reduction> Reducer::take_reductions() {
    std::lock_guard<std::mutex> lock(reductions->mutex);
    return std::move(reductions->ended);
}

}  // namespace bcs

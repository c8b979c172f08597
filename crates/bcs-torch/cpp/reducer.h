#pragma once
#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>

#include <chrono>
#include <memory>
#include <mutex>
#include <vector>

namespace c10d {
class Reducer;
}

namespace bcs {

// When the all-reduce of a bucket of gradients began and ended, and its size.
struct Reduction {
    std::chrono::steady_clock::time_point begin, end;
    int64_t bytes;
};

// The all-reduce of a bucket on a GPU.
struct OpenReduction {
    std::chrono::steady_clock::time_point begin;
    int64_t bytes;
    c10::intrusive_ptr<c10d::Work> work;
};

// Reductions, from threads of the process group and of backward.
struct Reductions {
    std::mutex mutex;
    std::vector<OpenReduction> open;
    std::vector<Reduction> ended;

    // Notes that a reduction has ended now.
    void end(std::chrono::steady_clock::time_point begin, int64_t bytes);
};

// Sums gradients over the ranks of a group while backward still runs, with the Reducer of DistributedDataParallel.
class Reducer {
   public:
    // `bucket_bytes` is the size of a bucket of gradients.
    Reducer(std::vector<at::Tensor> parameters, const c10::intrusive_ptr<c10d::ProcessGroup>& group,
            int64_t bucket_bytes);
    ~Reducer();

    // Lets the next backward of a loss sum the gradients of all ranks. Without it, gradients are only added up here. The
    // first loss tells which parameters take part in all of them.
    void prepare(const at::Tensor& loss);

    // Waits for the reductions of a backward. On a CPU, backward has waited for them itself.
    void finish();

    // Returns the reductions since the last call.
    std::vector<Reduction> take_reductions();

   private:
    void create(bool find_unused);

    std::vector<at::Tensor> parameters;
    c10::intrusive_ptr<c10d::ProcessGroup> group;
    int64_t bucket_bytes;
    std::shared_ptr<Reductions> reductions;
    // Made at the first loss.
    std::unique_ptr<c10d::Reducer> reducer;
};

}  // namespace bcs

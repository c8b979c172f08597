// The functions of process groups that Rust calls. Each returns null, or the message of an error; see message.h.
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>

#include "group.h"
#include "message.h"
#include "reducer.h"
#include "sync_batch_norm.h"

namespace {

using Store = c10::intrusive_ptr<c10d::Store>;
using Group = c10::intrusive_ptr<c10d::ProcessGroup>;
using bcs::message_of;
using bcs::Milliseconds;

std::vector<uint8_t> bytes(const uint8_t* data, size_t length) { return {data, data + length}; }

}  // namespace

extern "C" {

char* bcs_torch_store_connect(const char* host, uint16_t port, bool serves, const char* prefix, int64_t timeout,
                              Store** store) {
    return message_of([&] {
        auto tcp = bcs::connect_store(host, port, serves, Milliseconds(timeout));
        *store = new Store(c10::make_intrusive<c10d::PrefixStore>(prefix, tcp));
    });
}

// Another client of a store, with a connection of its own.
char* bcs_torch_store_reconnect(Store* store, Store** other) {
    return message_of([&] { *other = new Store((*store)->clone()); });
}

void bcs_torch_store_free(Store* store) { delete store; }

char* bcs_torch_store_set(Store* store, const char* key, const uint8_t* data, size_t length) {
    return message_of([&] { (*store)->set(std::string(key), bytes(data, length)); });
}

// `take` gets the value.
char* bcs_torch_store_get(Store* store, const char* key, void* context,
                          void (*take)(void* context, const uint8_t* data, size_t length)) {
    return message_of([&] {
        auto value = (*store)->get(std::string(key));
        take(context, value.data(), value.size());
    });
}

// Sets a key unless it has a value; `take` gets the one that it has then.
char* bcs_torch_store_settle(Store* store, const char* key, const uint8_t* data, size_t length, void* context,
                             void (*take)(void* context, const uint8_t* data, size_t length)) {
    return message_of([&] {
        auto value = (*store)->compareSet(std::string(key), {}, bytes(data, length));
        take(context, value.data(), value.size());
    });
}

char* bcs_torch_store_has(Store* store, const char* key, bool* has) {
    return message_of([&] { *has = (*store)->check({std::string(key)}); });
}

char* bcs_torch_group_connect(Store* store, int rank, int size, const char* interface, int64_t timeout, Group** group) {
    return message_of(
        [&] { *group = new Group(bcs::connect_gloo(*store, rank, size, interface, Milliseconds(timeout))); });
}

char* bcs_torch_group_use_nccl(Group* group, Store* store, int64_t timeout) {
    return message_of([&] { bcs::use_nccl(**group, *store, Milliseconds(timeout)); });
}

void bcs_torch_group_free(Group* group) { delete group; }

char* bcs_torch_broadcast(Group* group, at::Tensor* tensor, int root) {
    return message_of([&] { bcs::broadcast(**group, *tensor, root); });
}

char* bcs_torch_all_reduce(Group* group, at::Tensor* tensor) {
    return message_of([&] { bcs::all_reduce(**group, *tensor); });
}

// `outputs` has room for a tensor per rank.
char* bcs_torch_all_gather(Group* group, const at::Tensor* tensor, at::Tensor** outputs) {
    return message_of([&] {
        for (const auto& gathered : bcs::all_gather(**group, *tensor)) *outputs++ = new at::Tensor(gathered);
    });
}

char* bcs_torch_barrier(Group* group) {
    return message_of([&] { bcs::barrier(**group); });
}

char* bcs_torch_reducer_new(at::Tensor* const* parameters, size_t count, Group* group, int64_t bucket_bytes,
                            bcs::Reducer** reducer) {
    return message_of([&] {
        std::vector<at::Tensor> tensors;
        for (size_t at = 0; at < count; ++at) tensors.push_back(*parameters[at]);
        *reducer = new bcs::Reducer(std::move(tensors), *group, bucket_bytes);
    });
}

void bcs_torch_reducer_free(bcs::Reducer* reducer) { delete reducer; }

char* bcs_torch_reducer_prepare(bcs::Reducer* reducer, const at::Tensor* loss) {
    return message_of([&] { reducer->prepare(*loss); });
}

char* bcs_torch_reducer_finish(bcs::Reducer* reducer) {
    return message_of([&] { reducer->finish(); });
}

// `take` gets each reduction since the last call: nanoseconds since it began and since it ended, and bytes.
void bcs_torch_reducer_reductions(bcs::Reducer* reducer, void* context,
                                  void (*take)(void* context, int64_t begin, int64_t end, int64_t bytes)) {
    auto now = std::chrono::steady_clock::now();
    auto age = [now](auto time) {
        return static_cast<int64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(now - time).count());
    };
    for (const auto& reduction : reducer->take_reductions())
        take(context, age(reduction.begin), age(reduction.end), reduction.bytes);
}

// `tensors` are the images and, or null, weight, bias, running mean and running variance.
char* bcs_torch_sync_batch_norm(const at::Tensor* const* tensors, double momentum, double eps, Group* group,
                                bool counted, at::Tensor** output) {
    return message_of([&] {
        auto optional = [&](size_t at) {
            return tensors[at] == nullptr ? std::nullopt : std::optional(*tensors[at]);
        };
        bcs::Running running = {optional(3).value_or(at::Tensor()), optional(4).value_or(at::Tensor())};
        *output = new at::Tensor(bcs::sync_batch_norm(*tensors[0], optional(1), optional(2), running, momentum, eps,
                                                      *group, counted));
    });
}
}

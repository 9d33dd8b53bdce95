#include "engine/fold/prefetch.hpp"

#include <algorithm>

namespace plumbline::engine {

namespace {

// How many events ahead each step is taken.
constexpr size_t kDecodeAhead = 6;
constexpr size_t kEntryAhead = 4;
constexpr size_t kRowAhead = 2;

}  // namespace

void EventPrefetcher::look_ahead(const evm::LogBatch& logs, size_t next) {
    const bool goes_on = batch_ == &logs && next == next_ + 1;
    batch_ = &logs;
    next_ = next;
    for (size_t at = goes_on ? next + kDecodeAhead : next; at <= next + kDecodeAhead; ++at) {
        work_out(logs, at);
    }
    for_keys(logs, next + kEntryAhead,
             [this](uint32_t entity, uint64_t hash) { cache_.prefetch_entry(entity, hash); });
    for_keys(logs, next + kRowAhead,
             [this](uint32_t entity, uint64_t hash) { cache_.prefetch_row(entity, hash); });
}

void EventPrefetcher::work_out(const evm::LogBatch& logs, size_t at) {
    if (at >= logs.logs.size()) {
        return;
    }
    const evm::Log& log = logs.logs[at];
    PredecodedEvent& slot = slots_[at % kSlots];
    slot.event = nullptr;
    map_.for_each_source(log, [&](uint32_t source) {
        if (const PlanEvent* event = plan_.find_event(source, log).event; event != nullptr) {
            slot.event = event;
        }
    });
    if (slot.event == nullptr) {
        return;
    }
    slot.log = &log;
    slot.block_num = log.block_num;
    slot.log_index = log.log_index;
    slot.block_hash = log.block_hash;
    slot.keys.clear();
    const ByteView data = logs.data(log);
    slot.error = slot.event->decoder.decode(log, data, slot.decoded);
    if (slot.error != evm::AbiError::kNone) {
        return;
    }
    const FoldBlock unknown;
    EventScope scope{*slot.event, log, data, nullptr, unknown, slot.decoded, 0};
    runner_.decode_ahead(scope, slot.keys);
    for (const ForeseenKeys::Key& key : slot.keys.keys) {
        cache_.prefetch_slot(key.hash);
    }
}

template <typename Hint>
void EventPrefetcher::for_keys(const evm::LogBatch& logs, size_t at, Hint hint) const {
    if (at >= logs.logs.size()) {
        return;
    }
    const PredecodedEvent& slot = slots_[at % kSlots];
    if (slot.event == nullptr) {
        return;
    }
    for (const ForeseenKeys::Key& key : slot.keys.keys) {
        hint(key.handler->entity, key.hash);
    }
}

const PredecodedEvent* EventPrefetcher::find(const evm::Log& log,
                                             const PlanEvent& event) const noexcept {
    // Memory is used again and again: the address alone does not say that it is the same log.
    const auto found = std::ranges::find_if(slots_, [&](const PredecodedEvent& slot) {
        return slot.log == &log && slot.block_num == log.block_num &&
               slot.log_index == log.log_index && slot.block_hash == log.block_hash &&
               slot.event == &event;
    });
    return found == slots_.end() ? nullptr : &*found;
}

void EventPrefetcher::clear() noexcept {
    batch_ = nullptr;
    for (PredecodedEvent& slot : slots_) {
        slot.event = nullptr;
    }
}

}  // namespace plumbline::engine

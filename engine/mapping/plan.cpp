#include "engine/mapping/plan.hpp"

#include <algorithm>
#include <cstring>

#include "engine/mapping/compiled_plan.hpp"
#include "engine/mapping/plan_compile.hpp"

namespace plumbline::engine {

namespace {

size_t slot_of(uint32_t source, const evm::Hash& topic0, uint8_t topic_count,
               size_t table_size) noexcept {
    uint64_t word = 0;
    std::memcpy(&word, topic0.data(), sizeof(word));
    word ^= (uint64_t{source} << 8 | topic_count) * 0x9E3779B97F4A7C15ULL;
    return static_cast<size_t>(word ^ (word >> 32)) & (table_size - 1);
}

/// Whether the author's word says that `log`, with as many topics, is this anonymous event.
bool is_told(const PlanEvent& event, const evm::Log& log) noexcept {
    return std::ranges::any_of(event.told_by, [&log](const std::vector<TopicTest>& tests) {
        return std::ranges::all_of(tests, [&log](const TopicTest& test) {
            const bool equal = evm::U256::from_be(log.topics[test.topic].view()) == test.word;
            return equal == test.is_equal;
        });
    });
}

}  // namespace

Plan::Plan(std::unique_ptr<const CompiledPlan> compiled) : compiled_{std::move(compiled)} {}
Plan::~Plan() = default;

Result<std::shared_ptr<const Plan>> Plan::compile(const Config& config) {
    return compile(config, {});
}

Result<std::shared_ptr<const Plan>> Plan::compile(const Config& config,
                                                  std::vector<EventHandler> handlers) {
    auto compiled = std::make_unique<CompiledPlan>();
    PLUMBLINE_TRY_VOID(compile_plan(config, std::move(handlers), *compiled));
    return std::shared_ptr<const Plan>{new Plan{std::move(compiled)}};
}

const CompiledPlan& compiled(const Plan& plan) noexcept {
    return *plan.compiled_;
}

const std::vector<storage::EntityLayout>& Plan::entities() const noexcept {
    return compiled_->entities;
}

int Plan::find_entity(std::string_view name) const noexcept {
    const auto found = std::ranges::find(compiled_->entities, name, &storage::EntityLayout::name);
    return found == compiled_->entities.end()
               ? -1
               : static_cast<int>(found - compiled_->entities.begin());
}

const storage::RowCodec& Plan::codec(size_t entity) const noexcept {
    return compiled_->codecs[entity];
}

int Plan::find_source(std::string_view contract) const noexcept {
    return engine::find_source(*compiled_, contract);
}

const evm::Abi& Plan::abi(size_t source) const noexcept {
    return compiled_->abis[source];
}

const std::vector<Source>& Plan::sources() const noexcept {
    return compiled_->sources;
}
const storage::SchemaBundle& Plan::bundle() const noexcept {
    return compiled_->bundle;
}
const std::vector<StatePlan>& Plan::state_plans() const noexcept {
    return compiled_->states;
}
const std::vector<CountPlan>& Plan::count_plans() const noexcept {
    return compiled_->counts;
}
bool Plan::has_calls() const noexcept {
    return compiled_->has_calls;
}

const std::vector<CallStorage>& Plan::call_storage() const noexcept {
    return compiled_->call_storage;
}

bool Plan::asks_head() const noexcept {
    return compiled_->asks_head;
}

bool Plan::needs_txn() const noexcept {
    return compiled_->needs_txn;
}

storage::TxnNeeds Plan::txn_needs(uint32_t source, const evm::Log& log) const noexcept {
    storage::TxnNeeds out;
    if (!compiled_->needs_txn) {
        return out;
    }
    const CompiledPlan::Match match = compiled_->find_event(source, log);
    if (match.shapes != nullptr) {
        for (const int32_t event : match.shapes->events) {
            if (event >= 0) {
                out.add(compiled_->events[static_cast<size_t>(event)].txn_needs);
            }
        }
    } else if (match.event != nullptr) {
        out = match.event->txn_needs;
    }
    return out;
}

bool Plan::is_anonymous_event(uint32_t source, const evm::Log& log,
                              const evm::AbiEvent& event) const noexcept {
    const PlanEvent* found = compiled_->find_event(source, log).event;
    return found != nullptr && found->decoder.event() == event;
}

bool Plan::deletes_rows(size_t entity) const noexcept {
    const auto deletes = [entity](const PlanHandler& handler) {
        return handler.action == HandlerAction::kDelete && handler.entity == entity;
    };
    return !compiled_->drops[entity].empty() ||
           std::ranges::any_of(compiled_->events, [&deletes](const PlanEvent& event) {
               return std::ranges::any_of(event.handlers, deletes);
           });
}

void Plan::find_children(uint32_t source, const evm::Log& log, ByteView data,
                         std::vector<ChildAnnouncement>& out) const {
    CompiledPlan::Match match = compiled_->find_event(source, log);
    if (match.event == nullptr && match.shapes == nullptr) {
        return;
    }
    evm::DecodedEvent decoded;
    if (match.shapes != nullptr) {
        match = compiled_->find_event(source, log, data, decoded);
    }
    // Of what does not decode, or as several shapes, the fold tells.
    if (match.event == nullptr || match.event->children.empty() || match.other != nullptr ||
        match.event->decoder.decode(log, data, decoded) != evm::AbiError::kNone) {
        return;
    }
    std::vector<const evm::Value*> values;
    for (const PlanChildren& children : match.event->children) {
        values.clear();
        decoded.get_all(children.path, values);
        for (const evm::Value* value : values) {
            out.push_back({children.source, evm::to_address(value->word)});
        }
    }
}

std::string_view to_string(HandlerAction action) noexcept {
    switch (action) {
        case HandlerAction::kInsert: return "insert";
        case HandlerAction::kUpsert: return "upsert";
        case HandlerAction::kUpdate: return "update";
        case HandlerAction::kDelete: return "delete";
    }
    return "handler";
}

bool CompiledPlan::has_topic(uint32_t source, const evm::Log& log) const noexcept {
    constexpr uint8_t kTopicsMax = 4;
    for (uint8_t count = 1; log.topic_count > 0 && count <= kTopicsMax; ++count) {
        for (size_t at = slot_of(source, log.topics[0], count, event_table.size());
             event_table[at].used; at = (at + 1) & (event_table.size() - 1)) {
            if (event_table[at].source == source && event_table[at].topic0 == log.topics[0]) {
                return true;
            }
        }
    }
    return false;
}

CompiledPlan::Match CompiledPlan::find_event(uint32_t source, const evm::Log& log) const noexcept {
    if (log.topic_count > 0) {
        for (size_t at = slot_of(source, log.topics[0], log.topic_count, event_table.size());
             event_table[at].used; at = (at + 1) & (event_table.size() - 1)) {
            const EventSlot& slot = event_table[at];
            if (slot.source == source && slot.topic_count == log.topic_count &&
                slot.topic0 == log.topics[0]) {
                Match match;
                match.is_known = true;
                if (slot.shapes >= 0) {
                    match.shapes = &shape_groups[static_cast<size_t>(slot.shapes)];
                } else if (slot.event >= 0) {
                    match.event = &events[static_cast<size_t>(slot.event)];
                }
                return match;
            }
        }
    }
    const int32_t found = anonymous[source * 5 + std::min<size_t>(log.topic_count, 4)];
    if (found < 0 || !is_told(events[static_cast<size_t>(found)], log)) {
        return {};
    }
    return {&events[static_cast<size_t>(found)], true, nullptr, nullptr};
}

CompiledPlan::Match CompiledPlan::find_event(uint32_t source, const evm::Log& log, ByteView data,
                                             evm::DecodedEvent& decoded) const {
    Match match = find_event(source, log);
    if (match.shapes == nullptr) {
        return match;
    }
    const ShapeGroup& shapes = *match.shapes;
    const auto event_at = [&](size_t i) {
        return shapes.events[i] < 0 ? nullptr : &events[static_cast<size_t>(shapes.events[i])];
    };
    match.shapes = nullptr;
    match.event = event_at(0);
    bool is_one = false;
    for (size_t i = 0; i < shapes.decoders.size() && match.other == nullptr; ++i) {
        if (shapes.decoders[i].decode(log, data, decoded) != evm::AbiError::kNone) {
            continue;
        }
        if (is_one) {
            match.other = &shapes.decoders[i];
        } else {
            match.event = event_at(i);
            is_one = true;
        }
    }
    return match;
}

void CompiledPlan::index_events() {
    size_t count = 0;
    for (const evm::Abi& abi : abis) {
        count += abi.events.size();
    }
    size_t size = 16;
    while (size < count * 2 + 1) {
        size *= 2;
    }
    event_table.assign(size, EventSlot{});
    anonymous.assign(sources.size() * 5, -1);
    for (uint32_t source = 0; source < sources.size(); ++source) {
        for (const evm::AbiEvent& abi : abis[source].events) {
            index_event(source, abi);
        }
    }
}

void CompiledPlan::index_event(uint32_t source, const evm::AbiEvent& abi) {
    EventSlot wanted;
    wanted.topic0 = abi.topic0();
    wanted.source = source;
    wanted.topic_count = static_cast<uint8_t>(abi.topic_count());
    wanted.used = true;
    for (const uint32_t index : events_of_source[source]) {
        if (events[index].decoder.event() == abi) {
            wanted.event = static_cast<int32_t>(index);
        }
    }
    if (abi.anonymous) {
        // Handlers of those that cannot be told apart were refused, so -1 is all they give.
        int32_t& slot = anonymous[source * 5 + std::min<size_t>(wanted.topic_count, 4)];
        slot = std::max(slot, wanted.event);
        return;
    }
    const size_t size = event_table.size();
    size_t at = slot_of(source, wanted.topic0, wanted.topic_count, size);
    for (; event_table[at].used; at = (at + 1) & (size - 1)) {
        EventSlot& slot = event_table[at];
        if (slot.source == source && slot.topic_count == wanted.topic_count &&
            slot.topic0 == wanted.topic0) {
            add_shape(slot, wanted.event, abi);
            return;
        }
    }
    event_table[at] = wanted;
}

/// One more shape of the event in `slot`. Its decoder was compiled once already, where handled.
void CompiledPlan::add_shape(EventSlot& slot, int32_t event, const evm::AbiEvent& abi) {
    if (slot.shapes < 0) {
        slot.shapes = static_cast<int32_t>(shape_groups.size());
        shape_groups.emplace_back();
        for (const evm::AbiEvent& first : abis[slot.source].events) {
            const bool is_first = !first.anonymous && first.topic0() == slot.topic0 &&
                                  first.topic_count() == slot.topic_count;
            if (is_first) {
                push_shape(slot, slot.event, first);
                break;
            }
        }
    }
    push_shape(slot, event, abi);
}

void CompiledPlan::push_shape(const EventSlot& slot, int32_t event, const evm::AbiEvent& abi) {
    ShapeGroup& group = shape_groups[static_cast<size_t>(slot.shapes)];
    auto decoder = evm::EventDecoder::compile(abi);
    if (!decoder) {
        return;
    }
    // Those that are handled come first.
    const auto at = event < 0 ? group.events.end()
                              : std::ranges::find_if(group.events, [](int32_t i) { return i < 0; });
    group.decoders.insert(group.decoders.begin() + (at - group.events.begin()),
                          *std::move(decoder));
    group.events.insert(at, event);
}

}  // namespace plumbline::engine

#include "engine/fold/fold.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "core/base/check.hpp"
#include "core/evm/hex.hpp"
#include "engine/fold/corrections.hpp"
#include "engine/fold/entity_cache.hpp"
#include "engine/fold/event_trace.hpp"
#include "engine/fold/handler_runner.hpp"
#include "engine/fold/prefetch.hpp"
#include "engine/fold/quarantine_bound.hpp"
#include "engine/mapping/compiled_plan.hpp"
#include "engine/mapping/source_map.hpp"
#include "storage/entity_key.hpp"

namespace plumbline::engine {

struct Fold::Impl {
    Impl(std::shared_ptr<const Plan> shared_plan, storage::Database& database, FoldOptions options)
        : plan{std::move(shared_plan)},
          own_database{database},
          starts_empty{options.starts_empty},
          map{plan->sources()},
          cache{plan->entities().size(), database, options.cache_bytes, options.starts_empty},
          runner{compiled(*plan), cache},
          prefetcher{compiled(*plan), map, runner, cache},
          trace{options.trace} {
        runner.set_trace(trace);
    }

    [[nodiscard]] bool find_matches(const evm::Log& log, ByteView data);
    void count_unknown(const evm::Log& log, bool is_claimed);
    [[nodiscard]] Status run_matches(const evm::Log& log, ByteView data,
                                     const storage::TxnFields* txn);
    [[nodiscard]] Status run_event(const PlanEvent& event, const evm::Log& log, ByteView data,
                                   const storage::TxnFields* txn);
    [[nodiscard]] Status run_shared(const evm::Log& log, ByteView data,
                                    const storage::TxnFields* txn);
    [[nodiscard]] Status refuse(const evm::Log& log, const PlanEvent& event);
    void quarantine(const evm::Log& log, const std::string& event, std::string reason);
    void quarantine_correction(const storage::CorrectionRow& correction, std::string reason);
    void flush_quarantine(storage::CommitBatch& batch);
    /// The same of an event, whose contract may be anybody's.
    [[nodiscard]] Status quarantine(const evm::Log& log, const PlanEvent& event,
                                    std::string reason);
    [[nodiscard]] bool is_anybodys(const PlanEvent& event) const {
        return plan->sources()[event.source].any_address;
    }

    std::shared_ptr<const Plan> plan;
    storage::Database& own_database;
    bool starts_empty = false;
    /// Empty: not asked for since the start, or since the database changed.
    std::optional<QuarantineBound> bound;
    SourceMap map;
    EntityCache cache;
    HandlerRunner runner;
    EventPrefetcher prefetcher;
    EventTrace* trace = nullptr;
    evm::DecodedEvent decoded;
    FoldBlock block;
    std::vector<CompiledPlan::Match> matches;
    std::vector<evm::DecodedEvent> shared_decoded;  ///< scratch: the log at hand, for each match
    bool is_known = false;                          ///< the log at hand: some ABI has its event
    std::vector<storage::QuarantineRow> quarantined;
    size_t quarantined_bytes = 0;
    FoldStats stats;
};

namespace {

std::string explain(const PlanEvent& event, const evm::DecodedEvent& decoded, evm::AbiError error,
                    const evm::Log& log, ByteView data) {
    const evm::AbiEvent& abi = event.decoder.event();
    std::string out =
        fmt::format("cannot be decoded as {}: {}", abi.signature(), evm::to_string(error));
    if (error != evm::AbiError::kTopicCount && decoded.failed_param() < abi.inputs.size()) {
        const evm::AbiParam& param = abi.inputs[decoded.failed_param()];
        out += fmt::format(", at parameter {} ({}{}{})", decoded.failed_param(),
                           to_string(param.type), param.name.empty() ? "" : " ", param.name);
    }
    return out + fmt::format("; {} topics, {} bytes of data", log.topic_count, data.size());
}

}  // namespace

Fold::Fold(std::shared_ptr<const Plan> plan, storage::Database& database, size_t cache_bytes)
    : Fold(std::move(plan), database, FoldOptions{cache_bytes, false}) {}

Fold::Fold(std::shared_ptr<const Plan> plan, storage::Database& database, FoldOptions options)
    : impl_{std::make_unique<Impl>(std::move(plan), database, options)} {}

Fold::~Fold() = default;

void Fold::add_child(const storage::ChildRow& child) {
    if (const int source = impl_->map.find_source(child.contract); source >= 0) {
        impl_->map.add_child(static_cast<uint32_t>(source), child.address, child.block_num,
                             child.log_index);
    }
}

void Fold::begin_block(const FoldBlock& block) {
    Impl& my = *impl_;
    PLUMBLINE_CHECK_MSG(my.cache.is_clean() || (!my.block.keep_undo && !block.keep_undo),
                        "a block with undo must be flushed by itself");
    my.block = block;
}

void Fold::Impl::quarantine(const evm::Log& log, const std::string& event, std::string reason) {
    ++stats.quarantined;
    if (trace != nullptr) {
        trace->violation = reason;
    }
    quarantined_bytes += event.size() + reason.size() + sizeof(storage::QuarantineRow);
    quarantined.push_back({log.block_num, log.log_index, event, std::move(reason)});
}

Status Fold::Impl::quarantine(const evm::Log& log, const PlanEvent& event, std::string reason) {
    if (!is_anybodys(event)) {
        quarantine(log, event.name, std::move(reason));
        return ok();
    }
    if (!bound) {
        // A fold that began with nothing has told it all; else it is in the database.
        bound.emplace(kQuarantinePerAddressMax);
        if (!starts_empty) {
            PLUMBLINE_TRY_VOID(bound->read(own_database));
        }
    }
    if (!bound->take(log.address, reason)) {
        ++stats.quarantined;
        ++stats.dropped;
        if (trace != nullptr) {
            trace->violation = reason;
        }
        return ok();
    }
    quarantine(log, event.name, std::move(reason));
    return ok();
}

void Fold::set_calls(CallSource* calls) {
    impl_->runner.set_calls(calls);
}

void Fold::look_ahead(const evm::LogBatch& logs, size_t next) {
    impl_->prefetcher.look_ahead(logs, next);
}

Status Fold::apply(const evm::Log& log, ByteView data, const storage::TxnFields* txn) {
    Impl& my = *impl_;
    PLUMBLINE_DCHECK(log.block_num == my.block.block_num);
    ++my.stats.events;
    if (my.trace != nullptr) {
        *my.trace = {};
    }
    const bool is_claimed = my.find_matches(log, data);
    if (my.trace != nullptr && !my.matches.empty()) {
        my.trace->event = my.matches.back().event;
    }
    if (my.matches.empty()) {
        my.count_unknown(log, is_claimed);
        return ok();
    }
    ++my.stats.handled;
    const uint64_t quarantined = my.stats.quarantined;
    if (Status status = my.run_matches(log, data, txn); !status) {
        my.cache.rollback_event();
        return status;
    }
    if (my.stats.quarantined != quarantined) {
        my.cache.rollback_event();
        my.cache.trim();
        return ok();
    }
    my.count_unknown(log, true);
    my.stats.row_changes += my.cache.event_rows();
    my.cache.commit_event();
    my.cache.trim();
    return ok();
}

void Fold::Impl::count_unknown(const evm::Log& log, bool is_claimed) {
    if (!is_claimed || is_known) {
        return;
    }
    bool has_topic = false;
    map.for_each_source(log, [&](uint32_t source) {
        has_topic = has_topic || compiled(*plan).has_topic(source, log);
    });
    ++stats.unknown;
    stats.misfits += has_topic ? 1 : 0;
}

/// Which events the log is, into `matches`; whether some contract claims it.
bool Fold::Impl::find_matches(const evm::Log& log, ByteView data) {
    matches.clear();
    is_known = false;
    bool is_claimed = false;
    map.for_each_source(log, [&](uint32_t source) {
        is_claimed = true;
        CompiledPlan::Match match = compiled(*plan).find_event(source, log);
        if (match.shapes != nullptr) {
            match = compiled(*plan).find_event(source, log, data, decoded);
        }
        if (match.event != nullptr) {
            matches.push_back(match);
        }
        // An anonymous one, and one that anybody may emit, is known once it has decoded.
        is_known |= match.is_known &&
                    (match.event == nullptr ||
                     !(match.event->decoder.event().anonymous || is_anybodys(*match.event)));
    });
    return is_claimed;
}

/// One address may belong to several contracts of the config; still all apply or none.
Status Fold::Impl::run_matches(const evm::Log& log, ByteView data, const storage::TxnFields* txn) {
    for (const CompiledPlan::Match& match : matches) {
        const PlanEvent& event = *match.event;
        if (!event.txn_needs.met_by(txn)) {
            return Error{
                ErrorCode::kNotFound,
                fmt::format("{} at block {}, log {}: its handlers name what only transaction {} or "
                            "its receipt says, and that was not fetched",
                            event.name, log.block_num, log.log_index, evm::to_hex(log.txn_hash))};
        }
        if (match.other != nullptr) {
            return quarantine(
                log, event,
                fmt::format("it is {} as well as {}, and nothing tells which: a contract of "
                            "its own for each of them, with start_block and end_block, would",
                            event.decoder.event().shape(), match.other->event().shape()));
        }
    }
    return matches.size() == 1 ? run_event(*matches[0].event, log, data, txn)
                               : run_shared(log, data, txn);
}

Status Fold::Impl::run_event(const PlanEvent& event, const evm::Log& log, ByteView data,
                             const storage::TxnFields* txn) {
    const PredecodedEvent* predecoded = prefetcher.find(log, event);
    const evm::AbiError error =
        predecoded != nullptr ? predecoded->error : event.decoder.decode(log, data, decoded);
    const evm::DecodedEvent& values = predecoded != nullptr ? predecoded->decoded : decoded;
    if (error != evm::AbiError::kNone && (event.decoder.event().anonymous || is_anybodys(event))) {
        return ok();  // Solidity would have encoded it rightly: it is an event of no ABI.
    }
    is_known = true;
    if (error != evm::AbiError::kNone) {
        return quarantine(log, event, explain(event, values, error, log, data));
    }
    EventScope scope{event, log, data, txn, block, values, 0};
    const bool has_run = runner.run(scope, predecoded != nullptr ? &predecoded->keys : nullptr);
    return has_run ? ok() : refuse(log, event);
}

/// A log of several contracts that share its address. Their ABIs may have the event in other
/// shapes: of those that it is not, nothing runs as long as it is one.
Status Fold::Impl::run_shared(const evm::Log& log, ByteView data, const storage::TxnFields* txn) {
    shared_decoded.resize(std::max(shared_decoded.size(), matches.size()));
    std::vector<EventScope> scopes;
    const PlanEvent* failed = nullptr;
    evm::AbiError failure = evm::AbiError::kNone;
    for (size_t i = 0; i < matches.size(); ++i) {
        const PlanEvent& event = *matches[i].event;
        const evm::AbiError error = event.decoder.decode(log, data, shared_decoded[i]);
        if (error == evm::AbiError::kNone) {
            scopes.push_back({event, log, data, txn, block, shared_decoded[i], 0});
        } else if (failed == nullptr && !event.decoder.event().anonymous && !is_anybodys(event)) {
            failed = &event;
            failure = error;
            decoded = shared_decoded[i];
        }
    }
    is_known = is_known || !scopes.empty();
    if (scopes.empty()) {
        if (failed != nullptr) {
            return quarantine(log, *failed, explain(*failed, decoded, failure, log, data));
        }
        return ok();
    }
    return runner.run_shared(scopes) ? ok() : refuse(log, scopes.front().event);
}

/// After the runner has said no.
Status Fold::Impl::refuse(const evm::Log& log, const PlanEvent& event) {
    if (runner.trouble()) {
        return *runner.trouble();
    }
    return quarantine(log, event, runner.violation());
}

/// One row tells of all corrections of a block.
void Fold::Impl::quarantine_correction(const storage::CorrectionRow& correction,
                                       std::string reason) {
    constexpr size_t kReasonBytes = 400;
    if (!quarantined.empty() && quarantined.back().block_num == correction.block_num &&
        quarantined.back().log_index == kCorrectionLogIndex) {
        std::string& told = quarantined.back().reason;
        if (told.size() < kReasonBytes) {
            told += "; " + reason;
            quarantined_bytes += reason.size() + 2;
        } else if (!told.ends_with("...")) {
            told += "; ...";
        }
        return;
    }
    evm::Log place;
    place.block_num = correction.block_num;
    place.log_index = kCorrectionLogIndex;
    quarantine(place, "correction of " + correction.entity, std::move(reason));
}

Status Fold::apply_correction(const storage::CorrectionRow& correction) {
    Impl& my = *impl_;
    PLUMBLINE_DCHECK(correction.block_num == my.block.block_num);
    PlacedCorrection placed = place_correction(correction, *my.plan);
    if (!placed.refusal.empty()) {
        my.quarantine_correction(correction, std::move(placed.refusal));
    }
    if (!placed.applies) {
        return ok();
    }
    EntityCache::Entry* entry = my.cache.find(placed.entity, placed.key);
    if (entry == nullptr) {
        return my.cache.error();
    }
    const bool is_there = storage::RowCodec::is_live(entry->row);
    if (!is_there && !placed.makes_row && !placed.deletes) {
        return ok();
    }
    const storage::EntityLayout& layout = my.plan->entities()[placed.entity];
    const storage::RowCodec& codec = my.plan->codec(placed.entity);
    const storage::ChangedAt at{correction.block_num, kCorrectionLogIndex};
    my.cache.touch(*entry);
    if (!placed.deletes) {
        if (!is_there) {
            entry->row = codec.empty_row();
        }
        for (const auto& [field, value] : placed.fields) {
            codec.set_value(entry->row, field, value);
        }
        storage::RowCodec::set_changed_at(entry->row, at);
    } else if (layout.keep_tombstones) {
        entry->row = codec.make_tombstone(at);
    } else {
        entry->row.clear();
    }
    my.stats.row_changes += 1;
    my.cache.commit_event();
    my.cache.trim();
    return ok();
}

Result<std::string_view> Fold::peek(size_t entity, std::string_view key) {
    const EntityCache::Entry* entry = impl_->cache.find(entity, key);
    if (entry == nullptr) {
        return impl_->cache.error();
    }
    return std::string_view{entry->row};
}

void Fold::Impl::flush_quarantine(storage::CommitBatch& batch) {
    for (const storage::QuarantineRow& row : quarantined) {
        batch.quarantine(row);
    }
    quarantined.clear();
    quarantined_bytes = 0;
}

Status Fold::flush(storage::CommitBatch& batch, RowChanges* kept) {
    Impl& my = *impl_;
    my.cache.flush(batch, my.block.keep_undo ? std::optional{my.block.block_num} : std::nullopt,
                   kept);
    my.flush_quarantine(batch);
    return ok();
}

Status Fold::flush_cold(storage::CommitBatch& batch) {
    PLUMBLINE_CHECK_MSG(!impl_->block.keep_undo, "undo is of whole blocks");
    impl_->cache.flush_cold(batch);
    impl_->flush_quarantine(batch);
    return ok();
}

size_t Fold::pending_bytes() const noexcept {
    return impl_->cache.pending_bytes() + impl_->quarantined_bytes;
}

void Fold::roll_back(uint64_t block_num) {
    Impl& my = *impl_;
    my.cache.reset();
    my.prefetcher.clear();
    my.map.remove_children_above(block_num);
    my.quarantined.clear();
    my.quarantined_bytes = 0;
    my.bound.reset();
    my.starts_empty = false;
    my.block = FoldBlock{};
}

void Fold::reset() {
    roll_back(UINT64_MAX);
    impl_->map.reset_children({});
}

const FoldStats& Fold::stats() const noexcept {
    impl_->stats.rows_written = impl_->cache.rows_written();
    impl_->stats.database_reads = impl_->cache.database_reads();
    return impl_->stats;
}

}  // namespace plumbline::engine

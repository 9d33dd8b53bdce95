#include "api/rpc/log_source.hpp"

#include <algorithm>

#include "api/rpc/log_coverage.hpp"
#include "core/base/json_writer.hpp"
#include "core/evm/hex.hpp"
#include "engine/mapping/block_tick.hpp"
#include "engine/mapping/coverage_gaps.hpp"

namespace plumbline::api {

namespace {

constexpr uint64_t kRowsLooked = 10'000;

std::string open_log(const storage::LogRecord& record, const storage::BlockRow& block) {
    const evm::Log& log = record.log;
    std::string out;
    JsonWriter json{out};
    json.open_object().member("address", evm::to_hex(log.address)).key("topics").open_array();
    for (uint8_t i = 0; i < log.topic_count; ++i) {
        json.value(evm::to_hex(log.topics[i]));
    }
    json.close_array()
        .member("data", evm::to_hex(record.data))
        .member("blockHash", evm::to_hex(block.hash))
        .member("blockNumber", evm::to_quantity(log.block_num))
        .member("blockTimestamp", evm::to_quantity(block.timestamp))
        .member("transactionHash", evm::to_hex(log.txn_hash))
        .member("transactionIndex", evm::to_quantity(log.txn_index))
        .member("logIndex", evm::to_quantity(log.log_index));
    return out;
}

}  // namespace

std::string close_log(const std::string& open, bool removed) {
    return open + (removed ? R"(,"removed":true})" : R"(,"removed":false})");
}

BlockTags LogSource::tags() const {
    return {engine::first_block_of(plan_.sources()), cursor_.block_num, cursor_.finalized};
}

std::optional<evm::Hash> LogSource::hash_of(uint64_t block_num) const {
    if (block_num == cursor_.block_num) {
        return cursor_.block_hash;
    }
    const Result<storage::BlockRow> row = view_.get_block(block_num);
    return row ? std::optional{row->hash} : std::nullopt;
}

std::optional<storage::BlockRow> LogSource::row_of(uint64_t block_num) const {
    const Result<storage::BlockRow> row = view_.get_block(block_num);
    return row ? std::optional{*row} : std::nullopt;
}

std::optional<uint64_t> LogSource::block_of(const evm::Hash& hash) const {
    if (hash == cursor_.block_hash) {
        return cursor_.block_num;
    }
    const uint64_t head = cursor_.block_num;
    const auto rows = view_.list_blocks(head - std::min(head, kRowsLooked - 1), head);
    if (!rows) {
        return std::nullopt;
    }
    const auto found = std::ranges::find(*rows, hash, &storage::BlockRow::hash);
    return found == rows->end() ? std::nullopt : std::optional{found->block_num};
}

Result<std::optional<std::string>> LogSource::find_uncovered(const LogFilter& filter, uint64_t from,
                                                             uint64_t to) const {
    std::vector<storage::ChildRow> children;
    const auto has_factory = [](const engine::Source& source) { return source.has_factory; };
    if (std::ranges::any_of(plan_.sources(), has_factory)) {
        PLUMBLINE_TRY(children, view_.list_children());
    }
    return api::find_uncovered({plan_, coverage_, children}, filter, from,
                               std::min(to, cursor_.block_num));
}

Result<LogScan> LogSource::scan(const LogFilter& filter, uint64_t from, uint64_t to) const {
    LogScan out;
    to = std::min(to, cursor_.block_num);
    if (from > to) {
        out.is_whole = true;
        out.through = to;
        return out;
    }
    size_t bytes = 0;
    uint64_t seen = 0;
    size_t whole = 0;  ///< logs of blocks that are through
    uint64_t block_num = from;
    std::optional<storage::BlockRow> block;
    const auto logs = view_.scan_logs(from, to);
    for (bool is_first = true; logs->valid(); logs->next()) {
        const storage::LogRecord& record = logs->record();
        if (is_first || record.log.block_num != block_num) {
            is_first = false;
            whole = out.logs.size();
            block_num = record.log.block_num;
            block.reset();
            if (block_num > from) {
                out.through = block_num - 1;
            }
        }
        const bool is_over = out.logs.size() >= kLogsMax || bytes >= kBytesMax;
        if (is_over || (++seen % 1'024 == 0 && is_late_())) {
            out.logs.resize(whole);
            return out;
        }
        if (!filter.matches(record.log) || engine::is_tick(record.log)) {
            continue;
        }
        if (!block) {
            PLUMBLINE_TRY(block, view_.get_block(block_num));
        }
        out.logs.push_back({block_num, open_log(record, *block)});
        bytes += out.logs.back().text.size();
    }
    PLUMBLINE_TRY_VOID(logs->status());
    out.through = to;
    out.is_whole = true;
    return out;
}

}  // namespace plumbline::api

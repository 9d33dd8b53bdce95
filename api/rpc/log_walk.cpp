#include "api/rpc/log_walk.hpp"

#include <utility>

#include "core/base/json_writer.hpp"
#include "core/evm/hex.hpp"
#include "engine/mapping/block_tick.hpp"

namespace plumbline::api {

namespace {

void write_open_log(const storage::LogRecord& record, const storage::BlockRow& block,
                    std::string& out) {
    const evm::Log& log = record.log;
    out.clear();
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
}

}  // namespace

void append_log(std::string& out, std::string_view open, bool removed) {
    out += open;
    out += removed ? R"(,"removed":true})" : R"(,"removed":false})";
}

LogWalk::LogWalk(const storage::ReadView& view, LogFilter filter, uint64_t from, uint64_t to)
    : view_{view},
      filter_{std::move(filter)},
      logs_{view.scan_logs(from, to)},
      block_num_{from} {}

Result<LogWalk::Step> LogWalk::next(const std::function<bool()>& is_late) {
    for (;; is_done_with_ = true) {
        if (std::exchange(is_done_with_, false)) {
            logs_->next();
        }
        if (!logs_->valid()) {
            PLUMBLINE_TRY_VOID(logs_->status());
            return Step::kEnd;
        }
        const storage::LogRecord& record = logs_->record();
        block_num_ = record.log.block_num;
        if (++seen_ % 1'024 == 0 && is_late()) {
            return Step::kLate;
        }
        if (!filter_.matches(record.log) || engine::is_tick(record.log)) {
            continue;
        }
        if (!block_ || block_->block_num != block_num_) {
            PLUMBLINE_TRY(block_, view_.get_block(block_num_));
        }
        write_open_log(record, *block_, text_);
        is_done_with_ = true;
        return Step::kLog;
    }
}

}  // namespace plumbline::api

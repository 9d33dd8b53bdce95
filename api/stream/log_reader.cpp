#include "api/stream/log_reader.hpp"

#include <algorithm>
#include <utility>

#include "api/stream/stream_message.hpp"

namespace plumbline::api {

namespace {

/// Blocks in one go, so that a rare event does not hold the thread.
constexpr size_t kBlocksMax = 1'000;

Result<uint64_t> count_before(const storage::ReadView& view, uint64_t block_num) {
    return block_num == 0 ? Result<uint64_t>{0} : count_logs(view, block_num - 1);
}

}  // namespace

LogReader::LogReader(const StreamFeed& feed, const StreamFilter& filter,
                     std::unique_ptr<storage::ReadView> view, const Range& range)
    : filter_{filter},
      view_{std::move(view)},
      range_{range},
      text_{feed.plan, view_->list_children().value_or({})},
      logs_{view_->scan_logs(std::min(range.from, range.until.block_num), range.until.block_num)},
      basis_{*view_, feed.abis},
      logs_before_{count_before(*view_, std::min(range.from, range.until.block_num))} {}

Result<std::string> LogReader::next() {
    for (size_t blocks = 0; logs_->valid() && blocks < kBlocksMax; ++blocks) {
        if (std::optional<std::string> message = next_block()) {
            return *std::move(message);
        }
    }
    if (logs_->valid()) {
        return std::string{R"({"type":"wait"})"};
    }
    if (!logs_->status()) {
        return Error{ErrorCode::kCorruption, "the log cannot be read"};
    }
    is_done_ = true;
    return head_message("ready", {range_.until, basis()});
}

void LogReader::pass() {
    logs_->next();
    if (logs_before_) {
        ++*logs_before_;
    }
}

/// Empty where nothing of the block is wanted.
std::optional<std::string> LogReader::next_block() {
    const uint64_t block_num = logs_->record().log.block_num;
    if (block_num < range_.from) {
        pass();
        return std::nullopt;
    }
    std::string events;
    JsonWriter list{events};
    list.open_array();
    bool has_some = false;
    bool has_more = false;
    for (; logs_->valid() && logs_->record().log.block_num == block_num; pass()) {
        const storage::LogRecord& record = logs_->record();
        const engine::EventText::Name name = text_.name(record);
        if (filter_.wants_event(name.contract == nullptr ? "" : *name.contract,
                                name.event == nullptr ? "" : *name.event)) {
            // The last part is not empty: it is the one with the hash.
            has_more = has_some && events.size() >= range_.message_bytes_max;
            if (has_more) {
                break;
            }
            text_.append_json(list.raw_value(), record);
            has_some = true;
        }
    }
    list.close_array();
    const auto row = view_->get_block(block_num);
    if (!has_some || !row) {
        return std::nullopt;
    }
    std::string out;
    JsonWriter json{out};
    if (has_more) {
        json.open_object().member("type", "block").member("block", block_num).member("more", true);
    } else {
        write_head(json, "block", {{block_num, row->hash}, basis()});
    }
    json.member("from", block_num)
        .member("timestamp", row->timestamp)
        .member("event_count", row->event_count)
        .key("rows")
        .open_array()
        .close_array()
        .key("events")
        .raw(events)
        .close_object();
    return out;
}

}  // namespace plumbline::api

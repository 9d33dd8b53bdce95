#include "api/stream/log_reader.hpp"

#include <algorithm>
#include <utility>

#include "api/stream/stream_message.hpp"

namespace plumbline::api {

namespace {

/// Blocks in one go, so that a rare event does not hold the thread.
constexpr size_t kBlocksMax = 1'000;

Error unreadable(const Error& error) {
    return error.with_context("the log cannot be read");
}

Result<uint64_t> count_before(const storage::ReadView& view, uint64_t block_num) {
    return block_num == 0 ? Result<uint64_t>{0} : count_logs(view, block_num - 1);
}

}  // namespace

Result<std::unique_ptr<LogReader>> LogReader::open(const StreamFeed& feed,
                                                   const StreamFilter& filter,
                                                   std::unique_ptr<storage::ReadView> view,
                                                   const Range& range) {
    const Result<std::vector<storage::ChildRow>> children = view->list_children();
    if (!children) {
        return unreadable(children.error());
    }
    return std::unique_ptr<LogReader>{
        new LogReader{feed, filter, std::move(view), range, *children}};
}

LogReader::LogReader(const StreamFeed& feed, const StreamFilter& filter,
                     std::unique_ptr<storage::ReadView> view, const Range& range,
                     const std::vector<storage::ChildRow>& children)
    : filter_{filter},
      view_{std::move(view)},
      range_{range},
      text_{feed.plan, children},
      logs_{view_->scan_logs(std::min(range.from, range.until.block_num), range.until.block_num)},
      basis_{*view_, feed.abis},
      logs_before_{count_before(*view_, std::min(range.from, range.until.block_num))} {}

Result<std::string> LogReader::next() {
    for (size_t blocks = 0; logs_->valid() && blocks < kBlocksMax; ++blocks) {
        PLUMBLINE_TRY(std::optional<std::string> message, next_block());
        if (message) {
            return *std::move(message);
        }
    }
    if (logs_->valid()) {
        return std::string{R"({"type":"wait"})"};
    }
    if (!logs_->status()) {
        return unreadable(logs_->status().error());
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
Result<std::optional<std::string>> LogReader::next_block() {
    const uint64_t block_num = logs_->record().log.block_num;
    if (block_num < range_.from) {
        pass();
        return std::optional<std::string>{};
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
    if (!logs_->status()) {
        return unreadable(
            logs_->status().error());  // The block may have more: it must not look whole.
    }
    if (!has_some) {
        return std::optional<std::string>{};
    }
    const Result<storage::BlockRow> row = view_->get_block(block_num);
    if (!row) {
        return unreadable(row.error());
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
    return std::optional{std::move(out)};
}

}  // namespace plumbline::api

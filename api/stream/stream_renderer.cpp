#include "api/stream/stream_renderer.hpp"

#include <utility>

#include "api/stream/stream_message.hpp"

namespace plumbline::api {

StreamRecord StreamRenderer::render(StreamInput input) {
    StreamRecord record;
    record.kind = input.kind;
    record.commit_num = input.commit_num;
    record.from = input.range.from;
    record.to = input.range.to;
    record.hash = input.hash;
    record.basis = input.basis;
    record.timestamp = input.timestamp;
    record.finalized = input.finalized;
    record.event_count = input.events;
    record.text = std::move(input.text);
    switch (input.kind) {
        case StreamRecord::Kind::kCommit:
            if (!read_children(input)) {
                // Its events have no names now: who wants them reads the log, or is told why not.
                record.kind = StreamRecord::Kind::kRange;
                break;
            }
            render_rows(input, record);
            render_events(input, record);
            break;
        case StreamRecord::Kind::kRetract: render_retract(record); break;
        case StreamRecord::Kind::kReset:
            trail_.clear();
            text_.reset();
            lacks_children_ = true;
            break;
        case StreamRecord::Kind::kRange:
            lacks_children_ = lacks_children_ || input.has_new_children;
            break;
        case StreamRecord::Kind::kProof: break;
    }
    return record;
}

void StreamRenderer::on_appended(std::shared_ptr<const StreamRecord> record, uint64_t oldest_seq) {
    trail_.push(std::move(record));
    trail_.drop_before(oldest_seq);
}

std::string StreamRenderer::row(size_t entity, std::string_view key, std::string_view row) const {
    return row_json(feed_.plan->entities()[entity], feed_.plan->codec(entity), key, row);
}

void StreamRenderer::render_rows(const StreamInput& input, StreamRecord& record) const {
    for (const engine::RowChange& change : input.changes) {
        record.rows.push_back({change.entity, change.key,
                               row(change.entity, change.key, change.after), change.before});
    }
}

void StreamRenderer::render_events(const StreamInput& input, StreamRecord& record) {
    if (input.logs.logs.empty() || !text_) {
        return;
    }
    for (const evm::Log& log : input.logs.logs) {
        const storage::LogRecord stored{log, input.logs.data(log), std::nullopt};
        const engine::EventText::Name name = text_->name(stored);
        StreamRecord::Event event;
        event.contract = name.contract == nullptr ? "" : *name.contract;
        event.name = name.event == nullptr ? "" : *name.event;
        text_->append_json(event.json, stored);
        record.events.push_back(std::move(event));
    }
}

/// Children may have been announced by the very logs that are shown. False where they are wanted
/// and cannot be read.
bool StreamRenderer::read_children(const StreamInput& input) {
    if (!lacks_children_) {
        for (const storage::ChildRow& child : input.children) {
            text_->add_child(child);
        }
        return true;
    }
    const storage::Database* database = feed_.database();
    if (database == nullptr || input.logs.logs.empty()) {
        return true;
    }
    const Result<std::vector<storage::ChildRow>> children = database->children();
    lacks_children_ = !children.has_value();
    if (lacks_children_) {
        return false;
    }
    if (!text_) {
        text_ = std::make_unique<engine::EventText>(feed_.plan, *children);
    } else {
        text_->reset_children(*children);
    }
    return true;
}

/// The rows as they were before the first block taken back.
void StreamRenderer::render_retract(StreamRecord& record) {
    lacks_children_ = true;  // Some may be deleted: look again.
    const auto rows = trail_.retract(record.to);
    if (!rows) {
        record.kind = StreamRecord::Kind::kReset;
        record.text = "blocks were taken back that this process did not see come";
        return;
    }
    for (const auto& [place, before] : *rows) {
        record.rows.push_back(
            {place.first, place.second, row(place.first, place.second, before), {}});
    }
}

}  // namespace plumbline::api

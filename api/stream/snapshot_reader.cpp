#include "api/stream/snapshot_reader.hpp"

#include <utility>

#include "api/stream/stream_message.hpp"

namespace plumbline::api {

SnapshotReader::SnapshotReader(const StreamFeed& feed, const StreamFilter& filter,
                               std::unique_ptr<storage::ReadView> view, const StreamPlace& at)
    : feed_{feed},
      filter_{filter},
      view_{std::move(view)},
      at_{at} {
    for (size_t entity = feed.plan->entities().size(); entity-- > 0;) {
        if (filter.wants_entity(entity)) {
            entities_.push_back(entity);
        }
    }
}

Result<std::string> SnapshotReader::next() {
    while (!entities_.empty()) {
        if (view_->bundle().entities != feed_.plan->entities()) {
            return Error{ErrorCode::kUnavailable,
                         "the entities change their shape just now; connect again"};
        }
        const size_t entity = entities_.back();
        if (!rows_) {
            rows_ = view_->scan_entity(entity, {}, {});
        }
        if (rows_->valid()) {
            return rows_message(entity);
        }
        if (const Status status = rows_->status(); !status) {
            return status.error().with_context("the rows cannot be read");
        }
        rows_.reset();
        entities_.pop_back();
    }
    is_done_ = true;
    return head_message("ready", at_);
}

std::string SnapshotReader::rows_message(size_t entity) {
    const storage::EntityLayout& layout = feed_.plan->entities()[entity];
    std::string out;
    JsonWriter json{out};
    json.open_object().member("type", "rows").key("rows").open_array();
    for (size_t i = 0; rows_->valid() && i < feed_.options.snapshot_rows &&
                       out.size() < feed_.options.snapshot_bytes_max;
         ++i) {
        if (filter_.wants_row(entity, rows_->key())) {
            json.raw(row_json(layout, feed_.plan->codec(entity), rows_->key(), rows_->row()));
        }
        rows_->next();
    }
    json.close_array().close_object();
    return out;
}

}  // namespace plumbline::api

#include "api/stream/stream_reader.hpp"

#include <algorithm>
#include <utility>

#include "api/stream/stream_message.hpp"

namespace plumbline::api {

namespace {

std::optional<StreamRing::State> state_of(const storage::ReadView& view, uint64_t abis) {
    const auto cursor = view.cursor();
    return cursor ? std::optional{StreamRing::State{*cursor, basis_of(view, abis)}} : std::nullopt;
}

}  // namespace

StreamReader::StreamReader(const StreamFeed& feed, StreamFilter filter, ClientLimit::Place place)
    : place_{std::move(place)},
      feed_{feed},
      filter_{std::move(filter)} {}

std::optional<std::string> StreamReader::next() {
    if (is_over_) {
        return std::nullopt;
    }
    if (!is_started_) {
        is_started_ = true;
        return start();
    }
    if (snapshot_) {
        return next_of_snapshot();
    }
    if (log_) {
        return next_of_log();
    }
    return next_of_ring();
}

// --- starting --------------------------------------------------------------------------------

std::string StreamReader::start() {
    if (filter_.known.empty()) {
        return filter_.wants_snapshot ? start_reset("start") : start_at_head();
    }
    if (!filter_.may_have_more) {
        if (auto message = resume_in_ring()) {
            return *std::move(message);
        }
    }
    if (auto message = resume_in_log()) {
        return *std::move(message);
    }
    return start_reset("none of the known blocks can be gone on from");
}

/// Goes on behind the record that led to what the client has.
std::optional<std::string> StreamReader::resume_in_ring() {
    const StreamPlace& known = filter_.known.front();
    const auto now = state_of(*feed_.database()->read_view(), feed_.abis);
    const auto place = feed_.ring.place_after(known, filter_.has_rows, now);
    if (!place) {
        return std::nullopt;
    }
    next_seq_ = place->next_seq;
    skip_commits_ = place->commit_num;
    last_sent_ = known.block.block_num;
    return head_message("resume", known);
}

/// Clients that follow events only: whatever the log holds can be told again.
std::optional<std::string> StreamReader::resume_in_log() {
    if (filter_.has_rows) {
        return std::nullopt;
    }
    auto view = feed_.database()->read_view();
    const auto cursor = view->cursor();
    const LogBasis basis{*view, feed_.abis};
    for (const StreamPlace& known : filter_.known) {
        const auto block = view->get_block(known.block.block_num);
        if (!cursor || !block || block->hash != known.block.hash) {
            continue;
        }
        const auto logs = count_logs(*view, known.block.block_num);
        if (!logs || !known.is_same({known.block, basis.after(*logs)})) {
            continue;
        }
        std::string out;
        JsonWriter json{out};
        write_head(json, "retract", known);
        json.key("rows").open_array().close_array().close_object();
        stand_on(cursor);
        const Status opened = open_log(std::move(view), known.block.block_num + 1,
                                       {cursor->block_num, cursor->block_hash});
        return opened ? out : end(opened.error().message);
    }
    return std::nullopt;
}

/// From the state as it is; what happened before is not told, except what `from` asks of the log.
std::string StreamReader::start_at_head() {
    auto view = feed_.database()->read_view();
    const auto cursor = view->cursor();
    stand_on(cursor);
    if (cursor && !filter_.from) {
        return head_message("hello", place_of(*view, *cursor));
    }
    std::string out;
    JsonWriter json{out};
    json.open_object().member("type", "hello");
    if (!cursor) {
        json.key("block").null();
    } else {
        json.member("from", *filter_.from);
        if (const Status opened =
                open_log(std::move(view), *filter_.from, {cursor->block_num, cursor->block_hash});
            !opened) {
            return end(opened.error().message);
        }
    }
    json.close_object();
    return out;
}

std::string StreamReader::start_reset(std::string_view reason) {
    is_stale_ = false;
    auto view = feed_.database()->read_view();
    const auto cursor = view->cursor();
    stand_on(cursor);
    const bool has_log = !filter_.has_rows && filter_.from && cursor;
    const bool has_snapshot = filter_.wants_snapshot && filter_.has_rows && cursor;
    std::string out;
    JsonWriter json{out};
    json.open_object()
        .member("type", "reset")
        .member("reason", reason)
        .member("snapshot", has_snapshot);
    if (!cursor) {
        json.key("block").null();
    } else if (!has_snapshot && !has_log) {
        write_place(json, place_of(*view, *cursor));
    }
    json.close_object();
    if (has_log) {
        if (const Status opened =
                open_log(std::move(view), *filter_.from, {cursor->block_num, cursor->block_hash});
            !opened) {
            return end(opened.error().message);
        }
    } else if (has_snapshot) {
        const StreamPlace at = place_of(*view, *cursor);
        snapshot_ = std::make_unique<SnapshotReader>(feed_, filter_, std::move(view), at);
    }
    return out;
}

/// A client that has all of `view` stands there.
StreamPlace StreamReader::place_of(const storage::ReadView& view,
                                   const storage::Cursor& cursor) const {
    return {{cursor.block_num, cursor.block_hash}, filter_.basis(basis_of(view, feed_.abis))};
}

/// From here on the client is told what comes after the state of `cursor`.
void StreamReader::stand_on(const std::optional<storage::Cursor>& cursor) {
    skip_commits_ = cursor ? cursor->commit_num : 0;
    last_sent_ = cursor ? std::optional{cursor->block_num} : std::nullopt;
    next_seq_ = std::max(next_seq_, feed_.ring.seq_after(skip_commits_));
}

/// Tells the events of blocks `from` to `until`, then that the client stands on `until`.
Status StreamReader::open_log(std::unique_ptr<storage::ReadView> view, uint64_t from,
                              const evm::BlockId& until) {
    const LogReader::Range range{from, until, feed_.options.commit_bytes_max};
    PLUMBLINE_TRY(log_, LogReader::open(feed_, filter_, std::move(view), range));
    return ok();
}

/// Blocks that were too much for the ring, to a client that follows events only: the log has them.
/// False where they are deleted again; then their retraction comes next.
Result<bool> StreamReader::open_range(const StreamRecord& record) {
    auto view = feed_.database()->read_view();
    const auto cursor = view->cursor();
    const auto row = view->get_block(record.to);
    if (!row && row.error().code != ErrorCode::kNotFound) {
        return row.error().with_context("the log cannot be read");
    }
    if (!cursor || cursor->block_num < record.to || (row && row->hash != record.hash) ||
        (!row && record.to > cursor->finalized)) {
        return false;
    }
    const uint64_t from = std::max(record.from, last_sent_ ? *last_sent_ + 1 : 0);
    PLUMBLINE_TRY_VOID(open_log(std::move(view), from, {record.to, record.hash}));
    return true;
}

// --- going on --------------------------------------------------------------------------------

std::string StreamReader::next_of_snapshot() {
    Result<std::string> message = snapshot_->next();
    if (!message) {
        return end(message.error().message);
    }
    if (snapshot_->is_done()) {
        snapshot_.reset();
    }
    return *std::move(message);
}

std::string StreamReader::next_of_log() {
    Result<std::string> message = log_->next();
    if (!message) {
        return end(message.error().message);
    }
    if (log_->is_done()) {
        last_sent_ = log_->until().block_num;
        log_.reset();
    }
    return *std::move(message);
}

std::optional<std::string> StreamReader::next_of_ring() {
    for (;;) {
        const StreamRing::Lookup next = feed_.ring.find(next_seq_);
        if (next.found == StreamRing::Found::kGone) {
            return end("too slow: what comes next is no longer kept; connect again");
        }
        if (next.found == StreamRing::Found::kNothing) {
            return is_stale_ && feed_.is_live()
                       ? std::optional{start_reset("the index has caught up")}
                       : std::nullopt;
        }
        ++next_seq_;
        if (auto message = message_for(*next.record)) {
            return message;
        }
    }
}

/// Empty where the record tells this client nothing.
std::optional<std::string> StreamReader::message_for(const StreamRecord& record) {
    if (record.kind == StreamRecord::Kind::kProof) {
        return filter_.has_proofs ? std::optional{proof_message(record)} : std::nullopt;
    }
    if (record.commit_num <= skip_commits_) {
        return std::nullopt;
    }
    switch (record.kind) {
        case StreamRecord::Kind::kReset: return start_reset(record.text);
        case StreamRecord::Kind::kRange:
            if (!filter_.has_rows) {
                const Result<bool> opened = open_range(record);
                return !opened   ? std::optional{end(opened.error().message)}
                       : *opened ? std::optional{next_of_log()}
                                 : std::nullopt;
            }
            is_stale_ = true;
            return range_message(record);
        case StreamRecord::Kind::kCommit:
            if (is_stale_) {
                return start_reset("too much had changed to tell it row by row");
            }
            break;
        case StreamRecord::Kind::kRetract:
            if (is_stale_) {
                return bare_retract_message(record);
            }
            break;
        case StreamRecord::Kind::kProof: break;
    }
    last_sent_ = record.to;
    return changes_message(record, filter_);
}

std::string StreamReader::end(std::string_view reason) {
    is_over_ = true;
    return drop_message(reason);
}

}  // namespace plumbline::api

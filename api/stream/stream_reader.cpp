// One client's way through the ring: start, resume, reset with a snapshot, events from the log.
#include <algorithm>
#include <charconv>

#include "api/stream/stream.hpp"
#include "api/stream/stream_record.hpp"
#include "core/base/json_writer.hpp"
#include "core/evm/block_id.hpp"
#include "core/evm/hex.hpp"
#include "engine/mapping/plan_impl.hpp"
#include "engine/text/entity_text.hpp"

namespace plumbline::api {

namespace {

constexpr size_t kKnownMax = 32;

/// `{"type":"..."` with the block and hash that the client's copy stands on after it.
void write_head(JsonWriter& json, std::string_view type, uint64_t block_num,
                const evm::Hash& hash) {
    json.open_object()
        .member("type", type)
        .member("block", block_num)
        .member("hash", evm::to_hex(hash));
}

Result<evm::BlockId> read_known(const std::string& text) {
    const size_t dash = text.find('-');
    evm::BlockId out;
    const char* end = text.data() + std::min(dash, text.size());
    const auto [last, error] = std::from_chars(text.data(), end, out.block_num);
    const auto hash = dash == std::string::npos
                          ? std::nullopt
                          : evm::parse_hash(std::string_view{text}.substr(dash + 1));
    if (error != std::errc{} || last != end || !hash) {
        return Error{ErrorCode::kInvalidArgument,
                     "known must be BLOCK-HASH, as messages name them"};
    }
    out.hash = *hash;
    return out;
}

Status read_entities(const engine::Plan& plan, const Target& target, StreamFilter& filter) {
    const std::vector<std::string> names = target.all("entity");
    for (const std::string& name : names) {
        if (name == "*") {
            filter.entities.clear();
            break;
        }
        const int entity = plan.find_entity(name);
        if (entity < 0) {
            return Error{ErrorCode::kInvalidArgument, fmt::format("no entity '{}'", name)};
        }
        filter.entities.push_back(static_cast<size_t>(entity));
    }
    const std::vector<std::string> keys = target.all("key");
    if (!keys.empty() && filter.entities.size() != 1) {
        return Error{ErrorCode::kInvalidArgument, "key goes with exactly one entity"};
    }
    for (const std::string& text : keys) {
        PLUMBLINE_TRY(std::string key,
                      engine::key_from_text(plan.entities()[filter.entities[0]], text));
        filter.keys.push_back(std::move(key));
    }
    return ok();
}

}  // namespace

std::string to_text(const evm::BlockId& cursor) {
    return fmt::format("{}-{}", cursor.block_num, evm::to_hex(cursor.hash));
}

Result<StreamFilter> read_stream_filter(const engine::Plan& plan, const Target& target) {
    StreamFilter out;
    for (const auto& [name, value] : target.query) {
        constexpr std::string_view kNames[] = {"entity", "key",  "event",
                                               "known",  "from", "snapshot"};
        if (std::ranges::find(kNames, name) == std::end(kNames)) {
            return Error{ErrorCode::kInvalidArgument,
                         fmt::format("no parameter '{}' here; there are: {}", name,
                                     fmt::join(kNames, ", "))};
        }
    }
    const bool asks_rows = target.find("entity") != nullptr;
    const bool asks_events = target.find("event") != nullptr;
    out.has_rows = asks_rows || !asks_events;
    out.has_events = asks_events || !asks_rows;
    PLUMBLINE_TRY_VOID(read_entities(plan, target, out));
    out.events = target.all("event");
    if (std::ranges::find(out.events, "*") != out.events.end()) {
        out.events.clear();
    }
    if (const std::string* snapshot = target.find("snapshot")) {
        if (*snapshot != "true" && *snapshot != "false") {
            return Error{ErrorCode::kInvalidArgument, "snapshot must be true or false"};
        }
        out.wants_snapshot = *snapshot == "true";
    }
    if (const std::string* from = target.find("from")) {
        uint64_t block = 0;
        const auto [end, error] = std::from_chars(from->data(), from->data() + from->size(), block);
        if (error != std::errc{} || end != from->data() + from->size() || out.has_rows) {
            return Error{ErrorCode::kInvalidArgument,
                         "from must be a block number, and goes with event and without entity"};
        }
        out.from = block;
    }
    for (const std::string& text : target.all("known")) {
        if (out.known.size() == kKnownMax) {
            return Error{ErrorCode::kInvalidArgument,
                         fmt::format("at most {} known blocks", kKnownMax)};
        }
        PLUMBLINE_TRY(const evm::BlockId cursor, read_known(text));
        out.known.push_back(cursor);
    }
    std::ranges::stable_sort(out.known, std::ranges::greater{}, &evm::BlockId::block_num);
    return out;
}

/// All rows of one state, a few at a time.
struct StreamReader::Snapshot {
    std::unique_ptr<storage::ReadView> view;
    evm::BlockId cursor;
    std::vector<size_t> entities;
    size_t at = 0;
    std::unique_ptr<storage::RowScanner> rows;
};

/// Events of the log up to one state.
struct StreamReader::CatchUp {
    std::unique_ptr<storage::ReadView> view;
    evm::BlockId cursor;
    uint64_t from = 0;
    std::unique_ptr<engine::EventText> text;
    std::unique_ptr<storage::LogScanner> logs;
};

StreamReader::StreamReader(StreamHub& hub, StreamFilter filter)
    : hub_{hub},
      filter_{std::move(filter)} {}

StreamReader::~StreamReader() {
    snapshot_.reset();
    catch_up_.reset();
    const std::scoped_lock lock{hub_.ring_mutex_};
    --hub_.readers_;
}

std::optional<std::string> StreamReader::next() {
    if (over_) {
        return std::nullopt;
    }
    if (!started_) {
        started_ = true;
        return start();
    }
    if (snapshot_) {
        return next_of_snapshot();
    }
    if (catch_up_) {
        return next_of_log();
    }
    for (;;) {
        std::shared_ptr<const StreamRecord> record;
        switch (hub_.find(next_seq_, record)) {
            case StreamHub::Found::kNothing:
                if (stale_ && hub_.is_live_()) {
                    return start_reset("the index has caught up");
                }
                return std::nullopt;
            case StreamHub::Found::kGone:
                return end("too slow: what comes next is no longer kept; connect again");
            case StreamHub::Found::kRecord: break;
        }
        ++next_seq_;
        if (record->kind == StreamRecord::Kind::kProof) {
            if (filter_.has_proofs) {
                return render(*record);
            }
            continue;
        }
        if (record->commit_num <= skip_commits_) {
            continue;
        }
        if (record->kind == StreamRecord::Kind::kReset) {
            return start_reset(record->text);
        }
        if (record->kind == StreamRecord::Kind::kCommit && stale_) {
            return start_reset("too much had changed to tell it row by row");
        }
        if (record->kind == StreamRecord::Kind::kRange) {
            if (!filter_.has_rows) {
                if (open_range(*record)) {
                    return next_of_log();
                }
                continue;
            }
            stale_ = true;
        }
        return render(*record);
    }
}

// --- starting --------------------------------------------------------------------------------

std::string StreamReader::start() {
    std::string out;
    if (!filter_.known.empty()) {
        if (resume_in_ring(out) || resume_in_log(out)) {
            return out;
        }
        return start_reset("none of the known blocks can be gone on from");
    }
    return filter_.wants_snapshot ? start_reset("start") : start_at_head(filter_.from);
}

/// Goes on behind the record that led to what the client has.
bool StreamReader::resume_in_ring(std::string& out) {
    const evm::BlockId known = filter_.known.front();
    // Before looking into the ring, so that what is committed meanwhile is not passed over.
    const auto cursor = hub_.database_()->read_view()->cursor();
    {
        const std::scoped_lock lock{hub_.ring_mutex_};
        const auto found =
            std::find_if(hub_.ring_.rbegin(), hub_.ring_.rend(), [&](const auto& record) {
                return (record->kind == StreamRecord::Kind::kCommit ||
                        record->kind == StreamRecord::Kind::kRange ||
                        record->kind == StreamRecord::Kind::kRetract) &&
                       record->to == known.block_num && record->hash == known.hash;
            });
        if (found != hub_.ring_.rend()) {
            next_seq_ = (*found)->seq + 1;
            skip_commits_ = (*found)->commit_num;
        } else if (cursor && cursor->block_num == known.block_num &&
                   cursor->block_hash == known.hash) {
            skip_commits_ = cursor->commit_num;  // Nothing has happened since.
        } else if (hub_.base_ && hub_.base_->block_num == known.block_num &&
                   hub_.base_->block_hash == known.hash &&
                   (hub_.ring_.empty() || hub_.ring_.front()->seq == 1)) {
            next_seq_ = 1;  // All that has happened since the start is in the ring.
            skip_commits_ = hub_.base_->commit_num;
        } else {
            return false;
        }
    }
    if (next_seq_ == 0) {
        next_seq_ = hub_.seq_after(skip_commits_);
    }
    JsonWriter json{out};
    write_head(json, "resume", known.block_num, known.hash);
    json.close_object();
    last_sent_ = known.block_num;
    return true;
}

/// Clients that follow events only: whatever the log holds can be told again.
bool StreamReader::resume_in_log(std::string& out) {
    if (filter_.has_rows) {
        return false;
    }
    auto view = hub_.database_()->read_view();
    const auto cursor = view->cursor();
    for (const evm::BlockId& known : filter_.known) {
        const auto block = view->get_block(known.block_num);
        if (!cursor || !block || block->hash != known.hash) {
            continue;
        }
        JsonWriter json{out};
        write_head(json, "retract", known.block_num, known.hash);
        json.key("rows").open_array().close_array().close_object();
        view.reset();
        static_cast<void>(start_at_head(known.block_num + 1));
        return true;
    }
    return false;
}

/// From the state as it is; what happened before is not told, except what `from` asks of the log.
std::string StreamReader::start_at_head(std::optional<uint64_t> from) {
    auto view = hub_.database_()->read_view();
    const auto cursor = view->cursor();
    std::string out;
    JsonWriter json{out};
    if (!cursor) {
        json.open_object().member("type", "hello").key("block").null().close_object();
    } else if (from) {
        json.open_object().member("type", "hello").member("from", *from).close_object();
    } else {
        write_head(json, "hello", cursor->block_num, cursor->block_hash);
        json.close_object();
    }
    skip_commits_ = cursor ? cursor->commit_num : 0;
    last_sent_ = cursor ? std::optional{cursor->block_num} : std::nullopt;
    next_seq_ = hub_.seq_after(skip_commits_);
    if (from && cursor) {
        open_log(std::move(view), *from, {cursor->block_num, cursor->block_hash});
    }
    return out;
}

/// Tells the events of blocks `from` to `until`, then that the client stands on `until`.
void StreamReader::open_log(std::unique_ptr<storage::ReadView> view, uint64_t from,
                            evm::BlockId until) {
    catch_up_ = std::make_unique<CatchUp>();
    catch_up_->cursor = until;
    catch_up_->text =
        std::make_unique<engine::EventText>(hub_.plan_, view->list_children().value_or({}));
    catch_up_->logs = view->scan_logs(std::min(from, until.block_num), until.block_num);
    catch_up_->from = from;
    catch_up_->view = std::move(view);
}

/// Blocks that were too much for the ring, to a client that follows events only: the log has them.
/// False where they are gone again; then their retraction comes next.
bool StreamReader::open_range(const StreamRecord& record) {
    auto view = hub_.database_()->read_view();
    const auto cursor = view->cursor();
    const auto row = view->get_block(record.to);
    if (!cursor || cursor->block_num < record.to || (row && row->hash != record.hash) ||
        (!row && record.to > cursor->finalized)) {
        return false;
    }
    const uint64_t from = std::max(record.from, last_sent_ ? *last_sent_ + 1 : 0);
    open_log(std::move(view), from, {record.to, record.hash});
    return true;
}

// --- starting over ---------------------------------------------------------------------------

std::string StreamReader::start_reset(std::string_view reason) {
    stale_ = false;
    auto view = hub_.database_()->read_view();
    const auto cursor = view->cursor();
    skip_commits_ = cursor ? cursor->commit_num : 0;
    last_sent_ = cursor ? std::optional{cursor->block_num} : std::nullopt;
    next_seq_ = std::max(next_seq_, hub_.seq_after(skip_commits_));
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
        json.member("block", cursor->block_num).member("hash", evm::to_hex(cursor->block_hash));
    }
    json.close_object();
    if (has_log) {
        open_log(std::move(view), *filter_.from, {cursor->block_num, cursor->block_hash});
    }
    if (has_snapshot) {
        snapshot_ = std::make_unique<Snapshot>();
        snapshot_->cursor = {cursor->block_num, cursor->block_hash};
        snapshot_->view = std::move(view);
        for (size_t i = 0; i < hub_.plan_->entities().size(); ++i) {
            if (filter_.entities.empty() ||
                std::ranges::find(filter_.entities, i) != filter_.entities.end()) {
                snapshot_->entities.push_back(i);
            }
        }
    }
    return out;
}

std::string StreamReader::next_of_snapshot() {
    Snapshot& my = *snapshot_;
    std::string out;
    JsonWriter json{out};
    while (my.at < my.entities.size()) {
        const size_t entity = my.entities[my.at];
        if (my.view->bundle().entities != hub_.plan_->entities()) {
            return end("the entities change their shape just now; connect again");
        }
        if (!my.rows) {
            my.rows = my.view->scan_entity(entity, {}, {});
        }
        if (!my.rows->valid()) {
            if (!my.rows->status()) {
                return end("the rows cannot be read");
            }
            my.rows.reset();
            ++my.at;
            continue;
        }
        json.open_object().member("type", "rows").key("rows").open_array();
        for (size_t i = 0; my.rows->valid() && i < hub_.options_.snapshot_rows; ++i) {
            if (wants_row(entity, my.rows->key())) {
                json.raw(hub_.row_json(entity, my.rows->key(), my.rows->row()));
            }
            my.rows->next();
        }
        json.close_array().close_object();
        return out;
    }
    write_head(json, "ready", my.cursor.block_num, my.cursor.hash);
    json.close_object();
    snapshot_.reset();
    return out;
}

/// One block with events that are wanted; at the end where the log ends.
std::optional<std::string> StreamReader::next_of_log() {
    CatchUp& my = *catch_up_;
    std::string out;
    JsonWriter json{out};
    // A bounded piece at a time, so that a rare event does not hold the thread.
    for (size_t blocks = 0; my.logs->valid() && blocks < 1'000; ++blocks) {
        const uint64_t block_num = my.logs->record().log.block_num;
        if (block_num < my.from) {
            my.logs->next();
            continue;
        }
        std::string events;
        JsonWriter list{events};
        list.open_array();
        uint64_t count = 0;
        for (; my.logs->valid() && my.logs->record().log.block_num == block_num; my.logs->next()) {
            const storage::LogRecord& record = my.logs->record();
            const engine::EventText::Name name = my.text->name(record);
            if (wants_event(name.contract == nullptr ? "" : *name.contract,
                            name.event == nullptr ? "" : *name.event)) {
                my.text->append_json(list.raw_value(), record);
                ++count;
            }
        }
        list.close_array();
        const auto row = my.view->get_block(block_num);
        if (count > 0 && row) {
            write_head(json, "block", block_num, row->hash);
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
    }
    if (my.logs->valid()) {
        return R"({"type":"wait"})";  // Nothing yet; the scan goes on.
    }
    if (!my.logs->status()) {
        return end("the log cannot be read");
    }
    write_head(json, "ready", my.cursor.block_num, my.cursor.hash);
    json.close_object();
    last_sent_ = my.cursor.block_num;
    catch_up_.reset();
    return out;
}

std::string StreamReader::end(std::string_view reason) {
    over_ = true;
    std::string out;
    JsonWriter{out}.open_object().member("type", "drop").member("reason", reason).close_object();
    return out;
}

// --- messages --------------------------------------------------------------------------------

bool StreamReader::wants_row(size_t entity, std::string_view key) const {
    if (!filter_.has_rows) {
        return false;
    }
    if (!filter_.entities.empty() &&
        std::ranges::find(filter_.entities, entity) == filter_.entities.end()) {
        return false;
    }
    return filter_.keys.empty() || std::ranges::find(filter_.keys, key) != filter_.keys.end();
}

bool StreamReader::wants_event(std::string_view contract, std::string_view event) const {
    if (!filter_.has_events || filter_.events.empty()) {
        return filter_.has_events;
    }
    return std::ranges::any_of(filter_.events, [&](std::string_view wanted) {
        const size_t dot = wanted.find('.');
        return dot != std::string_view::npos && wanted.substr(0, dot) == contract &&
               (wanted.substr(dot + 1) == "*" || wanted.substr(dot + 1) == event);
    });
}

std::string StreamReader::render(const StreamRecord& record) {
    std::string out;
    JsonWriter json{out};
    if (record.kind == StreamRecord::Kind::kProof) {
        json.open_object().member("type", "proof").key("result").raw(record.text).close_object();
        return out;
    }
    if (record.kind == StreamRecord::Kind::kRange) {
        // No hash: a client that missed rows has nothing to resume from.
        json.open_object()
            .member("type", "range")
            .member("from", record.from)
            .member("block", record.to)
            .member("event_count", record.event_count)
            .close_object();
        return out;
    }
    const bool is_retract = record.kind == StreamRecord::Kind::kRetract;
    if (stale_) {
        json.open_object().member("type", "retract").member("block", record.to).close_object();
        return out;
    }
    write_head(json, is_retract ? "retract" : "block", record.to, record.hash);
    last_sent_ = record.to;
    if (!is_retract) {
        json.member("from", record.from)
            .member("timestamp", record.timestamp)
            .member("finalized", record.finalized)
            .member("event_count", record.event_count);
    }
    json.key("rows").open_array();
    for (const StreamRecord::Row& row : record.rows) {
        if (wants_row(row.entity, row.key)) {
            json.raw(row.json);
        }
    }
    json.close_array();
    if (!is_retract) {
        json.key("events").open_array();
        for (const StreamRecord::Event& event : record.events) {
            if (wants_event(event.contract, event.name)) {
                json.raw(event.json);
            }
        }
        json.close_array();
    }
    json.close_object();
    return out;
}

}  // namespace plumbline::api

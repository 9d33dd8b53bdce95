// The hub: from the writer's calls to records in the ring.
#include "api/stream/stream.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "api/stream/stream_record.hpp"
#include "core/base/json_writer.hpp"
#include "core/base/logging.hpp"
#include "engine/fold/row_change.hpp"
#include "engine/ingest/ingest.hpp"
#include "engine/mapping/plan_impl.hpp"
#include "engine/text/entity_text.hpp"

namespace plumbline::api {

namespace {

/// Clients look again by themselves so often, in case nothing wakes them.
constexpr std::chrono::milliseconds kTurn{500};

}  // namespace

/// What the writer leaves to be rendered.
struct StreamHub::Raw {
    StreamRecord::Kind kind = StreamRecord::Kind::kCommit;
    evm::BlockRange range{};
    evm::Hash hash;
    uint64_t timestamp = 0;
    uint64_t finalized = 0;
    uint64_t events = 0;
    uint64_t commit_num = 0;
    std::vector<engine::RowChange> changes;
    evm::LogBatch logs;
    std::string text;

    [[nodiscard]] size_t size_bytes() const noexcept {
        size_t bytes = sizeof(Raw) + logs.arena.size() + logs.logs.size() * sizeof(evm::Log);
        for (const engine::RowChange& change : changes) {
            bytes +=
                sizeof(change) + change.key.size() + change.before.size() + change.after.size();
        }
        return bytes;
    }
};

StreamHub::StreamHub(std::shared_ptr<const engine::Plan> plan, DatabaseGetter database,
                     std::function<bool()> is_live, StreamOptions options)
    : plan_{std::move(plan)},
      database_{std::move(database)},
      is_live_{std::move(is_live)},
      options_{options} {}

StreamHub::~StreamHub() {
    stop();
}

void StreamHub::start() {
    if (const storage::Database* database = database_(); database != nullptr) {
        base_ = database->cursor();
    }
    thread_ = std::jthread{[this](const std::stop_token& done) {
        while (!done.stop_requested()) {
            while (step()) {
            }
            look_for_proofs();
            wake_all();
            std::unique_lock lock{raw_mutex_};
            raw_ready_.wait_for(lock, kTurn,
                                [&] { return !raw_.empty() || done.stop_requested(); });
        }
    }};
}

/// Proofs leave their newest result in the database: what is new there is told. What was there at
/// the start is known to everybody.
void StreamHub::look_for_proofs() {
    const storage::Database* database = database_();
    if (database == nullptr) {
        return;
    }
    auto found = database->read_view()->list_proofs();
    if (!found || (proofs_ && *proofs_ == *found)) {
        return;
    }
    for (const storage::ProofRecord& proof : *found) {
        if (!proofs_ || std::ranges::find(*proofs_, proof) != proofs_->end()) {
            continue;
        }
        std::string text;
        JsonWriter{text}
            .open_object()
            .member("proof", proof.proof)
            .member("entity", proof.entity)
            .member("block", proof.block_num)
            .member("equal", proof.is_equal)
            .member("checked", proof.checked)
            .member("mismatches", proof.mismatches)
            .member("detail", proof.detail)
            .close_object();
        tell_proof(std::move(text));
    }
    proofs_ = *std::move(found);
}

void StreamHub::stop() {
    if (thread_.joinable()) {
        thread_.request_stop();
        raw_ready_.notify_all();
        thread_.join();
    }
}

// --- the writer's thread ---------------------------------------------------------------------

void StreamHub::on_commit(const engine::CommitNotice& notice) {
    const storage::Database* database = database_();
    const auto cursor = database == nullptr ? std::nullopt : database->cursor();
    Raw raw;
    raw.range = notice.range;
    raw.hash = notice.block_hash;
    raw.timestamp = notice.timestamp;
    raw.finalized = notice.finalized;
    raw.events = notice.events;
    raw.commit_num = cursor ? cursor->commit_num : 0;
    const bool is_small = notice.changes != nullptr && notice.events <= options_.commit_events_max;
    size_t log_bytes = 0;
    if (is_small) {
        for (const engine::LogSpan& span : notice.logs) {
            for (size_t i = span.from; i < span.to; ++i) {
                const evm::Log& log = span.fetched->logs.logs[i];
                raw.logs.push(log, span.fetched->logs.data(log));
            }
        }
        log_bytes = raw.logs.arena.size();
    }
    if (is_small && log_bytes <= options_.commit_bytes_max) {
        raw.changes = *notice.changes;
    } else {
        raw.kind = StreamRecord::Kind::kRange;
        raw.logs = {};
    }
    put_raw(std::move(raw));
}

void StreamHub::on_rollback(uint64_t block_num) {
    const storage::Database* database = database_();
    const auto cursor = database == nullptr ? std::nullopt : database->cursor();
    Raw raw;
    raw.kind = StreamRecord::Kind::kRetract;
    raw.range = {block_num + 1, block_num};
    if (cursor) {
        raw.hash = cursor->block_hash;
        raw.timestamp = cursor->timestamp;
        raw.finalized = cursor->finalized;
        raw.commit_num = cursor->commit_num;
    }
    put_raw(std::move(raw));
}

void StreamHub::on_refold() {
    const storage::Database* database = database_();
    const auto cursor = database == nullptr ? std::nullopt : database->cursor();
    Raw raw;
    raw.kind = StreamRecord::Kind::kReset;
    raw.commit_num = cursor ? cursor->commit_num : 0;
    raw.text = "the entities were folded again from the whole log";
    put_raw(std::move(raw));
}

void StreamHub::tell_proof(std::string json) {
    Raw raw;
    raw.kind = StreamRecord::Kind::kProof;
    raw.text = std::move(json);
    put_raw(std::move(raw));
}

/// Where too much waits already, rows and logs are dropped: clients then get a range, and later a
/// reset. The writer never waits.
void StreamHub::put_raw(Raw raw) {
    {
        const std::scoped_lock lock{raw_mutex_};
        if (raw.kind == StreamRecord::Kind::kCommit &&
            raw_bytes_ + raw.size_bytes() > options_.waiting_bytes_max) {
            raw.kind = StreamRecord::Kind::kRange;
            raw.changes.clear();
            raw.logs = {};
        }
        // Ranges that wait are one range.
        if (raw.kind == StreamRecord::Kind::kRange && !raw_.empty() &&
            raw_.back().kind == StreamRecord::Kind::kRange &&
            raw_.back().range.to + 1 == raw.range.from) {
            raw.range.from = raw_.back().range.from;
            raw.events += raw_.back().events;
            raw_bytes_ -= raw_.back().size_bytes();
            raw_.pop_back();
        }
        raw_bytes_ += raw.size_bytes();
        raw_.push_back(std::move(raw));
    }
    raw_ready_.notify_one();
}

// --- the rendering thread --------------------------------------------------------------------

bool StreamHub::step() {
    Raw raw;
    {
        const std::scoped_lock lock{raw_mutex_};
        if (raw_.empty()) {
            return false;
        }
        raw = std::move(raw_.front());
        raw_.pop_front();
        raw_bytes_ -= std::min(raw_bytes_, raw.size_bytes());
    }
    auto record = std::make_shared<StreamRecord>();
    record->kind = raw.kind;
    record->commit_num = raw.commit_num;
    record->from = raw.range.from;
    record->to = raw.range.to;
    record->hash = raw.hash;
    record->timestamp = raw.timestamp;
    record->finalized = raw.finalized;
    record->event_count = raw.events;
    record->text = raw.text;
    if (raw.kind == StreamRecord::Kind::kCommit) {
        render_commit(raw, *record);
    } else if (raw.kind == StreamRecord::Kind::kRetract) {
        apply_retract(raw, *record);
    } else if (raw.kind == StreamRecord::Kind::kReset) {
        canonical_.clear();
        text_.reset();
    }
    append(std::move(record));
    wake_all();
    return true;
}

std::string StreamHub::row_json(size_t entity, std::string_view key, std::string_view row) const {
    const storage::EntityLayout& layout = plan_->entities()[entity];
    std::string out;
    JsonWriter json{out};
    json.open_object().member("entity", layout.name);
    json.member("key", engine::key_to_text(layout, key).value_or(""));
    json.key("row");
    if (row.empty() || storage::RowCodec::is_tombstone(row)) {
        json.null();
    } else {
        std::string shown;
        const Status written =
            engine::append_row_json(shown, layout, plan_->impl().codecs[entity], key, row);
        json.raw(written ? std::string_view{shown} : std::string_view{"null"});
    }
    json.close_object();
    return out;
}

void StreamHub::render_commit(const Raw& raw, StreamRecord& record) {
    for (const engine::RowChange& change : raw.changes) {
        record.rows.push_back({change.entity, change.key,
                               row_json(change.entity, change.key, change.after), change.before});
    }
    if (raw.logs.logs.empty()) {
        return;
    }
    // Children may have been announced by the very logs that are shown.
    if (storage::Database* database = database_(); database != nullptr) {
        const auto children = database->children().value_or({});
        if (!text_) {
            text_ = std::make_unique<engine::EventText>(plan_, children);
        } else if (children.size() != children_) {
            text_->reset_children(children);
        }
        children_ = children.size();
    }
    if (!text_) {
        return;
    }
    for (const evm::Log& log : raw.logs.logs) {
        const storage::LogRecord stored{log, raw.logs.data(log), std::nullopt};
        const engine::EventText::Name name = text_->name(stored);
        StreamRecord::Event event;
        event.contract = name.contract == nullptr ? "" : *name.contract;
        event.name = name.event == nullptr ? "" : *name.event;
        text_->append_json(event.json, stored);
        record.events.push_back(std::move(event));
    }
}

/// The rows as they were before the first block taken back. Where the ring does not know that,
/// clients start over.
void StreamHub::apply_retract(const Raw& raw, StreamRecord& record) {
    children_ = SIZE_MAX;  // Some may be gone: look again.
    const uint64_t target = raw.range.to;
    std::map<std::pair<size_t, std::string>, std::string> rows;
    bool is_known = true;
    uint64_t reached = UINT64_MAX;
    while (!canonical_.empty() && canonical_.back()->to > target) {
        const StreamRecord& gone = *canonical_.back();
        is_known = is_known && gone.kind == StreamRecord::Kind::kCommit && gone.from > target;
        for (const StreamRecord::Row& row : gone.rows) {
            rows[{row.entity, row.key}] = row.before;  // Going back: the oldest one stays.
        }
        reached = gone.from;
        canonical_.pop_back();
    }
    const bool is_joined = reached == UINT64_MAX
                               ? !canonical_.empty() && canonical_.back()->to == target
                               : reached == target + 1;
    if (!is_known || !is_joined) {
        record.kind = StreamRecord::Kind::kReset;
        record.text = "blocks were taken back that this process did not see come";
        canonical_.clear();
        return;
    }
    for (const auto& [place, before] : rows) {
        record.rows.push_back(
            {place.first, place.second, row_json(place.first, place.second, before), {}});
    }
}

uint64_t StreamHub::newest_seq() const {
    const std::scoped_lock lock{ring_mutex_};
    return next_seq_ - 1;
}

void StreamHub::append(std::shared_ptr<StreamRecord> record) {
    const std::scoped_lock lock{ring_mutex_};
    record->seq = next_seq_++;
    ring_bytes_ += record->size_bytes();
    if (record->kind == StreamRecord::Kind::kCommit || record->kind == StreamRecord::Kind::kRange) {
        canonical_.push_back(record);
    }
    ring_.push_back(std::move(record));
    while (ring_.size() > 1 && ring_bytes_ > options_.ring_bytes_max) {
        ring_bytes_ -= ring_.front()->size_bytes();
        if (!canonical_.empty() && canonical_.front() == ring_.front()) {
            canonical_.pop_front();
        }
        ring_.pop_front();
    }
}

StreamHub::Found StreamHub::find(uint64_t seq, std::shared_ptr<const StreamRecord>& out) const {
    const std::scoped_lock lock{ring_mutex_};
    if (seq >= next_seq_) {
        return Found::kNothing;
    }
    if (ring_.empty() || seq < ring_.front()->seq) {
        return Found::kGone;
    }
    out = ring_[static_cast<size_t>(seq - ring_.front()->seq)];
    return Found::kRecord;
}

uint64_t StreamHub::seq_after(uint64_t commit_num) const {
    const std::scoped_lock lock{ring_mutex_};
    for (auto record = ring_.rbegin(); record != ring_.rend(); ++record) {
        if ((*record)->commit_num <= commit_num && (*record)->kind != StreamRecord::Kind::kProof) {
            return (*record)->seq + 1;
        }
    }
    return ring_.empty() ? next_seq_ : ring_.front()->seq;
}

// --- clients ---------------------------------------------------------------------------------

Result<std::unique_ptr<StreamReader>> StreamHub::subscribe(StreamFilter filter) {
    if (database_() == nullptr) {
        return Error{ErrorCode::kUnavailable, "the index does not exist yet"};
    }
    {
        const std::scoped_lock lock{ring_mutex_};
        if (readers_ >= options_.clients_max) {
            return Error{ErrorCode::kRateLimited,
                         fmt::format("{} clients follow the stream already", readers_)};
        }
        ++readers_;
    }
    return std::make_unique<StreamReader>(*this, std::move(filter));
}

uint64_t StreamHub::add_wake(std::function<void()> wake) {
    const std::scoped_lock lock{wake_mutex_};
    wakes_.emplace(next_wake_, std::move(wake));
    return next_wake_++;
}

void StreamHub::remove_wake(uint64_t id) {
    const std::scoped_lock lock{wake_mutex_};
    wakes_.erase(id);
}

void StreamHub::wake_all() {
    const std::scoped_lock lock{wake_mutex_};
    for (const auto& [id, wake] : wakes_) {
        wake();
    }
}

}  // namespace plumbline::api

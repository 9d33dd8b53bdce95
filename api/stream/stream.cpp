#include "api/stream/stream.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "api/stream/stream_message.hpp"
#include "core/base/exception_guard.hpp"
#include "core/base/logging.hpp"
#include "engine/ingest/ingest.hpp"

namespace plumbline::api {

namespace {

/// Clients look again by themselves so often, in case nothing wakes them.
constexpr std::chrono::milliseconds kTurn{500};

void copy_children(const engine::CommitNotice& notice, std::vector<storage::ChildRow>& out) {
    for (const engine::LogSpan& span : notice.logs) {
        const std::vector<storage::ChildRow>& all = span.fetched->children;
        for (size_t i = span.child_from; i < span.child_to; ++i) {
            out.push_back(all[i]);
        }
    }
}

}  // namespace

StreamHub::StreamHub(std::shared_ptr<const engine::Plan> plan, DatabaseGetter database,
                     std::function<bool()> is_live, StreamOptions options)
    : feed_{std::move(plan), std::move(database), std::move(is_live), options},
      inputs_{options.waiting_bytes_max},
      renderer_{feed_} {}

StreamHub::~StreamHub() {
    stop();
}

void StreamHub::start() {
    if (const storage::Database* database = feed_.database()) {
        const auto view = database->read_view();
        if (const auto at = view->cursor()) {
            feed_.ring.set_base(StreamRing::State{*at, basis_of(*view, feed_.abis)});
        }
    }
    thread_ = std::jthread{[this](const std::stop_token& done) {
        while (!done.stop_requested()) {
            const Status turned = catch_exceptions("the live stream", [this] {
                while (step()) {
                }
                look_for_proofs();
            });
            if (!turned) {
                logging::error(turned.error().message);
            }
            wake_all();
            inputs_.wait_for(kTurn);
        }
    }};
}

void StreamHub::stop() {
    if (thread_.joinable()) {
        thread_.request_stop();
        inputs_.close();
        thread_.join();
    }
}

bool StreamHub::step() {
    std::optional<StreamInput> input = inputs_.take();
    if (!input) {
        return false;
    }
    StreamRing::Record record = feed_.ring.append(renderer_.render(*std::move(input)));
    renderer_.on_appended(std::move(record), feed_.ring.oldest_seq());
    wake_all();
    return true;
}

/// Proofs leave their newest result in the database: what is new there is told. What was there at
/// the start is known to everybody.
void StreamHub::look_for_proofs() {
    const storage::Database* database = feed_.database();
    if (database == nullptr || (proofs_ && !feed_.is_live())) {
        return;  // Proofs do not run while the index catches up.
    }
    // A result comes with a commit; and a view given back makes RocksDB rewrite files.
    const auto now = database->cursor();
    const uint64_t commit_num = now ? now->commit_num : 0;
    if (proofs_ && proofs_looked_at_ == commit_num) {
        return;
    }
    auto found = database->read_view()->list_proofs();
    if (!found) {
        return;  // The next turn looks again.
    }
    proofs_looked_at_ = commit_num;
    if (proofs_ && *proofs_ == *found) {
        return;
    }
    for (const storage::ProofRecord& proof : *found) {
        if (proofs_ && std::ranges::find(*proofs_, proof) == proofs_->end()) {
            on_proof(proof_json(proof));
        }
    }
    proofs_ = *std::move(found);
}

// --- the writer's thread ---------------------------------------------------------------------

std::optional<storage::Cursor> StreamHub::cursor() const {
    const storage::Database* database = feed_.database();
    return database == nullptr ? std::nullopt : database->cursor();
}

/// Of the newest state.
StreamBasis StreamHub::basis() const {
    const storage::Database* database = feed_.database();
    return database == nullptr ? StreamBasis{} : basis_of(*database->read_view(), feed_.abis);
}

void StreamHub::on_commit(const engine::CommitNotice& notice) {
    const auto now = cursor();
    StreamInput input;
    input.range = notice.range;
    input.hash = notice.block_hash;
    input.timestamp = notice.timestamp;
    input.finalized = notice.finalized;
    input.events = notice.events;
    input.commit_num = now ? now->commit_num : 0;
    const bool has_children = std::ranges::any_of(
        notice.logs, [](const engine::LogSpan& span) { return span.child_to > span.child_from; });
    if (notice.changes != nullptr && notice.events <= feed_.options.commit_events_max &&
        copy_logs(notice, feed_.options.commit_bytes_max, input.logs)) {
        input.basis = basis();
        input.changes = *notice.changes;
        copy_children(notice, input.children);
    } else {
        input.kind = StreamRecord::Kind::kRange;
        input.logs = {};
        input.has_new_children = has_children;
    }
    inputs_.push(std::move(input));
}

void StreamHub::on_rollback(uint64_t block_num) {
    StreamInput input;
    input.kind = StreamRecord::Kind::kRetract;
    input.range = {block_num + 1, block_num};
    if (const auto now = cursor()) {
        input.hash = now->block_hash;
        input.timestamp = now->timestamp;
        input.finalized = now->finalized;
        input.commit_num = now->commit_num;
        input.basis = basis();
    }
    inputs_.push(std::move(input));
}

void StreamHub::on_refold() {
    const auto now = cursor();
    StreamInput input;
    input.kind = StreamRecord::Kind::kReset;
    input.commit_num = now ? now->commit_num : 0;
    input.text = "the entities were folded again from the whole log";
    inputs_.push(std::move(input));
}

void StreamHub::on_proof(std::string json) {
    StreamInput input;
    input.kind = StreamRecord::Kind::kProof;
    input.text = std::move(json);
    inputs_.push(std::move(input));
}

// --- clients ---------------------------------------------------------------------------------

Result<std::unique_ptr<StreamReader>> StreamHub::subscribe(StreamFilter filter) {
    if (feed_.database() == nullptr) {
        return Error{ErrorCode::kUnavailable, "the index does not exist yet"};
    }
    std::optional<ClientLimit::Place> place = feed_.clients.take();
    if (!place) {
        return Error{ErrorCode::kRateLimited,
                     fmt::format("{} clients follow the stream already", feed_.clients.max())};
    }
    return std::make_unique<StreamReader>(feed_, std::move(filter), *std::move(place));
}

uint64_t StreamHub::add_wake(std::function<void()> wake) {
    const MutexLock lock{wake_mutex_};
    wakes_.emplace(next_wake_, std::move(wake));
    return next_wake_++;
}

void StreamHub::remove_wake(uint64_t id) {
    const MutexLock lock{wake_mutex_};
    wakes_.erase(id);
}

void StreamHub::wake_all() {
    const MutexLock lock{wake_mutex_};
    for (const auto& [id, wake] : wakes_) {
        wake();
    }
}

}  // namespace plumbline::api

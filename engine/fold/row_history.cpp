#include "engine/fold/row_history.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "engine/fold/rebuild.hpp"
#include "engine/fold/scratch_database.hpp"
#include "storage/row.hpp"

namespace plumbline::engine {

namespace {

/// Watches one row while the log is folded.
class Watch {
  public:
    Watch(size_t entity, std::string_view key) : entity_{entity}, key_{key} {}

    /// What the event or correction at `at` made of it; empty where it did not change it.
    [[nodiscard]] Result<std::optional<RowVersion>> look(Fold& fold, storage::ChangedAt at,
                                                         bool is_correction) {
        PLUMBLINE_TRY(const std::string_view stored, fold.peek(entity_, key_));
        const bool is_there = storage::RowCodec::is_live(stored);
        const bool changed = is_there ? storage::RowCodec::changed_at(stored) == at : was_there_;
        was_there_ = is_there;
        if (!changed) {
            return std::optional<RowVersion>{};
        }
        return std::optional{
            RowVersion{at, is_there ? std::string{stored} : std::string{}, is_correction}};
    }

  private:
    size_t entity_;
    std::string key_;
    bool was_there_ = false;
};

/// Folds the log up to `until` into `target`, within the options' limits. `on_applied` may end it
/// with an error of its own.
Status fold_bounded(const storage::ReadView& view, const std::shared_ptr<const Plan>& plan,
                    uint64_t until, const RowHistoryOptions& options, ScratchDatabase& target,
                    const std::function<Status(Fold&, storage::ChangedAt, bool)>& on_applied) {
    std::optional<Error> limit;
    uint64_t events = 0;
    RebuildOptions rebuild = rebuild_options(options.memory);
    rebuild.cache_bytes = options.memory.scratch_cache;
    rebuild.is_cancelled = [&] {
        if (options.is_late && options.is_late()) {
            limit = Error{ErrorCode::kTimeout,
                          fmt::format("the log up to block {} could not be folded in the time of "
                                      "one request, {} events were: {}",
                                      until, events,
                                      events == 0 ? "the machine is busy, ask again"
                                                  : "it is too long, or the machine is busy")};
        }
        return limit.has_value();
    };
    rebuild.on_applied = [&](Fold& fold, storage::ChangedAt at, bool is_correction) -> Status {
        if (++events > options.events_max) {
            limit = Error{ErrorCode::kTooLarge,
                          fmt::format("the log up to block {} has more than the {} events that one "
                                      "question about the past may fold (block {} was reached)",
                                      until, options.events_max, at.block_num)};
            return Error{ErrorCode::kTooLarge, limit->message};
        }
        return on_applied(fold, at, is_correction);
    };
    const Status folded = fold_log(view, until, target.database(), plan, rebuild);
    return limit ? Status{*std::move(limit)} : folded;
}

Result<std::unique_ptr<ScratchDatabase>> make_scratch(const storage::ReadView& view,
                                                      const Plan& plan,
                                                      const RowHistoryOptions& options) {
    if (plan.bundle().fingerprint != view.bundle().fingerprint ||
        plan.entities() != view.bundle().entities) {
        return Error{ErrorCode::kUnavailable,
                     "the log is being folded with a changed mapping; ask again when that is done"};
    }
    return ScratchDatabase::create(options.scratch_parent, plan.bundle(),
                                   options.memory.scratch_storage);
}

/// Tells `take` each version of the watched row up to `until`; false from it ends the fold.
Status for_each_version(const storage::ReadView& view, const std::shared_ptr<const Plan>& plan,
                        Watch watch, uint64_t until, const RowHistoryOptions& options,
                        const std::function<bool(RowVersion&&)>& take) {
    PLUMBLINE_TRY(const auto scratch, make_scratch(view, *plan, options));
    bool is_enough = false;
    const auto look = [&](Fold& fold, storage::ChangedAt at, bool is_correction) -> Status {
        PLUMBLINE_TRY(auto version, watch.look(fold, at, is_correction));
        is_enough = version && !take(*std::move(version));
        return is_enough ? Status{Error{ErrorCode::kCancelled, "enough"}} : ok();
    };
    const Status folded = fold_bounded(view, plan, until, options, *scratch, look);
    return is_enough ? ok() : folded;
}

}  // namespace

Result<RowHistory> row_history(const storage::ReadView& view, std::shared_ptr<const Plan> plan,
                               size_t entity, std::string_view key, uint64_t until,
                               const RowHistoryOptions& options) {
    RowHistory out;
    size_t bytes = 0;
    PLUMBLINE_TRY_VOID(
        for_each_version(view, plan, {entity, key}, until, options, [&](RowVersion&& version) {
            if (options.after && version.at <= *options.after) {
                return true;
            }
            out.is_whole =
                out.versions.size() < options.versions_max && bytes < options.versions_bytes_max;
            if (out.is_whole) {
                bytes += version.row.size();
                out.versions.push_back(std::move(version));
            }
            return out.is_whole;
        }));
    return out;
}

Result<std::optional<RowVersion>> row_at(const storage::ReadView& view,
                                         std::shared_ptr<const Plan> plan, size_t entity,
                                         std::string_view key, uint64_t block_num,
                                         const RowHistoryOptions& options) {
    std::optional<RowVersion> out;
    const auto stored = view.scan_entity(entity, key, {}, true);
    if (stored->valid() && stored->key() == key &&
        storage::RowCodec::changed_at(stored->row()).block_num <= block_num) {
        if (!storage::RowCodec::is_tombstone(stored->row())) {
            out = RowVersion{storage::RowCodec::changed_at(stored->row()),
                             std::string{stored->row()}, false};
        }
        return out;
    }
    PLUMBLINE_TRY_VOID(stored->status());
    const bool was_ever = stored->valid() && stored->key() == key;
    if (!was_ever && view.bundle().entities[entity].keep_tombstones) {
        return out;  // Deleted rows would have left a mark.
    }
    PLUMBLINE_TRY_VOID(
        for_each_version(view, plan, {entity, key}, block_num, options, [&](RowVersion&& version) {
            out = std::move(version);
            return true;
        }));
    if (out && out->row.empty()) {
        out.reset();
    }
    return out;
}

Result<std::shared_ptr<const storage::ReadView>> rows_at(const storage::ReadView& view,
                                                         std::shared_ptr<const Plan> plan,
                                                         uint64_t block_num,
                                                         const RowHistoryOptions& options) {
    struct Held {
        std::unique_ptr<ScratchDatabase> scratch;  // Before the view, which reads it.
        std::unique_ptr<storage::ReadView> view;
    };
    auto held = std::make_shared<Held>();
    PLUMBLINE_TRY(held->scratch, make_scratch(view, *plan, options));
    const auto go_on = [](Fold&, storage::ChangedAt, bool) { return ok(); };
    PLUMBLINE_TRY_VOID(fold_bounded(view, plan, block_num, options, *held->scratch, go_on));
    held->view = held->scratch->database().read_view();
    return std::shared_ptr<const storage::ReadView>{held, held->view.get()};
}

}  // namespace plumbline::engine

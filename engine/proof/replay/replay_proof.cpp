#include "engine/proof/replay/replay_proof.hpp"

#include <set>
#include <utility>

#include <fmt/format.h>

#include "engine/fold/rebuild.hpp"
#include "engine/proof/raw_join.hpp"
#include "engine/proof/row_diff.hpp"
#include "storage/entity_key.hpp"
#include "storage/key_text.hpp"
#include "storage/record_codec.hpp"

namespace plumbline::engine {

Result<std::unique_ptr<ScratchDatabase>> fold_to_scratch(const storage::ReadView& view,
                                                         std::shared_ptr<const Plan> plan,
                                                         uint64_t until_block,
                                                         const ReplayOptions& options) {
    PLUMBLINE_TRY(auto scratch, ScratchDatabase::create(options.scratch_parent, plan->bundle(),
                                                        options.memory.scratch_storage));
    RebuildOptions rebuild = rebuild_options(options.memory);
    rebuild.cache_bytes = options.memory.scratch_cache;
    rebuild.is_cancelled = options.is_cancelled;
    rebuild.on_damage = storage::OnDamage::kSkip;
    if (options.on_progress) {
        rebuild.on_progress = [&options](const RebuildProgress& progress) {
            options.on_progress({"folding", progress.events, progress.events_total});
        };
    }
    PLUMBLINE_TRY_VOID(fold_log(view, until_block, scratch->database(), std::move(plan), rebuild));
    return scratch;
}

namespace {

using RowBytes = std::optional<std::string_view>;

Error was_cancelled() {
    return {ErrorCode::kCancelled, "stopped before everything was compared"};
}

/// Holds one entity's stored rows against the fold's.
class EntityComparison {
  public:
    EntityComparison(const storage::ReadView& view, const storage::ReadView& fold,
                     const ScrubbedEntity& scrubbed, const std::function<bool()>& is_cancelled,
                     ReplayReport& report)
        : view_{view},
          fold_{fold},
          layout_{view.bundle().entities[scrubbed.entity]},
          codec_{layout_},
          entity_{scrubbed.entity},
          damaged_(scrubbed.damaged_buckets.begin(), scrubbed.damaged_buckets.end()),
          is_log_whole_{report.scrub.is_log_whole()},
          is_cancelled_{is_cancelled},
          report_{report} {}

    [[nodiscard]] Status run(const storage::EntityDigest& stored) {
        storage::EntityDigest folded;
        const auto rows = storage::scan_raw_rows(fold_, entity_);
        for (; rows->valid(); rows->next()) {
            ++report_.rows;
            folded.change(rows->key(), "", rows->value());
            PLUMBLINE_TRY_VOID(take_turn());
        }
        PLUMBLINE_TRY_VOID(rows->status());
        for (uint32_t bucket = 0; bucket < storage::kEntityDigestLeaves; ++bucket) {
            // With a damaged log the fold proves nothing of rows that are as they were written.
            if (stored.leaf(bucket) != folded.leaf(bucket) &&
                (is_log_whole_ || damaged_.contains(bucket))) {
                differing_.insert(bucket);
            }
        }
        if (!differing_.empty()) {
            PLUMBLINE_TRY_VOID(name_rows());
        }
        for (const uint32_t bucket : damaged_) {
            if (!named_.contains(bucket)) {
                Finding out = finding(FindingKind::kDigestDiffers, {});
                out.detail = fmt::format(
                    "rows of bucket {} are what the log makes, but not those "
                    "that were written: the digest is wrong",
                    bucket);
                report_.findings.add(std::move(out));
            }
        }
        return ok();
    }

  private:
    /// kCancelled where that is wanted; asked now and then.
    [[nodiscard]] Status take_turn() {
        constexpr uint64_t kRowsPerTurn = 16'384;
        const bool is_over = ++turns_ % kRowsPerTurn == 0 && is_cancelled_ && is_cancelled_();
        return is_over ? Status{was_cancelled()} : ok();
    }

    [[nodiscard]] Status name_rows() {
        const auto stored = storage::scan_raw_rows(view_, entity_);
        const auto folded = storage::scan_raw_rows(fold_, entity_);
        const Status joined = join_raw(
            *stored, *folded, [&](std::string_view key, RowBytes left, RowBytes right) -> Status {
                PLUMBLINE_TRY_VOID(take_turn());
                if (left != right) {
                    const uint32_t bucket = storage::entity_digest_leaf(storage::hash_key(key));
                    if (differing_.contains(bucket)) {
                        named_.insert(bucket);
                        name_row(key, left, right);
                    }
                }
                return ok();
            });
        // Where the stored side could not be read to its end the scrub has told so.
        return joined || joined.error().code == ErrorCode::kCorruption ? ok() : joined;
    }

    void name_row(std::string_view key, RowBytes left, RowBytes right) {
        const bool is_readable = storage::decode_key(key, layout_.key).has_value() &&
                                 (!left || codec_.check(*left).has_value());
        if (!is_readable) {
            return;  // The scrub has told of it.
        }
        const bool has_left = left && !storage::RowCodec::is_tombstone(*left);
        const bool has_right = right && !storage::RowCodec::is_tombstone(*right);
        Finding out = finding(FindingKind::kRowDiffers, key);
        if (left) {
            out.block_num = storage::RowCodec::changed_at(*left).block_num;
            out.log_index = storage::RowCodec::changed_at(*left).log_index;
        }
        if (has_left && has_right) {
            for (FieldDifference& field : compare_rows(layout_, codec_, key, *left, *right)) {
                Finding one = out;
                one.field = std::move(field.field);
                one.stored = std::move(field.left);
                one.expected = std::move(field.right);
                report_.findings.add(std::move(one));
            }
            return;
        }
        if (has_left) {
            out.kind = FindingKind::kRowExtra;
            out.stored = row_summary(layout_, codec_, key, *left);
            out.detail = right ? "the log deletes it" : "no event makes it";
        } else if (has_right) {
            out.kind = FindingKind::kRowMissing;
            out.expected = row_summary(layout_, codec_, key, *right);
            out.block_num = storage::RowCodec::changed_at(*right).block_num;
            out.log_index = storage::RowCodec::changed_at(*right).log_index;
            out.detail = left ? "it is marked as deleted" : "";
        } else {
            out.field = "(deleted)";
            out.stored = left ? "marked as deleted" : "not known";
            out.expected = right ? "marked as deleted" : "not known";
        }
        report_.findings.add(std::move(out));
    }

    [[nodiscard]] Finding finding(FindingKind kind, std::string_view key) const {
        Finding out;
        out.kind = kind;
        out.entity = layout_.name;
        out.raw_key = key;
        out.key = storage::key_text(layout_, key);
        out.detail = is_log_whole_ ? "" : "the log is damaged too, so mend it first";
        return out;
    }

    const storage::ReadView& view_;
    const storage::ReadView& fold_;
    const storage::EntityLayout& layout_;
    storage::RowCodec codec_;
    size_t entity_;
    std::set<uint32_t> damaged_;
    std::set<uint32_t> differing_;
    std::set<uint32_t> named_;
    bool is_log_whole_;
    const std::function<bool()>& is_cancelled_;
    uint64_t turns_ = 0;
    ReplayReport& report_;
};

Status compare_quarantine(const storage::ReadView& view, const storage::ReadView& fold,
                          Findings& findings) {
    const auto stored = storage::scan_raw_quarantine(view);
    const auto folded = storage::scan_raw_quarantine(fold);
    const auto text = [](std::string_view key, RowBytes value) -> std::string {
        if (!value) {
            return "not in quarantine";
        }
        const auto row = storage::decode_quarantine(key, *value);
        return row ? fmt::format("{}: {}", row->event, row->reason) : row.error().message;
    };
    return join_raw(*stored, *folded, [&](std::string_view key, RowBytes left, RowBytes right) {
        if (left != right) {
            Finding out;
            out.kind = FindingKind::kQuarantineDiffers;
            out.raw_key = key;
            if (const auto row = storage::decode_quarantine(key, left ? *left : *right)) {
                out.block_num = row->block_num;
                out.log_index = row->log_index;
            }
            out.stored = text(key, left);
            out.expected = text(key, right);
            findings.add(std::move(out));
        }
        return ok();
    });
}

/// Undo is derived as well: a rollback with damaged undo would damage rows.
Status compare_undo(const storage::ReadView& view, const storage::ReadView& fold,
                    Findings& findings) {
    const auto stored = storage::scan_raw_undo(view);
    const auto folded = storage::scan_raw_undo(fold);
    return join_raw(*stored, *folded, [&](std::string_view key, RowBytes left, RowBytes right) {
        if (left != right) {
            Finding out;
            out.kind = FindingKind::kRowDiffers;
            out.raw_key = key;
            out.field = "(undo)";
            if (const auto row = storage::decode_undo(key, left ? *left : *right)) {
                out.block_num = row->block_num;
            }
            out.detail = "what a rollback would restore is not what the log makes";
            findings.add(std::move(out));
        }
        return ok();
    });
}

Result<ScrubReport> scrub_all(const storage::ReadView& view, const ReplayOptions& options) {
    ScrubOptions scrub_options;
    scrub_options.entity = options.entity;
    scrub_options.name_buckets = false;
    scrub_options.is_cancelled = options.is_cancelled;
    if (options.on_progress) {
        scrub_options.on_progress = [&options](const ScrubProgress& progress) {
            options.on_progress(
                {"reading " + progress.part + ", in all", progress.checked, progress.total});
        };
    }
    return scrub(view, scrub_options);
}

}  // namespace

Result<ReplayReport> prove_replay(const storage::ReadView& view, std::shared_ptr<const Plan> plan,
                                  const ReplayOptions& options) {
    if (plan->bundle().fingerprint != view.bundle().fingerprint ||
        plan->entities() != view.bundle().entities) {
        return Error{ErrorCode::kInvalidArgument,
                     "the entities were folded with another mapping than this one: prove with the "
                     "stored one, or fold again first"};
    }
    ReplayReport report;
    PLUMBLINE_TRY(report.scrub, scrub_all(view, options));
    report.findings = std::move(report.scrub.findings);
    report.scrub.findings = Findings{};
    const auto cursor = view.cursor();
    report.block_num = cursor ? cursor->block_num : 0;
    report.block_hash = cursor ? cursor->block_hash : evm::Hash{};
    report.ticks = report.scrub.ticks;
    report.events = report.scrub.logs - report.ticks;
    if (report.scrub.is_log_broken_off) {
        return report;
    }
    PLUMBLINE_TRY(const auto scratch, fold_to_scratch(view, std::move(plan), UINT64_MAX, options));
    const auto fold = scratch->database().read_view();
    const bool is_log_whole = report.scrub.is_log_whole();
    for (const ScrubbedEntity& scrubbed : report.scrub.entities) {
        if (options.is_cancelled && options.is_cancelled()) {
            return was_cancelled();
        }
        if (options.on_progress) {
            options.on_progress(
                {"comparing " + view.bundle().entities[scrubbed.entity].name, 0, scrubbed.rows});
        }
        PLUMBLINE_TRY_VOID(EntityComparison(view, *fold, scrubbed, options.is_cancelled, report)
                               .run(scrubbed.rebuilt));
    }
    if (is_log_whole && !options.entity) {
        for (const auto& [status, what] :
             {std::pair{compare_quarantine(view, *fold, report.findings), "quarantine"},
              {compare_undo(view, *fold, report.findings), "undo"}}) {
            PLUMBLINE_TRY(const bool is_broken_off, note_broken_off(status, what, report.findings));
            static_cast<void>(is_broken_off);
        }
    }
    return report;
}

RowAt rows_by_fold(const storage::ReadView& view, std::shared_ptr<const Plan> plan, uint32_t entity,
                   std::string_view key, std::string scratch_parent) {
    ReplayOptions options;
    options.scratch_parent = std::move(scratch_parent);
    return [&view, plan = std::move(plan), entity, key = std::string{key},
            options](uint64_t block_num) -> Result<std::optional<std::string>> {
        PLUMBLINE_TRY(const auto scratch, fold_to_scratch(view, plan, block_num, options));
        const auto then = scratch->database().read_view();
        const auto found = then->scan_entity(entity, key, {}, true);
        PLUMBLINE_TRY_VOID(found->status());
        if (!found->valid() || found->key() != key) {
            return std::optional<std::string>{};
        }
        return std::optional{std::string{found->row()}};
    };
}

}  // namespace plumbline::engine

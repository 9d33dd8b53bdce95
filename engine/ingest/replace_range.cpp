// 1. Block by block: stored logs and fetched ones, byte for byte, and the row.
// 2. A block that differs is written anew, and told of in the journal.
// 3. Children: those that nobody announces go, new ones come. Whose children they are has to be
//    fetched anew, so its coverage goes.
// 4. What only another config had wanted was not asked for, and is the liar's word too: it goes
// with
//    its coverage, so that it is fetched anew should that config come back. So does what a contract
//    had said before it was announced (`Source::has_history`), where that was in the range or
//    later.
#include "engine/ingest/replace_range.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "engine/ingest/log_rows.hpp"
#include "engine/mapping/block_ranges.hpp"
#include "engine/mapping/descendants.hpp"
#include "engine/mapping/source_map.hpp"
#include "storage/read_view.hpp"

namespace plumbline::engine {

namespace {

class RangeReplacer {
  public:
    RangeReplacer(const storage::Database& database, const Plan& plan, const FetchedRange& fetched,
                  const std::string& liar, uint64_t now_s, storage::CommitBatch& batch)
        : database_{database},
          view_{database.read_view()},
          plan_{plan},
          fetched_{fetched},
          liar_{liar},
          now_s_{now_s},
          batch_{batch},
          map_{plan.sources()} {}

    Result<size_t> run() {
        PLUMBLINE_TRY(const std::vector<storage::ChildRow> children, view_->list_children());
        map_.reset_children(children);
        for (const storage::ChildRow& child : children) {
            note_announced(child);
        }
        PLUMBLINE_TRY_VOID(compare_blocks());
        PLUMBLINE_TRY_VOID(forget_others());
        PLUMBLINE_TRY_VOID(compare_children());
        if (changed_ > 0) {
            batch_.require_refold();
        }
        return changed_;
    }

  private:
    /// What there is of one block on either side.
    struct Block {
        evm::LogBatch stored;          ///< that were asked for
        std::vector<uint32_t> others;  ///< stored, and not asked for: log indexes
        std::vector<size_t> fetched;   ///< places in the fetched logs
        const BlockInfo* info = nullptr;
        std::optional<storage::BlockRow> row;
    };

    Status compare_blocks() {
        PLUMBLINE_TRY(auto blocks, read_blocks());
        for (auto& [block_num, block] : blocks) {
            if (block.row && block.info != nullptr && block.row->hash != block.info->hash) {
                return Error{ErrorCode::kReorg,
                             fmt::format("block {} is another one now", block_num)};
            }
            for (const uint32_t log_index : block.others) {
                batch_.remove_log(block_num, log_index);
            }
            if (!is_as_fetched(block)) {
                replace(block_num, block);
            } else if (!block.others.empty() && block.row) {
                block.row->event_count = static_cast<uint32_t>(block.stored.logs.size());
                batch_.append_block(*block.row);
            }
        }
        return ok();
    }

    Result<std::map<uint64_t, Block>> read_blocks() const {
        std::map<uint64_t, Block> out;
        const evm::BlockRange& range = fetched_.range;
        const auto scan = view_->scan_logs(range.from, range.to);
        for (; scan->valid(); scan->next()) {
            const evm::Log& log = scan->record().log;
            if (is_asked_for(log)) {
                out[log.block_num].stored.push(log, scan->record().data);
            } else {
                out[log.block_num].others.push_back(log.log_index);
            }
        }
        PLUMBLINE_TRY_VOID(scan->status());
        for (size_t i = 0; i < fetched_.logs.logs.size(); ++i) {
            out[fetched_.logs.logs[i].block_num].fetched.push_back(i);
        }
        for (const BlockInfo& info : fetched_.blocks) {
            out[info.block_num].info = &info;
        }
        PLUMBLINE_TRY(const auto rows, view_->list_blocks(range.from, range.to));
        for (const storage::BlockRow& row : rows) {
            out[row.block_num].row = row;
        }
        return out;
    }

    void note_announced(const storage::ChildRow& child) {
        const int source = map_.find_source(child.contract);
        if (source < 0 || !plan_.sources()[static_cast<size_t>(source)].has_history(
                              {child.block_num, child.log_index})) {
            return;
        }
        const auto [at, is_new] =
            announced_.try_emplace({static_cast<uint32_t>(source), child.address}, child.block_num);
        at->second = std::min(at->second, child.block_num);
    }
    /// Its contract was not known yet when its block was asked for.
    [[nodiscard]] bool is_history(uint32_t source, const evm::Log& log) const {
        const auto found = announced_.find({source, log.address});
        return found != announced_.end() && found->second >= fetched_.range.from &&
               log.block_num < found->second;
    }
    [[nodiscard]] bool is_asked_for(const evm::Log& log) const {
        bool is_wanted = false;
        map_.for_each_source(log, [&](uint32_t source) {
            is_wanted = is_wanted ||
                        (std::ranges::find(fetched_.sources, source) != fetched_.sources.end() &&
                         !is_history(source, log));
        });
        return is_wanted;
    }

    Status forget_others() {
        PLUMBLINE_TRY(const std::vector<storage::CoverageRow> coverage, database_.coverage());
        for (const storage::CoverageRow& row : coverage) {
            const bool is_asked = std::ranges::any_of(fetched_.sources, [&](uint32_t source) {
                return plan_.sources()[source].fingerprint == row.source;
            });
            const std::optional<evm::BlockRange> common = common_of(row.range, fetched_.range);
            if (!is_asked && common) {
                batch_.remove_coverage(row.source, *common);
            }
        }
        return ok();
    }

    [[nodiscard]] bool is_as_fetched(const Block& block) const {
        const bool is_row_right = !block.row || block.info == nullptr ||
                                  (block.row->parent_hash == block.info->parent_hash &&
                                   block.row->timestamp == block.info->timestamp);
        if (!is_row_right || block.stored.logs.size() != block.fetched.size()) {
            return false;
        }
        for (size_t i = 0; i < block.fetched.size(); ++i) {
            const evm::Log& theirs = fetched_.logs.logs[block.fetched[i]];
            const evm::Log& ours = block.stored.logs[i];
            if (!is_same_log(ours, block.stored.data(ours), theirs, fetched_.logs.data(theirs))) {
                return false;
            }
        }
        return true;
    }

    void replace(uint64_t block_num, const Block& block) {
        for (const evm::Log& log : block.stored.logs) {
            batch_.remove_log(block_num, log.log_index);
        }
        for (const size_t i : block.fetched) {
            const evm::Log& log = fetched_.logs.logs[i];
            batch_.append_log(log, fetched_.logs.data(log), fetched_.txn(i));
        }
        if (block.info != nullptr) {
            if (block.row || !block.fetched.empty()) {
                batch_.append_block(to_row(*block.info, block.fetched.size()));
            }
        } else if (block.row) {
            storage::BlockRow row = *block.row;
            row.event_count = 0;  // Only blocks with logs have a header among what was fetched.
            row.level = storage::ProofLevel::kFetched;
            batch_.append_block(row);
        }
        note(block_num, fmt::format("{} logs", block.stored.logs.size()),
             fmt::format("{} logs", block.fetched.size()));
        ++changed_;
    }

    Status compare_children() {
        PLUMBLINE_TRY(const auto stored, view_->list_children());
        for (const storage::ChildRow& child : stored) {
            if (child.block_num >= fetched_.range.from && child.block_num <= fetched_.range.to &&
                std::ranges::find(fetched_.children, child) == fetched_.children.end()) {
                batch_.remove_child(child);
                forget_coverage(child);
            }
        }
        for (const storage::ChildRow& child : fetched_.children) {
            if (std::ranges::find(stored, child) == stored.end()) {
                batch_.append_child(child);
                forget_coverage(child);
            }
        }
        return ok();
    }

    void forget_coverage(const storage::ChildRow& child) {
        for (const Source& source : plan_.sources()) {
            if (source.contract == child.contract) {
                batch_.remove_coverage(source.fingerprint);
            }
        }
        ++changed_;
    }

    void note(uint64_t block_num, std::string before, std::string after) {
        storage::JournalRow row;
        row.time_s = now_s_;
        row.kind = "block fetched again";
        row.block_num = block_num;
        row.before = std::move(before);
        row.after = std::move(after);
        row.reason = "a provider that was proven to lie had told it";
        row.provider = liar_;
        for (const rpc::ToldBy& part : fetched_.told_by) {
            if (part.range.from <= block_num && block_num <= part.range.to) {
                row.evidence = "as " + part.provider + " tells it";
            }
        }
        batch_.append_journal(row);
    }

    const storage::Database& database_;
    std::shared_ptr<const storage::ReadView> view_;
    const Plan& plan_;
    const FetchedRange& fetched_;
    const std::string& liar_;
    const uint64_t now_s_;
    storage::CommitBatch& batch_;
    SourceMap map_;  ///< with the stored children
    /// The blocks that announce stored children with a history.
    std::map<std::pair<uint32_t, evm::Address>, uint64_t> announced_;
    size_t changed_ = 0;
};

}  // namespace

Result<size_t> replace_range(const storage::Database& database, const Plan& plan,
                             const FetchedRange& fetched, const std::string& liar, uint64_t now_s,
                             storage::CommitBatch& batch) {
    return RangeReplacer{database, plan, fetched, liar, now_s, batch}.run();
}

Status withdraw_histories(const storage::Database& database, const Plan& plan,
                          const FetchedRange& fetched, storage::CommitBatch& batch) {
    PLUMBLINE_TRY(std::vector<storage::ChildRow> children, database.children());
    std::ranges::copy(fetched.children, std::back_inserter(children));
    const std::vector<Source>& sources = plan.sources();
    for (const storage::ChildRow& child : children) {
        const auto source = std::ranges::find(sources, child.contract, &Source::contract);
        if (source == sources.end() || child.block_num <= fetched.range.from) {
            continue;
        }
        const LogPosition announced{child.block_num, child.log_index};
        const uint64_t first = source->counts_from(announced).block_num;
        const evm::BlockRange missed{std::max(first, fetched.range.from),
                                     std::min(child.block_num - 1, fetched.range.to)};
        if (!source->has_history(announced) || missed.from > missed.to) {
            continue;
        }
        batch.remove_coverage(source->fingerprint, missed);
        for (const uint32_t i :
             descendants_of(static_cast<uint32_t>(source - sources.begin()), sources)) {
            batch.remove_coverage(sources[i].fingerprint, {missed.from, fetched.range.to});
        }
    }
    return ok();
}

}  // namespace plumbline::engine

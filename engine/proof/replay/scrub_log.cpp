// The log's part of a scrub: logs, block rows and digest pages walked side by side in block order.
#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "engine/mapping/block_tick.hpp"
#include "engine/proof/replay/scrub_parts.hpp"
#include "storage/codec.hpp"
#include "storage/log_codec.hpp"
#include "storage/raw_scan.hpp"
#include "storage/record_codec.hpp"

namespace plumbline::engine {

namespace {

using storage::DigestNode;
using storage::DigestPage;
using storage::kDigestPageSize;

/// The digests of single blocks as the commits kept them, in block order.
class MaintainedLeaves {
  public:
    MaintainedLeaves(const storage::ReadView& view, uint64_t from, uint64_t to)
        : scan_{storage::scan_raw_log_pages(view, from, to)},
          from_{from},
          to_{to} {
        find();
    }
    [[nodiscard]] bool valid() const { return valid_; }
    [[nodiscard]] uint64_t block_num() const { return number_ * kDigestPageSize + place_; }
    [[nodiscard]] const DigestNode& node() const { return page_[place_]; }
    void next() {
        ++place_;
        find();
    }
    /// Pages that are stored but say nothing.
    [[nodiscard]] const std::set<uint64_t>& damaged() const { return damaged_; }
    [[nodiscard]] Status status() const { return scan_->status(); }

  private:
    void find() {
        for (;; ++place_) {
            if (!has_page_ || place_ == kDigestPageSize) {
                if (!load()) {
                    valid_ = false;
                    return;
                }
                place_ = 0;
            }
            const uint64_t block_num = number_ * kDigestPageSize + place_;
            if (!page_[place_].is_zero() && block_num >= from_ && block_num <= to_) {
                valid_ = true;
                return;
            }
        }
    }
    bool load() {
        for (; scan_->valid(); scan_->next()) {
            if (scan_->key().size() != sizeof(uint64_t) + 1) {
                continue;
            }
            number_ = storage::load_be64(scan_->key().data() + 1);
            const auto page = storage::decode_digest_page(scan_->value());
            if (page) {
                page_ = *page;
                has_page_ = true;
                scan_->next();
                return true;
            }
            damaged_.insert(number_);
        }
        return false;
    }

    std::unique_ptr<storage::RawScanner> scan_;
    uint64_t from_;
    uint64_t to_;
    uint64_t number_ = 0;
    size_t place_ = 0;
    DigestPage page_{};
    bool has_page_ = false;
    bool valid_ = false;
    std::set<uint64_t> damaged_;
};

/// What is stored of one block.
struct StoredBlock {
    uint64_t block_num = 0;
    DigestNode node;
    uint64_t logs = 0;        ///< unreadable ones too
    uint64_t unreadable = 0;  ///< logs, and the row
    std::optional<storage::BlockRow> row;
    bool has_row = false;
};

class LogScrub {
  public:
    explicit LogScrub(ScrubRun& run)
        : run_{run},
          view_{run.view},
          report_{run.report},
          logs_{storage::scan_raw_log(view_, run.options.from, run.options.to)},
          blocks_{storage::scan_raw_blocks(view_, run.options.from, run.options.to)},
          calls_{storage::scan_raw_calls(view_, run.options.from, run.options.to)},
          leaves_{view_, run.options.from, run.options.to},
          is_whole_{run.options.from == 0 && run.options.to == UINT64_MAX} {}

    [[nodiscard]] Status run() {
        while (true) {
            skip_misfits(*logs_, storage::kLogKeySize, "log");
            skip_misfits(*blocks_, sizeof(uint64_t), "block row");
            skip_short_calls();
            const auto next = next_block();
            if (!next) {
                break;
            }
            PLUMBLINE_TRY_VOID(read_block(*next));
            DigestNode maintained;
            if (leaves_.valid() && leaves_.block_num() == *next) {
                maintained = leaves_.node();
                leaves_.next();
            }
            judge(maintained);
        }
        for (const Status& status :
             {logs_->status(), blocks_->status(), calls_->status(), leaves_.status()}) {
            PLUMBLINE_TRY(const bool is_broken_off, note_broken_off(status, {}, report_.findings));
            report_.is_log_broken_off = report_.is_log_broken_off || is_broken_off;
        }
        if (report_.is_log_broken_off) {
            ++report_.log_findings;
            return ok();
        }
        PLUMBLINE_TRY_VOID(settle());
        // Of a damaged log the totals may be what is right: they are looked at once it is mended.
        if (is_whole_ && report_.log_findings == 0) {
            check_totals();
        }
        return ok();
    }

  private:
    void add(Finding finding) {
        ++report_.log_findings;
        report_.findings.add(std::move(finding));
    }

    void skip_misfits(storage::RawScanner& scan, size_t key_size, std::string_view what) {
        for (; scan.valid() && scan.key().size() != key_size; scan.next()) {
            Finding finding = finding_of(FindingKind::kUnreadable);
            finding.raw_key = scan.key();
            finding.detail = fmt::format("a {} under a key of {} bytes", what, scan.key().size());
            add(std::move(finding));
        }
    }

    [[nodiscard]] std::optional<uint64_t> next_block() const {
        std::optional<uint64_t> next;
        for (const storage::RawScanner* scan : {logs_.get(), blocks_.get(), calls_.get()}) {
            if (scan->valid()) {
                const uint64_t block_num = storage::load_be64(scan->key().data());
                next = std::min(next.value_or(UINT64_MAX), block_num);
            }
        }
        if (leaves_.valid()) {
            next = std::min(next.value_or(UINT64_MAX), leaves_.block_num());
        }
        return next;
    }

    [[nodiscard]] Status read_block(uint64_t block_num) {
        block_ = StoredBlock{};
        block_.block_num = block_num;
        for (; logs_->valid() && logs_->key().size() == storage::kLogKeySize &&
               storage::load_be64(logs_->key().data()) == block_num;
             logs_->next()) {
            PLUMBLINE_TRY_VOID(run_.step());
            ++block_.logs;
            ++report_.logs;
            if (const Status read =
                    storage::decode_raw_log(view_, logs_->key(), logs_->value(), record_, buffer_);
                !read) {
                note_unreadable(storage::load_be32(logs_->key().data() + 8), read.error().message);
                continue;
            }
            report_.ticks += is_tick(record_.log) ? 1U : 0U;
            block_.node += {1, storage::hash_log(record_.log, record_.data,
                                                 record_.txn ? &*record_.txn : nullptr, scratch_)};
        }
        if (blocks_->valid() && storage::load_be64(blocks_->key().data()) == block_num) {
            ++report_.blocks;
            block_.has_row = true;
            if (auto row = storage::decode_block(blocks_->key(), blocks_->value())) {
                block_.row = *row;
                block_.node.sum += storage::hash_block(*row);
            } else {
                note_unreadable(0, row.error().message);
            }
            blocks_->next();
        }
        read_calls();
        rebuilt_ += block_.node;
        return ok();
    }

    void read_calls() {
        for (; calls_->valid() && calls_->key().size() >= sizeof(uint64_t) &&
               storage::load_be64(calls_->key().data()) == block_.block_num;
             calls_->next()) {
            if (const auto fact = storage::decode_call(calls_->key(), calls_->value())) {
                block_.node.sum += storage::hash_call(*fact);
                continue;
            }
            ++block_.unreadable;
            Finding finding = finding_of(FindingKind::kUnreadable);
            finding.block_num = block_.block_num;
            finding.raw_key = calls_->key();
            finding.detail = "a stored call is damaged";
            add(std::move(finding));
        }
    }

    void skip_short_calls() {
        for (; calls_->valid() && calls_->key().size() < sizeof(uint64_t); calls_->next()) {
            Finding finding = finding_of(FindingKind::kUnreadable);
            finding.raw_key = calls_->key();
            finding.detail = "a call under a key that is too short";
            add(std::move(finding));
        }
    }

    void note_unreadable(uint32_t log_index, const std::string& why) {
        ++block_.unreadable;
        Finding finding = finding_of(FindingKind::kUnreadable);
        finding.block_num = block_.block_num;
        finding.log_index = log_index;
        finding.detail = why;
        add(std::move(finding));
    }

    /// Holds the block against its digest and against itself.
    void judge(const DigestNode& maintained) {
        if (block_.node != maintained) {
            // Whether the log or the digest is damaged shows once all is read.
            suspects_.push_back({block_, maintained});
            return;
        }
        if (block_.row && block_.row->event_count != block_.logs) {
            Finding finding = finding_of(FindingKind::kBlockDiffers);
            finding.block_num = block_.block_num;
            finding.field = "events";
            finding.stored = fmt::to_string(block_.row->event_count);
            finding.expected = fmt::to_string(block_.logs);
            finding.detail = "the block's row counts other events than the log holds";
            add(std::move(finding));
        }
        if (block_.row && last_row_ && last_row_->block_num + 1 == block_.block_num &&
            last_row_->hash != block_.row->parent_hash) {
            Finding finding = finding_of(FindingKind::kBlockDiffers);
            finding.block_num = block_.block_num;
            finding.field = "parent";
            finding.detail = "the block does not name the one before it as its parent";
            add(std::move(finding));
        }
        last_row_ = block_.row;
    }

    struct Suspect {
        StoredBlock block;
        DigestNode maintained;
    };

    /// Suspects by the node of 4096 blocks above them: where that node is the sum of what the pages
    /// kept, the stored bytes changed; where it is the sum of what the bytes give, a page did.
    [[nodiscard]] Status settle() {
        std::map<uint64_t, std::vector<const Suspect*>> by_node;
        for (const Suspect& suspect : suspects_) {
            by_node[storage::log_digest_prefix(2, suspect.block.block_num)].push_back(&suspect);
        }
        std::set<uint64_t> explained;
        const auto nodes = by_node.empty() ? std::map<uint64_t, DigestNode>{} : stored_nodes(2);
        for (const auto& [prefix, suspects] : by_node) {
            const auto at = nodes.find(prefix);
            const DigestNode above = at == nodes.end() ? DigestNode{} : at->second;
            DigestNode with_rebuilt = pages_sum(prefix);
            for (const Suspect* suspect : suspects) {
                with_rebuilt -= suspect->maintained;
                with_rebuilt += suspect->block.node;
            }
            if (with_rebuilt == above) {
                explained.insert(prefix);
                note_digest(fmt::format("of blocks around {} was changed itself; the log is as it "
                                        "was written",
                                        suspects.front()->block.block_num),
                            suspects.front()->block.block_num);
                continue;
            }
            for (const Suspect* suspect : suspects) {
                note_block(*suspect);
            }
        }
        for (const uint64_t page : leaves_.damaged()) {
            if (!explained.contains(storage::log_digest_prefix(2, page * kDigestPageSize))) {
                note_digest("page cannot be read", page * kDigestPageSize);
            }
        }
        return is_whole_ ? check_levels(explained) : ok();
    }

    void note_digest(const std::string& what, uint64_t block_num) {
        report_.has_damaged_digests = true;
        Finding finding = finding_of(FindingKind::kDigestDiffers);
        finding.block_num = block_num;
        finding.detail = "the log's digest " + what;
        report_.findings.add(std::move(finding));
    }

    void note_block(const Suspect& suspect) {
        const StoredBlock& block = suspect.block;
        report_.damaged_blocks.push_back({block.block_num, suspect.maintained, block.node});
        Finding finding = finding_of(FindingKind::kLogAltered);
        finding.block_num = block.block_num;
        finding.is_damage = true;
        finding.stored = describe(block.node);
        finding.expected = describe(suspect.maintained);
        if (block.logs < suspect.maintained.count) {
            finding.kind = FindingKind::kLogMissing;
            finding.detail =
                fmt::format("{} of the block's {} logs are gone",
                            suspect.maintained.count - block.logs, suspect.maintained.count);
        } else if (block.logs > suspect.maintained.count) {
            finding.kind = FindingKind::kLogInvented;
            finding.detail =
                fmt::format("{} logs, but commits wrote {}", block.logs, suspect.maintained.count);
        } else if (block.unreadable > 0) {
            ++report_.log_findings;  // Told already.
            return;
        } else if (!block.row || block.row->event_count != block.logs) {
            finding.kind = FindingKind::kBlockDiffers;
            finding.detail = block.row ? "the block's row counts other events than the log holds"
                                       : "the block has no row";
        } else {
            finding.detail =
                "the bytes of its logs, calls or of its row are not those that were written";
        }
        add(std::move(finding));
    }

    /// What the pages under a node of 4096 blocks add up to; pages that cannot be read count as 0.
    [[nodiscard]] DigestNode pages_sum(uint64_t prefix) const {
        DigestNode sum;
        const uint64_t first = prefix << storage::kLogDigestShifts[2];
        const auto scan = storage::scan_raw_log_pages(
            view_, first, first + ((uint64_t{1} << storage::kLogDigestShifts[2]) - 1));
        for (; scan->valid(); scan->next()) {
            if (const auto page = storage::decode_digest_page(scan->value())) {
                sum += storage::sum_of(*page);
            }
        }
        return sum;
    }

    [[nodiscard]] std::map<uint64_t, DigestNode> stored_nodes(uint8_t level) const {
        std::map<uint64_t, DigestNode> nodes;
        const auto scan = storage::scan_raw_log_nodes(view_, level);
        for (; scan->valid(); scan->next()) {
            if (scan->key().size() == sizeof(uint64_t) + 1) {
                // One that cannot be read is no sum of anything.
                nodes[storage::load_be64(scan->key().data() + 1)] =
                    storage::decode_digest_node(scan->value())
                        .value_or(DigestNode{UINT64_MAX, {UINT64_MAX, 1}});
            }
        }
        return nodes;
    }

    /// Every node is the sum of those below it, and the root is the sum of all.
    [[nodiscard]] Status check_levels(const std::set<uint64_t>& explained) {
        std::map<uint64_t, DigestNode> below;
        const auto pages = storage::scan_raw_log_pages(view_, 0, UINT64_MAX);
        for (; pages->valid(); pages->next()) {
            if (const auto page = storage::decode_digest_page(pages->value());
                page && pages->key().size() == sizeof(uint64_t) + 1) {
                below[storage::load_be64(pages->key().data() + 1)] = storage::sum_of(*page);
            }
        }
        for (uint8_t level = 2; level <= storage::kLogDigestRoot; ++level) {
            const auto nodes = stored_nodes(level);
            std::map<uint64_t, DigestNode> sums;
            const uint8_t shift = storage::kLogDigestShifts[level - 1];
            for (const auto& [prefix, node] : below) {
                sums[storage::log_digest_prefix(level, prefix << shift)] += node;
            }
            std::set<uint64_t> prefixes;
            for (const auto* of : {&nodes, &std::as_const(sums)}) {
                for (const auto& [prefix, node] : *of) {
                    prefixes.insert(prefix);
                }
            }
            for (const uint64_t prefix : prefixes) {
                const auto node = nodes.find(prefix);
                const auto sum = sums.find(prefix);
                const bool fits = (node == nodes.end() ? DigestNode{} : node->second) ==
                                  (sum == sums.end() ? DigestNode{} : sum->second);
                if (!fits && (level > 2 || !explained.contains(prefix))) {
                    note_digest(fmt::format("is not the sum of what lies below it (level {}, "
                                            "prefix {})",
                                            level, prefix),
                                0);
                }
            }
            below = nodes;
        }
        PLUMBLINE_TRY_VOID(pages->status());
        if (const auto root = view_.digest_root({})) {
            report_.log.maintained = *root;
        }
        report_.log.rebuilt = rebuilt_;
        return ok();
    }

    void check_totals() {
        const auto cursor = view_.cursor();
        const std::pair<uint64_t, uint64_t> counts[] = {
            {cursor ? cursor->event_count : 0, report_.logs},
            {view_.block_row_count(), report_.blocks}};
        for (size_t i = 0; i < 2; ++i) {
            if (counts[i].first != counts[i].second) {
                Finding finding = finding_of(FindingKind::kCountDiffers);
                finding.stored = fmt::to_string(counts[i].first);
                finding.expected = fmt::to_string(counts[i].second);
                finding.detail = i == 0 ? "events in the log" : "block rows";
                add(std::move(finding));
            }
        }
    }

    ScrubRun& run_;
    const storage::ReadView& view_;
    ScrubReport& report_;
    std::unique_ptr<storage::RawScanner> logs_;
    std::unique_ptr<storage::RawScanner> blocks_;
    std::unique_ptr<storage::RawScanner> calls_;
    MaintainedLeaves leaves_;
    bool is_whole_;
    StoredBlock block_;
    std::optional<storage::BlockRow> last_row_;
    DigestNode rebuilt_;
    std::vector<Suspect> suspects_;
    storage::LogRecord record_;
    Bytes buffer_;
    std::string scratch_;
};

}  // namespace

Status scrub_log(ScrubRun& run) {
    return LogScrub{run}.run();
}

}  // namespace plumbline::engine

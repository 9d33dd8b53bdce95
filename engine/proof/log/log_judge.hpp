// Compares what the database holds of a block with what the block proves of itself. Knows what the
// sources want at each block; asks nobody anything.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/evm/bloom.hpp"
#include "core/evm/header.hpp"
#include "core/evm/log.hpp"
#include "core/evm/receipt.hpp"
#include "engine/mapping/block_children.hpp"
#include "engine/mapping/plan.hpp"
#include "engine/mapping/source_map.hpp"
#include "engine/proof/finding.hpp"
#include "engine/proof/log/mistold.hpp"
#include "engine/text/event_text.hpp"
#include "storage/records.hpp"

namespace plumbline::engine {

/// What became of one block.
struct BlockVerdict {
    std::vector<Finding> findings;
    evm::LogBatch truth;  ///< what the block's stored logs must be; only from receipts
    std::vector<storage::ChildRow>
        new_children;    ///< announced by the block, and not in the database
    size_t outside = 0;  ///< stored logs that no root commits to; they stay, and are in `truth`
};

/// One thread.
class LogJudge {
  public:
    LogJudge(const LogJudge&) = delete;
    LogJudge& operator=(const LogJudge&) = delete;
    /// `children`, those that the database knows, must outlive it.
    LogJudge(std::shared_ptr<const Plan> plan, std::vector<storage::CoverageRow> coverage,
             const std::vector<storage::ChildRow>& children);

    /// The chain has state syncs (core/evm/state_sync.hpp): their logs are in no root and no bloom,
    /// which says nothing against them.
    void expect_state_syncs() { has_state_syncs_ = true; }
    /// Which of the children's announcements were mended before; read when it is first needed.
    void remember_mistold(std::function<MistoldLogs()> read) { read_mistold_ = std::move(read); }
    /// False: by its bloom the block has no log that is wanted. True: perhaps it has.
    [[nodiscard]] bool may_hold(const evm::Header& header) const noexcept;
    /// The same for one contract that has just become known.
    [[nodiscard]] static bool may_hold(const evm::Header& header, const evm::Address& address);

    /// Stored logs that the header's bloom excludes. `stored` are the block's. How many of them no
    /// bloom has to have.
    size_t judge_bloom(const evm::Header& header, const evm::LogBatch& stored,
                       std::vector<Finding>& findings);
    /// Everything, from the block's proven receipts.
    [[nodiscard]] BlockVerdict judge(const evm::Header& header, const evm::ReceiptBatch& receipts,
                                     const evm::LogBatch& stored);
    /// The block has no receipts at all: nothing may be stored.
    [[nodiscard]] BlockVerdict judge_empty(const evm::Header& header, const evm::LogBatch& stored);

    /// The row of a block against its header. `row` is null where the database keeps none;
    /// `stored_count` is how many logs it holds of the block.
    void judge_row(const evm::Header& header, const storage::BlockRow* row, size_t stored_count,
                   std::vector<Finding>& findings) const;

    /// A contract whose logs are wanted, besides the known ones.
    void add_child(const storage::ChildRow& child);
    /// The first block that may hold a wanted log of it.
    [[nodiscard]] uint64_t first_block_of(const storage::ChildRow& child) const noexcept;
    /// Who had answered for a log's source at that block; empty where nobody had, and where the
    /// config does not ask for it there: another one did.
    [[nodiscard]] std::string provider_of(const evm::Log& log) const;
    [[nodiscard]] std::string provider_at(uint64_t block_num) const;

  private:
    /// An event that is looked for: for each topic the values that it may have; none = any.
    using EventBits = std::array<std::vector<evm::BloomBits>, 4>;
    struct SourceBits {
        std::vector<evm::BloomBits> addresses;
        std::vector<EventBits> events;  ///< none = any event
    };
    [[nodiscard]] static std::vector<EventBits> event_bits(const Source& source);
    [[nodiscard]] static bool may_contain_one(const evm::Bloom& bloom,
                                              const std::vector<EventBits>& events) noexcept;
    struct ChildBits {
        uint32_t source = 0;
        uint64_t block_num = 0;
        evm::BloomBits bits;
    };
    /// A contract that the stored log did not announce, or not yet, because the announcement is not
    /// stored as the chain has it, or was not until it was mended: that its logs are missing is the
    /// fault of who told that one.
    struct Unheard {
        LogPosition announced;
        LogPosition heard{UINT64_MAX, UINT64_MAX};  ///< where the stored log announces it
        std::string provider;
        uint64_t mended_s = UINT64_MAX;  ///< Unix time; blocks that came later were asked about it
    };
    [[nodiscard]] const storage::CoverageRow* coverage_of(uint32_t source,
                                                          uint64_t block_num) const noexcept;
    [[nodiscard]] bool is_wanted(const evm::Log& log) const;
    [[nodiscard]] bool is_outside(const evm::Header& header, const evm::Log& log) const;
    [[nodiscard]] Finding make_finding(FindingKind kind, const evm::Log& log) const;
    [[nodiscard]] std::string text_of(const evm::Log& log, ByteView data);

    void add_bits(uint32_t source, const storage::ChildRow& child);
    void judge_ticks(const evm::Header& header, const evm::LogBatch& stored, BlockVerdict& verdict);
    void find_new_children(const evm::Header& header, const evm::LogBatch& logs,
                           std::span<const evm::Log* const> ours, const evm::LogBatch& stored,
                           std::vector<storage::ChildRow>& out);
    void recall_mistold();
    [[nodiscard]] LogPosition first_heard(const evm::Address& address) const;
    void note_unheard(const evm::Header& header, const evm::Log& announcement,
                      const storage::ChildRow& child);
    [[nodiscard]] const Unheard* find_unheard(const evm::Header& header, const evm::Log& log);

    std::shared_ptr<const Plan> plan_;
    SourceMap map_;
    EventText text_;
    std::vector<std::vector<storage::CoverageRow>> coverage_;  ///< by source, ascending
    std::vector<SourceBits> bits_;                             ///< by source
    std::vector<ChildBits> children_;
    std::span<const storage::ChildRow> stored_children_;
    std::unordered_map<evm::Address, Unheard, evm::FixedBytesHash> unheard_;
    std::function<MistoldLogs()> read_mistold_;  ///< none: nobody knows, or it was read
    MistoldLogs mistold_;
    BlockChildren finder_;
    bool has_state_syncs_ = false;
};

}  // namespace plumbline::engine

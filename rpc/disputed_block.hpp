// A block whose header casts doubt on the logs that came for it, and what evidence makes of it:
//
//   1. The header's bloom lacks what a log must have left in it: the log is made up, or the bloom
//      is wrong. The bloom has what was asked for and no log shows it: one was left out, or the
//      bloom has a false positive (`find_disputes`).
//   2. Another provider's logs of the same block hash. Two that agree settle it
//      (`weigh_second_opinion`).
//   3. The block's receipts. Those whose trie root is the header's decide beyond doubt; others
//      (chains whose root cannot be recomputed, or a lie) as long as the bloom does not contradict
//      them (`judge_by_receipts`).
//   4. No receipts to be had: what the bloom supports and the other one shows is believed
//      (`judge_without_receipts`).
//
// Somebody has lied only where receipts with the header's root say so, of a header that hashes: all
// else is a word against a word. Logs outside of the root (state syncs) are kept whoever tells
// them, and nobody lies who lacks them. Decides only; asks nobody.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/evm/header.hpp"
#include "core/evm/log.hpp"
#include "core/evm/receipt.hpp"
#include "rpc/answer_check.hpp"

namespace plumbline::rpc {

struct DisputedBlock {
    uint64_t block_num = 0;
    /// Common enough (other contracts emit the same events) to be no reason for receipts: only
    /// another provider is asked.
    bool weak = false;
    /// Another provider's logs of it, where they differ from the first one's.
    std::optional<evm::LogBatch> second;
};

/// Which gaps are suspicious. Logs that the bloom excludes always are.
struct SuspicionRules {
    bool empty_blocks = false;  ///< the bloom has a match, there is no log at all
    bool every_event = false;   ///< the bloom has one asked event or address, no log shows it
    bool every_event_is_weak = false;
};

enum class SecondOpinion : uint8_t {
    kUnusable,  ///< none came, or not of this block
    kAgrees,
    kAgreesAgainstBloom,  ///< both have a log that the bloom excludes: the bloom is wrong
    kDiffers,
};

/// How a dispute ends.
struct BlockVerdict {
    enum class Kind : uint8_t {
        kKeep,
        kReplace,   ///< `logs` are the block's
        kAskAgain,  ///< nobody is believed: `why`
    };
    Kind kind = Kind::kKeep;
    evm::LogBatch logs;
    std::string why;
    /// What was wrong with the first and the second provider's logs; empty where nothing is proven.
    std::string first_lie;
    std::string second_lie;
    /// Whose `logs` are, where they are not the first one's.
    enum class Source : uint8_t { kReceipts, kSecond };
    Source source = Source::kReceipts;
    /// Who is thought to be wrong where nothing proves it; may be empty.
    std::string note;
    /// The bloom excludes logs that the block has.
    bool contradicts_bloom = false;
};

/// What there is to decide by.
struct DisputeCase {
    const evm::Header& header;
    const evm::LogBatch& first;
    const evm::LogBatch* second = nullptr;  ///< where it differs from `first`
    std::string_view first_name;            ///< the providers, for people
    std::string_view second_name;
};

/// One thread. Keeps buffers between blocks.
class BlockJudge {
  public:
    /// `check` must outlive it.
    explicit BlockJudge(FilterCheck& check) : check_{check} {}

    /// In block order. `logs` must be in order, and each of a block in `headers`.
    [[nodiscard]] std::vector<DisputedBlock> find_disputes(
        const std::map<uint64_t, evm::Header>& headers, const std::vector<evm::Log>& logs,
        const SuspicionRules& rules);
    /// `second` is null where there was no answer.
    [[nodiscard]] SecondOpinion weigh_second_opinion(const evm::Header& header,
                                                     const evm::LogBatch& first,
                                                     const evm::LogBatch* second);
    /// `receipts` are all of the block's, or null; those of another block count as none.
    [[nodiscard]] BlockVerdict judge(const DisputeCase& dispute, const evm::ReceiptBatch* receipts);

  private:
    /// Empty where the receipts decide nothing.
    [[nodiscard]] std::optional<BlockVerdict> judge_by_receipts(const DisputeCase& dispute,
                                                                const evm::ReceiptBatch& receipts);
    [[nodiscard]] BlockVerdict judge_without_receipts(const DisputeCase& dispute);
    /// The logs of `batch` that a receipts root can commit to, or the others.
    [[nodiscard]] evm::LogBatch part_of(const evm::LogBatch& batch, bool outside) const;
    /// No log is excluded by the header's bloom.
    [[nodiscard]] bool bloom_covers(const evm::Header& header, const evm::LogBatch& logs);

    FilterCheck& check_;
    evm::ReceiptsProver prover_;
};

}  // namespace plumbline::rpc

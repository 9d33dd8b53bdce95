// What a log proof knows already and would only find again: blocks with findings that nobody has
// repaired, and blocks that the chain gives no ground to prove. And what nobody else remembers:
// blocks that stayed below the level asked for because nobody had their receipts just then. It is
// part of the stored records,
// so that neither a restart nor the next block makes the proof ask for it again.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"
#include "core/evm/log.hpp"
#include "engine/proof/log/log_proof.hpp"
#include "storage/commit_batch.hpp"
#include "storage/read_view.hpp"

namespace plumbline::engine {

struct KnownRange {
    evm::BlockRange range;
    uint64_t findings = 0;  ///< 0: it could not be proven
    /// Unix time from which it is tried again. With findings that is only done to mend them (0: it
    /// was not tried); otherwise they stay known until what is stored has changed.
    uint64_t until_s = 0;
    /// With findings, what is stored of the last block, in one word: another one, and the range is
    /// not known any more; empty: not looked at. Without, why it could not be proven.
    std::string note;
    /// Linked or better, but nobody had the receipts: proven again from `until_s` on.
    [[nodiscard]] bool is_retry() const noexcept;
    friend bool operator==(const KnownRange&, const KnownRange&) = default;
};

/// How the note of a retry begins.
inline constexpr std::string_view kRetryNote = "receipts missing";

/// Ascending and without overlaps; at most 1,000 ranges, beyond which the lowest are joined.
class KnownRanges {
  public:
    /// What cannot be read is not known. Left out are findings whose mark, and what could not be
    /// proven whose time has passed; retries stay.
    [[nodiscard]] static Result<KnownRanges> read(const storage::ReadView& view, uint64_t now_s);
    [[nodiscard]] static KnownRanges parse(std::string_view text);
    [[nodiscard]] std::string to_text() const;
    /// As records beside those of the proofs: one of the retries, one of all else.
    void write(storage::CommitBatch& batch, uint64_t time_s) const;

    /// What was known of these blocks is known no more.
    void forget(evm::BlockRange range);
    void add(KnownRange known);
    /// Findings in blocks that are not among `open` any more were repaired.
    void keep_findings(const std::vector<evm::BlockRange>& open);
    /// A piece's findings, in place of what was known of its blocks. `retry_s` > 0: it waits for
    /// receipts until then.
    void take(const LogProofPiece& piece, const storage::ReadView& view, uint64_t retry_s);

    /// Findings in these blocks are not mended before `until_s`.
    void postpone(evm::BlockRange range, uint64_t until_s);
    /// Without the findings that are due to be mended.
    [[nodiscard]] KnownRanges without_due(uint64_t now_s) const;

    /// Of findings and what could not be proven; retries hold nothing up.
    [[nodiscard]] bool has(uint64_t block_num) const noexcept;
    [[nodiscard]] uint64_t finding_count() const noexcept;
    [[nodiscard]] const std::vector<KnownRange>& ranges() const noexcept { return ranges_; }
    /// Those blocks of `open` (highest first) that are not known; highest first.
    [[nodiscard]] std::vector<evm::BlockRange> without(
        const std::vector<evm::BlockRange>& open) const;
    /// The retries whose time has come, highest first.
    [[nodiscard]] std::vector<evm::BlockRange> due_retries(uint64_t now_s) const;

  private:
    void join_retries(size_t index);
    void cut_retries(uint64_t last);

    std::vector<KnownRange> ranges_;
};

/// What is stored of a block, as `KnownRange::note` has it.
[[nodiscard]] std::string mark_of(const storage::ReadView& view, uint64_t block_num);

}  // namespace plumbline::engine

// Providers of another chain of the same id, where more tell the final block that the index has,
// or, where it has none, the one that most have (start_words.hpp): they are set apart, and asked
// for nothing but that block, until they tell ours. So are those of a minority above what is final
// once nothing comes of all answers. What is final goes only where more providers have left it than
// have it (final_undo.hpp), so that nothing is decided here that would be decided otherwise; but
// whose head is the highest keeps nobody waiting.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/base/backoff.hpp"
#include "core/base/callback_guard.hpp"
#include "core/base/clock.hpp"
#include "core/evm/block_id.hpp"
#include "engine/ingest/start_words.hpp"
#include "rpc/chain_source.hpp"
#include "storage/database.hpp"

namespace plumbline::engine {

/// One thread: that which polls the source. What is given must outlive it.
class ApartProviders {
  public:
    /// `on_more`: some are apart that were not before. What they told may be what heads and
    /// finality are taken from.
    ApartProviders(rpc::ChainSource& source, const storage::Database& database, const Clock& clock,
                   std::function<void()> on_more)
        : source_{source},
          database_{database},
          clock_{clock},
          on_more_{std::move(on_more)} {}

    /// So long is waited before `hold` is asked again, where no reason is given.
    static constexpr int64_t kLookMs = 250;

    /// Why nothing is to be fetched now; "" where their words are on the way; empty: go on. Who
    /// serves the first range must be of the chain that is stored, whose last block is `tip`, and
    /// where nothing final is, providers must be of one chain.
    [[nodiscard]] std::optional<std::string> hold(const std::optional<evm::BlockId>& tip,
                                                  uint64_t finalized);
    /// They tell different chains, and it is not known which is meant.
    [[nodiscard]] bool is_disagreed() const noexcept {
        return start_ && !start_->disagreement().empty();
    }

    /// Asks every provider for a final block of ours.
    void look();
    /// What they say of the block that `ours` is, which is final.
    void hear(const std::vector<rpc::BlockWord>& words, const evm::BlockId& ours);
    /// Where nothing comes of all answers: providers may part above what is final, and the higher
    /// head may be that of fewer. A reorg is over before that, or brings most of them along.
    void part_from_minority(const std::vector<rpc::BlockWord>& words, uint64_t block_num,
                            const std::optional<evm::BlockId>& tip);

  private:
    [[nodiscard]] bool is_chain_known(const std::optional<evm::BlockId>& tip);
    [[nodiscard]] bool is_start_agreed(const std::optional<evm::BlockId>& tip, uint64_t finalized);
    [[nodiscard]] bool needs_start_words(const std::optional<evm::BlockId>& tip,
                                         uint64_t finalized) const;
    void ask_start_words();
    [[nodiscard]] std::optional<evm::BlockId> final_block_of_ours() const;
    void take(std::set<std::string> apart, uint64_t block_num);

    rpc::ChainSource& source_;
    const storage::Database& database_;
    const Clock& clock_;
    std::function<void()> on_more_;

    std::set<std::string> apart_;      ///< of another chain, and asked for nothing else
    uint64_t block_num_ = 0;           ///< for another block of this number
    ptrdiff_t lacking_ = 0;            ///< answers in a row in which one had no such block
    bool has_final_ = true;            ///< of what is stored, when it was last looked for
    bool is_chain_known_ = false;      ///< each had its time to say whose chain it is of
    bool is_asked_ = false;            ///< a question for it is on its way
    std::optional<int64_t> asked_ms_;  ///< when it was sent

    bool is_start_agreed_ = false;         ///< providers tell one chain, as far as they tell
    std::optional<StartAgreement> start_;  ///< until then
    bool is_start_asked_ = false;          ///< a question for it is on its way

    LogThrottle notice_{60'000};
    CallbackGuard start_words_;
    CallbackGuard words_;
};

}  // namespace plumbline::engine

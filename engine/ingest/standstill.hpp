// Setbacks in a row without a range between them: the chain moved under a job, does not follow what
// is stored, or came back. One is a reorg and over in a moment. Many are providers that tell
// different chains, and no single question is late then: only here it shows since when nothing
// came of all the answers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/evm/block_id.hpp"
#include "engine/ingest/chain_wait.hpp"
#include "rpc/chain_source.hpp"

namespace plumbline::engine {

/// Decides what to ask and what to say of it; asks nobody itself. Monotonic times. One thread.
class Standstill {
  public:
    /// Setbacks that a reorg may bring.
    static constexpr unsigned kUsual = 2;
    /// Between two questions to every provider.
    static constexpr int64_t kLookMs = 5'000;

    /// `since_ms`: when that was begun which came to nothing. `tip`: the last block that the index
    /// has. `what`, for people: what was done, about which blocks, and what became of it.
    void on_setback(int64_t since_ms, uint64_t tip, std::string what);
    /// The index has blocks up to here: it got on, where that is above what it had before.
    void on_range(uint64_t last_block);
    /// The index got on.
    void over() noexcept { *this = {}; }

    /// Nothing came of more than the usual, or of any for longer than people wait without a word.
    [[nodiscard]] bool is_on(int64_t now_ms) const noexcept {
        return setbacks_ > kUsual || (setbacks_ > 0 && now_ms - since_ms_ >= kWaitToTellMs);
    }
    /// When that was begun which was the first setback; -1: there was none.
    [[nodiscard]] int64_t since_ms() const noexcept { return since_ms_; }
    /// Which block every provider is to be asked for now: that of `tip`, the last one stored, and
    /// the one above it in turn, for providers may part there or below; where one lacks that, one
    /// of those above.
    [[nodiscard]] std::optional<uint64_t> question(int64_t now_ms, std::optional<uint64_t> tip,
                                                   uint64_t next);
    /// What they said.
    void hear(const std::vector<rpc::BlockWord>& words, uint64_t block_num);
    [[nodiscard]] bool names_chains() const noexcept { return !chains_.empty(); }
    /// What is waited for and what to do, for people.
    [[nodiscard]] std::string text() const;

  private:
    unsigned setbacks_ = 0;
    int64_t since_ms_ = -1;
    uint64_t tip_ = 0;  ///< at the first of them
    std::string what_;
    std::string chains_;  ///< who tells which chain; empty: they agree, as far as they were asked
    uint64_t chains_at_ = 0;  ///< the block that says so
    std::optional<int64_t> looked_ms_;
    bool is_tip_next_ = true;
    uint64_t lacking_ = 0;  ///< answers about a next block that one did not have
};

}  // namespace plumbline::engine

// A generated chain of the community contract (examples/community) in memory: blocks whose headers
// hash, link and carry true blooms, and logs that tell a consistent story (nobody votes twice, no
// counter goes below zero), so that a fold of them breaks no rule. The same seed gives the same
// chain.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/evm/header.hpp"
#include "core/evm/log.hpp"
#include "core/evm/receipt.hpp"

namespace plumbline::bench {

struct ChainOptions {
    uint64_t events = 100'000;
    uint32_t events_per_block = 100;
    uint64_t seed = 1;
    bool receipts = false;  ///< compute true receipts roots (about 1 ms a block)
};

/// Where the community contract of the example lives.
inline constexpr std::string_view kHubAddress = "0x5fbdb2315678afecb367f032d93f642f64180aa3";
inline constexpr uint64_t kChainId = 31337;

/// Makes one block's logs after the other. One thread.
class CommunityStory {
  public:
    explicit CommunityStory(uint64_t seed);
    /// Appends `count` logs of block `block_num` to `batch` (block hash not filled in).
    void append_block(uint64_t block_num, uint32_t count, evm::LogBatch& batch);

  private:
    struct Question {
        uint32_t community = 0;
        uint32_t next_voter = 0;  ///< position in the community's members
        uint8_t options = 0;
    };
    struct Vote {
        uint32_t question = 0;
        uint32_t voter = 0;
        uint8_t option = 0;
        uint64_t weight = 0;
    };
    struct Community {
        std::vector<uint32_t> members;
        uint32_t next_user = 0;  ///< users before this one have joined
    };

    uint64_t random();
    uint64_t below(uint64_t bound) { return random() % bound; }
    /// Starts a log of `topic0`; topics and data follow.
    void begin(const evm::Hash& topic0);
    void topic(uint64_t value);
    void topic_user(uint32_t user);
    void word(uint64_t value);
    void word_user(uint32_t user);
    void bytes_tail(std::string_view text);
    void finish(evm::LogBatch& batch);

    void register_user();
    void create_community();
    bool join_member();
    bool open_question();
    bool cast_vote();
    bool change_vote();
    bool withdraw_vote();
    void award_points();
    void change_reputation();
    void next_event();

    uint64_t state_;
    std::vector<Community> communities_;
    std::vector<Question> questions_;
    std::vector<Vote> votes_;
    uint32_t users_ = 0;
    evm::Log log_;
    Bytes data_;
    struct Topics;
};

/// A whole chain with its JSON ready to be sent: blocks 0 (genesis, empty) to `head`.
class CommunityChain {
  public:
    explicit CommunityChain(const ChainOptions& options);

    [[nodiscard]] uint64_t head() const noexcept { return headers_.size() - 1; }
    [[nodiscard]] uint64_t event_count() const noexcept { return event_count_; }
    [[nodiscard]] const evm::Header& header(uint64_t block_num) const {
        return headers_[block_num];
    }
    /// The block's JSON object as eth_getBlockByNumber gives it, without transactions' bodies.
    [[nodiscard]] std::string block_json(uint64_t block_num) const;
    /// The logs of `from` to `to` as JSON objects with commas between them; one piece of memory.
    [[nodiscard]] std::string_view logs_json(uint64_t from, uint64_t to) const;
    [[nodiscard]] uint64_t log_count(uint64_t from, uint64_t to) const;
    /// The block's receipts as eth_getBlockReceipts gives them.
    [[nodiscard]] std::string receipts_json(uint64_t block_num) const;

  private:
    void append_log_json(const evm::Log& log, ByteView data);

    std::vector<evm::Header> headers_;
    std::string logs_;                  ///< all logs' JSON
    std::vector<uint64_t> log_offset_;  ///< where a block's logs start in `logs_`; one past the end
    std::vector<uint64_t> log_ordinal_;  ///< how many logs came before a block; one past the end
    std::vector<std::vector<uint32_t>> log_ends_;  ///< with receipts: each log's end in `logs_`
    std::vector<evm::Hash> txn_hashes_;            ///< one a log
    uint64_t event_count_ = 0;
    bool receipts_ = false;
};

}  // namespace plumbline::bench

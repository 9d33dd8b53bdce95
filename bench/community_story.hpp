// The life of the community contract (examples/community): nobody votes twice, no counter goes
// below zero.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "bench/story.hpp"

namespace plumbline::bench {

/// Each log in a transaction of its own. One thread.
class CommunityStory final : public Story {
  public:
    explicit CommunityStory(uint64_t seed);
    void append_block(uint64_t block_num, uint32_t count, evm::LogBatch& batch) override;

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

}  // namespace plumbline::bench

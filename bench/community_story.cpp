#include "bench/community_story.hpp"

#include <algorithm>
#include <string>

#include "core/evm/hex.hpp"
#include "core/evm/keccak.hpp"
#include "core/evm/uint256.hpp"

namespace plumbline::bench {

namespace {

constexpr std::string_view kComments[] = {"", "", "", "sounds right",
                                          "I changed my mind about this one"};

const evm::Hash kUserRegistered = evm::keccak256("UserRegistered(address,string)");
const evm::Hash kReputationChanged = evm::keccak256("ReputationChanged(address,int64,bytes32)");
const evm::Hash kCommunityCreated =
    evm::keccak256("CommunityCreated(uint256,address,string,(uint8,bytes32,(uint64,int64)))");
const evm::Hash kMemberJoined = evm::keccak256("MemberJoined(uint256,address)");
const evm::Hash kPointsAwarded = evm::keccak256("PointsAwarded(uint256,address[],uint256[])");
const evm::Hash kQuestionOpened =
    evm::keccak256("QuestionOpened(uint256,uint256,address,string,bytes32,string[],uint64)");
const evm::Hash kVoteCast = evm::keccak256("VoteCast(uint256,address,uint8,uint128,string)");
const evm::Hash kVoteChanged =
    evm::keccak256("VoteChanged(uint256,address,uint8,uint8,uint128,uint128)");
const evm::Hash kVoteWithdrawn = evm::keccak256("VoteWithdrawn(uint256,address,uint8,uint128)");

evm::Address user_address(uint32_t user) {
    return made_up<20>(0x75736572, user);
}

void append_word(Bytes& out, uint64_t value) {
    uint8_t bytes[32];
    evm::U256{value}.to_be(bytes);
    out.insert(out.end(), bytes, bytes + 32);
}

void append_padded(Bytes& out, std::string_view text) {
    append_word(out, text.size());
    out.insert(out.end(), text.begin(), text.end());
    out.resize(out.size() + (32 - text.size() % 32) % 32);
}

}  // namespace

CommunityStory::CommunityStory(uint64_t seed) : state_{mix(seed)} {}

uint64_t CommunityStory::random() {
    state_ += 0x9E3779B97F4A7C15ULL;
    return mix(state_);
}

void CommunityStory::begin(const evm::Hash& topic0) {
    log_.topic_count = 1;
    log_.topics[0] = topic0;
    data_.clear();
}

void CommunityStory::topic(uint64_t value) {
    evm::U256{value}.to_be(log_.topics[log_.topic_count++].data());
}

void CommunityStory::topic_user(uint32_t user) {
    evm::Hash& slot = log_.topics[log_.topic_count++];
    slot = {};
    std::ranges::copy(user_address(user).bytes, slot.bytes.begin() + 12);
}

void CommunityStory::word(uint64_t value) {
    append_word(data_, value);
}

void CommunityStory::word_user(uint32_t user) {
    data_.resize(data_.size() + 12);
    const evm::Address address = user_address(user);
    data_.insert(data_.end(), address.bytes.begin(), address.bytes.end());
}

void CommunityStory::bytes_tail(std::string_view text) {
    append_padded(data_, text);
}

void CommunityStory::finish(evm::LogBatch& batch) {
    batch.push(log_, data_);
}

void CommunityStory::register_user() {
    begin(kUserRegistered);
    topic_user(users_);
    word(32);
    bytes_tail("user " + std::to_string(users_));
    ++users_;
}

void CommunityStory::create_community() {
    begin(kCommunityCreated);
    topic(communities_.size() + 1);
    topic_user(static_cast<uint32_t>(below(users_)));
    // head: offset of name, then the static tuple (kind, rules hash, (max members, min reputation))
    word(160);
    word(below(3));
    const auto rules = made_up<32>(0x72756c65, communities_.size());
    data_.insert(data_.end(), rules.bytes.begin(), rules.bytes.end());
    word(0);
    word(0);
    bytes_tail("community number " + std::to_string(communities_.size() + 1));
    communities_.emplace_back();
}

bool CommunityStory::join_member() {
    const auto id = static_cast<uint32_t>(below(communities_.size()));
    Community& community = communities_[id];
    if (community.next_user >= users_) {
        return false;
    }
    const uint32_t user = community.next_user++;
    community.members.push_back(user);
    begin(kMemberJoined);
    topic(id + 1);
    topic_user(user);
    return true;
}

bool CommunityStory::open_question() {
    const auto id = static_cast<uint32_t>(below(communities_.size()));
    const Community& community = communities_[id];
    if (community.members.empty()) {
        return false;
    }
    const auto options = static_cast<uint8_t>(2 + below(4));
    begin(kQuestionOpened);
    topic(questions_.size() + 1);
    topic(id + 1);
    topic_user(community.members[below(community.members.size())]);
    // head: offset of text, body hash, offset of options, deadline
    const std::string text = "question " + std::to_string(questions_.size() + 1) + ": what next?";
    const size_t text_size = 32 + (text.size() + 31) / 32 * 32;
    word(128);
    const auto body = made_up<32>(0x626f6479, questions_.size());
    data_.insert(data_.end(), body.bytes.begin(), body.bytes.end());
    word(128 + text_size);
    word(kGenesisTime * 2);
    bytes_tail(text);
    word(options);
    for (uint64_t i = 0; i < options; ++i) {
        word(32 * options + 64 * i);
    }
    for (uint64_t i = 0; i < options; ++i) {
        bytes_tail("option " + std::to_string(i));
    }
    questions_.push_back({id, 0, options});
    return true;
}

bool CommunityStory::cast_vote() {
    // Mostly recent questions, as people do; any question still has to have a member left to vote.
    for (int attempt = 0; attempt < 8; ++attempt) {
        const uint64_t recent = std::min<uint64_t>(questions_.size(), 256);
        const uint64_t q = questions_.size() - 1 - below(recent);
        Question& question = questions_[q];
        const auto& members = communities_[question.community].members;
        if (question.next_voter >= members.size()) {
            continue;
        }
        const Vote vote{static_cast<uint32_t>(q), members[question.next_voter++],
                        static_cast<uint8_t>(below(question.options)), 1 + below(100)};
        votes_.push_back(vote);
        begin(kVoteCast);
        topic(q + 1);
        topic_user(vote.voter);
        word(vote.option);
        word(vote.weight);
        word(96);
        bytes_tail(kComments[below(std::size(kComments))]);
        return true;
    }
    return false;
}

bool CommunityStory::change_vote() {
    if (votes_.empty()) {
        return false;
    }
    Vote& vote = votes_[votes_.size() - 1 - below(std::min<uint64_t>(votes_.size(), 4096))];
    const auto option = static_cast<uint8_t>(below(questions_[vote.question].options));
    const uint64_t weight = 1 + below(100);
    begin(kVoteChanged);
    topic(uint64_t{vote.question} + 1);
    topic_user(vote.voter);
    word(vote.option);
    word(option);
    word(vote.weight);
    word(weight);
    vote.option = option;
    vote.weight = weight;
    return true;
}

bool CommunityStory::withdraw_vote() {
    if (votes_.empty()) {
        return false;
    }
    const size_t at = votes_.size() - 1 - below(std::min<uint64_t>(votes_.size(), 4096));
    const Vote vote = votes_[at];
    votes_[at] = votes_.back();
    votes_.pop_back();
    begin(kVoteWithdrawn);
    topic(uint64_t{vote.question} + 1);
    topic_user(vote.voter);
    word(vote.option);
    word(vote.weight);
    return true;
}

void CommunityStory::award_points() {
    const auto id = static_cast<uint32_t>(below(communities_.size()));
    const auto& members = communities_[id].members;
    const uint64_t count = std::min<uint64_t>(members.size(), below(6));
    const uint64_t first = count == 0 ? 0 : below(members.size() - count + 1);
    begin(kPointsAwarded);
    topic(id + 1);
    word(64);
    word(64 + 32 * (count + 1));
    word(count);
    for (uint64_t i = 0; i < count; ++i) {
        word_user(members[first + i]);
    }
    word(count);
    for (uint64_t i = 0; i < count; ++i) {
        word(1 + below(1000));
    }
}

void CommunityStory::change_reputation() {
    begin(kReputationChanged);
    topic_user(static_cast<uint32_t>(below(users_)));
    topic(1 + below(4));
    word(1 + below(10));
}

void CommunityStory::next_event() {
    if (users_ < 16) {
        register_user();
        return;
    }
    if (communities_.size() < 4) {
        create_community();
        return;
    }
    const uint64_t draw = below(1000);
    const bool done =
        (draw < 1 && (create_community(), true)) || (draw < 40 && (register_user(), true)) ||
        (draw < 70 && open_question()) || (draw < 90 && (award_points(), true)) ||
        (draw < 130 && (change_reputation(), true)) || (draw < 160 && withdraw_vote()) ||
        (draw < 260 && change_vote()) || (draw < 380 && join_member()) ||
        (!questions_.empty() && draw >= 380 && cast_vote()) || join_member();
    if (!done) {
        register_user();
    }
}

void CommunityStory::append_block(uint64_t block_num, uint32_t count, evm::LogBatch& batch) {
    log_.address = *evm::parse_address(kContractAddress);
    log_.block_num = block_num;
    for (uint32_t i = 0; i < count; ++i) {
        log_.log_index = i;
        log_.txn_index = i;
        log_.txn_hash = made_up<32>(block_num, i);
        next_event();
        finish(batch);
    }
}

}  // namespace plumbline::bench

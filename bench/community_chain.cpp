#include "bench/community_chain.hpp"

#include <algorithm>
#include <unordered_map>

#include "core/base/check.hpp"
#include "core/evm/bloom.hpp"
#include "core/evm/hex.hpp"
#include "core/evm/keccak.hpp"
#include "core/evm/uint256.hpp"

namespace plumbline::bench {

namespace {

constexpr uint64_t kGenesisTime = 1'700'000'000;
constexpr uint64_t kBlockSeconds = 12;
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

uint64_t mix(uint64_t x) {
    x += 0x9E3779B97F4A7C15ULL;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
    return x ^ (x >> 31);
}

/// Bytes that look random and depend only on `a` and `b`.
template <size_t N>
evm::FixedBytes<N> made_up(uint64_t a, uint64_t b) {
    evm::FixedBytes<N> out;
    for (size_t i = 0; i < N; ++i) {
        out.bytes[i] = static_cast<uint8_t>(mix(a * 1'000'003 + b + (i / 8) * 7919) >> (i % 8 * 8));
    }
    return out;
}

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
    log_.address = *evm::parse_address(kHubAddress);
    log_.block_num = block_num;
    for (uint32_t i = 0; i < count; ++i) {
        log_.log_index = i;
        log_.txn_index = i;
        log_.txn_hash = made_up<32>(block_num, i);
        next_event();
        finish(batch);
    }
}

namespace {

/// Bloom bits of topics seen before: users, questions and event ids repeat.
class BloomCache {
  public:
    void add(evm::Bloom& bloom, const evm::Log& log) {
        add(bloom, log.address.view(), address_);
        for (uint8_t i = 0; i < log.topic_count; ++i) {
            auto [found, fresh] = topics_.try_emplace(log.topics[i]);
            if (fresh) {
                found->second = evm::bloom_bits(log.topics[i].view());
            }
            evm::add(bloom, found->second);
        }
    }

  private:
    static void add(evm::Bloom& bloom, ByteView bytes, std::optional<evm::BloomBits>& cached) {
        if (!cached) {
            cached = evm::bloom_bits(bytes);
        }
        evm::add(bloom, *cached);
    }
    std::optional<evm::BloomBits> address_;
    std::unordered_map<evm::Hash, evm::BloomBits, evm::FixedBytesHash> topics_;
};

evm::ReceiptBatch make_receipts(const evm::LogBatch& logs) {
    evm::ReceiptBatch batch;
    batch.logs = logs;
    for (uint32_t i = 0; i < logs.logs.size(); ++i) {
        evm::Receipt receipt;
        receipt.type = 2;
        receipt.status = true;
        receipt.cumulative_gas_used = uint64_t{60'000} * (i + 1);
        receipt.txn_hash = logs.logs[i].txn_hash;
        receipt.txn_index = i;
        receipt.log_begin = i;
        receipt.log_count = 1;
        batch.receipts.push_back(receipt);
    }
    return batch;
}

evm::Header make_header(const evm::Header* parent, size_t log_count, const evm::Bloom& bloom) {
    evm::Header header;
    header.block_num = parent == nullptr ? 0 : parent->block_num + 1;
    header.timestamp = kGenesisTime + kBlockSeconds * header.block_num;
    if (parent != nullptr) {
        header.parent_hash = parent->hash;
    }
    header.ommers_hash =
        *evm::parse_hash("0x1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347");
    const auto empty =
        *evm::parse_hash("0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421");
    header.txns_root = empty;
    header.receipts_root = empty;
    header.state_root = made_up<32>(0x7374617465, header.block_num);
    header.logs_bloom = bloom;
    header.gas_limit = 30'000'000;
    header.gas_used = 60'000 * log_count;
    header.base_fee_per_gas = evm::U256{7};
    return header;
}

void append_field(std::string& out, std::string_view name, std::string_view value) {
    out += out.back() == '{' ? "\"" : ",\"";
    out += name;
    out += "\":\"";
    out += value;
    out += '"';
}

}  // namespace

CommunityChain::CommunityChain(const ChainOptions& options) : receipts_{options.receipts} {
    CommunityStory story{options.seed};
    BloomCache blooms;
    evm::ReceiptsProver prover;
    const uint64_t blocks =
        (options.events + options.events_per_block - 1) / options.events_per_block;
    headers_.reserve(blocks + 1);
    logs_.reserve(options.events * 640);
    headers_.push_back(make_header(nullptr, 0, {}));
    headers_.back().hash = evm::compute_hash(headers_.back());
    log_offset_ = {0, 0};
    log_ordinal_ = {0, 0};
    log_ends_.resize(2);
    evm::LogBatch batch;
    for (uint64_t left = options.events; left > 0;) {
        const auto count =
            static_cast<uint32_t>(std::min<uint64_t>(left, options.events_per_block));
        left -= count;
        batch.clear();
        story.append_block(headers_.size(), count, batch);
        evm::Bloom bloom;
        for (const evm::Log& log : batch.logs) {
            blooms.add(bloom, log);
        }
        evm::Header header = make_header(&headers_.back(), count, bloom);
        if (receipts_) {
            const auto digest = prover.compute(make_receipts(batch));
            PLUMBLINE_CHECK(digest && digest->bloom == bloom);
            header.receipts_root = digest->root;
        }
        header.hash = evm::compute_hash(header);
        for (evm::Log& log : batch.logs) {
            log.block_hash = header.hash;
            append_log_json(log, batch.data(log));
            txn_hashes_.push_back(log.txn_hash);
        }
        headers_.push_back(header);
        log_offset_.push_back(logs_.size());
        log_ordinal_.push_back(log_ordinal_.back() + count);
        log_ends_.emplace_back();
    }
    event_count_ = options.events;
}

void CommunityChain::append_log_json(const evm::Log& log, ByteView data) {
    if (!logs_.empty()) {
        logs_ += ',';
    }
    const size_t start = logs_.size();
    logs_ += "{\"address\":\"0x";
    evm::append_hex(logs_, log.address.view());
    logs_ += "\",\"topics\":[";
    for (uint8_t i = 0; i < log.topic_count; ++i) {
        logs_ += i == 0 ? "\"0x" : ",\"0x";
        evm::append_hex(logs_, log.topics[i].view());
        logs_ += '"';
    }
    logs_ += "],\"data\":\"0x";
    evm::append_hex(logs_, data);
    logs_ += "\",\"blockHash\":\"0x";
    evm::append_hex(logs_, log.block_hash.view());
    logs_ += "\",\"blockNumber\":\"" + evm::to_quantity(log.block_num);
    logs_ += "\",\"transactionHash\":\"0x";
    evm::append_hex(logs_, log.txn_hash.view());
    logs_ += "\",\"transactionIndex\":\"" + evm::to_quantity(log.txn_index);
    logs_ += "\",\"logIndex\":\"" + evm::to_quantity(log.log_index);
    logs_ += "\",\"removed\":false}";
    if (receipts_) {
        log_ends_.back().push_back(static_cast<uint32_t>(logs_.size() - start));
    }
}

std::string_view CommunityChain::logs_json(uint64_t from, uint64_t to) const {
    // Blocks are stored with a comma before each log but the first: cut it off.
    size_t begin = log_offset_[from];
    const size_t end = log_offset_[to + 1];
    if (begin < end && logs_[begin] == ',') {
        ++begin;
    }
    return std::string_view{logs_}.substr(begin, end - begin);
}

uint64_t CommunityChain::log_count(uint64_t from, uint64_t to) const {
    return log_ordinal_[to + 1] - log_ordinal_[from];
}

std::string CommunityChain::block_json(uint64_t block_num) const {
    const evm::Header& header = headers_[block_num];
    std::string out = "{";
    append_field(out, "hash", evm::to_hex(header.hash));
    append_field(out, "parentHash", evm::to_hex(header.parent_hash));
    append_field(out, "sha3Uncles", evm::to_hex(header.ommers_hash));
    append_field(out, "miner", evm::to_hex(header.beneficiary));
    append_field(out, "stateRoot", evm::to_hex(header.state_root));
    append_field(out, "transactionsRoot", evm::to_hex(header.txns_root));
    append_field(out, "receiptsRoot", evm::to_hex(header.receipts_root));
    append_field(out, "logsBloom", evm::to_hex(header.logs_bloom));
    append_field(out, "difficulty", "0x0");
    append_field(out, "number", evm::to_quantity(header.block_num));
    append_field(out, "gasLimit", evm::to_quantity(header.gas_limit));
    append_field(out, "gasUsed", evm::to_quantity(header.gas_used));
    append_field(out, "timestamp", evm::to_quantity(header.timestamp));
    append_field(out, "extraData", "0x");
    append_field(out, "mixHash", evm::to_hex(header.mix_hash));
    append_field(out, "nonce", "0x0000000000000000");
    append_field(out, "baseFeePerGas", "0x7");
    append_field(out, "size", "0x400");
    out += ",\"uncles\":[],\"transactions\":[";
    for (uint64_t i = log_ordinal_[block_num]; i < log_ordinal_[block_num + 1]; ++i) {
        out += out.back() == '[' ? "\"" : ",\"";
        out += evm::to_hex(txn_hashes_[i]);
        out += '"';
    }
    out += "]}";
    return out;
}

std::string CommunityChain::receipts_json(uint64_t block_num) const {
    PLUMBLINE_CHECK(receipts_);
    const std::string hash = evm::to_hex(headers_[block_num].hash);
    std::string_view logs = logs_json(block_num, block_num);
    std::string out = "[";
    const auto& sizes = log_ends_[block_num];
    for (size_t i = 0; i < sizes.size(); ++i) {
        if (i > 0) {
            out += ',';
        }
        const std::string_view log = logs.substr(0, sizes[i]);
        logs.remove_prefix(std::min(logs.size(), size_t{sizes[i]} + 1));
        out += '{';
        append_field(out, "type", "0x2");
        append_field(out, "status", "0x1");
        append_field(out, "cumulativeGasUsed", evm::to_quantity(uint64_t{60'000} * (i + 1)));
        append_field(out, "gasUsed", "0xea60");
        append_field(out, "effectiveGasPrice", "0x7");
        append_field(out, "transactionHash", evm::to_hex(txn_hashes_[log_ordinal_[block_num] + i]));
        append_field(out, "transactionIndex", evm::to_quantity(i));
        append_field(out, "blockHash", hash);
        append_field(out, "blockNumber", evm::to_quantity(block_num));
        append_field(out, "to", kHubAddress);
        append_field(out, "from", "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266");
        out += ",\"contractAddress\":null,\"logs\":[";
        out += log;
        out += "]}";
    }
    out += ']';
    return out;
}

}  // namespace plumbline::bench

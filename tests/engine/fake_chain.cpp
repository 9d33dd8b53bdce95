#include "tests/engine/fake_chain.hpp"

#include <algorithm>
#include <optional>
#include <string>

#include "core/evm/block_gap.hpp"
#include "core/evm/hex.hpp"
#include "core/evm/keccak.hpp"
#include "engine/calls/call_program.hpp"
#include "rpc/block_programs.hpp"

namespace plumbline::test {

FakeChain::FakeChain(uint64_t seed, Spoil spoil)
    : random_{seed},
      gaps_{seed},
      spoil_{std::move(spoil)} {
    mine(1);
}

const FakeBlock* FakeChain::find(const evm::Hash& hash) const {
    const auto found = by_hash_.find(hash);
    return found == by_hash_.end() ? nullptr : found->second.get();
}

bool FakeChain::is_canonical(const FakeBlock& block) const {
    return block.header.block_num < blocks_.size() &&
           blocks_[block.header.block_num]->header.hash == block.header.hash;
}

void FakeChain::mine(size_t count) {
    for (size_t i = 0; i < count; ++i) {
        mine_logs(blocks_.empty() ? std::vector<MadeLog>{} : pick_logs());
    }
}

void FakeChain::mine_logs(const std::vector<MadeLog>& logs) {
    while (gap_percent_ > 0 && gaps_() % 100 < gap_percent_) {
        const auto gap = std::make_shared<FakeBlock>();
        gap->header = evm::make_gap_header(blocks_.size(), blocks_.back()->header);
        blocks_.push_back(gap);
    }
    auto block = std::make_shared<FakeBlock>();
    evm::Header& header = block->header;
    header.block_num = blocks_.size();
    header.timestamp = 1'700'000'000 + header.block_num * 12;
    if (!blocks_.empty()) {
        header.parent_hash = blocks_.back()->header.hash;
    }
    for (const MadeLog& made : logs) {
        evm::Log log = made.log;
        log.log_index = static_cast<uint32_t>(block->logs.logs.size());
        log.txn_index = log.log_index / 2;
        block->logs.push(log, made.data);
    }
    seal_block(header, block->logs,
               std::to_string(header.block_num) + "/" + std::to_string(random_()), prover_);
    if (spoil_) {
        spoil_(header);
        for (evm::Log& log : block->logs.logs) {
            log.block_hash = header.hash;
        }
    }
    by_hash_[header.hash] = block;
    blocks_.push_back(std::move(block));
}

void FakeChain::cut(uint64_t block_num) {
    blocks_.resize(block_num + 1);
    while (evm::is_gap(blocks_.back()->header)) {
        blocks_.pop_back();
    }
}

void FakeChain::reorg(uint64_t depth, size_t new_blocks) {
    cut(head() - std::min(depth, head()));
    mine(new_blocks);
}

std::vector<MadeLog> FakeChain::pick_logs() {
    std::vector<MadeLog> out;
    if (pick(3) == 0) {
        return out;
    }
    for (uint64_t left = pick(6); left > 0; --left) {
        // Other contracts' logs stand between.
        for (uint64_t others = pick(3); others > 0; --others) {
            out.push_back(noise(make_address(9, others), out.size()));
        }
        out.push_back(pick_log());
    }
    return out;
}

MadeLog FakeChain::pick_log() {
    const uint64_t amount = pick(1000);
    switch (pick(8)) {
        case 0:
        case 1:
        case 2: {
            const evm::Address contract = pick(5) == 0 ? make_address(7, pick(3)) : hub_address();
            return deposited(contract, make_address(5, pick(6)), amount);
        }
        case 3: return vault_made(make_address(2, pick(8)));
        case 4: {
            // A vault makes a pod: a child of a child. It may not be announced yet, or ever.
            const evm::Address vault = make_address(2, pick(10));
            return child_made(vault, make_address(3, pick(8)));
        }
        default: {
            const uint64_t number = pick(10);
            return ping(make_address(2 + pick(2), number), amount);
        }
    }
}

const FakeBlock* FakeNode::find(const evm::Hash& hash) const {
    const FakeBlock* block = chain_.find(hash);
    if (block == nullptr || options.keeps_side_blocks) {
        return block;
    }
    return chain_.is_canonical(*block) && block->header.block_num <= head() ? block : nullptr;
}

template <typename T>
void FakeNode::ask(Callback<T> done, std::function<Result<T>()> answer) {
    open_.emplace_back([this, done = std::move(done), answer = std::move(answer)] {
        if (options.is_down) {
            done(Error{ErrorCode::kUnavailable, "connection refused"});
        } else if (options.refusal_percent > 0 && random_() % 100 < options.refusal_percent) {
            done(Error{ErrorCode::kTimeout, "no answer in time"});
        } else {
            done(answer());
        }
    });
}

void FakeNode::get_chain_id(Callback<uint64_t> done) {
    ask<uint64_t>(std::move(done), [this] { return options.chain_id; });
}

void FakeNode::get_heads(Callback<rpc::Heads> done) {
    ask<rpc::Heads>(std::move(done), [this] {
        const uint64_t depth = std::min(options.finality_depth, head());
        rpc::Heads heads{chain_.blocks()[head()]->header,
                         chain_.blocks()[block_below(head() - depth)]->header};
        if (options.second_lag) {
            heads.second_num = head() - *options.second_lag;
        }
        if (options.is_head_false) {
            heads.latest.hash.bytes[0] ^= 1;
        }
        return heads;
    });
}

uint64_t FakeNode::block_below(uint64_t block_num) const {
    while (evm::is_gap(chain_.blocks()[block_num]->header)) {
        --block_num;
    }
    return block_num;
}

void FakeNode::get_headers(std::vector<uint64_t> block_nums,
                           Callback<std::vector<evm::Header>> done) {
    ask<std::vector<evm::Header>>(
        std::move(done),
        [this, block_nums = std::move(block_nums)]() -> Result<std::vector<evm::Header>> {
            std::vector<evm::Header> headers;
            for (const uint64_t n : block_nums) {
                if (n > head() || (n == 0 && !options.knows_genesis)) {
                    return Error{ErrorCode::kNotFound, "no such block"};
                }
                headers.push_back(chain_.blocks()[n]->header);
            }
            return headers;
        });
}

void FakeNode::get_block_words(uint64_t block_num, Callback<std::vector<rpc::BlockWord>> done) {
    if (!options.words) {
        ChainSource::get_block_words(block_num, std::move(done));
        return;
    }
    ask<std::vector<rpc::BlockWord>>(std::move(done), [this, block_num] {
        return Result<std::vector<rpc::BlockWord>>{options.words(block_num)};
    });
}

void FakeNode::get_header_by_hash(evm::Hash hash, Callback<evm::Header> done) {
    ask<evm::Header>(std::move(done), [this, hash]() -> Result<evm::Header> {
        const FakeBlock* block = find(hash);
        if (block == nullptr) {
            return Error{ErrorCode::kNotFound, "no such block"};
        }
        return block->header;
    });
}

void FakeNode::get_range(rpc::LogFilter filter, evm::BlockRange range, bool all_headers,
                         Callback<rpc::RangeLogs> done) {
    ++range_asks;
    ask<rpc::RangeLogs>(std::move(done), [this, filter = std::move(filter), range, all_headers] {
        return read_range(filter, range, all_headers);
    });
}

Result<rpc::RangeLogs> FakeNode::read_range(const rpc::LogFilter& filter, evm::BlockRange range,
                                            bool all_headers) const {
    if (range.to > head()) {
        return Error{ErrorCode::kNotFound, "beyond the head"};
    }
    const auto is_wanted = [&filter](const evm::Log& log) {
        const bool by_address =
            filter.addresses.empty() ||
            std::ranges::find(filter.addresses, log.address) != filter.addresses.end();
        const bool by_topic =
            filter.topics0.empty() ||
            (log.topic_count > 0 &&
             std::ranges::find(filter.topics0, log.topics[0]) != filter.topics0.end());
        bool by_more_topics = true;
        for (size_t i = 0; i < filter.more_topics.size(); ++i) {
            const std::vector<evm::Hash>& topics = filter.more_topics[i];
            by_more_topics =
                by_more_topics &&
                (topics.empty() || (log.topic_count > i + 1 &&
                                    std::ranges::find(topics, log.topics[i + 1]) != topics.end()));
        }
        return by_address && by_topic && by_more_topics;
    };
    rpc::RangeLogs out;
    out.range = range;
    out.told_by = {{range, options.name}};
    for (uint64_t n = range.from; n <= range.to; ++n) {
        const FakeBlock& block = *chain_.blocks()[n];
        const size_t count_before = out.logs.logs.size();
        for (const evm::Log& log : block.logs.logs) {
            if (is_wanted(log) && !(options.drops && options.drops(log))) {
                out.logs.push(log, block.logs.data(log));
            }
        }
        const bool has_logs = out.logs.logs.size() > count_before;
        if (has_logs || all_headers || n == range.from || n == range.to) {
            out.headers.push_back(block.header);
        }
    }
    return out;
}

void FakeNode::get_txns(std::vector<evm::Hash> hashes, Callback<std::vector<rpc::TxnInfo>> done) {
    ask<std::vector<rpc::TxnInfo>>(std::move(done), [hashes = std::move(hashes)] {
        std::vector<rpc::TxnInfo> out;
        for (const evm::Hash& hash : hashes) {
            out.push_back({hash, evm::Address::from(hash.view().first(20)), std::nullopt,
                           evm::U256{hash.bytes[0]}});
        }
        return out;
    });
}

void FakeNode::get_receipts(evm::Hash block_hash, Callback<evm::ReceiptBatch> done) {
    ask<evm::ReceiptBatch>(std::move(done), [this, block_hash]() -> Result<evm::ReceiptBatch> {
        const FakeBlock* block = find(block_hash);
        if (block == nullptr) {
            return Error{ErrorCode::kNotFound, "no such block"};
        }
        return receipts_of(block->logs);
    });
}

void FakeNode::call(std::vector<rpc::CallRequest> requests, rpc::StateBlock block,
                    std::optional<size_t> provider, Callback<rpc::CallAnswers> done) {
    ask<rpc::CallAnswers>(std::move(done), [this, requests = std::move(requests), block, provider] {
        const size_t teller = provider.value_or(0);
        rpc::CallAnswers out;
        for (const rpc::CallRequest& request : requests) {
            if (options.is_silent_at && provider &&
                options.is_silent_at(teller, request.block.value_or(block).block_num)) {
                return Result<rpc::CallAnswers>{
                    Error{ErrorCode::kUnavailable, "no answer in time"}};
            }
            out.results.push_back(run_call(request, request.block.value_or(block), teller));
            out.results.back().provider =
                options.providers.empty() ? options.name : options.providers[teller];
        }
        return Result<rpc::CallAnswers>{std::move(out)};
    });
}

rpc::CallResult FakeNode::ask_contract(const FakeBlock& block, const evm::Address& to,
                                       ByteView input, size_t provider) {
    ++calls_made;
    rpc::CallResult result = options.contracts(block, to, input);
    if (options.spoils) {
        options.spoils(provider, block, input, result);
    }
    return result;
}

namespace {

bool is_sha256(const evm::Address& address) {
    evm::Address out{};
    out.bytes.back() = 2;
    return address == out;
}

}  // namespace

rpc::CallResult FakeNode::run_call(const rpc::CallRequest& request, const rpc::StateBlock& state,
                                   size_t provider) {
    using Kind = rpc::CallResult::Kind;
    ++call_asks;
    const FakeBlock* block =
        state.by_num ? chain_.blocks()[state.block_num].get() : find(state.hash);
    if (block == nullptr || head() - block->header.block_num > options.state_depth) {
        return {Kind::kMissingState, {}, "missing trie node"};
    }
    if (const auto words = options.refuse_calls.find(provider);
        words != options.refuse_calls.end()) {
        return {Kind::kRefused, {}, words->second};
    }
    if (const auto depth = options.state_depths.find(provider);
        depth != options.state_depths.end() && head() - block->header.block_num > depth->second) {
        return {Kind::kMissingState, {}, "missing trie node"};
    }
    if (options.off_block.contains(provider)) {
        block = chain_.blocks()[head()].get();
    } else if (options.block_before.contains(provider) && block->header.block_num > 0) {
        block = chain_.blocks()[block->header.block_num - 1].get();
    }
    if (!options.contracts) {
        return {Kind::kRefused, {}, "no calls here"};
    }
    if (!state.by_num && (!options.takes_hashes || options.refuse_hashes.contains(provider))) {
        return {Kind::kRefused, {}, "cannot unmarshal object into Go value"};
    }
    if (request.to && !request.code && is_sha256(*request.to)) {
        rpc::CallResult hash{Kind::kAnswered, Bytes(32, 0xe3), ""};
        if (options.spoils) {
            options.spoils(provider, *block, request.data, hash);
        }
        return hash;
    }
    if (request.to && !request.code) {
        return ask_contract(*block, *request.to, request.data, provider);
    }
    if (!options.runs_programs) {
        // Whoever takes none may say so in words that mean missing state elsewhere.
        return options.seed % 2 == 0
                   ? rpc::CallResult{Kind::kRefused, {}, "no programs here"}
                   : rpc::CallResult{Kind::kMissingState, {}, "missing \"to\" in transaction"};
    }
    const ByteView program = request.to ? ByteView{*request.code} : ByteView{request.data};
    const std::string program_hex = evm::to_hex(program);
    const bool tells_time = program_hex == rpc::kBlockTimeCode;
    if (tells_time || program_hex == rpc::kBlockNumCode) {
        rpc::CallResult word{Kind::kAnswered, {}, ""};
        evm::append_word(word.data,
                         evm::U256{tells_time ? block->header.timestamp : block->header.block_num});
        return word;
    }
    // As call_program.yul does, but for gas.
    const size_t code =
        request.to ? 0
                   : engine::make_program_call(engine::ProgramForm::kCreate, {}, {}).data.size() -
                         engine::kProgramMarkSize;
    ByteView calls = ByteView{request.data}.subspan(code);
    Bytes answer{0, 2, 0, 0};
    answer.insert(answer.end(), calls.begin(), calls.begin() + engine::kProgramMarkSize);
    calls = calls.subspan(engine::kProgramMarkSize);
    size_t count = 0;
    while (calls.size() >= 22) {
        const size_t size = size_t{calls[20]} << 8 | calls[21];
        const rpc::CallResult result = ask_contract(*block, evm::Address::from(calls.first(20)),
                                                    calls.subspan(22, size), provider);
        const bool is_refused = result.kind == Kind::kRefused;  // It stands for want of gas.
        answer.push_back(is_refused ? 3 : result.kind == Kind::kReverted ? 1 : 0);
        answer.push_back(static_cast<uint8_t>(result.data.size() >> 8));
        answer.push_back(static_cast<uint8_t>(result.data.size()));
        answer.insert(answer.end(), result.data.begin(), result.data.end());
        calls = calls.subspan(22 + size);
        ++count;
    }
    answer[2] = static_cast<uint8_t>(count >> 8);
    answer[3] = static_cast<uint8_t>(count);
    return {Kind::kAnswered, std::move(answer), ""};
}

size_t FakeNode::poll(int64_t wait_ms) {
    if (open_.empty()) {
        clock_.advance(std::max<int64_t>(wait_ms, 1));
        return 0;
    }
    const auto answer_one = [this](size_t i) {
        const auto answer = std::move(open_[i]);
        open_.erase(open_.begin() + static_cast<std::ptrdiff_t>(i));
        answer();
    };
    if (options.seed == 0) {
        answer_one(0);
        return 1;
    }
    clock_.advance(static_cast<int64_t>(random_() % 20));
    size_t ran = 0;
    for (size_t count = random_() % 3; ran < count && !open_.empty(); ++ran) {
        answer_one(random_() % open_.size());
    }
    return ran;
}

}  // namespace plumbline::test

#include "rpc/gap_words.hpp"

#include "rpc/refusal_words.hpp"

namespace plumbline::rpc {

namespace {

constexpr size_t kLearntMax = 16;

std::pair<int64_t, std::string> key_of(const RpcError& error) {
    std::pair<int64_t, std::string> key{error.code, ""};
    for (const Token& token : split_refusal(error.message)) {
        if (token.kind == TokenKind::kWord) {
            key.second += token.text + ' ';
        }
    }
    return key;
}

}  // namespace

bool GapWords::matches(const RpcError& error) const {
    const RefusalWords words{error.message};
    // Lotus and Forest: "requested epoch was a null round (7)"; Solana's: "Slot 7 was skipped".
    return words.has_sequence({"null$", "round"}) || words.has_sequence({"null$", "epoch"}) ||
           words.near({"slot$", "round$", "height$"}, {"skipped$"}, 3) ||
           learnt_.contains(key_of(error));
}

bool GapWords::learn(const RpcError& error) {
    return !matches(error) && learnt_.size() < kLearntMax && learnt_.insert(key_of(error)).second;
}

}  // namespace plumbline::rpc

#include "engine/proof/calls/block_look.hpp"

#include <algorithm>
#include <memory>
#include <optional>

#include <fmt/format.h>

#include "core/base/callback_guard.hpp"
#include "core/evm/hex.hpp"
#include "engine/calls/block_time.hpp"

namespace plumbline::engine {

namespace {

constexpr int64_t kLookPollMs = 50;
constexpr int64_t kLookMs = 10'000;

struct TimeQuestion {
    const storage::BlockRow* block;
    bool by_num;
};

/// Empty where it is right, or tells nothing.
std::string wrong_of(const std::vector<TimeQuestion>& questions,
                     const std::vector<rpc::CallResult>& results, const std::string& provider,
                     uint64_t newest) {
    bool takes_hashes = false;
    for (size_t i = 0; i < std::min(questions.size(), results.size()); ++i) {
        const bool is_its_own = results[i].provider.empty() || results[i].provider == provider;
        const auto told = is_its_own && results[i].kind == rpc::CallResult::Kind::kAnswered
                              ? block_time_of(results[i].data)
                              : std::nullopt;
        const storage::BlockRow& block = *questions[i].block;
        if (!told || (questions[i].by_num && takes_hashes)) {
            continue;  // By number is asked of who takes no hash only.
        }
        takes_hashes = takes_hashes || !questions[i].by_num;
        if (*told >= newest) {
            return fmt::format(
                "{} answers eth_call from another block than it is asked about (block {}, of time "
                "{}, as at {}): its word is none, so use another endpoint (--rpc), and `repair` "
                "what this one told",
                provider, block.block_num, block.timestamp, *told);
        }
    }
    return {};
}

}  // namespace

Result<std::map<size_t, std::string>> find_off_block(rpc::ChainSource& source,
                                                     const std::vector<storage::BlockRow>& blocks,
                                                     uint64_t newest,
                                                     const std::function<bool()>& is_cancelled) {
    std::map<size_t, std::string> out;
    if (blocks.empty()) {
        return out;
    }
    const Bytes code = evm::parse_hex(kBlockTimeCode).value_or(Bytes{});
    std::vector<TimeQuestion> questions;
    std::vector<rpc::CallRequest> requests;
    for (const bool by_num : {false, true}) {
        for (const storage::BlockRow& block : blocks) {
            const rpc::StateBlock state{{block.block_num, block.hash}, by_num};
            rpc::CallRequest creation;
            creation.data = code;
            creation.block = state;
            rpc::CallRequest replaced;
            replaced.to = evm::parse_address(kNowhere);
            replaced.code = std::make_shared<const Bytes>(code);
            replaced.block = state;
            for (rpc::CallRequest* const request : {&creation, &replaced}) {
                questions.push_back({&block, by_num});
                requests.push_back(std::move(*request));
            }
        }
    }
    const std::vector<std::string> names = source.provider_names();
    size_t open = names.size();
    const CallbackGuard answers;
    for (size_t i = 0; i < names.size(); ++i) {
        source.call(requests, *requests.front().block, i,
                    answers.wrap([&, i](const Result<rpc::CallAnswers>& told) {
                        --open;
                        std::string wrong =
                            told ? wrong_of(questions, told->results, names[i], newest) : "";
                        if (!wrong.empty()) {
                            out.emplace(i, std::move(wrong));
                        }
                    }));
    }
    for (int64_t waited = 0; open > 0 && waited < kLookMs; waited += kLookPollMs) {
        if (is_cancelled && is_cancelled()) {
            return Error{ErrorCode::kCancelled, "stopped"};
        }
        source.poll(kLookPollMs);
    }
    return out;
}

}  // namespace plumbline::engine

#include "engine/proof/calls/block_look.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <string_view>

#include <fmt/format.h>

#include "core/base/callback_guard.hpp"
#include "core/evm/hex.hpp"
#include "rpc/block_programs.hpp"

namespace plumbline::engine {

namespace {

constexpr int64_t kLookPollMs = 50;
constexpr int64_t kLookMs = 10'000;

/// What is asked in one way: of a creation or of code at an address, by hash or by number.
struct Way {
    bool has_code_at;
    bool by_num;
};
/// By hash first: by number is asked of who takes no hash only.
constexpr std::array<Way, 4> kWays{{{false, false}, {true, false}, {false, true}, {true, true}}};

rpc::CallRequest make_request(const Bytes& code, const storage::BlockRow& block, Way way) {
    rpc::CallRequest out;
    if (way.has_code_at) {
        out.to = evm::parse_address(rpc::kNowhere);
        out.code = std::make_shared<const Bytes>(code);
    } else {
        out.data = code;
    }
    out.block = rpc::StateBlock{{block.block_num, block.hash}, way.by_num};
    return out;
}

/// The questions of a look: in each way the number at the newest block, then the time and the
/// number at each of the others.
std::vector<rpc::CallRequest> questions_of(const std::vector<storage::BlockRow>& blocks,
                                           const storage::BlockRow& newest) {
    const Bytes time = evm::parse_hex(rpc::kBlockTimeCode).value_or(Bytes{});
    const Bytes number = evm::parse_hex(rpc::kBlockNumCode).value_or(Bytes{});
    std::vector<rpc::CallRequest> out;
    for (const Way way : kWays) {
        out.push_back(make_request(number, newest, way));
        for (const storage::BlockRow& block : blocks) {
            out.push_back(make_request(time, block, way));
            out.push_back(make_request(number, block, way));
        }
    }
    return out;
}

/// What one provider answered, question by question.
class Answers {
  public:
    Answers(const std::vector<rpc::CallResult>& results, const std::string& provider)
        : results_{results},
          provider_{provider} {}

    /// Empty where another one answered, or nobody.
    [[nodiscard]] std::optional<uint64_t> word(size_t question) const {
        if (question >= results_.size()) {
            return std::nullopt;
        }
        const rpc::CallResult& result = results_[question];
        const bool is_its_own = result.provider.empty() || result.provider == provider_;
        return is_its_own && result.kind == rpc::CallResult::Kind::kAnswered
                   ? rpc::block_word_of(result.data)
                   : std::nullopt;
    }

  private:
    const std::vector<rpc::CallResult>& results_;
    const std::string& provider_;
};

std::string describe_off(std::string_view what) {
    return fmt::format(
        "{}: its word is none, so use another endpoint (--rpc), and `repair` what "
        "this one told",
        what);
}

/// Empty where it is right, or tells nothing.
std::string wrong_of(const Answers& answers, const std::string& provider,
                     const std::vector<storage::BlockRow>& blocks,
                     const storage::BlockRow& newest) {
    bool takes_hashes = false;
    for (size_t way = 0; way < kWays.size() && !(takes_hashes && kWays[way].by_num); ++way) {
        const size_t first = way * (1 + 2 * blocks.size());
        const auto own = answers.word(first);
        takes_hashes = takes_hashes || own.has_value();
        for (size_t i = 0; i < blocks.size(); ++i) {
            const storage::BlockRow& block = blocks[i];
            const auto time = answers.word(first + 1 + 2 * i);
            const auto number = answers.word(first + 2 + 2 * i);
            takes_hashes = takes_hashes || time || number;
            std::string ran_at;
            if (time && block.timestamp < newest.timestamp && *time >= newest.timestamp) {
                ran_at = fmt::format("of time {}, as at {}", block.timestamp, *time);
            } else if (number && own && rpc::is_own_number(*own, newest.block_num) &&
                       rpc::is_other_block(*number, block.block_num, newest.block_num)) {
                ran_at = fmt::format("as at block {}", *number);
            } else {
                continue;
            }
            return describe_off(fmt::format(
                "{} answers eth_call from another block than it is asked about (block {}, {})",
                provider, block.block_num, ran_at));
        }
    }
    return {};
}

}  // namespace

Result<std::map<size_t, std::string>> find_off_block(rpc::ChainSource& source,
                                                     const std::vector<storage::BlockRow>& blocks,
                                                     const storage::BlockRow& newest,
                                                     const std::function<bool()>& is_cancelled) {
    std::map<size_t, std::string> out;
    if (blocks.empty()) {
        return out;
    }
    const std::vector<rpc::CallRequest> requests = questions_of(blocks, newest);
    const std::vector<std::string> names = source.provider_names();
    size_t open = names.size();
    const CallbackGuard answers;
    for (size_t i = 0; i < names.size(); ++i) {
        source.call(requests, *requests.front().block, i,
                    answers.wrap([&, i](const Result<rpc::CallAnswers>& told) {
                        --open;
                        if (!told && told.error().code == ErrorCode::kIncompatible) {
                            out.emplace(i, describe_off(told.error().message));
                            return;
                        }
                        std::string wrong =
                            told ? wrong_of({told->results, names[i]}, names[i], blocks, newest)
                                 : "";
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

#include "engine/proof/calls/block_look.hpp"

#include <optional>
#include <string_view>

#include <fmt/format.h>

#include "core/base/callback_guard.hpp"
#include "rpc/block_probe.hpp"
#include "rpc/block_programs.hpp"

namespace plumbline::engine {

namespace {

constexpr int64_t kLookPollMs = 50;
constexpr int64_t kLookMs = 10'000;

rpc::ProbedBlock probed(const storage::BlockRow& block) {
    return {{block.block_num, block.hash}, block.timestamp};
}

/// The questions of a look: in each way the number at the newest block, then the time and the
/// number at each of the others.
std::vector<rpc::CallRequest> questions_of(const std::vector<storage::BlockRow>& blocks,
                                           const storage::BlockRow& newest) {
    std::vector<rpc::CallRequest> out;
    const auto ask = [&](const char* code, const storage::BlockRow& block, const auto& way) {
        out.push_back(rpc::make_block_probe(code, probed(block).id, way));
    };
    for (const rpc::ProbeWay& way : rpc::kProbeWays) {
        ask(rpc::kBlockNumCode, newest, way);
        for (const storage::BlockRow& block : blocks) {
            ask(rpc::kBlockTimeCode, block, way);
            ask(rpc::kBlockNumCode, block, way);
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
        return is_its_own ? rpc::probe_word_of(result) : std::nullopt;
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
    for (size_t way = 0;
         way < rpc::kProbeWays.size() && !(takes_hashes && rpc::kProbeWays[way].by_num); ++way) {
        const size_t first = way * (1 + 2 * blocks.size());
        rpc::ProbeWords words;
        words.own = answers.word(first);
        takes_hashes = takes_hashes || words.own.has_value();
        for (size_t i = 0; i < blocks.size(); ++i) {
            words.time = answers.word(first + 1 + 2 * i);
            words.number = answers.word(first + 2 + 2 * i);
            takes_hashes = takes_hashes || words.is_any();
            const std::string off =
                rpc::describe_off_block(probed(blocks[i]), probed(newest), words);
            if (!off.empty()) {
                return describe_off(provider + " " + off);
            }
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

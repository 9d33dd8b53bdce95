// What an answer means for its call, for its group and for the provider that gave it. Functions of
// what was asked and what came: no clock, no network, nothing is changed here.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "rpc/call_group.hpp"
#include "rpc/transport.hpp"

namespace plumbline::rpc {

/// A call whose answer came, and how it was asked.
struct AskedCall {
    const Call& call;
    const CallGroup& group;
    size_t batch_size = 1;     ///< calls of the same HTTP request
    uint32_t rounds_done = 0;  ///< rounds over all providers in which nobody could answer
};

// ---- What becomes of a call

/// Whether a provider that did not answer is passed over until the round is over.
enum class Blame : uint8_t { kNone, kProvider };

/// It has its answer.
struct Settle {
    Answer answer;
};
/// It is asked again.
struct AskAgain {
    std::string reason;  ///< may be shown
    ErrorCode code = ErrorCode::kUnavailable;
    Blame blame = Blame::kProvider;
    std::optional<Answer> fallback;  ///< the answer should nobody know better
};
/// The provider does not have what was asked for; another one may. Should all say so, the answer
/// is null.
struct AskOthers {};
/// The group ends: its asker has to ask for less.
struct EndGroup {
    Refusal refusal;
    ErrorCode code = ErrorCode::kUnavailable;
    std::string reason;  ///< may be shown
};

/// What a response says of its provider.
struct ProviderNews {
    struct BatchLimit {
        std::optional<uint64_t> told;  ///< the number it named
    };
    bool is_ill = false;      ///< counts as a failure
    bool is_limited = false;  ///< it limits the rate; for so long:
    std::optional<int64_t> retry_after_ms;
    bool is_malformed = false;              ///< what it gave cannot be read or cannot be right
    std::optional<RefusalClass> refusal;    ///< to be counted
    std::optional<std::string> billing;     ///< what it said of the account; may be shown
    std::optional<BatchLimit> batch_limit;  ///< the batch had too many calls
    std::optional<uint64_t> lacks_block;    ///< its head is below this block
};

using CallFate = std::variant<AskAgain, AskOthers, Settle, EndGroup>;

struct CallVerdict {
    CallFate call;
    ProviderNews provider;
    /// A refusal that no rule understood, of a question that could be made smaller: what to end
    /// with should nobody answer.
    std::optional<EndGroup> unclear;
};

/// Of an answer in a response with status 200 to 299. Empty: it is a value, and stands.
[[nodiscard]] std::optional<CallVerdict> judge_answer(const AskedCall& asked, const Answer& answer,
                                                      int http_status);

/// Of an error object, or of a response with another status, given as one.
[[nodiscard]] CallVerdict judge_error(const AskedCall& asked, const RpcError& error,
                                      int http_status);

/// Of a request to which no response came, for the `reason`; the verdict is for each of its calls.
/// `asked.call` is the first of them; `has_logs` says that one of them is eth_getLogs.
[[nodiscard]] CallVerdict judge_transport_error(const AskedCall& asked, bool has_logs,
                                                TransportError error, const std::string& reason);

/// eth_getLogs, whose refusals may mean that a range is too large.
[[nodiscard]] bool is_log_call(const Call& call) noexcept;

}  // namespace plumbline::rpc

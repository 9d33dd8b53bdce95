// What an answer means for its call, for its group and for the provider that gave it. Functions of
// what was asked and what came: no clock, no network, nothing is changed here.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "rpc/call_group.hpp"
#include "rpc/transport.hpp"

namespace plumbline::rpc {

/// A call whose answer came, and how it was asked.
struct AskedCall {
    const Call& call;
    const CallGroup& group;
    size_t batch_size = 1;     ///< calls of the same HTTP request
    uint32_t rounds_done = 0;  ///< rounds over all providers in which nobody could answer
    /// It was limited several times, and for so long the provider has answered other methods but
    /// no eth_getLogs: perhaps it is not the rate. 0: not so.
    int64_t limited_alone_ms = 0;
    std::optional<int64_t> retry_after_ms = {};  ///< of the response's header
    std::optional<uint64_t> head = {};           ///< of the provider, as it told it last
    bool gives_no_logs = false;                  ///< the provider is known to refuse eth_getLogs
    bool has_others =
        false;  ///< another provider can be asked in this round, which may know better
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
    bool is_malformed = false;            ///< what it gave cannot be read or cannot be right
    std::optional<RefusalClass> refusal;  ///< to be counted
    /// What it said of the account; may be shown. Of a head probe it is believed; another question
    /// may be refused so for a reason of its own, which a probe will show.
    std::optional<std::string> billing;
    std::optional<BatchLimit> batch_limit;  ///< the batch had too many calls
    bool mixes_batches = false;             ///< it gives answers of a batch to the wrong calls
    std::optional<uint64_t> lacks_block;    ///< its head is below this block
    struct Refused {
        uint64_t block_num = 0;
        std::optional<uint64_t> first_kept;  ///< the lowest block that it says to have
    };
    std::optional<Refused> has_pruned;     ///< it has not got this block any more
    std::optional<Refused> gives_no_logs;  ///< not of this block, and not for their number
    bool runs_no_call = false;  ///< it would not run a call, or has not the state: others first
};

using CallFate = std::variant<AskAgain, AskOthers, Settle, EndGroup>;

struct CallVerdict {
    CallFate call;
    ProviderNews provider;
    /// A refusal that says nothing of sizes, of a question that could be made smaller all the same:
    /// what to end with should nobody answer.
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

/// A batch of which nothing was answered and every refusal is in words that may mean anything, or
/// of which answers are missing: perhaps it was refused for being a batch. The first reason, which
/// may be shown; empty: no such doubt. Of state calls a revert is the contract's answer.
[[nodiscard]] std::optional<std::string> find_batch_doubt(const std::vector<Answer>& answers,
                                                          int http_status,
                                                          bool are_state_calls = false);
/// The answer to a call that went alone is such a refusal.
[[nodiscard]] bool is_general_refusal(const RpcError& error, int http_status);

/// It refuses a method by its name, whatever else its status or its words say.
[[nodiscard]] bool is_of_method(const Answer& answer, int http_status);

/// A body that is no answer, but a sentence in plain text whose meaning is known: a gateway's
/// "error code: 1015".
[[nodiscard]] bool says_plainly(std::string_view body);

/// eth_call and eth_getProof: what goes wrong with them is mostly an answer.
[[nodiscard]] bool is_state_call(const Call& call) noexcept;
/// eth_getLogs, whose refusals may mean that a range is too large.
[[nodiscard]] bool is_log_call(const Call& call) noexcept;

}  // namespace plumbline::rpc

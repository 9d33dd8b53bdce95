#include "rpc/answer_intake.hpp"

#include <algorithm>
#include <utility>

#include "rpc/call_refusal.hpp"
#include "rpc/error_text.hpp"
#include "rpc/gap_words.hpp"

namespace plumbline::rpc {

namespace {

// A connection that breaks in so many rounds breaks because of what is sent over it.
constexpr uint32_t kRoundsUntilCutsMeanSize = 2;
// What may be waited out (an outage, a block that is to come) and does not end is not that.
constexpr uint32_t kRoundsUntilItLasts = 2;

// And so long a limit on eth_getLogs alone is waited for at least.
constexpr int64_t kLogsLimitMs = 20'000;

bool may_be_null(Call::Kind kind) {
    return kind == Call::Kind::kHeaderByNum || kind == Call::Kind::kHeaderByHash ||
           kind == Call::Kind::kReceipts || kind == Call::Kind::kTxnReceipt ||
           kind == Call::Kind::kBlockTxns || kind == Call::Kind::kTxn ||
           kind == Call::Kind::kTxnGas || kind == Call::Kind::kHeaderFinalized;
}

Answer call_outcome(CallResult::Kind kind, std::string why, Bytes data = {}) {
    return Answer{CallResult{kind, std::move(data), std::move(why)}};
}

Refusal refusal_of(RefusalClass kind) {
    Refusal refusal;
    refusal.kind = kind;
    return refusal;
}

ErrorCode code_of(RefusalClass kind) {
    switch (kind) {
        case RefusalClass::kRateLimit: return ErrorCode::kRateLimited;
        case RefusalClass::kHeadRace:
        case RefusalClass::kMissingData: return ErrorCode::kNotFound;
        case RefusalClass::kTimeout: return ErrorCode::kTimeout;
        case RefusalClass::kBadRequest:
        case RefusalClass::kUnsupported: return ErrorCode::kInvalidArgument;
        case RefusalClass::kTooManyBlocks:
        case RefusalClass::kTooManyResults:
        case RefusalClass::kTooManyAddresses:
        case RefusalClass::kResponseTooLarge:
        case RefusalClass::kBatchTooLarge: return ErrorCode::kTooLarge;
        default: return ErrorCode::kUnavailable;
    }
}

EndGroup end_group(const Refusal& refusal, std::string reason) {
    return {refusal, code_of(refusal.kind), std::move(reason)};
}

/// Of a range of logs, whose asker can cut it.
bool can_ask_for_less(const AskedCall& asked) {
    return asked.group.kind() == CallGroup::Kind::kRange && is_log_call(asked.call);
}

/// It is waited for before it is doubted, as long as is told or a rate is named for and longer:
/// smaller ranges are more requests.
bool is_limit_in_doubt(const AskedCall& asked, const Refusal& refusal) {
    const int64_t told_ms =
        std::max({asked.retry_after_ms.value_or(0), refusal.retry_after_ms.value_or(0),
                  refusal.rate_ms.value_or(0)});
    return asked.limited_alone_ms >= std::max(kLogsLimitMs, told_ms + told_ms / 2);
}

/// It was refused so often in this way that waiting does not help: less is to be asked for.
bool does_last(const AskedCall& asked, const Refusal& refusal) {
    if (!can_ask_for_less(asked)) {
        return false;
    }
    if (asked.group.impatient_of == refusal.kind) {
        return true;
    }
    switch (refusal.kind) {
        case RefusalClass::kRateLimit: return is_limit_in_doubt(asked, refusal);
        case RefusalClass::kBilling: return asked.rounds_done > 0;
        // What may as well mean a size is believed to mean it when it comes again.
        case RefusalClass::kOutage:
            return asked.rounds_done >= (refusal.ambiguous ? 1 : kRoundsUntilItLasts);
        case RefusalClass::kHeadRace:
        case RefusalClass::kMissingData: return asked.rounds_done >= kRoundsUntilItLasts;
        default: return false;
    }
}

/// Nothing about sizes, but should nobody answer, a smaller question may be answered.
bool may_mean_size(RefusalClass kind) {
    return kind == RefusalClass::kUnknown || kind == RefusalClass::kBadRequest ||
           kind == RefusalClass::kUnsupported || kind == RefusalClass::kBatchTooLarge;
}

/// What a refusal says of the provider. With a result it says nothing of the question, which is
/// asked again.
std::optional<Blame> take_news(const AskedCall& asked, const Refusal& refusal,
                               const std::string& reason, ProviderNews& news) {
    const bool is_batch = asked.batch_size > 1;
    const bool lasts = does_last(asked, refusal);
    news.refusal = refusal.kind;
    switch (refusal.kind) {
        case RefusalClass::kRateLimit:
            news.is_limited = true;
            news.retry_after_ms = refusal.retry_after_ms;
            // Its rate may be one of calls alone: who has none is asked first.
            news.runs_no_call = asked.has_others;
            return lasts ? std::nullopt : std::optional{Blame::kNone};
        case RefusalClass::kBilling:
            news.billing = reason;
            return lasts ? std::nullopt : std::optional{Blame::kProvider};
        case RefusalClass::kBatchTooLarge:
            if (is_batch) {
                news.batch_limit = ProviderNews::BatchLimit{refusal.batch_max};
                return Blame::kNone;
            }
            break;
        case RefusalClass::kResponseTooLarge:
            if (is_batch && !can_ask_for_less(asked)) {
                news.batch_limit = ProviderNews::BatchLimit{};
                return Blame::kNone;
            }
            break;
        case RefusalClass::kHeadRace: news.lacks_block = asked.group.block_needed; break;
        case RefusalClass::kOutage:
            // Nobody behind a balancer may have the method; that it is, others are answered.
            news.is_ill = !(refusal.ambiguous && asked.call.kind == Call::Kind::kReceipts);
            news.retry_after_ms = refusal.retry_after_ms;
            return lasts ? std::nullopt : std::optional{Blame::kProvider};
        default: break;
    }
    return std::nullopt;
}

/// What a refusal says of the blocks that the provider has.
void take_refused_blocks(const AskedCall& asked, const Refusal& refusal, ProviderNews& news) {
    const Call& call = asked.call;
    const bool is_logs = call.kind == Call::Kind::kLogs;
    if (!is_logs && call.kind != Call::Kind::kHeaderByNum) {
        return;
    }
    const ProviderNews::Refused refused{is_logs ? call.range.from : call.block_num,
                                        refusal.blocks_from};
    if (refusal.kind == RefusalClass::kMissingData && refusal.is_pruned) {
        news.has_pruned = refused;
    }
    const bool is_for_size = is_size_refusal(refusal.kind) && !refusal.ambiguous;
    if (is_logs && (call.range.size() == 1 || asked.gives_no_logs) && !is_for_size &&
        (refusal.kind == RefusalClass::kMissingData || refusal.ambiguous ||
         may_mean_size(refusal.kind))) {
        news.gives_no_logs = ProviderNews::Refused{refused.block_num, {}};
    }
}

CallVerdict judge_malformed(std::string reason) {
    CallVerdict verdict;
    verdict.provider.is_malformed = true;
    verdict.call = AskAgain{std::move(reason), ErrorCode::kDecode, Blame::kProvider, {}};
    return verdict;
}

/// The answer has the mark that the call asked for, and it is another call's.
bool is_of_another(const Call& call, const CallResult& result) {
    if (call.request == nullptr || !call.request->mark ||
        result.kind != CallResult::Kind::kAnswered) {
        return false;
    }
    const AnswerMark& mark = *call.request->mark;
    return result.data.size() >= mark.at + mark.bytes.size() &&
           std::equal(mark.head.begin(), mark.head.end(), result.data.begin()) &&
           !std::equal(mark.bytes.begin(), mark.bytes.end(),
                       result.data.begin() + static_cast<std::ptrdiff_t>(mark.at));
}

/// It goes alone from now on: then no other answer can take the place of its own.
CallVerdict judge_swapped(const AskedCall& asked) {
    std::string reason = "the answer to another call of the batch";
    CallVerdict verdict;
    verdict.provider.is_malformed = true;
    if (asked.batch_size > 1) {
        verdict.provider.mixes_batches = true;
        verdict.call = AskAgain{std::move(reason), ErrorCode::kDecode, Blame::kNone, {}};
    } else {
        verdict.provider.runs_no_call = true;
        verdict.call = Settle{call_outcome(CallResult::Kind::kRefused, std::move(reason))};
    }
    return verdict;
}

/// It knows of a later block: that it has none of this number may be a gap of the chain, which the
/// asker of a range can find out.
bool may_be_gap(const AskedCall& asked) {
    return asked.call.kind == Call::Kind::kHeaderByNum && asked.head &&
           *asked.head > asked.call.block_num;
}

/// No chain counts so far, and numbers up to there survive whatever is done with them: as JSON, and
/// one more or a range's size.
constexpr uint64_t kBlockNumMax = 1ULL << 53U;

// It does not have what was asked for: another one may.
CallVerdict judge_null(const AskedCall& asked) {
    const Call& call = asked.call;
    if (!may_be_null(call.kind)) {
        return judge_malformed("wrong answer (null)");
    }
    CallVerdict verdict;
    const bool is_perhaps_gap = may_be_gap(asked);
    if (call.kind == Call::Kind::kHeaderByNum && !is_perhaps_gap) {
        verdict.provider.lacks_block = call.block_num;
    }
    if (asked.group.only || (is_perhaps_gap && asked.group.kind() == CallGroup::Kind::kRange)) {
        verdict.call = Settle{Answer{Answer::Null{}}};
    } else if (asked.group.is_from_one_backend()) {
        verdict.call = AskAgain{"it does not have block " + std::to_string(call.block_num),
                                ErrorCode::kNotFound,
                                Blame::kProvider,
                                {}};
    } else {
        verdict.call = AskOthers{};
    }
    return verdict;
}

bool names_call(std::string_view text) {
    return text.find("eth_") != std::string_view::npos;
}

bool is_revert(const RpcError& error, int http_status) {
    return classify_call_refusal({http_status, error.code, error.message, error.data}) ==
           CallRefusal::kReverted;
}

/// Empty where the error says nothing of the call itself.
std::optional<CallVerdict> judge_state_call_error(const AskedCall& asked, const RpcError& error,
                                                  int http_status) {
    const RefusalText refusal{http_status, error.code, error.message, error.data};
    std::string text = error_text(error, http_status);
    CallVerdict verdict;
    switch (classify_call_refusal(refusal)) {
        case CallRefusal::kReverted:
            verdict.call = Settle{call_outcome(CallResult::Kind::kReverted, std::move(text),
                                               revert_data(error.data))};
            return verdict;
        case CallRefusal::kMissingState:
            verdict.provider.runs_no_call = true;
            verdict.call = AskAgain{text, ErrorCode::kNotFound, Blame::kProvider,
                                    call_outcome(CallResult::Kind::kMissingState, text)};
            return verdict;
        case CallRefusal::kRefused:
            if (asked.batch_size > 1 &&
                classify_refusal(refusal).kind == RefusalClass::kBatchTooLarge) {
                return std::nullopt;
            }
            // Want of gas is the call's own doing, and nearly everybody gives as much.
            if (asked.has_others && !names_gas(text)) {
                verdict.provider.runs_no_call = true;
                verdict.call = AskAgain{text, ErrorCode::kUnavailable, Blame::kProvider,
                                        call_outcome(CallResult::Kind::kRefused, text)};
                return verdict;
            }
            verdict.call = Settle{call_outcome(CallResult::Kind::kRefused, std::move(text))};
            return verdict;
        case CallRefusal::kOther: return std::nullopt;
    }
    return std::nullopt;
}

}  // namespace

bool is_general_refusal(const RpcError& error, int http_status) {
    const Refusal refusal = classify_refusal({http_status, error.code, error.message, error.data});
    return refusal.kind == RefusalClass::kBadRequest || refusal.kind == RefusalClass::kUnknown ||
           // Of a whole batch: its array was looked up as a method.
           (refusal.kind == RefusalClass::kUnsupported && error.is_of_whole &&
            !names_call(error.message));
}

bool is_of_method(const Answer& answer, int http_status) {
    const auto* error = answer.get<RpcError>();
    return error != nullptr && names_call(error->message) &&
           classify_refusal({http_status, error->code, error->message, error->data}).kind ==
               RefusalClass::kUnsupported;
}

bool says_plainly(std::string_view body) {
    constexpr size_t kSentenceMax = 300;
    if (body.size() > kSentenceMax || body.find_first_of("<{[") != std::string_view::npos) {
        return false;
    }
    const RefusalClass kind = classify_refusal({200, 0, body, {}}).kind;
    return kind == RefusalClass::kRateLimit || kind == RefusalClass::kBilling ||
           kind == RefusalClass::kOutage;
}

std::optional<std::string> find_batch_doubt(const std::vector<Answer>& answers, int http_status,
                                            bool are_state_calls) {
    std::optional<std::string> reason;
    bool is_any_missing = false;
    bool is_all_refused = true;
    for (const Answer& answer : answers) {
        const auto* malformed = answer.get<Answer::Malformed>();
        if (malformed != nullptr && malformed->is_missing) {
            is_any_missing = true;
            reason = "not all calls of a batch were answered";
        }
        const auto* error = answer.get<RpcError>();
        if (error == nullptr || !is_general_refusal(*error, http_status) ||
            (are_state_calls && is_revert(*error, http_status))) {
            is_all_refused = false;
        } else if (!reason) {
            reason = error_text(*error, http_status);
        }
    }
    return is_any_missing || is_all_refused ? reason : std::nullopt;
}

bool is_state_call(const Call& call) noexcept {
    return call.kind == Call::Kind::kCall || call.kind == Call::Kind::kProof;
}

bool is_log_call(const Call& call) noexcept {
    return call.kind == Call::Kind::kLogs || call.kind == Call::Kind::kLogsOfBlock;
}

std::optional<CallVerdict> judge_answer(const AskedCall& asked, const Answer& answer,
                                        int http_status) {
    if (const auto* error = answer.get<RpcError>()) {
        return judge_error(asked, *error, http_status);
    }
    if (const auto* bad = answer.get<Answer::Malformed>()) {
        return judge_malformed("wrong answer (" + bad->why + ")");
    }
    if (answer.get<Answer::Null>() != nullptr) {
        return judge_null(asked);
    }
    if (const auto* result = answer.get<CallResult>();
        result != nullptr && is_of_another(asked.call, *result)) {
        return judge_swapped(asked);
    }
    if (const auto* header = answer.get<evm::Header>();
        header != nullptr && header->block_num > kBlockNumMax) {
        if (asked.call.kind == Call::Kind::kHeaderFinalized) {
            CallVerdict none;
            none.call = Settle{Answer{Answer::Null{}}};
            return none;
        }
        return judge_malformed("wrong answer (no chain has a block " +
                               std::to_string(header->block_num) + ")");
    }
    return std::nullopt;
}

CallVerdict judge_error(const AskedCall& asked, const RpcError& error, int http_status) {
    if (is_state_call(asked.call)) {
        if (auto verdict = judge_state_call_error(asked, error, http_status)) {
            return *std::move(verdict);
        }
    }
    const Refusal refusal = classify_refusal({http_status, error.code, error.message, error.data});
    const bool can_split = can_ask_for_less(asked);
    CallVerdict verdict;
    AskAgain again{error_text(error, http_status), code_of(refusal.kind), Blame::kProvider, {}};
    take_refused_blocks(asked, refusal, verdict.provider);
    if (const auto blame = take_news(asked, refusal, again.reason, verdict.provider)) {
        again.blame = *blame;
        verdict.call = std::move(again);
        return verdict;
    }
    if (can_split && (is_size_refusal(refusal.kind) || refusal.kind == RefusalClass::kTimeout ||
                      refusal.ambiguous || does_last(asked, refusal))) {
        verdict.call = end_group(refusal, std::move(again.reason));
        return verdict;
    }
    if (can_split && may_mean_size(refusal.kind)) {
        verdict.unclear = end_group(refusal, again.reason);
    }
    if (may_be_gap(asked) && may_mean_no_block(refusal.kind) && !refusal.is_pruned &&
        http_status == 200) {
        if (asked.group.kind() == CallGroup::Kind::kRange) {
            verdict.call = Settle{Answer{error}};
            return verdict;
        }
        again.fallback = Answer{Answer::Null{}};
    }
    if (asked.group.refusals_are_answers() && refusal.kind != RefusalClass::kTimeout) {
        again.fallback = Answer{error};
    }
    verdict.call = std::move(again);
    return verdict;
}

CallVerdict judge_transport_error(const AskedCall& asked, bool has_logs, TransportError error,
                                  const std::string& reason) {
    const bool is_timeout = error == TransportError::kTimeout;
    const bool is_cut_by_size =
        error == TransportError::kCut && asked.rounds_done >= kRoundsUntilCutsMeanSize;
    const bool can_split = asked.group.kind() == CallGroup::Kind::kRange && has_logs;
    CallVerdict verdict;
    if (error == TransportError::kTooLarge) {
        if (can_split) {
            verdict.call = end_group(refusal_of(RefusalClass::kResponseTooLarge), reason);
        } else {
            verdict.provider.batch_limit = ProviderNews::BatchLimit{};
            verdict.call = AskAgain{reason,
                                    ErrorCode::kTooLarge,
                                    asked.batch_size == 1 ? Blame::kProvider : Blame::kNone,
                                    {}};
        }
        return verdict;
    }
    verdict.provider.is_ill = true;
    // Too much to run, or too much to send: connections break where a body is too large.
    if (is_state_call(asked.call) && (is_timeout || is_cut_by_size)) {
        verdict.provider.runs_no_call = true;
        if (asked.has_others) {
            verdict.call = AskAgain{reason, ErrorCode::kTimeout, Blame::kProvider,
                                    call_outcome(CallResult::Kind::kRefused, reason)};
        } else {
            verdict.call = Settle{call_outcome(CallResult::Kind::kRefused, reason)};
        }
    } else if (can_split && is_timeout) {
        verdict.call = end_group(refusal_of(RefusalClass::kTimeout), reason);
    } else if (can_split && is_cut_by_size) {
        Refusal refusal = refusal_of(RefusalClass::kResponseTooLarge);
        refusal.ambiguous = true;
        verdict.call = end_group(refusal, reason);
    } else {
        const ErrorCode code = is_timeout ? ErrorCode::kTimeout : ErrorCode::kUnavailable;
        verdict.call = AskAgain{reason, code, Blame::kProvider, {}};
    }
    return verdict;
}

}  // namespace plumbline::rpc

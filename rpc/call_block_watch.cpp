#include "rpc/call_block_watch.hpp"

#include <algorithm>
#include <initializer_list>
#include <memory>

#include "rpc/block_programs.hpp"
#include "rpc/error_text.hpp"

namespace plumbline::rpc {

namespace {

constexpr int64_t kGoodMs = 3'600'000;
constexpr int64_t kDoubtfulMs = 600'000;  ///< who is off, or runs no program
constexpr int64_t kAwayMs = 5'000;
/// Blocks behind one balancer may have heads that differ by some blocks.
constexpr uint64_t kNewerDepth = 4;
/// Every node has the state of so many blocks.
constexpr uint64_t kOlderDepth = 16;

Call as_call(CallRequest request) {
    Call out;
    out.kind = Call::Kind::kCall;
    out.block = *request.block;
    out.request = std::make_shared<const CallRequest>(std::move(request));
    return out;
}

CallGroup ask_header(std::initializer_list<uint64_t> nums, size_t provider) {
    CallGroup group;
    group.only = provider;
    for (const uint64_t num : nums) {
        Call& call = group.calls.emplace_back();
        call.kind = Call::Kind::kHeaderByNum;
        call.block_num = num;
    }
    return group;
}

std::optional<uint64_t> word_of(const Answer& answer) {
    const auto* result = answer.get<CallResult>();
    return result != nullptr ? probe_word_of(*result) : std::nullopt;
}

}  // namespace

// --- who waits ---------------------------------------------------------------------------------

void CallBlockWatch::when_any_known(uint64_t block_num, Ready ready) {
    has_begun_ = true;
    const int64_t now = dispatcher_.now();
    const bool is_any_good_before = is_any_good();
    for (size_t i = 0; i < seen_.size(); ++i) {
        const Seen& one = seen_[i];
        const int64_t pause = is_any_good_before ? one.pause_ms : std::min(one.pause_ms, kAwayMs);
        const bool is_due = !one.seen_ms || now - *one.seen_ms >= pause;
        // One that is down costs nothing until it is back.
        if (is_due && (!is_any_good_before || dispatcher_.providers()[i].is_usable())) {
            look_at(i, block_num);
        }
    }
    if (is_any_good() || seen_.empty()) {
        ready(ok());
    } else {
        waiting_for_any_.push_back(std::move(ready));
        dispatcher_.at(now, [this] { run_waiting(); });
    }
}

void CallBlockWatch::when_known(size_t provider, uint64_t block_num, Ready ready) {
    if (!has_begun_ || provider >= seen_.size() || is_good(seen_[provider])) {
        ready(ok());
        return;
    }
    if (!seen_[provider].is_known) {
        look_at(provider, block_num);
    }
    waiting_.emplace_back(provider, std::move(ready));
    dispatcher_.at(dispatcher_.now(), [this] { run_waiting(); });
}

void CallBlockWatch::run_waiting() {
    if (is_any_good() || !is_any_out()) {
        for (const Ready& ready : std::exchange(waiting_for_any_, {})) {
            ready(standing_of_all());
        }
    }
    std::vector<std::pair<size_t, Ready>> over;
    std::erase_if(waiting_, [&](std::pair<size_t, Ready>& one) {
        const bool is_over = seen_[one.first].is_known || !seen_[one.first].is_out;
        if (is_over) {
            over.push_back(std::move(one));
        }
        return is_over;
    });
    for (const auto& [provider, ready] : over) {
        ready(standing_of(provider));
    }
}

ProviderSet CallBlockWatch::kept_from() const {
    ProviderSet out;
    for (size_t i = 0; i < seen_.size(); ++i) {
        if (!is_good(seen_[i])) {
            out.insert(i);
        }
    }
    return out;
}

bool CallBlockWatch::is_any_good() const {
    return std::ranges::any_of(seen_, [this](const Seen& one) { return is_good(one); });
}

bool CallBlockWatch::is_any_out() const {
    return std::ranges::any_of(seen_, &Seen::is_out);
}

Status CallBlockWatch::standing_of(size_t provider) const {
    const Seen& one = seen_[provider];
    const std::string& name = dispatcher_.providers()[provider].name();
    if (is_good(one)) {
        return ok();
    }
    return one.why_off.empty() ? Error{ErrorCode::kUnavailable, named_text(name, one.why_away)}
                               : Error{ErrorCode::kIncompatible, name + " " + one.why_off};
}

Status CallBlockWatch::standing_of_all() const {
    std::string why;
    for (size_t i = 0; i < seen_.size(); ++i) {
        const Status standing = standing_of(i);
        if (standing) {
            return ok();
        }
        why += (why.empty() ? "" : "; ") + standing.error().message;
    }
    return Error{ErrorCode::kUnavailable, "nobody may be asked for contract calls: " + why};
}

// --- a look ------------------------------------------------------------------------------------

void CallBlockWatch::look_at(size_t provider, uint64_t block_num) {
    if (std::exchange(seen_[provider].is_out, true)) {
        return;
    }
    if (dispatcher_.providers()[provider].head()) {
        ask_headers(provider, block_num);
        return;
    }
    // Whoever is asked anything tells its head before.
    CallGroup group = ask_header({block_num}, provider);
    group.done = [this, provider, block_num](const GroupResult& result) {
        if (dispatcher_.providers()[provider].head()) {
            ask_headers(provider, block_num);
        } else {
            end(provider, result.error.value_or(Error{ErrorCode::kUnavailable, "no head"}));
        }
    };
    dispatcher_.send(std::move(group));
}

/// Its own, so that it has them; a state that is asked for anyhow, or a recent one.
void CallBlockWatch::ask_headers(size_t provider, uint64_t block_num) {
    const uint64_t head = *dispatcher_.providers()[provider].head();
    const uint64_t older = std::min(block_num, head - std::min(kOlderDepth, (head + 1) / 2));
    const uint64_t newer = head - std::min(kNewerDepth, (head - older) / 2);
    if (newer <= older) {
        // One block: its state is that of the newest.
        dispatcher_.at(dispatcher_.now(), [this, provider] { end(provider, Told{}); });
        return;
    }
    CallGroup group = ask_header({older, newer}, provider);
    group.done = [this, provider](const GroupResult& result) { take_headers(provider, result); };
    dispatcher_.send(std::move(group));
}

void CallBlockWatch::take_headers(size_t provider, const GroupResult& result) {
    if (result.error) {
        end(provider, *result.error);
        return;
    }
    Look look;
    look.provider = provider;
    for (size_t i = 0; i < 2; ++i) {
        const auto* header = result.answers[i].get<evm::Header>();
        if (header == nullptr) {
            end(provider, Told{});
            return;
        }
        (i == 0 ? look.older : look.newer) =
            ProbedBlock{{header->block_num, header->hash}, header->timestamp};
    }
    ask_programs(look);
}

void CallBlockWatch::ask_programs(Look look) {
    const ProbeWay& way = kProbeWays[look.way];
    CallGroup group;
    group.only = look.provider;
    group.block_needed = look.newer.id.block_num;
    group.calls.push_back(as_call(make_block_probe(kBlockTimeCode, look.older.id, way)));
    group.calls.push_back(as_call(make_block_probe(kBlockNumCode, look.older.id, way)));
    group.calls.push_back(as_call(make_block_probe(kBlockNumCode, look.newer.id, way)));
    group.done = [this, look](const GroupResult& told) { take_programs(look, told); };
    dispatcher_.send(std::move(group));
}

void CallBlockWatch::take_programs(Look look, const GroupResult& result) {
    if (result.error) {
        end(look.provider, *result.error);
        return;
    }
    const ProbeWords words{word_of(result.answers[0]), word_of(result.answers[1]),
                           word_of(result.answers[2])};
    const Told told{words.is_any(), describe_off_block(look.older, look.newer, words)};
    if (!told.is_any && ++look.way < kProbeWays.size()) {
        ask_programs(look);
    } else {
        end(look.provider, told);
    }
}

void CallBlockWatch::end(size_t provider, const Result<Told>& told) {
    Seen& one = seen_[provider];
    one.is_out = false;
    one.seen_ms = dispatcher_.now();
    const Provider& named = dispatcher_.providers()[provider];
    if (!told) {
        one.pause_ms = kAwayMs;
        one.why_away = told.error().message;
    } else {
        one.is_known = true;
        one.pause_ms = told->is_any && told->wrong.empty() ? kGoodMs : kDoubtfulMs;
        const bool was_off = !one.why_off.empty();
        if (!told->wrong.empty() || told->is_any) {  // Else what was known of it holds.
            one.why_off = told->wrong;
        }
        if (!was_off && !one.why_off.empty()) {
            dispatcher_.tell(LogLevel::kWarning, named,
                             one.why_off +
                                 ": it gets no contract calls; what it told of any "
                                 "before, `plumbline verify DB --proof calls` looks at");
        } else if (was_off && one.why_off.empty()) {
            dispatcher_.tell(LogLevel::kInfo, named,
                             "answers eth_call from the block that it is asked about now");
        }
    }
    run_waiting();
}

}  // namespace plumbline::rpc

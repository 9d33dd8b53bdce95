// Proven lies: who is convicted, and headers that do not hash to what they claim on a chain whose
// headers do. Another provider is asked.
#include <algorithm>
#include <utility>

#include "rpc/dispatcher.hpp"

namespace plumbline::rpc {

namespace {

/// A provider that lies in each answer is told of once in so long.
constexpr int64_t kTellLieAgainMs = 60'000;

CallVerdict ask_elsewhere(std::string why) {
    CallVerdict verdict;
    verdict.provider.is_malformed = true;
    verdict.call = AskAgain{std::move(why), ErrorCode::kDecode, Blame::kProvider, {}};
    return verdict;
}

}  // namespace

bool Dispatcher::others_have(uint64_t block_num, size_t provider) const {
    for (size_t i = 0; i < providers_.size(); ++i) {
        if (i != provider && providers_[i].is_usable() && providers_[i].chain_id() &&
            !providers_[i].is_behind(block_num)) {
            return true;
        }
    }
    return false;
}

void Dispatcher::convict(size_t provider, const std::string& what) {
    Provider& liar = providers_[provider];
    bool others = false;
    for (size_t i = 0; i < providers_.size(); ++i) {
        others = others || (i != provider && providers_[i].is_usable() && providers_[i].chain_id());
    }
    liar.on_lie(others);
    liars_.insert(provider);
    convicted_.insert(provider);
    int64_t& told_ms = lie_told_ms_.try_emplace(provider, now() - kTellLieAgainMs).first->second;
    const bool is_due = now() - told_ms >= kTellLieAgainMs;
    told_ms = is_due ? now() : told_ms;
    log(is_due ? LogLevel::kWarning : LogLevel::kDebug,
        "provider " + liar.name() + " answered wrongly" + what);
}

std::vector<std::string> Dispatcher::take_convicted() {
    std::vector<std::string> out;
    for (size_t i = 0; i < providers_.size() && !convicted_.empty(); ++i) {
        if (convicted_.contains(i) && providers_.size() > 1) {
            out.push_back(providers_[i].name());
        }
    }
    convicted_.clear();
    return out;
}

/// Empty: it is no header, or one that stands, or its asker judges it.
std::optional<CallVerdict> Dispatcher::judge_header(const AskedCall& asked, size_t provider,
                                                    const Answer& answer) {
    const auto* header = answer.get<evm::Header>();
    if (header == nullptr || asked.group.checks_headers) {
        return std::nullopt;
    }
    const bool others = others_have(header->block_num, provider);
    const auto verdict =
        header_trust_.judge({provider, *header, answer.header_layout, others && !asked.group.only});
    for (const size_t liar : header_trust_.take_exposed()) {
        convict(liar,
                ": a header that it told before any could be checked does not hash to the hash it "
                "claims");
    }
    if (verdict == HeaderTrust::Verdict::kBelieved) {
        return std::nullopt;
    }
    const std::string block = "block " + std::to_string(header->block_num);
    if (verdict == HeaderTrust::Verdict::kDoubted) {
        return ask_elsewhere("the header of " + block +
                             " does not hash to the hash it claims, and has other fields than "
                             "those that do");
    }
    const std::string lie = "the header of " + block +
                            " does not hash to the hash it claims: its time, number, parent or "
                            "roots are not the block's";
    convict(provider, ": " + lie);
    if (asked.call.kind == Call::Kind::kHeaderFinalized) {
        // The head that came with it may be true: what is final is then not known.
        CallVerdict unknown;
        unknown.provider.is_malformed = true;
        unknown.call = Settle{Answer{Answer::Null{}}};
        return unknown;
    }
    return ask_elsewhere(lie);
}

}  // namespace plumbline::rpc

// Calls that every way of asking refused, and those that somebody answered nothing to: whether that
// is the contract's doing or the node's.
#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "core/evm/hex.hpp"
#include "engine/calls/call_job.hpp"
#include "rpc/call_refusal.hpp"

namespace plumbline::engine {

namespace {

/// Before a refusal by one provider counts as the contract's doing.
constexpr unsigned kTimesRefused = 3;

/// The hash function SHA-256, of no byte: it is at address 2 of every chain, from its first block
/// on, and asking it costs nothing.
rpc::CallRequest probe_call() {
    rpc::CallRequest out;
    out.to = evm::Address{};
    out.to->bytes.back() = 2;
    return out;
}
bool is_run(const Result<rpc::CallAnswers>& answers) {
    return answers && answers->results.size() == 1 &&
           answers->results[0].kind == rpc::CallResult::Kind::kAnswered &&
           !answers->results[0].data.empty();
}

}  // namespace

// --- what is refused ----------------------------------------------------------------------------

/// Each provider in turn. One that refuses these calls and runs another one says that it is the
/// calls' own doing, in words that nobody knows yet: an outcome, which must not stop an index.
void CallAsker::ask_by_name(const JobPtr& job) {
    if (job->asked_by_name && job->times_asked >= kTimesRefused) {
        if (rpc::may_be_the_contract(job->why_doubtful)) {
            probe(job);
            return;
        }
        job->asked_by_name.reset();
    }
    if (job->asked_by_name) {
        ++job->times_asked;
        ask_doubtful(job);
        return;
    }
    const size_t count = job->provider ? *job->provider + 1 : source_.provider_names().size();
    if (job->provider && job->next_provider == 0) {
        job->next_provider = *job->provider;
    }
    if (job->next_provider >= count) {
        const Job::Item& first = job->doubtful.front();
        job->error = Error{ErrorCode::kUnavailable,
                           fmt::format("calls: no provider runs the call to {} at block {}: {}",
                                       evm::to_hex(first.question.call.to), first.state.block_num,
                                       job->why_doubtful)};
        job->doubtful.clear();
        job->finish();
        return;
    }
    job->asked_by_name = job->next_provider++;
    job->times_asked = 1;
    ask_doubtful(job);
}

void CallAsker::ask_doubtful(const JobPtr& job) {
    for (Job::Item& item : job->doubtful) {
        if (!asks_by_num()) {
            item.ask_by(false);
        }
        job->alone.push_back(std::move(item));
    }
    job->doubtful.clear();
    ask_alone(job);
}

/// Whether it runs anything.
void CallAsker::probe(const JobPtr& job) {
    const std::optional<size_t> provider = std::exchange(job->asked_by_name, std::nullopt);
    const rpc::StateBlock state = job->doubtful.front().state;
    source_.call({probe_call()}, state, provider,
                 answers_.wrap([this, job](Result<rpc::CallAnswers> answers) {
                     if (is_run(answers)) {
                         for (const Job::Item& item : job->doubtful) {
                             job->settle(item, storage::CallOutcome::kReverted, {},
                                         answers->results[0].provider);
                         }
                         job->doubtful.clear();
                     }
                     ask_next(job);
                 }));
}

// --- what answers nothing -----------------------------------------------------------------------

/// A node that runs nothing, or has lost the state and does not say so, answers so as well. Each
/// other provider is asked in turn, until one has an answer.
void CallAsker::ask_about_nothing(const JobPtr& job) {
    const std::vector<std::string> names = source_.provider_names();
    if (job->provider) {
        job->next_second = names.size();
    }
    while (job->second.empty() && job->next_second < names.size()) {
        const std::string& name = names[job->next_second++];
        const auto others =
            std::stable_partition(job->nothing.begin(), job->nothing.end(),
                                  [&](const Job::Item& item) { return item.teller == name; });
        job->second.assign(std::make_move_iterator(others),
                           std::make_move_iterator(job->nothing.end()));
        job->nothing.erase(others, job->nothing.end());
    }
    if (job->second.empty()) {
        probe_of_nothing(job);
        return;
    }
    std::vector<rpc::CallRequest> requests;
    for (const Job::Item& item : job->second) {
        requests.push_back(call_alone(item.question.call, item.state));
    }
    const rpc::StateBlock state = job->second.front().state;
    source_.call(std::move(requests), state, job->next_second - 1,
                 answers_.wrap([this, job](Result<rpc::CallAnswers> answers) {
                     take_second_words(job,
                                       answers ? answers->results : std::vector<rpc::CallResult>{});
                 }));
}

/// None where it could not be asked.
void CallAsker::take_second_words(const JobPtr& job, const std::vector<rpc::CallResult>& results) {
    const std::vector<Job::Item> items = std::exchange(job->second, {});
    for (size_t i = 0; i < items.size(); ++i) {
        if (items[i].state.by_num) {
            job->headers[items[i].state.block_num] = items[i].state.hash;
        }
        const bool is_told = i < results.size();
        if (is_told && results[i].kind == rpc::CallResult::Kind::kAnswered) {
            const bool agrees = results[i].data.empty();
            job->settle(items[i], storage::CallOutcome::kAnswered, results[i].data,
                        agrees ? items[i].teller : results[i].provider);
        } else if (is_told && results[i].kind == rpc::CallResult::Kind::kReverted) {
            job->settle(items[i], storage::CallOutcome::kReverted, {}, results[i].provider);
        } else if (is_told && results[i].kind == rpc::CallResult::Kind::kRefused &&
                   rpc::names_gas(results[i].why)) {
            job->settle(items[i], storage::CallOutcome::kOutOfGas, {}, results[i].provider);
        } else {
            job->nothing.push_back(items[i]);
            if (is_told && results[i].kind == rpc::CallResult::Kind::kRefused) {
                job->nothing.back().why_others = results[i].why;
            }
        }
    }
    ask_next(job);
}

/// Nobody else knows: who runs another call, which has an answer on every chain, is believed.
void CallAsker::probe_of_nothing(const JobPtr& job) {
    const std::string teller = job->nothing.front().teller;
    const auto end = [this, job, teller](bool is_believed) {
        std::erase_if(job->nothing, [&](Job::Item& item) {
            if (item.teller != teller) {
                return false;
            }
            if (is_believed) {
                job->settle(item, storage::CallOutcome::kNothing, {}, teller);
            } else if (!item.why_others.empty()) {
                job->why_doubtful = item.why_others;
                job->asked_by_name.reset();
                if (!std::exchange(item.is_asked_by_name, true)) {
                    job->next_provider = 0;
                }
                job->doubtful.push_back(item);
            } else {
                job->error = Error{
                    ErrorCode::kUnavailable,
                    fmt::format("calls: {} answers nothing to the call to {} at block {}, and "
                                "neither to one that has an answer on every chain: not believed",
                                teller.empty() ? "the provider" : teller,
                                evm::to_hex(item.question.call.to), item.state.block_num)};
            }
            return true;
        });
        ask_next(job);
    };
    if (std::ranges::any_of(job->facts, [&](const storage::CallFact& fact) {
            return fact.provider == teller && !fact.data.empty();
        })) {
        end(true);
        return;
    }
    const std::vector<std::string> names = source_.provider_names();
    const auto at = std::ranges::find(names, teller);
    const auto whom =
        at == names.end() ? job->provider : std::optional{static_cast<size_t>(at - names.begin())};
    source_.call(
        {probe_call()}, job->nothing.front().state, whom,
        answers_.wrap([end](const Result<rpc::CallAnswers>& answers) { end(is_run(answers)); }));
}

}  // namespace plumbline::engine

// Calls that every way of asking refused, and those that somebody says answer nothing, revert or
// run out of gas: whether that is the contract's doing or the node's.
#include <algorithm>
#include <iterator>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "core/evm/hex.hpp"
#include "engine/calls/call_job.hpp"
#include "rpc/call_refusal.hpp"

namespace plumbline::engine {

namespace {

using storage::CallOutcome;

/// Before a refusal by one provider counts as the contract's doing.
constexpr unsigned kTimesRefused = 3;

/// The hash function SHA-256, of no byte: it is at address 2 of every chain, from its first block
/// on, and asking it costs nothing.
rpc::CallRequest control_call(const rpc::StateBlock& state) {
    rpc::CallRequest out;
    out.to = evm::Address{};
    out.to->bytes.back() = 2;
    out.block = state;
    return out;
}
bool is_run(const Result<rpc::CallAnswers>& answers, size_t at) {
    return answers && at < answers->results.size() &&
           answers->results[at].kind == rpc::CallResult::Kind::kAnswered &&
           !answers->results[at].data.empty();
}

/// A call that has an answer on every chain, at the block of each of `states`: some.
struct Controls {
    std::vector<uint64_t> blocks;
    std::vector<rpc::CallRequest> requests;
    rpc::StateBlock newest;
};
Controls controls_at(const std::map<uint64_t, rpc::StateBlock>& states) {
    Controls out;
    for (const auto& [block_num, state] : states) {
        out.blocks.push_back(block_num);
        out.requests.push_back(control_call(state));
        out.newest = state;
    }
    return out;
}

std::string_view words_of(CallOutcome outcome) {
    switch (outcome) {
        case CallOutcome::kNothing: return "answers nothing to";
        case CallOutcome::kOutOfGas: return "runs out of gas in";
        default: return "reverts";
    }
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

/// Whether it runs anything, at the blocks of these calls.
void CallAsker::probe(const JobPtr& job) {
    const std::optional<size_t> provider = std::exchange(job->asked_by_name, std::nullopt);
    std::map<uint64_t, rpc::StateBlock> states;
    for (const Job::Item& item : job->doubtful) {
        states.emplace(item.state.block_num, item.state);
    }
    Controls controls = controls_at(states);
    source_.call(std::move(controls.requests), controls.newest, provider,
                 answers_.wrap([this, job, blocks = std::move(controls.blocks)](
                                   const Result<rpc::CallAnswers>& answers) {
                     std::map<uint64_t, std::string> able;  // who, by block
                     for (size_t i = 0; i < blocks.size(); ++i) {
                         if (is_run(answers, i)) {
                             able.emplace(blocks[i], answers->results[i].provider);
                         }
                     }
                     std::erase_if(job->doubtful, [&](const Job::Item& item) {
                         const auto at = able.find(item.state.block_num);
                         if (at == able.end()) {
                             return false;
                         }
                         job->settle(item, storage::CallOutcome::kReverted, {}, at->second);
                         return true;
                     });
                     ask_next(job);
                 }));
}

// --- what answers nothing, reverts or runs out of gas -------------------------------------------

void CallAsker::Job::weigh(const Item& item, CallOutcome outcome, std::string teller) {
    if (item.seen == outcome) {
        settle(item, outcome, {}, std::move(teller));
        return;
    }
    unsure.push_back(item);
    std::vector<Word>& words = unsure.back().words;
    if (std::ranges::none_of(words, [&](const Word& word) { return word.teller == teller; })) {
        words.push_back({outcome, std::move(teller)});
    }
}

/// A node that runs nothing, or has lost the state and does not say so, says so as well. Each other
/// provider is asked in turn, until one has an answer or a word of its own; then it is looked into
/// whose word counts.
void CallAsker::ask_about_unsure(const JobPtr& job) {
    if (!ask_second(job) && !ask_controls(job)) {
        judge_unsure(job);
    }
}

bool CallAsker::ask_second(const JobPtr& job) {
    const std::vector<std::string> names = source_.provider_names();
    size_t provider = names.size();
    for (Job::Item& item : job->unsure) {
        const auto is_known = [&](const std::string& name) {
            return std::ranges::any_of(item.words,
                                       [&](const Job::Word& word) { return word.teller == name; });
        };
        if (job->provider) {
            item.next_other = names.size();
        }
        while (item.next_other < names.size() && is_known(names[item.next_other])) {
            ++item.next_other;
        }
        if (item.words.size() < item.words_wanted) {
            provider = std::min(provider, item.next_other);
        }
    }
    if (provider >= names.size()) {
        return false;
    }
    const auto asked = std::stable_partition(
        job->unsure.begin(), job->unsure.end(), [provider](const Job::Item& item) {
            return item.words.size() >= item.words_wanted || item.next_other != provider;
        });
    job->second.assign(std::make_move_iterator(asked), std::make_move_iterator(job->unsure.end()));
    job->unsure.erase(asked, job->unsure.end());
    std::vector<rpc::CallRequest> requests;
    for (const Job::Item& item : job->second) {
        requests.push_back(call_alone(item.question.call, item.state));
    }
    const rpc::StateBlock state = job->second.front().state;
    source_.call(std::move(requests), state, provider,
                 answers_.wrap([this, job, provider](const Result<rpc::CallAnswers>& answers) {
                     take_second_words(job, provider,
                                       answers ? answers->results : std::vector<rpc::CallResult>{});
                 }));
    return true;
}

/// None where it could not be asked.
void CallAsker::take_second_words(const JobPtr& job, size_t provider,
                                  const std::vector<rpc::CallResult>& results) {
    using Kind = rpc::CallResult::Kind;
    const std::string name = source_.provider_names()[provider];
    std::vector<Job::Item> items = std::exchange(job->second, {});
    for (size_t i = 0; i < items.size(); ++i) {
        Job::Item& item = items[i];
        ++item.next_other;
        if (item.state.by_num) {
            job->headers[item.state.block_num] = item.state.hash;
        }
        if (i < results.size() && results[i].kind == Kind::kAnswered && !results[i].data.empty()) {
            job->settle(item, CallOutcome::kAnswered, results[i].data, results[i].provider);
            continue;
        }
        if (i < results.size()) {
            const rpc::CallResult& result = results[i];
            if (result.kind == Kind::kAnswered) {
                item.words.push_back({CallOutcome::kNothing, name});
            } else if (result.kind == Kind::kReverted) {
                item.words.push_back({CallOutcome::kReverted, name});
            } else if (result.kind == Kind::kRefused && rpc::names_gas(result.why)) {
                item.words.push_back({CallOutcome::kOutOfGas, name});
            } else if (result.kind == Kind::kRefused) {
                item.why_others = result.why;
            }
        }
        job->unsure.push_back(std::move(item));
    }
    ask_next(job);
}

/// Of who has a word and was not asked yet at that block; of one at a time.
bool CallAsker::ask_controls(const JobPtr& job) {
    for (const storage::CallFact& fact : job->facts) {
        if (!fact.data.empty()) {
            const bool is_of_head = fact.pin == storage::CallPin::kHead;
            job->controls[{fact.provider, is_of_head ? fact.asked.block_num : fact.block_num}] =
                true;
        }
    }
    std::optional<std::string> teller;
    std::map<uint64_t, rpc::StateBlock> states;
    for (const Job::Item& item : job->unsure) {
        for (const Job::Word& word : item.words) {
            if (!job->controls.contains({word.teller, item.state.block_num}) &&
                teller.value_or(word.teller) == word.teller) {
                teller = word.teller;
                states.emplace(item.state.block_num, item.state);
            }
        }
    }
    if (!teller) {
        return false;
    }
    Controls controls = controls_at(states);
    const std::vector<std::string> names = source_.provider_names();
    const auto at = std::ranges::find(names, *teller);
    const auto whom =
        at == names.end() ? job->provider : std::optional{static_cast<size_t>(at - names.begin())};
    source_.call(std::move(controls.requests), controls.newest, whom,
                 answers_.wrap([this, job, teller, blocks = std::move(controls.blocks)](
                                   const Result<rpc::CallAnswers>& answers) {
                     for (size_t i = 0; i < blocks.size(); ++i) {
                         job->controls[{*teller, blocks[i]}] = is_run(answers, i);
                     }
                     ask_next(job);
                 }));
    return true;
}

/// Every word's teller is known at its block.
void CallAsker::judge_unsure(const JobPtr& job) {
    const size_t providers = source_.provider_names().size();
    for (Job::Item& item : std::exchange(job->unsure, {})) {
        const auto counts = [&](const Job::Word& word) {
            return job->controls[{word.teller, item.state.block_num}];
        };
        std::optional<Job::Word> believed;
        size_t most = 0;
        for (const Job::Word& word : item.words) {
            if (!counts(word)) {
                continue;
            }
            size_t votes = item.seen == word.outcome ? 1 : 0;
            for (const Job::Word& other : item.words) {
                votes += other.outcome == word.outcome && counts(other) ? 1U : 0U;
            }
            // Of as many, that no byte came back may also be an empty state's word.
            if (votes > most || (votes == most && believed->outcome == CallOutcome::kNothing)) {
                believed = word;
                most = votes;
            }
        }
        if (believed) {
            job->settle(item, believed->outcome, {}, believed->teller);
        } else if (item.next_other < providers) {
            item.words_wanted = item.words.size() + 1;
            job->unsure.push_back(std::move(item));
        } else if (!item.why_others.empty()) {
            job->why_doubtful = item.why_others;
            job->asked_by_name.reset();
            if (!std::exchange(item.is_asked_by_name, true)) {
                job->next_provider = 0;
            }
            job->doubtful.push_back(std::move(item));
        } else {
            const Job::Word& word = item.words.front();
            job->error = Error{
                ErrorCode::kUnavailable,
                fmt::format("calls: {} {} the call to {} at block {}, and has no answer there "
                            "either to one that has an answer on every chain: not believed",
                            word.teller.empty() ? "the provider" : word.teller,
                            words_of(word.outcome), evm::to_hex(item.question.call.to),
                            item.state.block_num)};
        }
    }
    ask_next(job);
}

}  // namespace plumbline::engine

#include "engine/calls/call_asker.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "core/base/check.hpp"
#include "core/evm/header.hpp"
#include "core/evm/hex.hpp"
#include "rpc/call_refusal.hpp"

namespace plumbline::engine {

namespace {

using storage::CallFact;
using storage::CallOutcome;
using storage::CallPin;

/// Programs that were refused in a row before nobody is asked to run one in that form any more.
constexpr unsigned kRefusedMax = 2;

}  // namespace

/// What is still to be asked, and what is known by now. All of them are in exactly one of `open`,
/// `alone`, `by_num`, `doubtful`, `nothing`, `second`, `out` and `facts`, but for those that
/// `error` tells of.
struct CallAsker::Job {
    struct Item {
        CallQuestion question;
        rpc::StateBlock state;  ///< which is asked
        CallPin pin = CallPin::kHash;
        bool is_seen_empty = false;  ///< the program ran, and no byte came back
        std::string teller = {};     ///< who answered nothing
    };
    struct Chunk {
        std::vector<Item> items;
    };
    std::vector<Item> open;
    std::vector<Item> alone;     ///< not by a program
    std::vector<Item> by_num;    ///< those of `alone` that nobody takes by hash
    std::vector<Item> doubtful;  ///< refused by hash and by number
    std::vector<Item> nothing;   ///< somebody answered nothing to it
    std::vector<Item> second;    ///< of these: who is asked now
    size_t next_second = 0;      ///< which provider is asked about them next
    std::string why_doubtful;
    std::optional<size_t> asked_by_name;    ///< whom the doubtful were asked of last
    size_t next_provider = 0;               ///< who is asked about them next
    unsigned times_asked = 0;               ///< the one that is asked by name
    std::map<uint64_t, evm::Hash> headers;  ///< of the blocks that are asked by number
    std::vector<Chunk> out;
    std::vector<CallFact> facts;
    std::optional<Error> error;  ///< why some have no answer
    Done done;
    std::optional<size_t> provider;

    void settle(const Item& item, CallOutcome outcome, ByteView data, std::string teller) {
        CallFact fact;
        fact.block_num = item.question.block.block_num;
        fact.call = item.question.call;
        fact.outcome = outcome;
        fact.pin = item.pin;
        fact.is_once = item.question.is_once;
        if (item.pin == CallPin::kHead) {
            fact.asked = item.state;
        }
        fact.data = as_chars(data);
        fact.provider = std::move(teller);
        if (outcome == CallOutcome::kAnswered && fact.data.size() > storage::kCallDataMax) {
            fact.outcome = CallOutcome::kTooLarge;
            fact.data.clear();
        } else if (outcome == CallOutcome::kAnswered && fact.data.empty()) {
            fact.outcome = CallOutcome::kNothing;  // A program sees that there is no code.
        } else if (outcome != CallOutcome::kAnswered) {
            fact.data.clear();
        }
        facts.push_back(std::move(fact));
    }
    /// Nothing more can be asked.
    void fail(Error why) {
        error = std::move(why);
        finish();
    }
    void finish() {
        if (facts.empty() && error) {
            done(*std::move(error));
        } else {
            done(std::move(facts));
        }
    }
};

namespace {

Error no_state(uint64_t block_num, std::string_view why) {
    return {ErrorCode::kNotFound,
            fmt::format("calls: no provider has the state after block {} ({}): an archive node has "
                        "it; for what never changes, once = true with state = \"head\" needs none",
                        block_num, why)};
}

/// Before a refusal by one provider counts as the contract's doing.
constexpr unsigned kTimesRefused = 3;

bool is_empty(const ProgramResult& result) {
    return result.outcome && (*result.outcome == CallOutcome::kNothing ||
                              (*result.outcome == CallOutcome::kAnswered && result.data.empty()));
}

/// In a program the caller is another one, there is less gas, and the precompiles are not seen:
/// what has no answer there is asked as everybody asks it.
bool is_alone_better(const ProgramResult& result) {
    return !result.outcome || *result.outcome == CallOutcome::kReverted || is_empty(result);
}

rpc::CallRequest call_alone(const storage::CallKey& call, const rpc::StateBlock& state) {
    rpc::CallRequest out;
    out.to = call.to;
    const ByteView input = as_bytes(call.input);
    out.data.assign(input.begin(), input.end());
    out.block = state;
    return out;
}

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

void CallAsker::ask(std::vector<CallQuestion> questions, Done done,
                    std::optional<size_t> provider) {
    const auto job = std::make_shared<Job>();
    job->done = std::move(done);
    job->provider = provider;
    bool needs_head = false;
    for (CallQuestion& question : questions) {
        needs_head = needs_head || question.at_head;
        const rpc::StateBlock state{question.asked.value_or(question.block), false};
        const CallPin pin = question.asked ? CallPin::kHead : CallPin::kHash;
        job->open.push_back({std::move(question), state, pin});
    }
    if (needs_head) {
        ask_head(job);
    } else {
        ask_next(job);
    }
}

/// The newest final block: its state is one that full nodes keep, and no reorg takes it back.
void CallAsker::ask_head(const JobPtr& job) {
    source_.get_heads(answers_.wrap([this, job](Result<rpc::Heads> heads) {
        if (!heads) {
            job->fail(std::move(heads).error());
            return;
        }
        const auto use = [this, job](const evm::Header& header) {
            for (Job::Item& item : job->open) {
                if (item.question.at_head && item.question.block.block_num <= header.block_num) {
                    item.state = {{header.block_num, header.hash}, false};
                    item.pin = CallPin::kHead;
                }
            }
            ask_next(job);
        };
        if (heads->finalized && !depth_) {
            use(*heads->finalized);
            return;
        }
        const uint64_t depth = depth_.value_or(fallback_);
        const uint64_t latest = heads->latest.block_num;
        source_.get_headers({latest > depth ? latest - depth : 0},
                            answers_.wrap([job, use](Result<std::vector<evm::Header>> headers) {
                                if (!headers || headers->empty()) {
                                    job->fail(headers ? Error{ErrorCode::kNotFound, "no header"}
                                                      : std::move(headers).error());
                                    return;
                                }
                                use(headers->front());
                            }));
    }));
}

void CallAsker::ask_next(const JobPtr& job) {
    if (!runs_programs_) {
        job->alone.insert(job->alone.end(), std::make_move_iterator(job->open.begin()),
                          std::make_move_iterator(job->open.end()));
        job->open.clear();
    }
    if (!job->open.empty()) {
        ask_programs(job);
    } else if (!job->alone.empty()) {
        ask_alone(job);
    } else if (!job->by_num.empty()) {
        look_at_headers(job, false);
    } else if (!job->doubtful.empty()) {
        ask_by_name(job);
    } else if (!job->nothing.empty()) {
        ask_about_nothing(job);
    } else {
        job->finish();
    }
}

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
        item.state.by_num = false;
        item.pin = item.pin == CallPin::kHead ? CallPin::kHead : CallPin::kHash;
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
                             job->settle(item, CallOutcome::kReverted, {},
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
            job->settle(items[i], CallOutcome::kAnswered, results[i].data,
                        agrees ? items[i].teller : results[i].provider);
        } else if (is_told && results[i].kind == rpc::CallResult::Kind::kReverted) {
            job->settle(items[i], CallOutcome::kReverted, {}, results[i].provider);
        } else {
            job->nothing.push_back(items[i]);
        }
    }
    if (job->headers.empty()) {
        ask_next(job);
    } else {
        look_at_headers(job, true);
    }
}

/// Nobody else knows: who runs another call, which has an answer on every chain, is believed.
void CallAsker::probe_of_nothing(const JobPtr& job) {
    const std::string teller = job->nothing.front().teller;
    const auto end = [this, job, teller](bool is_believed) {
        std::erase_if(job->nothing, [&](const Job::Item& item) {
            if (item.teller != teller) {
                return false;
            }
            if (is_believed) {
                job->settle(item, CallOutcome::kNothing, {}, teller);
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
    if (std::ranges::any_of(job->facts, [&](const CallFact& fact) {
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

// --- by programs -------------------------------------------------------------------------------

void CallAsker::ask_programs(const JobPtr& job) {
    std::ranges::stable_sort(job->open, [](const Job::Item& a, const Job::Item& b) {
        return a.state.block_num < b.state.block_num;
    });
    size_t bytes = 0;
    for (Job::Item& item : job->open) {
        const size_t size = program_size(item.question.call);
        const bool goes_on =
            !job->out.empty() && job->out.back().items.front().state == item.state &&
            job->out.back().items.size() < kProgramCallsMax && bytes + size <= kProgramBytesMax;
        if (!goes_on) {
            job->out.emplace_back();
            bytes = 0;
        }
        bytes += size;
        job->out.back().items.push_back(std::move(item));
    }
    job->open.clear();
    std::vector<rpc::CallRequest> requests;
    for (const Job::Chunk& chunk : job->out) {
        std::vector<const storage::CallKey*> calls;
        for (const Job::Item& item : chunk.items) {
            calls.push_back(&item.question.call);
        }
        requests.push_back(make_program_call(form_, calls, chunk.items.front().state));
    }
    const rpc::StateBlock newest = *requests.back().block;
    source_.call(std::move(requests), newest, job->provider,
                 answers_.wrap([this, job](Result<rpc::CallAnswers> answers) {
                     if (!answers) {
                         job->fail(std::move(answers).error());
                         return;
                     }
                     take_programs(job, std::move(answers->results));
                 }));
}

void CallAsker::take_programs(const JobPtr& job, std::vector<rpc::CallResult> results) {
    PLUMBLINE_CHECK(results.size() == job->out.size());
    const std::vector<Job::Chunk> chunks = std::exchange(job->out, {});
    bool is_any_refused = false;
    for (size_t i = 0; i < chunks.size(); ++i) {
        const std::vector<Job::Item>& items = chunks[i].items;
        const rpc::CallResult& result = results[i];
        if (result.kind == rpc::CallResult::Kind::kMissingState) {
            job->error = no_state(items.front().state.block_num, result.why);
            continue;
        }
        const auto read = result.kind == rpc::CallResult::Kind::kAnswered
                              ? read_program_answer(result.data, items.size())
                              : std::nullopt;
        if (!read || read->empty()) {
            is_any_refused = true;
            std::ranges::copy(items, std::back_inserter(job->alone));
            continue;
        }
        refused_in_row_ = 0;
        takes_hashes_ = true;
        for (size_t at = 0; at < items.size(); ++at) {
            if (at >= read->size()) {
                job->open.push_back(items[at]);
            } else if (is_alone_better((*read)[at])) {
                job->alone.push_back(items[at]);
                job->alone.back().is_seen_empty = is_empty((*read)[at]);
            } else {
                job->settle(items[at], *(*read)[at].outcome, (*read)[at].data, result.provider);
            }
        }
    }
    if (is_any_refused) {
        on_program_refused();
    }
    ask_next(job);
}

void CallAsker::on_program_refused() {
    if (++refused_in_row_ < kRefusedMax) {
        return;
    }
    refused_in_row_ = 0;
    if (form_ == ProgramForm::kCreate) {
        form_ = ProgramForm::kOverride;
    } else {
        runs_programs_ = false;
    }
}

// --- one by one --------------------------------------------------------------------------------

void CallAsker::ask_alone(const JobPtr& job) {
    std::vector<rpc::CallRequest> requests;
    uint64_t newest = 0;
    for (const Job::Item& item : job->alone) {
        newest = std::max(newest, item.state.block_num);
        requests.push_back(call_alone(item.question.call, item.state));
    }
    source_.call(std::move(requests), rpc::StateBlock{{newest, {}}, false},
                 job->asked_by_name ? job->asked_by_name : job->provider,
                 answers_.wrap([this, job](Result<rpc::CallAnswers> answers) {
                     if (!answers && job->asked_by_name) {
                         job->asked_by_name.reset();  // Not to be had: the next one.
                         job->doubtful = std::exchange(job->alone, {});
                         ask_next(job);
                         return;
                     }
                     if (!answers) {
                         job->fail(std::move(answers).error());
                         return;
                     }
                     take_alone(job, std::move(answers->results));
                 }));
}

void CallAsker::take_alone(const JobPtr& job, std::vector<rpc::CallResult> results) {
    PLUMBLINE_CHECK(results.size() == job->alone.size());
    const std::vector<Job::Item> items = std::exchange(job->alone, {});
    const bool is_by_num = !items.empty() && items.front().state.by_num;
    for (size_t i = 0; i < items.size(); ++i) {
        rpc::CallResult& result = results[i];
        switch (result.kind) {
            case rpc::CallResult::Kind::kAnswered:
                takes_hashes_ = takes_hashes_ || !items[i].state.by_num;
                if (result.data.empty() && !items[i].is_seen_empty) {
                    job->nothing.push_back(items[i]);
                    job->nothing.back().teller = result.provider;
                } else {
                    job->settle(items[i], CallOutcome::kAnswered, result.data, result.provider);
                }
                break;
            case rpc::CallResult::Kind::kReverted:
                job->settle(items[i], CallOutcome::kReverted, result.data, result.provider);
                break;
            case rpc::CallResult::Kind::kMissingState:
                job->error = no_state(items[i].state.block_num, result.why);
                break;
            case rpc::CallResult::Kind::kRefused:
                if (rpc::names_gas(result.why)) {
                    job->settle(items[i], CallOutcome::kOutOfGas, {}, result.provider);
                } else if (!items[i].state.by_num && !takes_hashes_) {
                    job->by_num.push_back(items[i]);
                } else {
                    job->why_doubtful = result.why;
                    job->doubtful.push_back(items[i]);
                }
                break;
        }
    }
    if (is_by_num) {
        look_at_headers(job, true);
    } else {
        ask_next(job);
    }
}

/// Another block of the same number may answer: the headers must be the same before and after.
void CallAsker::look_at_headers(const JobPtr& job, bool is_after) {
    for (Job::Item& item : job->by_num) {
        item.state.by_num = true;
        item.pin = item.pin == CallPin::kHead ? CallPin::kHead : CallPin::kNumber;
        job->headers[item.state.block_num] = item.state.hash;
    }
    std::vector<uint64_t> numbers;
    for (const auto& [number, hash] : job->headers) {
        numbers.push_back(number);
    }
    source_.get_headers(
        numbers, answers_.wrap([this, job, is_after](Result<std::vector<evm::Header>> headers) {
            if (!headers) {
                job->facts.clear();  // Some are perhaps of another block.
                job->fail(std::move(headers).error());
                return;
            }
            for (const evm::Header& header : *headers) {
                const auto at = job->headers.find(header.block_num);
                if (at == job->headers.end() || at->second != header.hash) {
                    job->facts.clear();
                    job->fail({ErrorCode::kReorg,
                               fmt::format("block {} is another one now", header.block_num)});
                    return;
                }
            }
            if (is_after) {
                job->headers.clear();
            } else {
                job->alone = std::exchange(job->by_num, {});
            }
            ask_next(job);
        }));
}

}  // namespace plumbline::engine

#include "engine/calls/call_asker.hpp"

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "core/base/check.hpp"
#include "core/evm/header.hpp"
#include "engine/calls/call_job.hpp"
#include "rpc/call_refusal.hpp"
#include "rpc/refusal.hpp"

namespace plumbline::engine {

namespace {

using storage::CallFact;
using storage::CallOutcome;
using storage::CallPin;

Error no_state(uint64_t block_num, bool at_head, std::string_view why) {
    return {ErrorCode::kNotFound,
            fmt::format(
                "calls: no provider has the state after block {} ({}): {}", block_num, why,
                at_head ? "state = \"head\" asks the newest final block, so a node is needed "
                          "that keeps the state of so many blocks behind the head, or a smaller "
                          "[chain] finality"
                        : "an archive node has it; for what never changes, once = true with "
                          "state = \"head\" needs none")};
}

/// So often nobody has answered by hash, and somebody by number, before all is asked by number.
constexpr unsigned kByNumAfter = 2;

/// So many calls refused in words that say that it runs none, and none answered, are believed.
constexpr unsigned kRefusedForGoodMax = 3;

bool runs_no_call(std::string_view why) {
    const rpc::RefusalClass kind = rpc::classify_refusal({200, 0, why, {}}).kind;
    return kind == rpc::RefusalClass::kUnsupported || kind == rpc::RefusalClass::kBilling;
}

/// How the call ended in the program, where it has no answer there. That it ran out of gas there
/// tells nothing.
std::optional<CallOutcome> failure_of(const ProgramResult& result) {
    if (result.outcome == CallOutcome::kAnswered && result.data.empty()) {
        return CallOutcome::kNothing;
    }
    return result.outcome == CallOutcome::kNothing || result.outcome == CallOutcome::kReverted
               ? result.outcome
               : std::nullopt;
}

}  // namespace

rpc::CallRequest call_alone(const storage::CallKey& call, const rpc::StateBlock& state) {
    rpc::CallRequest out;
    out.to = call.to;
    const ByteView input = as_bytes(call.input);
    out.data.assign(input.begin(), input.end());
    out.block = state;
    return out;
}

void CallAsker::Job::settle(const Item& item, CallOutcome outcome, ByteView data,
                            std::string teller) {
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

/// One call waits to tell what a program was told.
bool CallAsker::Job::is_doubted() const {
    return std::ranges::any_of(alone,
                               [](const Item& item) { return item.doubts_form.has_value(); });
}

void CallAsker::Job::judge_lacking(rpc::CallResult::Kind told, ProgramForm doubted,
                                   ProgramTrial& trial) {
    std::vector<Item> items = std::exchange(lacking, {});
    if (told != rpc::CallResult::Kind::kMissingState) {
        trial.on_refused(doubted);
        std::ranges::move(items, std::back_inserter(alone));
    }
}

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
                if (item.question.at_head && item.state.block_num <= header.block_num) {
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
        source_.get_headers({heads->agreed_below(depth_.value_or(fallback_))},
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

void CallAsker::cancel() {
    answers_.cancel();
    for (auto& [provider, programs] : programs_) {
        programs.trial.end_trial();
        programs.waiting.clear();
    }
}

void CallAsker::ask_next(const JobPtr& job) {
    if (!job->open.empty() && asks_by_num() && !job->open.front().state.by_num) {
        std::ranges::move(job->open, std::back_inserter(job->by_num));
        job->open.clear();
    } else if (!job->open.empty()) {
        Programs& programs = programs_[job->provider];
        switch (programs.trial.next()) {
            case ProgramTrial::Next::kAll:
            case ProgramTrial::Next::kOne: ask_programs(job, programs.trial); return;
            case ProgramTrial::Next::kWait: programs.waiting.push_back(job); return;
            case ProgramTrial::Next::kAlone: break;
        }
        programs.trial.on_alone(job->open.size());
        std::ranges::move(job->open, std::back_inserter(job->alone));
        job->open.clear();
    }
    if (!job->alone.empty()) {
        ask_alone(job);
    } else if (!job->by_num.empty()) {
        look_at_headers(job, false);
    } else if (!job->headers.empty()) {
        look_at_headers(job, true);
    } else if (!job->held.empty()) {
        job->open = std::exchange(job->held, {});
        ask_next(job);
    } else if (!job->doubtful.empty()) {
        ask_by_name(job);
    } else if (!job->unsure.empty()) {
        ask_about_unsure(job);
    } else {
        job->finish();
    }
}

// --- by programs -------------------------------------------------------------------------------

void CallAsker::ask_programs(const JobPtr& job, ProgramTrial& trial) {
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
    job->is_trial = trial.next() == ProgramTrial::Next::kOne;
    if (job->is_trial) {
        // The newest: a node that keeps but some states has that one.
        trial.begin_trial();
        for (auto chunk = job->out.begin(); chunk + 1 != job->out.end(); ++chunk) {
            std::ranges::move(chunk->items, std::back_inserter(job->open));
        }
        job->out.erase(job->out.begin(), job->out.end() - 1);
    }
    std::vector<rpc::CallRequest> requests;
    for (const Job::Chunk& chunk : job->out) {
        std::vector<const storage::CallKey*> calls;
        for (const Job::Item& item : chunk.items) {
            calls.push_back(&item.question.call);
        }
        requests.push_back(make_program_call(trial.form(), calls, chunk.items.front().state));
    }
    const rpc::StateBlock newest = *requests.back().block;
    source_.call(std::move(requests), newest, job->provider,
                 answers_.wrap([this, job, form = trial.form()](Result<rpc::CallAnswers> answers) {
                     if (!answers) {
                         end_trial(job);
                         job->fail(std::move(answers).error());
                         return;
                     }
                     take_programs(job, form, std::move(answers->results));
                 }));
}

void CallAsker::take_programs(const JobPtr& job, ProgramForm form,
                              std::vector<rpc::CallResult> results) {
    PLUMBLINE_CHECK(results.size() == job->out.size());
    ProgramTrial& trial = programs_[job->provider].trial;
    const std::vector<Job::Chunk> chunks = std::exchange(job->out, {});
    bool is_any_refused = false;
    bool is_any_run = false;
    for (size_t i = 0; i < chunks.size(); ++i) {
        const std::vector<Job::Item>& items = chunks[i].items;
        const rpc::CallResult& result = results[i];
        if (result.kind == rpc::CallResult::Kind::kMissingState) {
            std::ranges::copy(items, std::back_inserter(job->lacking));
            if (job->is_trial) {
                // All of older blocks.
                std::ranges::move(job->open, std::back_inserter(job->lacking));
                job->open.clear();
            }
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
        is_any_run = true;
        takes_hashes_ = takes_hashes_ || !items.front().state.by_num;
        job->is_told_by_num = job->is_told_by_num || items.front().state.by_num;
        for (size_t at = 0; at < items.size(); ++at) {
            if (at >= read->size()) {
                job->open.push_back(items[at]);
                continue;
            }
            const ProgramResult& one = (*read)[at];
            const auto failure = failure_of(one);
            // In a program the caller is another one, there is less gas, and the precompiles are
            // not seen: what has no answer there is asked as everybody asks it.
            if (failure || !one.outcome) {
                job->alone.push_back(items[at]);
                job->alone.back().seen = failure;
            } else {
                job->settle(items[at], *one.outcome, one.data, result.provider);
            }
        }
    }
    if (!job->lacking.empty() && !job->is_doubted()) {
        // In front: where but one is asked alone, it is this one.
        job->alone.insert(job->alone.begin(), std::move(job->lacking.back()));
        job->lacking.pop_back();
        job->alone.front().doubts_form = form;
    }
    if (is_any_run) {
        trial.on_run(form);  // One that was refused beside it has itself to thank for that.
    } else if (is_any_refused) {
        trial.on_refused(form);
    }
    if (!job->is_doubted()) {
        end_trial(job);
    }
    ask_next(job);
}

/// Who waited for it goes on.
void CallAsker::end_trial(const JobPtr& job) {
    if (!std::exchange(job->is_trial, false)) {
        return;
    }
    Programs& programs = programs_[job->provider];
    programs.trial.end_trial();
    for (const JobPtr& other : std::exchange(programs.waiting, {})) {
        ask_next(other);
    }
}

// --- one by one --------------------------------------------------------------------------------

void CallAsker::ask_alone(const JobPtr& job) {
    if (!takes_hashes_ && !job->asked_by_name && job->hash_trials < kByNumAfter &&
        !job->alone.front().state.by_num) {
        ++job->hash_trials;
        job->held.assign(std::make_move_iterator(job->alone.begin() + 1),
                         std::make_move_iterator(job->alone.end()));
        job->alone.resize(1);
    }
    std::vector<rpc::CallRequest> requests;
    uint64_t newest = 0;
    for (const Job::Item& item : job->alone) {
        newest = std::max(newest, item.state.block_num);
        if (item.state.by_num) {
            job->headers[item.state.block_num] = item.state.hash;
        }
        requests.push_back(call_alone(item.question.call, item.state));
    }
    source_.call(std::move(requests), rpc::StateBlock{{newest, {}}, false},
                 job->asked_by_name ? job->asked_by_name : job->provider,
                 answers_.wrap([this, job](Result<rpc::CallAnswers> answers) {
                     if (!answers) {
                         end_trial(job);
                     }
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
    std::vector<Job::Item> items = std::exchange(job->alone, {});
    for (size_t i = 0; i < items.size(); ++i) {
        rpc::CallResult& result = results[i];
        if (const auto doubted = std::exchange(items[i].doubts_form, std::nullopt)) {
            job->judge_lacking(result.kind, *doubted, programs_[job->provider].trial);
        }
        switch (result.kind) {
            case rpc::CallResult::Kind::kAnswered:
                // To answer nothing is what who has lost the state does too, whatever is asked.
                takes_hashes_ = takes_hashes_ || (!items[i].state.by_num && !result.data.empty());
                job->is_told_by_num = job->is_told_by_num || items[i].state.by_num;
                if (result.data.empty()) {
                    job->weigh(items[i], CallOutcome::kNothing, result.provider);
                } else {
                    job->settle(items[i], CallOutcome::kAnswered, result.data, result.provider);
                }
                break;
            case rpc::CallResult::Kind::kReverted:
                takes_hashes_ = takes_hashes_ || !items[i].state.by_num;
                job->is_told_by_num = job->is_told_by_num || items[i].state.by_num;
                job->weigh(items[i], CallOutcome::kReverted, result.provider);
                break;
            case rpc::CallResult::Kind::kMissingState:
                job->error =
                    no_state(items[i].state.block_num, items[i].question.at_head, result.why);
                break;
            case rpc::CallResult::Kind::kRefused:
                job->refused_for_good += !job->asked_by_name && runs_no_call(result.why) ? 1U : 0U;
                if (rpc::names_gas(result.why)) {
                    job->weigh(items[i], CallOutcome::kOutOfGas, result.provider);
                } else if (!items[i].state.by_num &&
                           (!takes_hashes_ || (job->asked_by_name && !items[i].is_tried_by_num))) {
                    job->by_num.push_back(items[i]);
                    job->by_num.back().is_tried_by_num = true;
                } else {
                    job->why_doubtful = result.why;
                    job->doubtful.push_back(items[i]);
                }
                break;
        }
    }
    end_trial(job);
    if (ends_on_refusals_ && job->facts.empty() && job->unsure.empty() &&
        job->refused_for_good >= kRefusedForGoodMax) {
        job->fail({ErrorCode::kUnavailable,
                   fmt::format("calls: whoever is asked runs none: {}", results.back().why)});
        return;
    }
    ask_next(job);
}

bool CallAsker::asks_by_num() const noexcept {
    return asks_by_num_ >= kByNumAfter && !takes_hashes_;
}

/// Programs were tried by hash as well: they are tried again.
void CallAsker::note_by_num() {
    if (++asks_by_num_ != kByNumAfter) {
        return;
    }
    for (auto& [provider, programs] : programs_) {
        if (programs.trial.next() == ProgramTrial::Next::kAlone) {
            programs.trial = {};
        }
    }
}

/// Another block of the same number may answer: the headers must be the same before and after.
void CallAsker::look_at_headers(const JobPtr& job, bool is_after) {
    for (Job::Item& item : job->by_num) {
        item.ask_by(true);
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
            if (!is_after) {
                job->open = std::exchange(job->by_num, {});
            } else {
                job->headers.clear();
                if (std::exchange(job->is_told_by_num, false) && !asks_by_num()) {
                    note_by_num();
                }
            }
            ask_next(job);
        }));
}

}  // namespace plumbline::engine

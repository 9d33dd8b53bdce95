#include "engine/proof/calls/call_proof.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "core/base/endpoint_identity.hpp"
#include "core/evm/hex.hpp"
#include "engine/calls/call_asker.hpp"
#include "engine/proof/answer_text.hpp"
#include "engine/proof/calls/block_look.hpp"
#include "engine/proof/calls/call_storage_proof.hpp"

namespace plumbline::engine {

namespace {

using storage::CallFact;
using storage::CallPin;

constexpr size_t kFactsAtOnce = 4'000;
constexpr double kSampled = 1'000;
constexpr int64_t kWaitMs = 50;
constexpr size_t kUnprovenMax = 20;
constexpr size_t kElsewhereMax = 5;
constexpr size_t kBlocksLookedAt = 4;
/// Of one provider's questions: enough to find a call or two among a thousand that it does not
/// answer, and few where it answers none.
constexpr unsigned kFailuresMax = 24;

bool is_same_answer(const CallFact& a, const CallFact& b) {
    return a.outcome == b.outcome && a.data == b.data;
}

/// One run. One thread.
class CallProver {
  public:
    CallProver(rpc::ChainSource& source, const storage::ReadView& view,
               const CallProofOptions& options)
        : source_{source},
          view_{view},
          options_{options},
          asker_{source, options.finality_depth, options.finality_depth_fallback},
          by_storage_{source, view, options.storage, options.is_cancelled},
          providers_{source.provider_names()} {
        asker_.end_on_refusals();
    }

    Result<CallOutcomeReport> run() {
        PLUMBLINE_TRY_VOID(choose_sample());
        PLUMBLINE_TRY_VOID(look_for_off_block());
        PLUMBLINE_TRY_VOID(check_all([this](const CallFact& fact) { return is_in_sample(fact); }));
        PLUMBLINE_TRY_VOID(check_rest_of_liars());
        if (report_.checked == 0 && report_.open == 0 && report_.skipped > 0) {
            report_.unproven.push_back(fmt::format(
                "not asked again: {} facts: none of them is in the sample", report_.skipped));
        }
        report_.is_whole = report_.skipped == 0 && options_.from == 0 && options_.to == UINT64_MAX;
        return std::move(report_);
    }

  private:
    using Asked = std::map<std::pair<uint64_t, storage::CallKey>, CallFact>;

    /// Those that `are_asked`; all others are skipped.
    template <typename AreAsked>
    [[nodiscard]] Status check_all(const AreAsked& are_asked) {
        const auto scan = view_.scan_calls(options_.from, options_.to);
        std::vector<CallFact> facts;
        for (; scan->valid(); scan->next()) {
            if (!are_asked(scan->fact())) {
                ++report_.skipped;
                continue;
            }
            facts.push_back(scan->fact());
            if (facts.size() == kFactsAtOnce) {
                PLUMBLINE_TRY_VOID(check(std::exchange(facts, {})));
            }
        }
        PLUMBLINE_TRY_VOID(scan->status());
        return check(std::move(facts));
    }

    /// Who told one wrong answer may have told more: of his no fact is left out, unless the caller
    /// says how many are asked.
    [[nodiscard]] Status check_rest_of_liars() {
        std::set<std::string> liars;
        for (const Finding& finding : report_.findings.kept) {
            liars.insert(finding.provider);
        }
        liars.erase("");  // not settled
        if (options_.sample || report_.skipped == 0 || liars.empty()) {
            return ok();
        }
        const uint64_t skipped = report_.skipped;
        uint64_t asked = 0;
        PLUMBLINE_TRY_VOID(check_all([&](const CallFact& fact) {
            const bool is_asked = !is_in_sample(fact) && liars.contains(fact.provider);
            asked += is_asked ? 1U : 0U;
            return is_asked;
        }));
        report_.skipped = skipped - asked;
        return ok();
    }

    [[nodiscard]] bool is_in_sample(const CallFact& fact) const {
        const uint64_t hash = storage::hash_key(storage::call_key(fact.block_num, fact.call));
        return sample_ >= 1.0 || static_cast<double>(hash >> 11U) < sample_ * 9007199254740992.0;
    }

    [[nodiscard]] Status choose_sample() {
        uint64_t count = 0;
        const auto scan = view_.scan_calls(options_.from, options_.to);
        for (; scan->valid(); scan->next()) {
            ++count;
            const uint64_t block_num = scan->fact().block_num;
            if (blocks_.empty() || blocks_.back() != block_num) {
                if (blocks_.size() == kBlocksLookedAt) {
                    blocks_.erase(blocks_.begin() + 1);  // The first one stays, and the last ones.
                }
                blocks_.push_back(block_num);
            }
        }
        sample_ =
            options_.sample.value_or(kSampled / static_cast<double>(std::max<uint64_t>(count, 1)));
        return scan->status();
    }

    /// At blocks of facts: the first, and one of the last, whose state is there where only recent
    /// ones' is.
    [[nodiscard]] Status look_for_off_block() {
        const auto cursor = view_.cursor();
        std::vector<storage::BlockRow> rows;
        for (const uint64_t block_num : blocks_) {
            PLUMBLINE_TRY(storage::BlockRow row, view_.get_block(block_num));
            if (cursor && row.block_num < cursor->block_num) {
                rows.push_back(std::move(row));
            }
        }
        if (rows.size() > 2) {
            rows.erase(rows.begin() + 1, rows.end() - 1);
        }
        storage::BlockRow newest;
        if (cursor) {
            newest.block_num = cursor->block_num;
            newest.hash = cursor->block_hash;
            newest.timestamp = cursor->timestamp;
        }
        PLUMBLINE_TRY(off_block_, find_off_block(source_, rows, newest, options_.is_cancelled));
        for (const auto& [provider, why] : off_block_) {
            if (off_block_.size() < providers_.size()) {  // else it is why nothing is proven
                report_.off_block.push_back(why);
            }
        }
        return ok();
    }

    /// Whose word counts: everybody else first, in turn; the one who told it last. A teller that is
    /// not among those that are asked now may be any of its host.
    [[nodiscard]] std::vector<size_t> others_of(const std::string& teller) const {
        const bool is_here = place_of(teller).has_value();
        std::vector<size_t> out;
        for (size_t i = 0; i < providers_.size(); ++i) {
            const bool is_teller =
                is_here ? providers_[i] == teller : may_be_same_endpoint(providers_[i], teller);
            if (!is_teller && !off_block_.contains(i)) {
                out.push_back(i);
            }
        }
        return out;
    }

    [[nodiscard]] Status check(std::vector<CallFact> facts) {
        if (!options_.storage.empty()) {
            PLUMBLINE_TRY(StorageVerdict verdict, by_storage_.prove(std::move(facts)));
            report_.proven += verdict.proven;
            report_.checked += verdict.proven;
            if (!verdict.differing.empty()) {
                PLUMBLINE_TRY_VOID(settle_by_storage(verdict.differing));
            }
            facts = std::move(verdict.open);
        }
        std::map<std::string, std::vector<CallFact>> by_teller;
        for (CallFact& fact : facts) {
            by_teller[fact.provider].push_back(std::move(fact));
        }
        for (auto& [teller, told] : by_teller) {
            PLUMBLINE_TRY_VOID(check_of(teller, told));
        }
        if (options_.on_progress) {
            options_.on_progress(report_.checked);
        }
        return ok();
    }

    [[nodiscard]] Status check_of(const std::string& teller, const std::vector<CallFact>& told) {
        std::vector<size_t> others = others_of(teller);
        const bool has_others = !others.empty();
        std::string why = "no provider to ask";
        if (others.empty() && !off_block_.empty()) {
            why = off_block_.begin()->second;
        }
        Asked answers;
        std::vector<CallFact> open = told;
        std::optional<size_t> asked_last;
        bool is_partly_answered = false;
        const auto ask_about_open = [&](std::optional<size_t> whom) -> Status {
            PLUMBLINE_TRY(auto said, ask(open, whom, why));
            asked_last = whom;
            is_partly_answered = said.has_value();
            if (said) {
                answers.merge(*said);
                std::erase_if(open, [&](const CallFact& fact) {
                    return answers.contains({fact.block_num, fact.call});
                });
            }
            return ok();
        };
        // One that does not have the state is passed over; where there is nobody else, the teller.
        for (size_t i = 0; i < others.size() && !open.empty(); ++i) {
            PLUMBLINE_TRY_VOID(ask_about_open(others[i]));
        }
        // Anybody; or, where the word of some is none, the teller alone, if its own is one.
        const auto last = off_block_.empty() ? std::nullopt : place_of(teller);
        if (!open.empty() && (off_block_.empty() || (last && !off_block_.contains(*last)))) {
            const size_t before = open.size();
            PLUMBLINE_TRY_VOID(ask_about_open(last));
            report_.by_same += has_others ? 0 : before - open.size();
        }
        if (!open.empty() && is_partly_answered) {
            // Where all are refused the reason is told.
            PLUMBLINE_TRY(const auto said, ask({open.front()}, asked_last, why));
            static_cast<void>(said);
        }
        std::vector<CallFact> differing;
        for (const CallFact& fact : told) {
            const auto at = answers.find({fact.block_num, fact.call});
            if (at == answers.end()) {
                continue;
            }
            ++report_.checked;
            if (!is_same_answer(at->second, fact)) {
                differing.push_back(fact);
            }
        }
        report_.open += open.size();
        if (!open.empty() && report_.unproven.size() < kUnprovenMax) {
            report_.unproven.push_back(
                fmt::format("not asked again: {} facts: {}", open.size(), why));
        }
        return differing.empty() ? ok() : settle(differing);
    }

    /// What storage holds counts only where somebody's own answer is that as well: that the slots
    /// are what the function reads there, no other answer shows.
    [[nodiscard]] Status settle_by_storage(const std::vector<StorageDifference>& differing) {
        std::vector<CallFact> facts;
        for (const StorageDifference& one : differing) {
            facts.push_back(one.fact);
        }
        std::string why = "nobody could be asked";
        PLUMBLINE_TRY(const std::vector<Asked> words, ask_everybody(facts, true, why));
        std::vector<CallFact> by_words;
        for (const StorageDifference& one : differing) {
            std::vector<CallFact> said;
            for (const Asked& word : words) {
                const auto at = word.find({one.fact.block_num, one.fact.call});
                if (at != word.end()) {
                    said.push_back(at->second);
                }
            }
            const auto is_proven = [&](const CallFact& word) {
                return is_same_answer(word, one.proven);
            };
            const auto is_stored = [&](const CallFact& word) {
                return is_same_answer(word, one.fact);
            };
            const auto witness = std::ranges::find_if(said, is_proven);
            if (witness != said.end()) {
                add_proven_otherwise(one, witness->provider);
            } else if (!std::ranges::all_of(said, is_stored)) {
                by_words.push_back(one.fact);
            } else if (std::ranges::any_of(said, [&](const CallFact& word) {
                           return word.provider != one.fact.provider;
                       })) {
                ++report_.checked;
                tell_elsewhere(one);
            } else {
                ++report_.open;
                tell_disputed(one, !said.empty(), why);
            }
        }
        report_.checked += by_words.size();
        return by_words.empty() ? ok() : settle(by_words);
    }

    void add_proven_otherwise(const StorageDifference& one, const std::string& witness) {
        ++report_.checked;
        Finding finding = finding_of(one.fact, one.proven);
        finding.provider = one.fact.provider;
        finding.is_certain = false;
        finding.is_by_storage = true;
        finding.detail = fmt::format("{}, and {} answers that", one.evidence,
                                     witness.empty() ? "a provider" : witness);
        report_.findings.add(std::move(finding));
        report_.right.push_back(one.proven);
        report_.right.back().provider = "eth_getProof";
    }

    void tell_elsewhere(const StorageDifference& one) {
        ++report_.slots_elsewhere;
        if (report_.elsewhere.size() < kElsewhereMax) {
            const Finding finding = finding_of(one.fact, one.proven);
            report_.elsewhere.push_back(
                fmt::format("the {} is {}, as others than who had told it say too, and storage "
                            "would make it {} ({})",
                            finding.key, finding.stored, finding.expected, one.evidence));
        }
    }

    void tell_disputed(const StorageDifference& one, bool is_repeated, const std::string& why) {
        if (report_.disputed.size() < kUnprovenMax) {
            const Finding finding = finding_of(one.fact, one.proven);
            const std::string teller =
                one.fact.provider.empty() ? "who had told it" : one.fact.provider;
            report_.disputed.push_back(fmt::format(
                "the {}: the fact is {}, and storage would make it {} ({}); {}: either `slots` are "
                "not what the function reads there, or {} lies: another provider, as with --rpc, "
                "would tell",
                finding.key, finding.stored, finding.expected, one.evidence,
                is_repeated ? teller + " says it again, and nobody else could be asked" : why,
                teller));
        }
    }

    [[nodiscard]] static Finding finding_of(const CallFact& fact, const CallFact& expected) {
        Finding finding;
        finding.kind = FindingKind::kCallDiffers;
        finding.block_num = fact.block_num;
        finding.key =
            fmt::format("call to {} with {} {} block {}", evm::to_hex(fact.call.to),
                        evm::to_hex(as_bytes(fact.call.input)),
                        fact.pin == CallPin::kHead ? "for an event of" : "at", fact.block_num);
        finding.raw_key = storage::call_key(fact.block_num, fact.call);
        finding.stored = answer_text(fact, &expected);
        finding.expected = answer_text(expected, &fact);
        return finding;
    }

    /// Asks everybody and counts.
    [[nodiscard]] Status settle(const std::vector<CallFact>& facts) {
        std::vector<CallFact> of_head;
        std::ranges::copy_if(facts, std::back_inserter(of_head), [](const CallFact& fact) {
            return fact.pin == CallPin::kHead && !storage::is_in_doubt(fact);
        });
        std::string why;
        PLUMBLINE_TRY(const std::vector<Asked> words, ask_everybody(facts, false, why));
        PLUMBLINE_TRY(const std::vector<Asked> then, ask_everybody(of_head, true, why));
        for (const CallFact& fact : facts) {
            judge(fact, words, then);
        }
        return ok();
    }

    /// `why`: the last of those who could not be asked.
    [[nodiscard]] Result<std::vector<Asked>> ask_everybody(const std::vector<CallFact>& facts,
                                                           bool at_their_block, std::string& why) {
        std::vector<Asked> words;
        for (size_t i = 0; i < std::max<size_t>(providers_.size(), 1) && !facts.empty(); ++i) {
            if (off_block_.contains(i)) {
                continue;
            }
            const auto whom = providers_.empty() ? std::nullopt : std::optional{i};
            Asked said;
            unsigned failures_left = kFailuresMax;
            PLUMBLINE_TRY_VOID(ask_in_parts(facts, whom, at_their_block, failures_left, why, said));
            if (whom && said.size() < facts.size()) {
                silent_[providers_[i]] = why.empty() ? "no answer" : why;
            }
            if (!said.empty()) {
                words.push_back(std::move(said));
            }
        }
        return words;
    }

    /// Adds to `said` what that one says of as many of them as it answers: one call that it does
    /// not answer, or not in time, costs no other its word.
    [[nodiscard]] Status ask_in_parts(std::span<const CallFact> facts, std::optional<size_t> whom,
                                      bool at_their_block, unsigned& failures_left,
                                      std::string& why, Asked& said) {
        if (failures_left == 0) {
            return ok();
        }
        PLUMBLINE_TRY(auto part, ask({facts.begin(), facts.end()}, whom, why, at_their_block));
        if (part) {
            said.merge(*part);
        }
        std::vector<CallFact> rest;
        std::ranges::copy_if(facts, std::back_inserter(rest), [&said](const CallFact& fact) {
            return !said.contains({fact.block_num, fact.call});
        });
        if (rest.empty()) {
            return ok();
        }
        --failures_left;
        if (rest.size() < facts.size()) {
            return ask_in_parts(rest, whom, at_their_block, failures_left, why, said);
        }
        if (facts.size() == 1) {
            return ok();
        }
        const size_t half = facts.size() / 2;
        PLUMBLINE_TRY_VOID(
            ask_in_parts(facts.first(half), whom, at_their_block, failures_left, why, said));
        return ask_in_parts(facts.subspan(half), whom, at_their_block, failures_left, why, said);
    }

    /// Most of those who still have the state that the fact is of tell another answer of it.
    [[nodiscard]] bool was_wrong_then(const CallFact& fact, const std::vector<Asked>& then) const {
        size_t for_it = place_of(fact.provider) ? 0 : 1;
        size_t against = 0;
        for (const Asked& word : then) {
            if (const auto said = word.find({fact.block_num, fact.call}); said != word.end()) {
                ++(is_same_answer(said->second, fact) ? for_it : against);
            }
        }
        return against > for_it;
    }

    [[nodiscard]] std::optional<size_t> place_of(const std::string& name) const {
        const auto at = std::ranges::find(providers_, name);
        return at == providers_.end() ? std::nullopt
                                      : std::optional{static_cast<size_t>(at - providers_.begin())};
    }

    void judge(const CallFact& fact, const std::vector<Asked>& words,
               const std::vector<Asked>& then) {
        // Who told it has a voice, also where it is not asked now.
        size_t for_it = place_of(fact.provider) ? 0 : 1;
        std::vector<std::pair<CallFact, size_t>> others;
        for (const Asked& word : words) {
            const auto said = word.find({fact.block_num, fact.call});
            if (said == word.end()) {
                continue;
            }
            if (is_same_answer(said->second, fact)) {
                ++for_it;
                continue;
            }
            const auto known = std::ranges::find_if(others, [&](const auto& other) {
                return is_same_answer(other.first, said->second);
            });
            if (known == others.end()) {
                others.emplace_back(said->second, 1);
            } else {
                ++known->second;
            }
        }
        if (others.empty()) {
            return;  // Who differed a moment ago does not any more.
        }
        const auto most = std::ranges::max_element(
            others, {}, [](const std::pair<CallFact, size_t>& other) { return other.second; });
        if (most->second < for_it) {
            return;  // Most say what is stored.
        }
        const bool is_settled = most->second > for_it;
        Finding finding = finding_of(fact, most->first);
        const bool has_changed = fact.pin == CallPin::kHead && most->first.asked != fact.asked &&
                                 !was_wrong_then(fact, then);
        finding.provider = is_settled && !has_changed ? fact.provider : std::string{};
        finding.is_certain = false;
        finding.detail = has_changed ? changed_text(fact, most->first, is_settled)
                         : is_settled
                             ? fmt::format("{} of {} providers say so, {} what is stored",
                                           most->second, words.size(), for_it)
                             : fmt::format(
                                   "as many providers say what is stored: one more, as with "
                                   "--rpc, would tell who is wrong; {} had told it, {} says "
                                   "otherwise{}",
                                   fact.provider.empty() ? "somebody" : fact.provider,
                                   most->first.provider, silent_text(fact, words));
        report_.findings.add(std::move(finding));
        if (is_settled) {
            CallFact right = most->first;
            right.is_once = fact.is_once;
            if (fact.pin != CallPin::kHead) {  // else it tells which block was asked
                right.pin = fact.pin;
            }
            report_.right.push_back(std::move(right));
        }
    }

    /// Who was asked as well, and has no voice.
    [[nodiscard]] std::string silent_text(const CallFact& fact,
                                          const std::vector<Asked>& words) const {
        std::string out;
        for (const auto& [name, why] : silent_) {
            const bool has_voice =
                std::ranges::any_of(words, [&fact, &who = name](const Asked& word) {
                    const auto said = word.find({fact.block_num, fact.call});
                    return said != word.end() && said->second.provider == who;
                });
            if (!has_voice) {
                out += fmt::format("; {} did not answer: {}", name, why);
            }
        }
        return out;
    }

    [[nodiscard]] static std::string changed_text(const CallFact& fact, const CallFact& now,
                                                  bool is_settled) {
        return fmt::format(
            "{}, and the answer is another one at block {} now: a call whose answer changes is "
            "none for state = \"head\"{}",
            storage::is_in_doubt(fact)
                ? "it was asked at a block that may be gone"
                : fmt::format("it was asked at block {}", fact.asked.block_num),
            now.asked.block_num,
            is_settled ? ""
                       : "; as many providers say what is stored: one more, as with --rpc, "
                         "would tell");
    }

    /// Empty where it could not be asked, with the reason in `why`. `at_their_block`: facts of the
    /// head are asked at the block that they are of; else at the newest final one, unless that is
    /// older.
    [[nodiscard]] Result<std::optional<Asked>> ask(const std::vector<CallFact>& facts,
                                                   std::optional<size_t> provider, std::string& why,
                                                   bool at_their_block = false) {
        std::vector<CallQuestion> questions;
        for (const CallFact& fact : facts) {
            PLUMBLINE_TRY(const evm::Hash hash, hash_of(fact.block_num));
            CallQuestion question{{fact.block_num, hash}, fact.call, fact.is_once, false, {}};
            if (fact.pin == CallPin::kHead) {
                question.at_head = !at_their_block;  // Needs no archive.
                if (!storage::is_in_doubt(fact)) {
                    question.asked = fact.asked;
                }
            }
            questions.push_back(std::move(question));
        }
        std::optional<Result<std::vector<CallFact>>> answer;
        asker_.ask(
            std::move(questions),
            [&answer](Result<std::vector<CallFact>> result) { answer.emplace(std::move(result)); },
            provider);
        while (!answer) {
            if (options_.is_cancelled && options_.is_cancelled()) {
                asker_.cancel();
                return Error{ErrorCode::kCancelled, "stopped"};
            }
            source_.poll(kWaitMs);
        }
        if (!*answer) {
            why = answer->error().message;
            return std::optional<Asked>{};
        }
        Asked out;
        for (CallFact& fact : **answer) {
            out.emplace(std::pair{fact.block_num, fact.call}, std::move(fact));
        }
        return std::optional{std::move(out)};
    }

    [[nodiscard]] Result<evm::Hash> hash_of(uint64_t block_num) {
        if (!last_block_ || last_block_->block_num != block_num) {
            PLUMBLINE_TRY(last_block_, view_.get_block(block_num));
        }
        return last_block_->hash;
    }

    rpc::ChainSource& source_;
    const storage::ReadView& view_;
    const CallProofOptions& options_;
    CallAsker asker_;
    CallStorageProver by_storage_;
    double sample_ = 1.0;
    std::vector<uint64_t> blocks_;               ///< of facts: the first, and the last ones
    std::map<size_t, std::string> off_block_;    ///< whose word is none, by `providers_`
    std::map<std::string, std::string> silent_;  ///< who did not answer all, and why
    std::vector<std::string> providers_;
    std::optional<storage::BlockRow> last_block_;
    CallOutcomeReport report_;
};

}  // namespace

Result<CallOutcomeReport> prove_calls(rpc::ChainSource& source, const storage::ReadView& view,
                                      const CallProofOptions& options) {
    return CallProver{source, view, options}.run();
}

}  // namespace plumbline::engine

// Contract calls of handlers: which call it is, and what of its answer a handler gets.
#include <utility>

#include <fmt/format.h>

#include "core/base/check.hpp"
#include "core/evm/abi_type.hpp"
#include "core/evm/hex.hpp"
#include "engine/fold/handler_runner.hpp"

namespace plumbline::engine {

namespace {

constexpr size_t kAbiWord = 32;

void put_word(std::string& out, const evm::U256& word) {
    uint8_t bytes[kAbiWord];
    word.to_be(bytes);
    out.append(reinterpret_cast<const char*>(bytes), sizeof(bytes));
}

/// Why the call gives nothing, for people.
std::string why_nothing(const storage::CallFact& fact, evm::AbiError error) {
    if (fact.outcome == storage::CallOutcome::kNothing) {
        return "answered nothing: there is no contract, or none with that function";
    }
    if (fact.outcome != storage::CallOutcome::kAnswered) {
        return std::string{storage::to_string(fact.outcome)};
    }
    return fmt::format("answered {} bytes that are not what it returns: {}", fact.data.size(),
                       evm::to_string(error));
}

}  // namespace

/// A violation of what a call asks for says so: the field that wants the answer is another one.
bool HandlerRunner::fail_of_call(const PlanCall& call, std::string_view part) {
    if (!trouble_ && !is_missing_) {
        violation_ = fmt::format("{} of call '{}': {}", part, call.name, violation_);
    }
    return false;
}

bool HandlerRunner::make_call(const PlanCall& call, const EventScope& scope,
                              storage::CallKey& out) {
    ValueView value;
    if (!eval(call.at, scope, {}, value)) {
        return fail_of_call(call, "at");
    }
    value.word.to_be(out.to.data(), out.to.size());
    out.input = as_chars(call.selector.view());
    std::string tails;
    for (size_t i = 0; i < call.args.size(); ++i) {
        if (!eval(call.args[i], scope, {}, value)) {
            return fail_of_call(call, fmt::format("argument {}", i + 1));
        }
        if (!call.arg_dynamic[i]) {
            put_word(out.input, value.word);
            continue;
        }
        put_word(out.input, evm::U256{call.args.size() * kAbiWord + tails.size()});
        put_word(tails, evm::U256{value.bytes.size()});
        tails += value.bytes;
        tails.resize((tails.size() + kAbiWord - 1) / kAbiWord * kAbiWord);
    }
    out.input += tails;
    if (out.input.size() > storage::kCallInputMax) {
        return fail(fmt::format("call '{}': its arguments take {} bytes, at most {} are asked",
                                call.name, out.input.size(), storage::kCallInputMax));
    }
    return true;
}

bool HandlerRunner::eval_call(const PlanOperand& operand, const EventScope& scope, ValueView& out) {
    const PlanCall& call = *operand.call;
    storage::CallKey key;
    if (!make_call(call, scope, key)) {
        return false;
    }
    if (evaluated_ != nullptr) {
        evaluated_->push_back({&call, key});
    }
    Result<const storage::CallFact*> found = nullptr;
    if (calls_ != nullptr) {
        found = calls_->find(key, scope.block.block_num, call.is_once);
    }
    if (!found) {
        trouble_ = std::move(found).error();
        return false;
    }
    if (*found == nullptr) {
        trouble_ = Error{ErrorCode::kNotFound,
                         fmt::format("{} at block {}, log {}: what call '{}' ({} at {}) answers is "
                                     "not stored",
                                     scope.event.name, scope.log.block_num, scope.log.log_index,
                                     call.name, call.declaration, evm::to_hex(key.to))};
        return false;
    }
    return read_answer(operand, **found, out);
}

bool HandlerRunner::read_answer(const PlanOperand& operand, const storage::CallFact& fact,
                                ValueView& out) {
    const PlanCall& call = *operand.call;
    evm::AbiError error = evm::AbiError::kNone;
    if (fact.outcome == storage::CallOutcome::kAnswered) {
        if (call.returns_text && fact.data.size() == kAbiWord) {
            // Tokens from before the ABI had strings: the text, filled up with zeros.
            std::string& text = next_text();
            text = fact.data;
            text.resize(text.find_last_not_of('\0') + 1);
            out.bytes = text;
            return true;
        }
        error = call.returns.decode(std::span<const evm::Hash>{}, as_bytes(fact.data), answer_);
        const evm::Value* value =
            error == evm::AbiError::kNone ? answer_.get(operand.path) : nullptr;
        if (value != nullptr && value->kind == evm::ValueKind::kBytes) {
            std::string& text = next_text();
            text = as_chars(value->bytes());
            out.bytes = text;
            return true;
        }
        if (value != nullptr) {
            out.word = value->word;
            return true;
        }
    }
    const uint32_t which = operand.path.steps.front();
    if (which < call.defaults.size()) {
        out.word = call.defaults[which].word;
        out.bytes = call.defaults[which].bytes;
        return true;
    }
    return lacks(operand, out, [&] {
        return fmt::format("call '{}' ({} at {}): {}; no default is written", call.name,
                           call.declaration, evm::to_hex(fact.call.to), why_nothing(fact, error));
    });
}

Status HandlerRunner::list_calls(EventScope& scope, std::vector<NeededCall>& out) {
    // What it cannot know yet is no trouble; what cannot be read is.
    const auto failed_to_read = [this] {
        const bool failed = trouble_ && trouble_->code != ErrorCode::kNotFound;
        if (!failed) {
            trouble_.reset();
        }
        return failed;
    };
    trouble_.reset();
    for (const PlanHandler& handler : scope.event.handlers) {
        if (handler.calls.empty()) {
            continue;
        }
        uint32_t count = 1;
        if (!handler.each.empty()) {
            const evm::Value* list = scope.decoded.get(handler.each[0]);
            count = list == nullptr ? 0 : list->size;
        }
        for (scope.each = 0; scope.each < count; ++scope.each) {
            texts_used_ = 0;
            expressions_.forget();
            bool wanted = true;
            if (handler.has_early_when) {
                // Those that `when` itself names are needed also where it does not hold.
                evaluated_ = &out;
                const bool is_told = test(handler.when, scope, {}, wanted);
                evaluated_ = nullptr;
                if (!is_told && failed_to_read()) {
                    return *trouble_;
                }
                wanted = wanted || !is_told;  // Perhaps for want of an answer that is listed.
            }
            for (size_t i = 0; wanted && i < handler.calls.size(); ++i) {
                NeededCall need{handler.calls[i].get(), {}};
                if (make_call(*need.call, scope, need.key)) {
                    out.push_back(std::move(need));
                } else if (failed_to_read()) {
                    return *trouble_;
                }
            }
        }
    }
    scope.each = 0;
    return ok();
}

}  // namespace plumbline::engine

// The rules by which a refusal gets its class. Data: each stands beside a text that it, and no rule
// before it, is there for, and the test reads that.
#pragma once

#include <span>
#include <string_view>

#include "rpc/refusal.hpp"
#include "rpc/refusal_words.hpp"

namespace plumbline::rpc {

struct RefusalRule {
    RefusalClass kind = RefusalClass::kUnknown;
    bool (*fits)(const RefusalWords& words, const RefusalText& text) = nullptr;
    /// Who says `example` in these words: a node, a provider, a proxy, a standard, a list of error
    /// texts that others keep. "own guess": nobody we know of, a wording to be expected.
    std::string_view who;
    RefusalText example;
    bool ambiguous = false;  ///< Refusal::ambiguous
};

/// In the order they are tried.
[[nodiscard]] std::span<const RefusalRule> refusal_rules() noexcept;

/// The first that fits; null where none does.
[[nodiscard]] const RefusalRule* find_refusal_rule(const RefusalWords& words,
                                                   const RefusalText& text);

}  // namespace plumbline::rpc

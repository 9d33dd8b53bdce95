// Which events a question wants: by contract, by name, by the values of their parameters. Events
// have no index by parameter, so this is asked of one after the other.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/text/event_text.hpp"
#include "query/question_text.hpp"

namespace plumbline::query {

/// One thread. The text that it was made of must outlive it.
class EventFilter {
  public:
    /// Empty: of any.
    EventFilter(std::string contract, std::string event)
        : contract_{std::move(contract)},
          event_{std::move(event)} {}

    /// Only events whose parameter `name` (of its events' own names) is as asked. kInvalidArgument
    /// where no event of that contract and name has it, or none takes `value`.
    [[nodiscard]] Status add(const engine::EventText& events, const ConditionName& name,
                             std::string_view value);
    /// Nothing is asked: every log is wanted.
    [[nodiscard]] bool is_empty() const noexcept {
        return contract_.empty() && event_.empty() && !has_params_;
    }
    [[nodiscard]] bool wants(const engine::EventText::Decoded& log);

  private:
    struct ParamCondition {
        size_t param = 0;
        storage::FieldType type;
        Condition condition;
    };
    [[nodiscard]] bool is_named(const std::string* contract, const std::string* event) const;

    std::string contract_;
    std::string event_;
    bool has_params_ = false;
    /// Of each event that has all parameters asked for; what is not in it is not wanted.
    std::map<const evm::EventDecoder*, std::vector<ParamCondition>> params_;
    std::string scratch_;
};

}  // namespace plumbline::query

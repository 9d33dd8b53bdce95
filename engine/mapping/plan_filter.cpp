// The contract's `filter`: values of indexed parameters become topics that nodes are asked for.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "core/evm/keccak.hpp"
#include "engine/config/config_text.hpp"
#include "engine/mapping/plan_compile.hpp"

namespace plumbline::engine {

namespace {

/// One contract's. One thread.
class FilterCompiler {
  public:
    FilterCompiler(const CompiledPlan& plan, const ContractConfig& contract)
        : plan_{plan},
          contract_{contract} {}

    [[nodiscard]] Result<EventFilter> compile(const FilterConfig& config,
                                              const evm::AbiEvent& event) const;

  private:
    [[nodiscard]] Error mistake(SourcePos pos, std::string_view message) const {
        return mistake_at(plan_.config_path, pos,
                          fmt::format("contract '{}': filter: {}", contract_.name, message));
    }
    [[nodiscard]] Status add_param(const FilterConfig::Param& param,
                                   const evm::EventDecoder& decoder, EventFilter& out) const;
    [[nodiscard]] Result<evm::Hash> topic_of(const Operand& value, const evm::AbiType& type,
                                             const std::string& purpose) const;

    const CompiledPlan& plan_;
    const ContractConfig& contract_;
};

Result<EventFilter> FilterCompiler::compile(const FilterConfig& config,
                                            const evm::AbiEvent& event) const {
    auto decoder = evm::EventDecoder::compile(event);
    if (!decoder) {
        return mistake(config.pos, decoder.error().message);
    }
    EventFilter out;
    out.topic0 = decoder->topic0();
    out.topic_count = static_cast<uint8_t>(decoder->topic_count());
    for (const FilterConfig::Param& param : config.params) {
        PLUMBLINE_TRY_VOID(add_param(param, *decoder, out));
    }
    return out;
}

Status FilterCompiler::add_param(const FilterConfig::Param& param, const evm::EventDecoder& decoder,
                                 EventFilter& out) const {
    const evm::AbiEvent& event = decoder.event();
    const auto path = decoder.compile_path(param.name);
    if (!path) {
        return mistake(param.pos, fmt::format("{}: {}", event.shape(), path.error().message));
    }
    const size_t index = path->steps.front();
    if (path->steps.size() != 1 || !event.inputs[index].indexed) {
        return mistake(param.pos,
                       fmt::format("{}: '{}' is not indexed: a node can look for indexed "
                                   "parameters only; a `when` of the handler looks at "
                                   "all",
                                   event.shape(), param.name));
    }
    const auto topic = std::count_if(event.inputs.begin(),
                                     event.inputs.begin() + static_cast<std::ptrdiff_t>(index),
                                     [](const evm::AbiParam& input) { return input.indexed; });
    std::vector<evm::Hash>& topics = out.topics[static_cast<size_t>(topic)];
    if (!topics.empty()) {
        return mistake(param.pos,
                       fmt::format("{}: '{}' stands here twice", event.shape(), param.name));
    }
    const std::string purpose =
        fmt::format("contract '{}': filter: '{}' of {}", contract_.name, param.name, event.shape());
    for (const Operand& value : param.values) {
        PLUMBLINE_TRY(const evm::Hash word, topic_of(value, event.inputs[index].type, purpose));
        if (std::find(topics.begin(), topics.end(), word) == topics.end()) {
            topics.push_back(word);
        }
    }
    return ok();
}

/// A word as it is; of text and bytes a log has the hash.
Result<evm::Hash> FilterCompiler::topic_of(const Operand& value, const evm::AbiType& type,
                                           const std::string& purpose) const {
    storage::FieldType field;
    const bool is_single = field_type_of(type, field);
    if (!is_literal(value) || !is_single) {
        return mistake_at(
            plan_.config_path, value.pos,
            is_literal(value)
                ? fmt::format("{} is {}, which no literal is", purpose, evm::to_string(type))
                : or_text(OperandScope{plan_, nullptr, nullptr, {}, {}},
                          {ErrorCode::kInvalidArgument,
                           fmt::format("{}: {} is no literal", purpose, value.source)},
                          value, field)
                      .message);
    }
    PLUMBLINE_TRY(const PlanOperand literal, compile_literal(plan_, value, field, purpose));
    if (field.is_dynamic()) {
        return evm::keccak256(literal.bytes);
    }
    evm::Hash out;
    literal.word.to_be(out.bytes.data());
    return out;
}

}  // namespace

Status add_filters(const CompiledPlan& plan, const ContractConfig& contract, const evm::Abi& abi,
                   Source& source) {
    const FilterCompiler compiler{plan, contract};
    for (const FilterConfig& config : contract.filters) {
        const auto refuse = [&](std::string_view why) {
            return mistake_at(plan.config_path, config.pos,
                              fmt::format("contract '{}': filter: {}", contract.name, why));
        };
        const auto found = abi.find_events(config.event);
        if (!found) {
            return refuse(found.error().message);
        }
        const evm::Hash topic0 = found->front()->topic0();
        if (found->front()->anonymous) {
            return refuse(fmt::format("{} is anonymous: a node cannot look for it", config.event));
        }
        const bool is_listed =
            std::find(source.topics0.begin(), source.topics0.end(), topic0) != source.topics0.end();
        if (!is_listed && !contract.events.empty()) {
            return refuse(
                fmt::format("{} is filtered, but the contract's list of events leaves it "
                            "out",
                            config.event));
        }
        if (!is_listed) {
            source.topics0.push_back(topic0);
        }
        for (const evm::AbiEvent* event : *found) {
            PLUMBLINE_TRY(EventFilter filter, compiler.compile(config, *event));
            if (std::find(source.filters.begin(), source.filters.end(), filter) ==
                source.filters.end()) {
                source.filters.push_back(std::move(filter));
            }
        }
    }
    return ok();
}

}  // namespace plumbline::engine

// One canonical text of all that the fold depends on, hashed. Layout, comments, endpoints, `state`
// and the order of unrelated tables' keys do not show in it; what would change a row does.
#include <algorithm>

#include <fmt/format.h>

#include "core/evm/hex.hpp"
#include "core/evm/keccak.hpp"
#include "engine/config/operand_parse.hpp"
#include "engine/mapping/plan_compile.hpp"

namespace plumbline::engine {

namespace {

/// Changes whenever the same config would fold to other rows. As long as it does not, the text of a
/// config stays the same from version to version: `is_made_by_functions` tells databases of 0.2 by
/// that (stored_plan.cpp), and every other index would be folded again.
constexpr std::string_view kFoldVersion = "fold 1";

/// Text with its length in front, so that no two lists of texts look the same.
std::string counted(std::string_view text) {
    return fmt::format("{}:{}", text.size(), text);
}

void put(std::string& out, const Operand& operand) {
    out += fmt::format("{} ", static_cast<int>(operand.kind));
    switch (operand.kind) {
        case Operand::Kind::kName: out += counted(join_path(operand.path)); break;
        case Operand::Kind::kNumber:
        case Operand::Kind::kBool:
            out +=
                operand.negative ? operand.number.to_decimal_signed() : operand.number.to_decimal();
            if (operand.places > 0) {
                out += fmt::format("e-{}", operand.places);
            }
            break;
        case Operand::Kind::kHex: out += evm::to_hex(operand.bytes); break;
        case Operand::Kind::kString: out += counted(operand.text); break;
        case Operand::Kind::kLookup:
        case Operand::Kind::kCall:
            out += operand.kind == Operand::Kind::kCall
                       ? fmt::format("{}(", operand.call)
                       : fmt::format("{}.{}[", operand.entity, operand.field);
            for (const Operand& key : operand.keys) {
                put(out, key);
                out += ',';
            }
            out += ']';
            if (operand.kind == Operand::Kind::kCall) {
                out += counted(operand.source);  // Reasons in quarantine quote it.
            }
            break;
        default: break;
    }
}

void put(std::string& out, const Condition& condition) {
    put(out, condition.left);
    out += fmt::format(" ?{} ", static_cast<int>(condition.op));
    put(out, condition.right);
    out += '\n';
}

void put(std::string& out, std::string_view title, const std::vector<Assignment>& list) {
    for (const Assignment& assignment : list) {
        out += fmt::format("{} {} = ", title, assignment.field);
        put(out, assignment.value);
        out += '\n';
    }
}

void put(std::string& out, std::string_view title, const std::vector<Operand>& list) {
    for (const Operand& operand : list) {
        out += fmt::format(" {} ", title);
        put(out, operand);
    }
}

void put(std::string& out, const std::vector<storage::Field>& fields) {
    for (const storage::Field& field : fields) {
        out += fmt::format(" {} {},", field.name, to_string(field.type));
    }
    out += '\n';
}

void put(std::string& out, const evm::AbiType& type) {
    out += to_string(type);
    for (size_t i = 0; i < type.children.size(); ++i) {
        out += i < type.names.size() ? fmt::format(" {}=", type.names[i]) : " ";
        put(out, type.children[i]);
    }
}

void put_names(std::string& out, const std::vector<evm::AbiParam>& params) {
    for (const evm::AbiParam& param : params) {
        out += fmt::format(" {} ", counted(param.name));
        put(out, param.type);
        out += '\n';
    }
}

void put(std::string& out, const PlanEvent& event) {
    const evm::AbiEvent& abi = event.decoder.event();
    out += fmt::format("event {} {}\n", event.name, abi.anonymous ? "anonymous" : "");
    // What a `when` tells is among the handlers.
    if (std::ranges::any_of(event.told_by, [](const auto& tests) { return tests.empty(); })) {
        out += "always\n";
    }
    for (const evm::AbiParam& param : abi.inputs) {
        out += fmt::format(" {}{} ", counted(param.name), param.indexed ? " indexed" : "");
        put(out, param.type);
        out += '\n';
    }
    for (const std::vector<evm::AbiParam>& twin : abi.twins) {
        out += "twin\n";
        put_names(out, twin);
    }
    for (const PlanFunction& function : event.functions) {
        out += fmt::format("function {} {}\n", counted(function.handler.name),
                           counted(function.handler.version));
        for (const std::string& param : function.handler.params) {
            out += fmt::format(" {}\n", counted(param));
        }
    }
}

/// `once` decides which state is asked, so what is stored for another rule does not do.
void put_calls(std::string& out, const std::vector<CallConfig>& calls, const CompiledPlan& plan,
               size_t on) {
    for (size_t i = 0; i < calls.size(); ++i) {
        const CallConfig& call = calls[i];
        out += fmt::format("call {} {}{}", call.name, call.is_once ? "once" : "",
                           call.at_head ? " head" : "");
        for (const PlanEvent& event : plan.events) {
            for (const PlanHandler& handler : event.handlers) {
                if (handler.on != on) {
                    continue;
                }
                const PlanCall& compiled_call = *handler.calls[i];
                out += fmt::format(" {}", compiled_call.declaration);
                // Else it is the event's own contract, whose addresses its coverage tells.
                if (!call.at && compiled_call.at.kind == PlanOperand::Kind::kLiteral) {
                    out += fmt::format(" of {}", compiled_call.at.word.to_decimal());
                }
            }
        }
        if (call.at) {
            out += " at ";
            put(out, *call.at);
        }
        put(out, "arg", call.args);
        put(out, "default", call.defaults);
        out += '\n';
    }
}

std::vector<std::string> sorted_hex(const std::vector<evm::Address>& addresses) {
    std::vector<std::string> out;
    for (const evm::Address& address : addresses) {
        out.push_back(evm::to_hex(address));
    }
    std::ranges::sort(out);
    return out;
}

/// The order of alternatives and of values does not matter.
std::string filters_text(const std::vector<EventFilter>& filters) {
    std::vector<std::string> lines;
    for (const EventFilter& filter : filters) {
        std::string line =
            fmt::format("filter {} {}", evm::to_hex(filter.topic0), filter.topic_count);
        for (std::vector<evm::Hash> topics : filter.topics) {
            std::sort(topics.begin(), topics.end());
            line += " :";
            for (const evm::Hash& topic : topics) {
                line += " " + evm::to_hex(topic);
            }
        }
        lines.push_back(std::move(line));
    }
    std::sort(lines.begin(), lines.end());
    return lines.empty() ? "" : fmt::format("{}\n", fmt::join(lines, "\n"));
}

std::string hash_hex(std::string_view text) {
    return evm::to_hex(evm::keccak256(text)).substr(2);
}

/// Whether a log may be events of several contracts that one `[[on]]` lists: before
/// 0.2 it ran for each of them.
bool may_share_logs(const CompiledPlan& plan, size_t on) {
    std::vector<std::pair<evm::Hash, uint32_t>> seen;
    for (const PlanEvent& event : plan.events) {
        const bool is_its = std::ranges::any_of(
            event.handlers, [on](const PlanHandler& handler) { return handler.on == on; });
        if (!is_its) {
            continue;
        }
        for (const auto& [topic0, source] : seen) {
            if (topic0 == event.decoder.topic0() && source != event.source &&
                (plan.sources[source].has_factory || plan.sources[event.source].has_factory)) {
                return true;
            }
        }
        seen.emplace_back(event.decoder.topic0(), event.source);
    }
    return false;
}

}  // namespace

std::string schema_fingerprint(const Config& config, const CompiledPlan& plan) {
    std::string text{kFoldVersion};
    text += '\n';
    for (size_t i = 0; i < plan.sources.size(); ++i) {
        const Source& source = plan.sources[i];
        text += fmt::format("source {} {} from {}\n", source.contract, source.fingerprint,
                            source.start_block);
        if (source.end_block != UINT64_MAX) {
            text += fmt::format("to {}\n", source.end_block);
        }
    }
    for (size_t i = 0; i < plan.entities.size(); ++i) {
        const storage::EntityLayout& layout = plan.entities[i];
        text += fmt::format("entity {} {}\n", layout.name, layout.keep_tombstones);
        put(text, layout.key);
        put(text, layout.fields);
        for (const std::vector<uint16_t>& index : layout.indexes) {
            text += fmt::format("index {}\n", fmt::join(index, " "));
        }
        if (config.entities[i].drop) {
            text += "drop ";
            put(text, *config.entities[i].drop);
        }
    }
    for (const PlanEvent& event : plan.events) {
        put(text, event);
    }
    for (size_t on = 0; on < config.handlers.size(); ++on) {
        const HandlerConfig& handler = config.handlers[on];
        text += fmt::format("on {}\n{} {}\n", fmt::join(handler.events, " "),
                            static_cast<int>(handler.action), handler.entity);
        if (handler.every_blocks != 0) {
            text += fmt::format("every {}\n", handler.every_blocks);
        }
        if (may_share_logs(plan, on)) {
            text += "once a log\n";
        }
        for (const std::string& name : handler.each) {
            text += fmt::format("each {}\n", counted(name));
        }
        put_calls(text, handler.calls, plan, on);
        for (const Condition& condition : handler.when) {
            text += "when ";
            put(text, condition);
        }
        put(text, "key", handler.key);
        put(text, "set", handler.set);
        put(text, "add", handler.add);
        put(text, "sub", handler.sub);
        put(text, "min", handler.min);
        put(text, "max", handler.max);
    }
    const bool has_functions = std::ranges::any_of(
        plan.events, [](const PlanEvent& event) { return !event.functions.empty(); });
    return hash_hex(text) + (has_functions ? std::string{kFunctionsMark} : std::string{});
}

std::string source_fingerprint(const ContractConfig& contract,
                               const std::vector<std::string>& factories, const Source& source) {
    std::string text = fmt::format("source {}\n", contract.name);
    for (const std::string& address : sorted_hex(contract.addresses)) {
        text += fmt::format("address {}\n", address);
    }
    if (contract.any_address) {
        text += "any address\n";
    }
    std::vector<std::string> sorted = factories;
    std::ranges::sort(sorted);
    for (const std::string& factory : sorted) {
        text += fmt::format("factory {}\n", factory);
    }
    std::vector<evm::Hash> topics = source.topics0;
    std::ranges::sort(topics);
    for (const evm::Hash& topic : topics) {
        text += fmt::format("topic {}\n", evm::to_hex(topic));
    }
    text += filters_text(source.filters);
    return hash_hex(text);
}

void name_children(std::vector<Source>& sources) {
    std::vector<bool> is_named(sources.size());
    for (size_t i = 0; i < sources.size(); ++i) {
        is_named[i] = !sources[i].has_factory;
    }
    // A chain of factories is no longer than there are sources.
    for (size_t round = 0; round < sources.size(); ++round) {
        for (size_t i = 0; i < sources.size(); ++i) {
            const std::vector<uint32_t>& parents = sources[i].parents;
            if (is_named[i] ||
                !std::ranges::all_of(parents, [&](uint32_t at) { return is_named[at]; })) {
                continue;
            }
            std::string text =
                fmt::format("children {} since {} {}\n", sources[i].fingerprint,
                            static_cast<int>(sources[i].since), sources[i].since_block);
            for (const uint32_t parent : parents) {
                text += fmt::format("parent {} from {}\n", sources[parent].fingerprint,
                                    sources[parent].start_block);
                if (sources[parent].end_block != UINT64_MAX) {
                    text += fmt::format("to {}\n", sources[parent].end_block);
                }
            }
            sources[i].fingerprint = hash_hex(text) + std::string{kChildrenMark};
            is_named[i] = true;
        }
    }
}

void name_wanted_events(std::vector<Source>& sources) {
    for (Source& source : sources) {
        if (!source.wants_abi_of_children()) {
            continue;
        }
        std::string text = "events\n";
        std::vector<evm::Hash> topics = source.abi_topics0;
        std::ranges::sort(topics);
        for (const evm::Hash& topic : topics) {
            text += fmt::format("topic {}\n", evm::to_hex(topic));
        }
        source.fingerprint.insert(source.fingerprint.size() - kChildrenMark.size(),
                                  kEventsMark + hash_hex(text));
    }
}

std::string Source::any_event_fingerprint() const {
    const size_t events = fingerprint.find(kEventsMark);
    return events == std::string::npos ? fingerprint
                                       : fingerprint.substr(0, events) + std::string{kChildrenMark};
}

bool Source::is_key(std::string_view of_coverage) const noexcept {
    if (of_coverage == fingerprint) {
        return true;
    }
    const size_t events = fingerprint.find(kEventsMark);
    return events != std::string::npos && of_coverage.size() == events + kChildrenMark.size() &&
           of_coverage.starts_with(std::string_view{fingerprint}.substr(0, events)) &&
           of_coverage.ends_with(kChildrenMark);
}

const Source* source_of_key(const std::vector<Source>& sources,
                            std::string_view coverage_key) noexcept {
    const auto found = std::ranges::find_if(
        sources, [&](const Source& source) { return source.is_key(coverage_key); });
    return found == sources.end() ? nullptr : &*found;
}

}  // namespace plumbline::engine

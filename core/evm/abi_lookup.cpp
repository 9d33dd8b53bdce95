// What an ABI declares by name, and how several ABIs are one.
#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/base/near_name.hpp"
#include "core/evm/abi_json.hpp"
#include "core/evm/keccak.hpp"

namespace plumbline::evm {

namespace {

std::string signature_of(const std::string& name, const std::vector<AbiParam>& inputs,
                         bool with_indexed = false) {
    std::string out = name + "(";
    for (size_t i = 0; i < inputs.size(); ++i) {
        out += i == 0 ? "" : ",";
        out += to_string(inputs[i].type);
        out += with_indexed && inputs[i].indexed ? " indexed" : "";
    }
    return out + ")";
}

bool have_same_types(const std::vector<AbiParam>& a, const std::vector<AbiParam>& b) {
    return signature_of("", a) == signature_of("", b);
}

template <typename T>
std::set<std::string> signatures_of(const std::vector<T>& items) {
    std::set<std::string> out;
    for (const auto& item : items) {
        if constexpr (std::is_pointer_v<T>) {
            out.insert(item->signature());
        } else {
            out.insert(item.signature());
        }
    }
    return out;
}

Error nobody(std::string_view what, std::string_view wanted, const std::set<std::string>& known) {
    std::vector<std::string> names;
    for (const std::string& signature : known) {
        names.push_back(signature.substr(0, signature.find('(')));
    }
    return Error{ErrorCode::kNotFound,
                 fmt::format("no {} \"{}\"{} the ABI has: {}", what, wanted,
                             did_you_mean(wanted.substr(0, wanted.find('(')), names),
                             known.empty() ? "none" : fmt::format("{}", fmt::join(known, ", ")))};
}

Error ambiguous(std::string_view what, std::string_view wanted,
                const std::set<std::string>& choices) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("{} \"{}\" is ambiguous; write one of: {}", what, wanted,
                             fmt::join(choices, ", "))};
}

/// Those of `events` that `fits` holds of. Where a named and an anonymous one look the same, the
/// name is the named one's.
template <typename Fits>
std::vector<const AbiEvent*> select_events(const std::vector<AbiEvent>& events, Fits fits) {
    std::vector<const AbiEvent*> out;
    for (const AbiEvent& event : events) {
        if (fits(event)) {
            out.push_back(&event);
        }
    }
    const auto is_named = [](const AbiEvent* event) { return !event->anonymous; };
    if (std::any_of(out.begin(), out.end(), is_named)) {
        std::erase_if(out, [](const AbiEvent* event) { return event->anonymous; });
    }
    return out;
}

}  // namespace

std::string AbiEvent::signature() const {
    return signature_of(name, inputs);
}

std::string AbiEvent::shape() const {
    return signature_of(name, inputs, true);
}

Hash AbiEvent::topic0() const {
    return keccak256(signature());
}

size_t AbiEvent::topic_count() const noexcept {
    return static_cast<size_t>(std::ranges::count(inputs, true, &AbiParam::indexed)) +
           (anonymous ? 0 : 1);
}

std::string AbiFunction::signature() const {
    return signature_of(name, inputs);
}

FixedBytes<4> AbiFunction::selector() const {
    const Hash hash = keccak256(signature());
    return FixedBytes<4>::from(hash.view());
}

Result<std::vector<const AbiEvent*>> Abi::find_events(std::string_view name) const {
    const bool has_types = name.find('(') != std::string_view::npos;
    auto found = select_events(events, [&](const AbiEvent& event) {
        return has_types ? event.shape() == name : event.name == name;
    });
    if (found.empty() && has_types) {
        found =
            select_events(events, [&](const AbiEvent& event) { return event.signature() == name; });
    }
    if (found.empty()) {
        for (const auto& [left_out, why] : skipped_events) {
            if (left_out == name.substr(0, name.find('('))) {
                return Error{ErrorCode::kNotFound,
                             fmt::format("event \"{}\" cannot be read: {}", name, why)};
            }
        }
        std::set<std::string> known;
        for (const AbiEvent& event : events) {
            const auto shapes = select_events(events, [&](const AbiEvent& other) {
                return other.signature() == event.signature();
            });
            known.insert(shapes.size() > 1 ? event.shape() : event.signature());
        }
        return nobody("event", name, known);
    }
    const std::set<std::string> signatures = signatures_of(found);
    if (signatures.size() > 1) {
        return ambiguous("event", name, signatures);
    }
    return found;
}

Result<const AbiEvent*> Abi::find_event(std::string_view name) const {
    PLUMBLINE_TRY(const std::vector<const AbiEvent*> found, find_events(name));
    if (found.size() == 1) {
        return found.front();
    }
    std::set<std::string> shapes;
    for (const AbiEvent* event : found) {
        shapes.insert(event->shape());
    }
    return ambiguous("event", name, shapes);
}

std::string Abi::name_of(const AbiEvent& event) const {
    for (std::string name : {event.name, event.signature()}) {
        const auto found = find_events(name);
        if (found && found->size() == 1 && found->front() == &event) {
            return name;
        }
    }
    return event.shape();
}

Result<const AbiFunction*> Abi::find_function(std::string_view wanted) const {
    const bool has_types = wanted.find('(') != std::string_view::npos;
    std::vector<const AbiFunction*> found;
    for (const AbiFunction& function : functions) {
        if (has_types ? function.signature() == wanted : function.name == wanted) {
            found.push_back(&function);
        }
    }
    if (found.empty()) {
        return nobody("function", wanted, signatures_of(functions));
    }
    const std::set<std::string> signatures = signatures_of(found);
    if (signatures.size() > 1) {
        return ambiguous("function", wanted, signatures);
    }
    if (found.size() > 1) {
        return Error{
            ErrorCode::kInvalidArgument,
            fmt::format("function \"{}\" is declared {} times in different ways in the ABI", wanted,
                        found.size())};
    }
    return found.front();
}

void Abi::add(AbiEvent event) {
    const std::string shape = event.shape();
    const auto same = std::find_if(events.begin(), events.end(), [&](const AbiEvent& other) {
        return other.anonymous == event.anonymous && other.name == event.name &&
               other.shape() == shape;
    });
    if (same == events.end()) {
        events.push_back(std::move(event));
        return;
    }
    event.twins.insert(event.twins.begin(), std::move(event.inputs));
    for (std::vector<AbiParam>& twin : event.twins) {
        if (twin != same->inputs &&
            std::find(same->twins.begin(), same->twins.end(), twin) == same->twins.end()) {
            same->twins.push_back(std::move(twin));
        }
    }
}

void Abi::add(AbiFunction function) {
    const bool is_known =
        std::any_of(functions.begin(), functions.end(), [&](const AbiFunction& other) {
            return other.name == function.name && have_same_types(other.inputs, function.inputs) &&
                   have_same_types(other.outputs, function.outputs) &&
                   other.read_only == function.read_only;
        });
    if (!is_known) {
        functions.push_back(std::move(function));
    }
}

void Abi::add(const Abi& other) {
    for (const AbiEvent& event : other.events) {
        add(AbiEvent{event});
    }
    for (const AbiFunction& function : other.functions) {
        add(AbiFunction{function});
    }
    skipped.insert(skipped.end(), other.skipped.begin(), other.skipped.end());
    skipped_events.insert(skipped_events.end(), other.skipped_events.begin(),
                          other.skipped_events.end());
}

}  // namespace plumbline::evm

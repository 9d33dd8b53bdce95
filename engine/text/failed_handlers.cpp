#include "engine/text/failed_handlers.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "engine/mapping/compiled_plan.hpp"

namespace plumbline::engine {

namespace {

/// What `text` has between `before` and the next `after`; empty where it has not.
std::string_view between(std::string_view text, std::string_view before, std::string_view after) {
    const size_t begin = text.find(before);
    if (begin == std::string_view::npos) {
        return {};
    }
    text.remove_prefix(begin + before.size());
    const size_t end = text.find(after);
    return end == std::string_view::npos ? std::string_view{} : text.substr(0, end);
}

constexpr std::array<std::string_view, 5> kOps{"set", "add", "sub", "min", "max"};

/// `add of 'item' (id=1): 'n' is ..` or `upsert of 'item' (id=1): field 'n': ..`: what is said of
/// the handler in front of the reason proper.
struct Told {
    explicit Told(std::string_view reason) {
        entity = between(reason, " of '", "' (");
        const size_t end = reason.find(" of '");
        if (entity.empty() || end > std::string_view{"upsert"}.size()) {
            entity = {};
            return;
        }
        what = reason.substr(0, end);
        const size_t row_end = reason.find("): ");
        const std::string_view rest =
            row_end == std::string_view::npos ? std::string_view{} : reason.substr(row_end + 3);
        if (rest.starts_with("field '")) {
            field = between(rest, "field '", "'");
        } else if (rest.starts_with('\'') && std::ranges::find(kOps, what) != kOps.end()) {
            field = between(rest, "'", "'");
        }
    }
    std::string_view what;
    std::string_view entity;
    std::string_view field;
};

bool may_have_failed(const CompiledPlan& plan, const PlanHandler& handler, const Told& told) {
    if (told.entity.empty()) {
        return true;
    }
    const storage::EntityLayout& layout = plan.entities[handler.entity];
    const auto op = std::ranges::find(kOps, told.what);
    const bool is_action = op == kOps.end() && told.what != "drop";
    if (layout.name != told.entity || (is_action && to_string(handler.action) != told.what)) {
        return false;
    }
    return told.field.empty() || std::ranges::any_of(handler.ops, [&](const PlanOp& one) {
               const bool is_kind = op == kOps.end() || static_cast<size_t>(one.kind) ==
                                                            static_cast<size_t>(op - kOps.begin());
               return is_kind && layout.fields[one.field].name == told.field;
           });
}

}  // namespace

std::vector<uint32_t> failed_handler_lines(const Plan& plan, const storage::QuarantineRow& row) {
    std::vector<uint32_t> out;
    if (row.reason.starts_with("cannot be decoded as ") || row.reason.starts_with("it is ")) {
        return out;
    }
    const CompiledPlan& all = compiled(plan);
    const Told told{row.reason};
    for (const PlanEvent& event : all.events) {
        if (event.name != row.event) {
            continue;
        }
        for (const PlanHandler& handler : event.handlers) {
            if (may_have_failed(all, handler, told)) {
                out.push_back(handler.pos.line);
            }
        }
    }
    std::ranges::sort(out);
    out.erase(std::unique(out.begin(), out.end()), out.end());
    return out;
}

}  // namespace plumbline::engine

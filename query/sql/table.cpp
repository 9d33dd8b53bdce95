#include "query/sql/table.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "core/base/ascii.hpp"
#include "engine/text/entity_text.hpp"
#include "query/sql/table_parts.hpp"

namespace plumbline::query::sql {

namespace {

using storage::FieldKind;
using storage::FieldType;

}  // namespace

std::string Names::take(std::string name) {
    const auto is_new = [&](std::string text) {
        std::ranges::transform(text, text.begin(), ascii_lower);
        return taken_.insert(std::move(text)).second;
    };
    std::string free = name;
    for (int i = 2; !is_new(free); ++i) {
        free = name + "_" + std::to_string(i);
    }
    return free;
}

bool is_wide(FieldType type) noexcept {
    return type.kind == FieldKind::kDecimal || (type.is_integer() && type.bits > 64);
}

Cell to_cell(FieldType type, const evm::U256& word, std::string_view bytes) {
    switch (type.kind) {
        case FieldKind::kBool: return Cell{int64_t{word.is_zero() ? 0 : 1}};
        case FieldKind::kString: return Cell{std::string{bytes}};
        case FieldKind::kUint:
        case FieldKind::kInt:
            if (type.bits <= 64) {
                const auto low = static_cast<int64_t>(word.limb[0]);
                // A uint64 from 2^63 on is text, which SQL puts behind all integers.
                return type.kind == FieldKind::kInt || low >= 0 ? Cell{low}
                                                                : Cell{word.to_decimal()};
            }
            break;
        case FieldKind::kDecimal:
        case FieldKind::kEnum:
        case FieldKind::kAddress:
        case FieldKind::kFixedBytes:
        case FieldKind::kBytes: break;
    }
    return Cell{engine::value_to_text(type, {word, std::string{bytes}})};
}

Result<const storage::ReadView*> Statement::view_at(uint64_t block_num) {
    if (const auto found = past.find(block_num); found != past.end()) {
        return found->second.get();
    }
    if (!read_past) {
        return Error{ErrorCode::kUnavailable, "rows of earlier blocks cannot be asked for here"};
    }
    const std::optional<storage::Cursor> cursor = view->cursor();
    if (!cursor || block_num > cursor->block_num) {
        return Error{ErrorCode::kInvalidArgument,
                     fmt::format("block {} is not indexed yet; the index stands at {}", block_num,
                                 cursor ? fmt::format("block {}", cursor->block_num)
                                        : std::string{"no block"})};
    }
    if (past.size() >= kPastMax) {
        return Error{ErrorCode::kTooLarge,
                     fmt::format("one statement asks about {} earlier blocks at most", kPastMax)};
    }
    PLUMBLINE_TRY(auto made, read_past(*view, block_num));
    return past.emplace(block_num, std::move(made)).first->second.get();
}

std::vector<std::unique_ptr<Table>> make_tables(const storage::ReadView& view,
                                                const std::shared_ptr<const engine::Plan>& plan,
                                                PastTables past) {
    std::vector<std::unique_ptr<Table>> out;
    Names names;
    const auto& entities = view.bundle().entities;
    for (size_t i = 0; i < entities.size(); ++i) {
        storage::EntityLayout layout = entities[i];
        layout.name = names.take(layout.name);
        out.push_back(make_entity_table(layout, i));
    }
    out.push_back(make_block_table(names.take("blocks")));
    out.push_back(make_fact_table(names.take("facts")));
    for (std::unique_ptr<Table>& list : make_list_tables(names)) {
        out.push_back(std::move(list));
    }
    if (plan == nullptr) {
        return out;
    }
    for (uint32_t source = 0; source < plan->sources().size(); ++source) {
        for (const evm::AbiEvent& event : plan->abi(source).events) {
            auto decoder = evm::EventDecoder::compile(event);
            if (decoder) {
                const std::string name = plan->sources()[source].contract + "_" + event.name;
                out.push_back(
                    make_event_table(names.take(name), plan, source, *std::move(decoder)));
            }
        }
    }
    for (size_t i = 0; past == PastTables::kEntities && i < entities.size(); ++i) {
        storage::EntityLayout layout = entities[i];
        layout.name = names.take(layout.name + "_at");
        out.push_back(make_past_table(layout, i));
    }
    return out;
}

}  // namespace plumbline::query::sql

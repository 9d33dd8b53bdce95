// What operands and functions are called.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "engine/config/operand_parse.hpp"

namespace plumbline::engine {

std::string join_path(const std::vector<std::string>& path) {
    return fmt::format("{}", fmt::join(path, "."));
}

std::optional<Operand> as_element(const Operand& operand) {
    if (operand.kind != Operand::Kind::kLookup || operand.keys.size() != 1 ||
        operand.keys[0].kind != Operand::Kind::kNumber || operand.keys[0].negative ||
        operand.field.empty()) {
        return std::nullopt;
    }
    Operand out;
    out.kind = Operand::Kind::kName;
    out.path = {fmt::format("{}[{}]", operand.entity, operand.keys[0].number.to_decimal()),
                operand.field};
    out.source = operand.source;
    out.pos = operand.pos;
    return out;
}

std::span<const std::string_view> function_names() noexcept {
    static constexpr auto kNames = std::to_array<std::string_view>({"abi.encode",
                                                                    "abs",
                                                                    "concat",
                                                                    "day",
                                                                    "div",
                                                                    "exists",
                                                                    "from_units",
                                                                    "hex",
                                                                    "hour",
                                                                    "if",
                                                                    "keccak256",
                                                                    "len",
                                                                    "lower",
                                                                    "max",
                                                                    "min",
                                                                    "month",
                                                                    "mul_div",
                                                                    "round_down",
                                                                    "round_half_even",
                                                                    "round_up",
                                                                    "slice",
                                                                    "start_of_day",
                                                                    "start_of_hour",
                                                                    "start_of_month",
                                                                    "start_of_year",
                                                                    "text",
                                                                    "to_units",
                                                                    "year"});
    return kNames;
}

}  // namespace plumbline::engine

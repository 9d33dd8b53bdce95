// plumbline diff: what differs between two databases.
#include <fmt/format.h>

#include "core/base/json_writer.hpp"
#include "engine/proof/diff.hpp"
#include "tools/command.hpp"
#include "tools/commands.hpp"

namespace plumbline::tools {

namespace {

std::string place_of(const engine::Difference& difference) {
    switch (difference.kind) {
        case engine::DifferenceKind::kLog:
            return fmt::format("event at block {}, log {}", difference.block_num,
                               difference.log_index);
        case engine::DifferenceKind::kCall:
            return fmt::format("block {} call", difference.block_num);
        case engine::DifferenceKind::kBlock: return fmt::format("block {}", difference.block_num);
        case engine::DifferenceKind::kRow:
            return fmt::format("{} {}{}{}", difference.entity, difference.key,
                               difference.field.empty() ? "" : ": ", difference.field);
        case engine::DifferenceKind::kSchema: return "entity " + difference.entity;
        case engine::DifferenceKind::kIdentity:
        case engine::DifferenceKind::kHead: break;
    }
    return std::string{to_string(difference.kind)};
}

Status print_text(const engine::DiffReport& report) {
    for (const engine::Difference& difference : report.listed) {
        const auto side = [](const std::string& text) {
            return text.empty() ? std::string{"nothing"} : text;
        };
        PLUMBLINE_TRY_VOID(print(fmt::format("{}\n  A: {}\n  B: {}\n", place_of(difference),
                                             side(difference.a), side(difference.b))));
    }
    if (report.total > report.listed.size()) {
        PLUMBLINE_TRY_VOID(
            print(fmt::format("... and {} more\n", report.total - report.listed.size())));
    }
    return print(report.is_equal() ? std::string{"equal\n"}
                                   : fmt::format("{} differences\n", report.total));
}

void write_difference(JsonWriter& json, const engine::Difference& difference) {
    json.open_object().member("kind", to_string(difference.kind));
    if (difference.kind == engine::DifferenceKind::kLog ||
        difference.kind == engine::DifferenceKind::kBlock ||
        difference.kind == engine::DifferenceKind::kCall) {
        json.member("block", difference.block_num).member("log_index", difference.log_index);
    }
    for (const auto& [name, text] : {std::pair{"entity", &difference.entity},
                                     {"key", &difference.key},
                                     {"field", &difference.field}}) {
        if (!text->empty()) {
            json.member(name, *text);
        }
    }
    json.member("a", difference.a).member("b", difference.b).close_object();
}

Status print_json(const engine::DiffReport& report) {
    std::string out;
    JsonWriter json{out, JsonWriter::Layout::kIndented};
    json.open_object()
        .member("equal", report.is_equal())
        .member("differences", report.total)
        .member("nodes_compared", report.nodes_compared)
        .member("records_read", report.records_read)
        .key("listed")
        .open_array();
    for (const engine::Difference& difference : report.listed) {
        write_difference(json, difference);
    }
    json.close_array().close_object();
    return print(out + "\n");
}

}  // namespace

Result<bool> run_diff(const DiffArguments& arguments) {
    PLUMBLINE_TRY(const auto a, open_to_read(arguments.path_a));
    PLUMBLINE_TRY(const auto b, open_to_read(arguments.path_b));
    engine::DiffOptions options;
    options.limit = arguments.limit;
    PLUMBLINE_TRY(const engine::DiffReport report, engine::diff(*a, *b, options));
    PLUMBLINE_TRY_VOID(arguments.json ? print_json(report) : print_text(report));
    return report.is_equal();
}

}  // namespace plumbline::tools

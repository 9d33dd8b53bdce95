// plumbline quarantine: the events that could not be applied, and why.
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/base/json_writer.hpp"
#include "engine/mapping/stored_plan.hpp"
#include "engine/text/event_text.hpp"
#include "engine/text/failed_handlers.hpp"
#include "storage/read_view.hpp"
#include "tools/command.hpp"
#include "tools/commands.hpp"
#include "tools/report.hpp"

namespace plumbline::tools {

Status run_quarantine(const QuarantineArguments& arguments) {
    PLUMBLINE_TRY(const auto database, open_to_read(arguments.path));
    const auto view = database->read_view();
    PLUMBLINE_TRY(const auto rows, view->list_quarantine(arguments.limit));
    // Where handlers in C++ may have refused an event, and without a plan, as of another version,
    // there are the reasons alone.
    const bool is_of_config = !engine::is_made_by_functions(*database);
    const auto plan = engine::stored_plan(*database);
    std::string out;
    for (const storage::QuarantineRow& row : rows) {
        const std::vector<uint32_t> lines = is_of_config && plan
                                                ? engine::failed_handler_lines(**plan, row)
                                                : std::vector<uint32_t>{};
        if (arguments.json) {
            JsonWriter json{out};
            json.open_object();
            engine::add_quarantine_members(json, row);
            json.key("lines").open_array();
            for (const uint32_t line : lines) {
                json.value(uint64_t{line});
            }
            json.close_array().close_object();
        } else {
            out += quarantine_text(row);
            out +=
                lines.empty() ? std::string{} : fmt::format(" (line {})", fmt::join(lines, " or "));
        }
        out += '\n';
    }
    if (!arguments.json) {
        const uint64_t total = view->quarantine_count();
        out += total == 0 ? std::string{"nothing is in quarantine\n"}
                          : fmt::format("{} of {} events in quarantine\n", rows.size(), total);
    }
    return print(out);
}

}  // namespace plumbline::tools

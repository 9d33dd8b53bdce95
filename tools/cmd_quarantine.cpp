// plumbline quarantine: the events that could not be applied, and why.
#include <fmt/format.h>

#include "core/base/json_writer.hpp"
#include "engine/text/event_text.hpp"
#include "storage/read_view.hpp"
#include "tools/command.hpp"
#include "tools/commands.hpp"
#include "tools/report.hpp"

namespace plumbline::tools {

Status run_quarantine(const QuarantineArguments& arguments) {
    PLUMBLINE_TRY(const auto database, open_to_read(arguments.path));
    const auto view = database->read_view();
    PLUMBLINE_TRY(const auto rows, view->list_quarantine(arguments.limit));
    std::string out;
    for (const storage::QuarantineRow& row : rows) {
        if (arguments.json) {
            JsonWriter json{out};
            engine::write_quarantine_row(json, row);
        } else {
            out += quarantine_text(row);
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

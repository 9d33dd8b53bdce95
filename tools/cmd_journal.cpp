// plumbline journal: every repair that was done to a database.
#include <ctime>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "core/base/json_writer.hpp"
#include "storage/read_view.hpp"
#include "tools/command.hpp"
#include "tools/commands.hpp"

namespace plumbline::tools {

namespace {

constexpr size_t kPageRows = 1000;

std::string time_text(uint64_t time_s) {
    return fmt::format("{:%Y-%m-%d %H:%M:%SZ}", fmt::gmtime(static_cast<std::time_t>(time_s)));
}

std::string for_people(const storage::JournalRow& row) {
    std::string out = fmt::format("{}  {}  {}", row.seq, time_text(row.time_s), row.kind);
    if (!row.entity.empty()) {
        out += fmt::format("  {} {}", row.entity, row.key);
    }
    out += fmt::format("  block {}, log {}\n", row.block_num, row.log_index);
    for (const auto& [name, text] : {std::pair{"before", &row.before},
                                     {"after", &row.after},
                                     {"reason", &row.reason},
                                     {"provider", &row.provider},
                                     {"evidence", &row.evidence}}) {
        if (!text->empty()) {
            out += fmt::format("    {:<9} {}\n", name, *text);
        }
    }
    return out;
}

std::string for_programs(const storage::JournalRow& row) {
    std::string out;
    JsonWriter json{out};
    json.open_object()
        .member("seq", row.seq)
        .member("time", time_text(row.time_s))
        .member("kind", row.kind)
        .member("block", row.block_num)
        .member("log_index", row.log_index)
        .member("entity", row.entity)
        .member("key", row.key)
        .member("before", row.before)
        .member("after", row.after)
        .member("reason", row.reason)
        .member("provider", row.provider)
        .member("evidence", row.evidence)
        .close_object();
    return out + "\n";
}

}  // namespace

Status run_journal(const JournalArguments& arguments) {
    PLUMBLINE_TRY(const auto database, open_to_read(arguments.path));
    const auto view = database->read_view();
    uint64_t after = arguments.after;
    uint64_t shown = 0;
    while (true) {
        PLUMBLINE_TRY(const auto rows, view->list_journal(after, kPageRows));
        for (const storage::JournalRow& row : rows) {
            PLUMBLINE_TRY_VOID(print(arguments.json ? for_programs(row) : for_people(row)));
            after = row.seq;
            ++shown;
        }
        if (rows.size() < kPageRows) {
            break;
        }
    }
    if (shown == 0 && !arguments.json) {
        return print("nothing was ever repaired\n");
    }
    return ok();
}

}  // namespace plumbline::tools

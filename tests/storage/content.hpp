// What a database holds, as lines to compare with another's.
#pragma once

#include <string>
#include <vector>

#include "storage/digest.hpp"
#include "storage/inspect.hpp"
#include "storage/read_view.hpp"
#include "tests/storage/storage_test_util.hpp"

namespace plumbline::storage::test {

/// All that is stored as a reader finds it: logs by what they say, since the ids in them, and what
/// the dictionary holds, depend on all that was ever written.
inline std::vector<std::string> content_of(const Database& db) {
    DumpOptions options;
    options.want = [](std::string_view family) { return family != "log" && family != "dict"; };
    auto lines = dump_lines(db, options);
    EXPECT_OK(lines);
    const auto view = db.read_view();
    const auto scan = view->scan_logs(0, UINT64_MAX);
    std::string scratch;
    for (; scan->valid(); scan->next()) {
        const LogRecord& record = scan->record();
        const Digest digest =
            hash_log(record.log, record.data, record.txn ? &*record.txn : nullptr, scratch);
        lines->push_back("log " + std::to_string(record.log.block_num) + "/" +
                         std::to_string(record.log.log_index) + " " + std::to_string(digest.high) +
                         " " + std::to_string(digest.low));
    }
    EXPECT_OK(scan->status());
    return *lines;
}

}  // namespace plumbline::storage::test

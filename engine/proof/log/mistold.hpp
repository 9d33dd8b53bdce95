// Announcements of contracts that were told wrongly, and mended since. The logs of such a contract
// are missing because nobody knew of it, and not because those who were asked left them out: the
// journal keeps who is to blame.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "engine/mapping/plan.hpp"
#include "storage/read_view.hpp"

namespace plumbline::engine {

struct Mistold {
    uint64_t mended_s = 0;  ///< Unix time
    std::string providers;  ///< as `Finding::provider`
};
using MistoldLogs = std::map<LogPosition, Mistold>;

/// Those among the announcements of `children`. Walks the whole journal.
[[nodiscard]] Result<MistoldLogs> read_mistold(const storage::ReadView& view,
                                               const std::vector<storage::ChildRow>& children);

}  // namespace plumbline::engine

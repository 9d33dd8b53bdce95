// What the router keeps between requests; each part has its own lock. Internal to api.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>

#include "api/routes/router.hpp"
#include "storage/records.hpp"

namespace plumbline::api {

/// What is proven of all blocks up to the cursor.
struct ProofSummary {
    uint64_t commit_num = 0;
    storage::ProofLevel level = storage::ProofLevel::kNone;
    uint64_t proven_through = 0;  ///< up to here every block is at `bloom` or better; 0 = none
};

struct Router::Caches {
    std::mutex proof_mutex;
    std::optional<ProofSummary> proof;

    std::mutex history_mutex;  ///< one question about the past at a time

    std::mutex reports_mutex;  ///< one is counted at a time
    struct CountedReport {
        uint64_t commit_num = 0;
        ReportResult result;
    };
    std::map<std::string, CountedReport> reports;
};

}  // namespace plumbline::api

#include "engine/service/aside_news.hpp"

#include <fmt/format.h>

#include "core/base/logging.hpp"
#include "engine/fold/corrections.hpp"
#include "storage/read_view.hpp"

namespace plumbline::engine {

namespace {

constexpr int64_t kQuarantineLineMs = 60'000;

}  // namespace

/// Only a fold of the whole log refuses them, and only a rollback takes some away.
uint64_t AsideNews::count_corrections(const storage::Database& database, uint64_t rows) {
    if (rows == 0) {
        return 0;
    }
    const auto view = database.read_view();
    const std::pair of{rows, view->generation()};
    if (corrections_of_ != of) {
        const auto refused = refused_corrections(*view);
        if (!refused) {
            return 0;
        }
        corrections_of_ = of;
        corrections_ = refused->size();
    }
    return corrections_;
}

void AsideNews::tell_quarantine(const std::string& db_path, uint64_t rows, uint64_t corrections,
                                int64_t now_ms) {
    if (rows == told_ || now_ms < next_told_ms_) {
        return;
    }
    next_told_ms_ = now_ms + kQuarantineLineMs;
    const std::string see = fmt::format("plumbline quarantine {}", db_path);
    if (rows == 0) {
        logging::info("nothing is in quarantine any more");
    }
    if (rows > corrections) {
        logging::warning("events are in quarantine: no handler could apply them",
                         {{"events", rows - corrections}, {"before", told_}, {"see", see}});
    }
    if (corrections > 0) {
        logging::warning("corrections are in quarantine: the mapping has no place for them",
                         {{"blocks", corrections}, {"see", see}});
    }
    told_ = rows;
}

void AsideNews::tell_unknown(const std::string& db_path, const ProgressNumbers& progress) {
    if (is_unknown_told_ || progress.unknown == 0) {
        return;
    }
    is_unknown_told_ = true;
    const std::string see = fmt::format("plumbline status {} --events", db_path);
    if (progress.unknown > progress.misfits) {
        logging::warning("events are in no ABI: they are stored, and nothing is made of them",
                         {{"events", progress.unknown - progress.misfits}, {"see", see}});
    }
    if (progress.misfits > 0) {
        logging::warning(
            "events have other parameters indexed, or other values, than the ABI's event of their "
            "topic0: they are stored, and nothing is made of them",
            {{"events", progress.misfits}, {"see", see}});
    }
}

}  // namespace plumbline::engine

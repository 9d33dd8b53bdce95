#include "tools/config_reload.hpp"

#include <string>

#include "core/base/logging.hpp"

namespace plumbline::tools {

void ConfigReload::watch(engine::Service* service) {
    const MutexLock lock{mutex_};
    service_ = service;
}

void ConfigReload::run() {
    const MutexLock lock{mutex_};
    if (service_ == nullptr) {
        return;
    }
    const Result<engine::ReloadReport> report = service_->reload();
    if (!report) {
        logging::error("the config was not reloaded, nothing has changed",
                       {{"why", report.error().message}});
        return;
    }
    for (const std::string& change : report->applied) {
        logging::info("reloaded", {{"what", change}});
    }
    for (const std::string& change : report->needs_restart) {
        logging::warning("changed in the config, but only a restart applies it",
                         {{"what", change}});
    }
    if (report->applied.empty() && report->needs_restart.empty()) {
        logging::info("reloaded: the config says the same");
    }
}

}  // namespace plumbline::tools

// SIGHUP: the service that runs reads its config again, and what came of that is told.
#pragma once

#include "core/base/mutex.hpp"
#include "engine/service/service.hpp"

namespace plumbline::tools {

/// Thread-safe.
class ConfigReload {
  public:
    ConfigReload() = default;
    ConfigReload(const ConfigReload&) = delete;
    ConfigReload& operator=(const ConfigReload&) = delete;
    ~ConfigReload() = default;

    /// Whose config it is; null = nobody's any more. Returns once no reload of the one before runs.
    void watch(engine::Service* service) PLUMBLINE_EXCLUDES(mutex_);
    void run() PLUMBLINE_EXCLUDES(mutex_);

  private:
    Mutex mutex_;  ///< held while it reads, so that the service stays
    engine::Service* service_ PLUMBLINE_GUARDED_BY(mutex_) = nullptr;
};

}  // namespace plumbline::tools

// What pools tell of their providers, as lines of the log. A service has several pools over the
// same providers, for the index and for tasks: whatever one of them has told, the next need not.
#pragma once

#include <map>
#include <string>

#include "core/base/mutex.hpp"
#include "rpc/pool_options.hpp"

namespace plumbline::engine {

/// Thread-safe.
class PoolLog : public rpc::PoolObserver {
  public:
    void on_event(rpc::LogLevel level, const std::string& message) override;
    /// A line, unless the last one of this provider said the same but for its numbers.
    void on_provider(rpc::LogLevel level, const std::string& provider,
                     const std::string& what) override PLUMBLINE_EXCLUDES(mutex_);

  private:
    Mutex mutex_;
    std::map<std::string, std::string> told_ PLUMBLINE_GUARDED_BY(mutex_);  ///< by provider
};

}  // namespace plumbline::engine

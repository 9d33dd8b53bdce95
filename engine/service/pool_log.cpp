#include "engine/service/pool_log.hpp"

#include <utility>

#include "core/base/logging.hpp"
#include "engine/ingest/chain_wait.hpp"

namespace plumbline::engine {

void PoolLog::on_event(rpc::LogLevel level, const std::string& message) {
    switch (level) {
        case rpc::LogLevel::kDebug: logging::debug(message); return;
        case rpc::LogLevel::kInfo: logging::info(message); return;
        case rpc::LogLevel::kWarning: logging::warning(message); return;
        case rpc::LogLevel::kError: logging::error(message); return;
    }
}

void PoolLog::on_provider(rpc::LogLevel level, const std::string& provider,
                          const std::string& what) {
    std::string key = reason_key(what);
    {
        const MutexLock lock{mutex_};
        std::string& last = told_[provider];
        if (last == key) {
            return;
        }
        last = std::move(key);
    }
    PoolObserver::on_provider(level, provider, what);
}

}  // namespace plumbline::engine

#include "tools/chain_access.hpp"

#include "core/base/logging.hpp"
#include "engine/service/service.hpp"
#include "rpc/provider_pool.hpp"

namespace plumbline::tools {

namespace {

class WarningLog final : public rpc::PoolObserver {
  public:
    void on_event(rpc::LogLevel level, const std::string& message) override {
        if (level == rpc::LogLevel::kWarning || level == rpc::LogLevel::kError) {
            logging::warning(message);
        }
    }
};

}  // namespace

std::unique_ptr<rpc::ChainSource> open_chain(const engine::Config& config,
                                             const std::vector<std::string>& urls) {
    static WarningLog observer;
    rpc::PoolOptions options = engine::pool_options(config);
    if (!urls.empty()) {
        options.endpoints.clear();
    }
    for (const std::string& url : urls) {
        options.endpoints.push_back({url, {}, {}});
    }
    return options.endpoints.empty() ? nullptr
                                     : rpc::make_chain_source(std::move(options), &observer);
}

}  // namespace plumbline::tools
